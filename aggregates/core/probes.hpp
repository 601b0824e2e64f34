// Probes: one lot of a parent's real quantity for a venue that has something to prove.
//
// A venue whose health keeps orders away, or of which too few children have told, gets no orders
// and so can show nothing with them. A probe is the least lot that leaves whole lots to everybody
// else, taken at the displayed touch: inside the parent's limit, never through a protected price,
// at most so many a minute and venue as the settings allow. It is a child like any other, flagged,
// and part of every cost.
#pragma once

#include "allocation.hpp"

namespace venuefold {

struct Shard;

namespace probes {

// The probe that is due beside a plan, of 0 units where there is none; `protected_nanos` is the
// protected far touch, 0 = none. The first venue in key order that wants one gets it.
Allocation find(const Shard& shard, const Order& order, const Policy& policy,
                const Candidates& candidates, std::int64_t protected_nanos, const Plan& plan);
// Puts the probe behind the plan where there is still room for it.
void add(Shard& shard, const Order& order, const Policy& policy, const Candidates& candidates,
         const Allocation& probe, Plan& plan);

}  // namespace probes
}  // namespace venuefold
