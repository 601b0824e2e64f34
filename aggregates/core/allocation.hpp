// From priced candidates to sizes per venue: one optimiser, whose settings are the policies.
//
// Every level gets a key (primary, cost, venue rank, level); the greedy pass over sorted keys is
// optimal on the all-in price, because levels of a venue only get dearer. Lots and minimum sizes
// are kept by rounding a venue's total down and by dropping venues that end below their minimum.
#pragma once

#include <array>
#include <cstdint>

#include <bit>

#include "candidates.hpp"

namespace venuefold {

// What one venue gets. `displayed_units` is what stood there within our limit.
struct Allocation {
  std::uint8_t candidate;
  std::uint8_t levels;
  std::uint8_t flags;
  std::int64_t units;
  std::int64_t seen_units;
  std::int64_t limit_nanos;
  std::int64_t displayed_units;
  std::int64_t send_delay_ns;
  int128 cost;
};

// Sizes per venue in venue-key order, and their expected cost in nanos * units.
struct Plan {
  std::size_t count = 0;
  std::int64_t units = 0;
  int128 cost = 0;
  std::array<Allocation, kMaxVenues> parts;
};

// Units and what a baseline would have paid for them.
struct Baseline {
  std::int64_t units = 0;
  int128 cost = 0;
};

// Best split of `wanted` units under the policy; a FOK parent's whole size at the cheapest venue.
void allocate(const Order& order, const Policy& policy, const Candidates& candidates,
              std::int64_t wanted, Plan& plan);
// Everything to the venue with the best touch, fees ignored.
Baseline best_price(const Order& order, const Candidates& candidates, std::int64_t wanted);
// Best prices first over all venues, fees ignored.
Baseline fee_blind_sweep(const Order& order, const Candidates& candidates, std::int64_t wanted);

}  // namespace venuefold
