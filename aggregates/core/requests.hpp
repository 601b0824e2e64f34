// What a desk may ask besides orders: the state of one, and the end of many.
#pragma once

#include "shard.hpp"

namespace venuefold::requests {

// Says the state of a parent that is still remembered; changes nothing.
Refused order_status(Shard& shard, const CancelOrder& record);
// Ends every open parent in a scope, oldest first, and says how many there were.
Refused mass_cancel(Shard& shard, const MassCancel& record);

}  // namespace venuefold::requests
