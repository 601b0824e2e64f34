// What accounts hold at each venue, and what of it may be sold there.
//
// Where an instrument's limits bind sells by inventory, INVENTORY inputs state what an account
// holds at a venue, fills move it, and what open sells there may still take is reserved. A short
// sale is delivered out of a borrow: it is not bound, but what it takes counts.
#pragma once

#include "shard.hpp"

namespace venuefold::inventory {

// All that an account holds at a venue from here on, what is reserved there included.
Refused apply(Shard& shard, const Inventory& record);
// Refuses what can be sold nowhere; the value is what is free at the venues allowed.
Verdict check(Shard& shard, const NewOrder& record);
// Cuts what candidates offer a seller to whole lots of what is free there, or leaves them out.
void cap(Shard& shard, const Order& order, Candidates& candidates);
// What an order may sell at a venue now; everything where nothing binds it.
std::int64_t free_units(const Shard& shard, const Order& order, std::size_t venue);
// Whether a balance told anew no longer covers the open sells at a venue.
bool is_short(Shard& shard, const Order& order, std::size_t venue);
// Adds what the open children of a seller may still take.
void count_reserved(const Order& order);
// A fill moves what is held at its venue; negative units take one back.
void book_fill(Shard& shard, const Child& child, std::int64_t units);

// An open child of a seller may take so much more there, or less.
inline void reserve(const Order& order, std::size_t venue, std::int64_t added_units) {
  Holdings* const holdings = order.position->holdings.get();
  if (holdings == nullptr || order.sign() > 0) [[likely]] return;
  (*holdings)[venue].reserved += added_units;
}

}  // namespace venuefold::inventory
