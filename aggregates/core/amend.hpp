// Amendments of a parent: children are cut or cancelled before the new terms count.
#pragma once

#include "shard.hpp"

namespace venuefold::amend {

// Checks an amendment like a new order, cuts what is too much, and lets it count.
Refused amend_order(Shard& shard, const NewOrder& record);
// Cancels what is priced beyond the new limit, then the newest while too much is out.
void make_room(Shard& shard, Order& order);
// The new terms count once they cover all that was done and is still out; false before.
bool apply_amendment(Shard& shard, Order& order);

}  // namespace venuefold::amend
