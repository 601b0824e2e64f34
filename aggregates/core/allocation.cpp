#include "allocation.hpp"

#include "merge.hpp"
#include "policy.hpp"
#include "search.hpp"

namespace venuefold {
namespace {

// A limit on the listing's tick grid that reaches the price, or inside where ours forbids.
std::int64_t on_grid(const Task& task, const Candidate& candidate, std::int64_t price_nanos) {
  const std::int64_t tick = candidate.terms->tick_nanos;
  const std::int64_t off = price_nanos % tick;
  if (off == 0) return price_nanos;
  const std::int64_t sign = task.charges.sign;
  const std::int64_t low = price_nanos - off;
  const std::int64_t high = low + tick;
  const std::int64_t bound = task.cap_nanos != 0 ? task.cap_nanos : task.order.limit_nanos;
  for (const std::int64_t limit : {sign > 0 ? high : low, sign > 0 ? low : high}) {
    if (0 < limit && limit <= kMaxPriceNanos && sign * limit <= sign * bound) return limit;
  }
  return price_nanos;
}

// Dearest cost that the policy's own order of venues may override.
std::int64_t tolerance_bound(const Task& task) {
  std::int64_t least = kInt64Max;
  std::int64_t price = 0;
  for_each_bit(task.candidates.eligible, [&](std::size_t i) {
    Piece piece;
    Pieces pieces = task.pieces(i);
    if (!pieces.next(piece)) return;
    const std::int64_t cost = piece.cost_nanos + task.ticket_share(i);
    if (cost >= least) return;
    least = cost;
    price = task.candidates[i].levels[piece.level].price_nanos;
  });
  return least == kInt64Max ? 0 : least + scale_e9(price, task.policy.tolerance_e9);
}

// Expected time until a child is done: its answer, and once more for what is likely to miss.
std::int64_t completion_ns(const Candidate& candidate) {
  return candidate.ack_ns + (candidate.ack_ns * candidate.misses[0] >> 16);
}

// Least time within which venues have room for everything at a cost within the bound.
//
// Children run side by side, so a split is done when its slowest child is: whoever is no slower
// than that may be used where it is cheap.
std::int64_t slowest_needed(const Task& task, const ByPolicy& by_policy) {
  std::int64_t left = task.wanted;
  Mask rest = task.candidates.eligible;
  while (rest != 0) {
    std::size_t next = kMaxVenues;
    for_each_bit(rest, [&](std::size_t i) {
      if (next == kMaxVenues || by_policy.primaries[i] < by_policy.primaries[next]) next = i;
    });
    std::int64_t units = 0;
    Piece piece;
    Pieces pieces = task.pieces(next);
    const std::int64_t most = by_policy.bound - by_policy.shares[next];
    while (pieces.next(piece)) units += piece.cost_nanos <= most ? piece.units : 0;
    left -= whole_lots(units, task.candidates[next].terms->lot_units);
    if (left <= 0) return by_policy.primaries[next];
    rest &= ~bit(next);
  }
  return kInt64Max;
}

// The policy's own order of venues, least first.
void order_venues(const Task& task, ByPolicy& by_policy) {
  by_policy.bound = tolerance_bound(task);
  const Mask eligible = task.candidates.eligible;
  for_each_bit(eligible, [&](std::size_t i) { by_policy.shares[i] = task.ticket_share(i); });
  if (task.policy.kind == number(PolicyKind::PREFERRED)) {
    for_each_bit(eligible, [&](std::size_t i) {
      const std::uint8_t rank = task.policy.preferred[task.candidates[i].venue];
      by_policy.primaries[i] = rank != 0 ? rank - 1 : 255;
    });
    return;
  }
  for_each_bit(eligible, [&](std::size_t i) {
    by_policy.primaries[i] = completion_ns(task.candidates[i]);
  });
  if (task.policy.split == 0) return;
  const std::int64_t slowest = slowest_needed(task, by_policy);
  for_each_bit(eligible, [&](std::size_t i) {
    by_policy.primaries[i] = by_policy.primaries[i] > slowest ? 1 : 0;
  });
}

// Everything to the first venue in the policy's order whose lot and minimum allow any.
template <class Ranking>
void single(const Task& task, Merged<Ranking>& places, Plan& plan) {
  Sizes sizes;
  Mask tried = 0;
  const Place* place = nullptr;
  for (std::size_t n = 0; sizes.used == 0 && (place = places.at(n)) != nullptr; ++n) {
    const Mask venue = bit(place->candidate);
    if ((tried & venue) != 0) continue;
    tried |= venue;
    with_minimums(task, places, venue, sizes);
  }
  plan_of(task, sizes, plan);
}

// Everything to the venue where that costs least, what it has no room for included.
void cheapest(const Task& task, Plan& plan) {
  Sizes best_sizes;
  int128 least = 0;
  for_each_bit(task.candidates.eligible, [&](std::size_t i) {
    Merged<ByCost> places(task, bit(i), ByCost{});
    Sizes sizes;
    with_minimums(task, places, bit(i), sizes);
    if (sizes.used == 0) return;
    const std::int64_t units = sizes.units[i];
    Allocation part;
    fill(task, i, units, part);
    const int128 cost = part.ranked + task.ticket(i, units) +
                        int128{task.missed_nanos} * (task.wanted - units);
    if (best_sizes.used != 0 && cost >= least) return;
    least = cost;
    best_sizes = sizes;
  });
  plan_of(task, best_sizes, plan);
}

// FOK: the cheapest venue that can fill everything, or nothing. Within one venue every policy's
// order is that of its pieces, save that what is within the tolerance may come first.
void whole(const Task& task, Plan& best) {
  Sizes best_sizes;
  int128 least = 0;
  for_each_bit(task.candidates.eligible, [&](std::size_t i) {
    if (task.candidates[i].available_units < task.wanted) return;
    Merged<ByCost> places(task, bit(i), ByCost{});
    Sizes sizes;
    with_minimums(task, places, bit(i), sizes);
    if (sizes.total() != task.wanted) return;
    Allocation part;
    fill(task, i, task.wanted, part);
    const int128 ranked = part.ranked + task.ticket(i, task.wanted);
    if (best_sizes.used != 0 && ranked >= least) return;
    least = ranked;
    best_sizes = sizes;
  });
  plan_of(task, best_sizes, best);
}

}  // namespace

void fill(const Task& task, std::size_t i, std::int64_t units, Allocation& part) {
  const Candidate& candidate = task.candidates[i];
  part = Allocation{};
  part.candidate = static_cast<std::uint8_t>(i);
  part.units = units;
  std::int64_t left = units;
  Piece piece{};
  for (Pieces pieces(task.charges, candidate, 0); left > 0 && pieces.next(piece);) {
    const std::int64_t more = std::min(left, piece.units);
    left -= more;
    part.cost += int128{piece.pay_nanos} * more;
    part.added += int128{piece.added_nanos} * more;
    part.ranked += int128{piece.cost_nanos} * more;
  }
  const Offer* const levels = candidate.levels.data();
  part.levels = static_cast<std::uint8_t>(piece.level + 1);
  const std::int64_t price = levels[piece.level].price_nanos;
  const bool is_dark = (task.darks & bit(i)) != 0;
  part.limit_nanos = is_dark ? price : on_grid(task, candidate, price);
  part.displayed_units = -candidate.hidden_units;
  for (std::size_t l = 0; l < part.levels; ++l) part.displayed_units += levels[l].available_units;
  if (is_dark) {
    part.levels = 0;
    part.flags = number(AllocationFlag::PEG);
  }
}

void plan_of(const Task& task, const Sizes& sizes, Plan& plan) {
  plan.count = 0;
  plan.units = 0;
  plan.cost = plan.added = plan.ranked = 0;
  plan.ticket_nanos = 0;
  plan.cap_nanos = 0;
  plan.flags = 0;
  for_each_bit(sizes.used, [&](std::size_t i) {
    Allocation& part = plan.parts[plan.count++];
    fill(task, i, sizes.units[i], part);
    plan.units += part.units;
    plan.cost += part.cost;
    plan.added += part.added;
    const int128 ticket = task.ticket(i, part.units);
    plan.ranked += part.ranked + ticket;
    plan.ticket_nanos += static_cast<std::int64_t>(floor_div(ticket, int128{task.units_per_one}));
  });
}

void allocate(const Task& task, Plan& plan) {
  const Mask eligible = task.candidates.eligible;
  if (task.is_whole) {
    whole(task, plan);
  } else if (orders_venues(task.policy)) {
    ByPolicy by_policy;
    order_venues(task, by_policy);
    Merged<ByPolicy> places(task, eligible, by_policy);
    if (task.policy.split == 0) {
      single(task, places, plan);
    } else {
      Sizes sizes;
      with_minimums(task, places, eligible, sizes);
      plan_of(task, sizes, plan);
    }
  } else if (task.policy.split == 0 && task.policy.kind != number(PolicyKind::BEST_PRICE)) {
    cheapest(task, plan);
  } else {
    const ByCost by_cost;
    Merged<ByCost> places(task, eligible, by_cost);
    task.policy.split == 0 ? single(task, places, plan) : split(task, places, plan);
  }
}

}  // namespace venuefold
