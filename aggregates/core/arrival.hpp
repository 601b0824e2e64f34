// Send delays that let the children of one decision arrive together.
//
// A child at a nearer venue waits for the farthest one, so that nobody who sees the first arrive
// can be faster at the others than our own order. One way is taken as half the measured round trip.
#pragma once

#include "allocation.hpp"

namespace venuefold {

struct Shard;

// Sets `send_delay_ns` of each child, in whole microseconds. A venue whose p90 is beyond the
// policy's cap delays nobody and is not delayed.
void equalise(const Shard& shard, const Policy& policy, const Candidates& candidates, Plan& plan);

}  // namespace venuefold
