// From priced candidates to sizes per venue: one optimiser, whose settings are the policies.
//
// Every offer gets a key (primary, cost, venue rank, piece); taking them in key order is optimal on
// expected cost where nothing is fixed per venue, because offers of a venue only get dearer. What a
// venue's lots, minimum, ticket and a bound on children change is searched for in search.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "candidates.hpp"
#include "fee_bounds.hpp"
#include "pricing.hpp"

namespace venuefold {

using Mask = std::uint64_t;
constexpr Mask bit(std::size_t i) { return Mask{1} << i; }

// What one venue gets. `displayed_units` is what stood there within our limit; costs are in nanos *
// units: `cost` price and fee, `added` what is charged besides, `ranked` what was minimised, the
// ticket left out.
struct Allocation {
  std::uint8_t candidate;
  std::uint8_t levels;
  std::uint8_t flags;
  std::int64_t units;
  std::int64_t limit_nanos;
  std::int64_t displayed_units;
  std::int64_t send_delay_ns;
  int128 cost;
  int128 added;
  int128 ranked;
};

// Sizes per venue in venue-key order, and their expected cost in nanos * units.
struct Plan {
  std::size_t count = 0;
  std::int64_t units = 0;
  int128 cost = 0;
  int128 added = 0;
  int128 ranked = 0;
  std::int64_t ticket_nanos = 0;
  // Protected price that it was held to, 0 = none; DecisionFlag bits about protection.
  std::int64_t cap_nanos = 0;
  std::uint8_t flags = 0;
  std::array<Allocation, kMaxVenues> parts;
};

// Units by candidate; only those in `used` count.
struct Sizes {
  Mask used = 0;
  std::array<std::int64_t, kMaxVenues> units;

  std::int64_t of(std::size_t i) const { return (used & bit(i)) != 0 ? units[i] : 0; }
  void set(std::size_t i, std::int64_t value) {
    units[i] = value;
    used = value != 0 ? used | bit(i) : used & ~bit(i);
  }
  std::int64_t total(Mask among = ~Mask{0}) const {
    std::int64_t sum = 0;
    for_each_bit(used & among, [&](std::size_t i) { sum += units[i]; });
    return sum;
  }
};

// One allocation to make. `least` is what venues must get at least; no offer beyond `cap_nanos` may
// be taken, 0 = none. `units_per_one` turns a ticket into nanos * units. The
// dark pools of `darks` together get at most `dark_units`.
struct Task {
  const Order& order;
  const Policy& policy;
  const Candidates& candidates;
  const Charges& charges;
  std::int64_t wanted;
  std::int64_t units_per_one;
  bool is_whole = false;
  std::int64_t cap_nanos = 0;
  Sizes least = {};
  Mask darks = 0;
  std::int64_t dark_units = 0;
  // Per whole one, what a single venue has no room for.
  std::int64_t missed_nanos = 0;

  Pieces pieces(std::size_t i) const { return {charges, candidates[i], cap_nanos}; }
  // What a child there costs besides its fee per one: its ticket, what the fee lacks to the least
  // that is charged, and less what it has above the most.
  int128 ticket(std::size_t i, std::int64_t units) const {
    const Candidate& candidate = candidates[i];
    const int128 fixed = int128{candidate.ticket_nanos} * units_per_one;
    if (candidate.bounds == nullptr || policy.fee_aware == 0) [[likely]] return fixed;
    return fixed + extra(candidate, units, units_per_one);
  }
  // Ticket per whole one were everything sent there: what a policy with an order of venues of its
  // own sees of it; the others search.
  std::int64_t ticket_share(std::size_t i) const {
    const int128 share = floor_div(ticket(i, wanted), int128{wanted});
    return static_cast<std::int64_t>(std::min(int128{kMaxPriceNanos}, share));
  }
  // Least size of a child there, in whole lots.
  std::int64_t floor_of(std::size_t i) const {
    const Terms& terms = *candidates[i].terms;
    const std::int64_t least_units =
        std::max({terms.min_units, candidates[i].least_units, least.of(i)});
    const std::int64_t rest = least_units % terms.lot_units;
    return rest == 0 ? least_units : least_units - rest + terms.lot_units;
  }
};

// Whole lots of a size.
inline std::int64_t whole_lots(std::int64_t units, std::int64_t lot_units) {
  return lot_units == 1 ? units : units - units % lot_units;
}

// What `units` at one venue take and cost; a plan from sizes per venue.
void fill(const Task& task, std::size_t i, std::int64_t units, Allocation& part);
void plan_of(const Task& task, const Sizes& sizes, Plan& plan);

// The plan under the policy and nothing else: a FOK parent's whole size at the cheapest venue,
// everything at one venue, or a split.
void allocate(const Task& task, Plan& plan);

}  // namespace venuefold
