// Timers of children that wait: one held for its delay, one at rest in a venue's book.
#pragma once

#include "shard.hpp"

namespace venuefold::resting {

// A held child leaves, if all that allowed it still holds; else it dies here.
void release(Shard& shard, std::uint64_t child_id);
// A resting child is kept or withdrawn; it is looked at again while it is at its venue.
void look_at(Shard& shard, std::uint64_t child_id);

}  // namespace venuefold::resting
