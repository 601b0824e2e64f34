// Publishes the quality tables on a cadence: what changed, with its read-outs.
#pragma once

#include "shard.hpp"

namespace venuefold {

// Emits changed rows in dense order, then changed venues.
void publish(Shard& shard);
// Emits venues whose health has just changed.
void publish_changes(Shard& shard);

}  // namespace venuefold
