// Which venues may get a child, what each has to offer, and why the others are left out.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "availability.hpp"
#include "order.hpp"
#include "quality.hpp"

namespace venuefold {

struct Shard;

// One price level of a candidate; what is ours in flight is not available.
struct Offer {
  std::int64_t price_nanos;
  std::int64_t units;
  std::int64_t available_units;
};

// A venue as the decision saw it. Where `reason` is set only age and value are.
struct Candidate {
  std::uint8_t venue;
  std::uint8_t levels_count;
  Reason reason;
  bool modelled;
  std::int64_t value;
  std::int64_t age_ns;
  Terms* terms;
  // Of a taker, at the touch's side of a sub-dollar threshold.
  FeeTerms fee;
  std::int64_t own_units;
  std::int64_t touch_fee_nanos;
  Misses misses;
  double fill_ratio;
  std::int64_t ack_ns;
  std::int64_t hidden_units;
  std::int64_t impact_nanos;
  std::int64_t balance_nanos;
  std::int64_t ticket_nanos;
  // Its fee line where that has a minimum or a maximum, else null.
  const FeeTier* bounds;
  // Of a dark pool, else 0: how much dearer what it misses is elsewhere, and its least child.
  std::int64_t missed_nanos;
  std::int64_t least_units;
  double adverse_bps;
  // What inventory cut its levels to, 0 = they were not.
  std::int64_t inventory_units;
  // Displayed within the limit and believed to be hidden, less our own in flight.
  std::int64_t available_units;
  // Every bit that any level's size has.
  std::int64_t size_bits;
  std::array<Offer, kMaxLevels> levels;

  // Taker fee per whole one at a price, negative for a rebate.
  std::int64_t fee_nanos(std::int64_t price_nanos) const {
    return fee.per_one(price_nanos);
  }
};

// Listed venues in venue-key order; `eligible` has a bit for each that may get a child.
struct Candidates {
  std::size_t count = 0;
  std::uint64_t eligible = 0;
  // Dark pools that were turned into offers.
  std::uint64_t darks = 0;
  // Of all that were eligible once: whether any has a ticket or a bounded fee, and whether lots
  // differ.
  bool has_tickets = false;
  bool has_unequal_lots = false;
  // Whether self help keeps any out.
  bool has_self_help = false;
  std::array<Candidate, kMaxVenues> list;

  Candidate& operator[](std::size_t i) { return list[i]; }
  const Candidate& operator[](std::size_t i) const { return list[i]; }
  bool is_eligible(std::size_t i) const { return (eligible >> i & 1) != 0; }
  void exclude(std::size_t i, Reason reason, std::int64_t value) {
    list[i].reason = reason;
    list[i].value = value;
    eligible &= ~(std::uint64_t{1} << i);
  }
};

// Calls `act` with the index of each bit, lowest first.
template <class Act>
void for_each_bit(std::uint64_t mask, const Act& act) {
  for (; mask != 0; mask &= mask - 1) act(static_cast<std::size_t>(std::countr_zero(mask)));
}

void gather(Shard& shard, const Order& order, const Policy& policy, Candidates& found);

}  // namespace venuefold
