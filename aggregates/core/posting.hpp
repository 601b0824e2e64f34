// Resting a parent's remainder at the touch of one venue, and when to withdraw it.
//
// A unit posted at venue k is worth P(fill) * (distance from the mid + rebate - adverse selection);
// of the venues at the best price, the one of the highest worth gets the remainder, if it is worth
// anything. P(fill) is the settings' prior of a fill: no venue is told apart by it until fills of
// resting children have been measured. One venue at a time; a split over queues would choose here.
#pragma once

#include "router.hpp"
#include "shard.hpp"

namespace venuefold::posting {

// The remainder as one child that rests, where policy, urgency and the order allow; or nothing.
void plan(Shard& shard, const Order& order, const BestPrices& best, const Candidates& candidates,
          Plan& plan);
// Why a resting child should leave its queue; NONE while it should stay.
Reason why_withdraw(Shard& shard, const Order& order, const Child& child, const BestPrices& best);

}  // namespace venuefold::posting
