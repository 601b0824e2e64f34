// What the engine does with parents, their children and their timers.
#pragma once

#include "shard.hpp"

namespace venuefold::desk {

// Flag of an order that came to a full queue: it is refused and not remembered.
constexpr std::uint8_t kShed = 1;

// Checks a parent order, remembers its identity, and makes its first decision.
Refused new_order(Shard& shard, const NewOrder& record);
// Cancels a working parent; its open children are cancelled first.
Refused cancel_order(Shard& shard, const CancelOrder& record);
// Whether a new order or an amendment may be looked at at all; remembers its identity.
Refused check_record(Shard& shard, const NewOrder& record, Identity*& known);
// The parent that a ClOrdID names, any that it has had; null where there is none.
Order* find_order(Shard& shard, const char (&account)[16], const char (&name)[32],
                  std::uint32_t instrument);

// Stops routing a parent, asks venues to cancel, and ends it once nothing is open.
void wind_down(Shard& shard, Order& order, Reason reason);
// Moves a parent on after something about its children changed.
void settle(Shard& shard, Order& order);
// Trading may go on: parents that were held are moved on, oldest first.
void resume(Shard& shard);
// Parents are suspended while no venue trades their instrument, and go on when one does.
void follow_sessions(Shard& shard, std::uint32_t instrument);
// Drops an ended parent and its children; none of them can be open.
void forget(Shard& shard, Order& order);
// Says what state a parent is in.
void emit_order(Shard& shard, Order& order);

}  // namespace venuefold::desk
