// Protected quotes that a plan would trade through, and what the policy does about them.
//
// A protected quote better than what a child may pay must not be passed by. Where it gets no child
// of its full displayed size, the other children are limited at its price (LIMIT), or it gets one,
// as do all others in front of the worst price paid, as one batch of ISOs (ISO). Quotes of venues
// under self help do not count; none do while protected quotes are crossed, where the policy
// exempts that.
#pragma once

#include "allocation.hpp"

namespace venuefold {

struct BestPrices;
struct Shard;

// The plan under the policy's protection; excludes candidates whose touch may not be reached.
void allocate_protected(const Shard& shard, Task& task, Candidates& candidates,
                        const BestPrices& best, Plan& plan);

}  // namespace venuefold
