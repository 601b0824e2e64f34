// A shard's share of what an account may hold over all shards: it never uses more for a new order,
// gives back no more than what is free, and says what it holds.
#pragma once

#include "shard.hpp"

namespace venuefold::budgets {

// A new share; one that shrinks keeps what is in use of the old one.
Refused apply_budget(Shard& shard, const Budget& record);
// Says what is used of each share, where that has changed or more was wanted.
void publish_budgets(Shard& shard);

}  // namespace venuefold::budgets
