// What the engine does with parents, their children and their timers.
#pragma once

#include "shard.hpp"

namespace venuefold::desk {

// Checks a parent order, remembers its identity, and makes its first decision.
Refused new_order(Shard& shard, const NewOrder& record);
// Cancels a working parent; its open children are cancelled first.
Refused cancel_order(Shard& shard, const CancelOrder& record);
// Engages or releases a kill switch; engaging cancels what is open in its scope.
Refused apply_kill(Shard& shard, const Kill& record);

// Stops routing a parent, asks venues to cancel, and ends it once nothing is open.
void wind_down(Shard& shard, Order& order, Reason reason);
// Moves a parent on after something about its children changed.
void settle(Shard& shard, Order& order);
// Trading may go on: parents that were held are moved on, oldest first.
void resume(Shard& shard);
// Drops an ended parent and its children; none of them can be open.
void forget(Shard& shard, Order& order);
// Says what state a parent is in.
void emit_order(Shard& shard, const Order& order);

}  // namespace venuefold::desk
