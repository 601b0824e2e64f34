#include "search.hpp"

#include <algorithm>
#include <utility>

#include "curve.hpp"
#include "ladders.hpp"

namespace venuefold {
namespace {

// Greedy fills that one decision may try; the best so far counts when they are used up.
constexpr int kMaxTrials = 4096;
// Children of a decision up to which pairs are swapped, and venues that may come in with one.
constexpr unsigned kMostPaired = 6;
constexpr std::size_t kPool = 16;
// Less than any venue can take off a cost: a set with it is not bounded.
constexpr int128 kUnbounded = -(int128{1} << 120);

// Units not placed and cost: less is better.
struct Worth {
  std::int64_t missing;
  int128 cost;

  bool operator<(const Worth& other) const {
    return missing < other.missing || (missing == other.missing && cost < other.cost);
  }
};

// A set of venues with its best sizes.
struct Found {
  bool is_possible = false;
  Worth worth = {0, 0};
  Sizes sizes;
};

class Search {
 public:
  Search(const Task& task, Merged<ByCost>& places) : task_(task), places_(places) {
    for_each_bit(task.candidates.eligible, [&](std::size_t i) { survey(i); });
  }

  Mask must() const { return task_.least.used; }

  // What sizes are worth.
  Found found(const Sizes& sizes) const {
    Found made;
    made.is_possible = true;
    made.sizes = sizes;
    made.worth.missing = task_.wanted - sizes.total();
    for_each_bit(sizes.used, [&](std::size_t i) {
      made.worth.cost += curves_[i].cost(sizes.units[i]) + task_.ticket(i, sizes.units[i]);
    });
    return made;
  }

  // The better of two sets; none where not all that must have something can.
  Found start(const Sizes& sizes) const {
    Found best;
    const Found greedy = found(sizes);
    const Curves settled = ladders_.settled(sizes);
    for (const Found& other :
         {greedy, value(greedy.sizes.used | must(), settled), cheapest_first()}) {
      if (!other.is_possible || (must() & ~other.sizes.used) != 0) continue;
      if (!best.is_possible || other.worth < best.worth) best = other;
    }
    return best;
  }

  // The best set as greedy values it; with unequal lots once more, as they are exchanged.
  Found improve(const Found& start) const {
    const Found best = climb(start);
    if (!has_unequal_lots_) return best;
    exchanges_lots_ = true;
    return climb(exchange(best, best.sizes.used));
  }

  // Moves lots between venues of the mask while that helps.
  Found exchange(const Found& start, Mask venues) const {
    Found best = start;
    for (;;) {
      const Sizes before = best.sizes;
      if (!exchange_from(before, venues, best)) return best;
    }
  }

 private:
  const Task& task_;
  Merged<ByCost>& places_;
  mutable Ladders ladders_{task_};
  mutable int trials_ = 0;
  mutable bool exchanges_lots_ = false;
  // Of the best set so far.
  mutable LeastCost least_;
  Mask usable_ = 0;
  bool has_unequal_lots_ = false;
  std::int64_t first_lot_ = 0;
  std::array<CostCurve, kMaxVenues> curves_;
  std::array<std::int64_t, kMaxVenues> floors_;

  // Whether there are not too many children, and not too much in dark pools.
  bool is_allowed(const Sizes& sizes) const {
    const auto children = static_cast<unsigned>(std::popcount(sizes.used));
    return children <= task_.policy.max_children && sizes.total(task_.darks) <= task_.dark_units;
  }
  bool may_try() const { return trials_ < kMaxTrials; }
  // One trial: greedy on top of sizes, among the venues of the mask.
  Found try_from(Sizes& sizes, Mask venues, const Curves& curves) const {
    ++trials_;
    if (ladders_.bounded() == 0) {
      take(task_, places_, venues, sizes);
    } else {
      ladders_.choose(curves);
      take(task_, ladders_, venues, sizes);
    }
    return found(sizes);
  }

  std::int64_t lot(std::size_t i) const { return task_.candidates[i].terms->lot_units; }

  void survey(std::size_t i) {
    CostCurve& curve = curves_[i];
    Piece piece;
    for (Pieces pieces = task_.pieces(i); pieces.next(piece);) {
      curve.units[curve.count] = piece.units;
      curve.cost_nanos[curve.count++] = piece.cost_nanos;
      curve.room += piece.units;
    }
    curve.capacity = whole_lots(curve.room, lot(i));
    floors_[i] = task_.floor_of(i);
    if (first_lot_ == 0) first_lot_ = lot(i);
    has_unequal_lots_ |= lot(i) != first_lot_;
    const std::int64_t least = std::max(floors_[i], lot(i));
    if (least <= std::min(curve.capacity, task_.wanted)) usable_ |= bit(i);
  }

  // Whether venues can have their least sizes: not too much, not too many children.
  bool may_have_least(Mask venues) const {
    std::int64_t total = 0;
    std::int64_t dark = 0;
    unsigned children = 0;
    for_each_bit(venues, [&](std::size_t i) {
      total += floors_[i];
      dark += (task_.darks & bit(i)) != 0 ? floors_[i] : 0;
      children += floors_[i] > 0;
    });
    return total <= task_.wanted && children <= task_.policy.max_children &&
           dark <= task_.dark_units;
  }

  // Least sizes first, then greedy; impossible where the least is already too much.
  Found value(Mask venues, const Curves& curves) const {
    if (!may_have_least(venues)) return {};
    Sizes sizes;
    for_each_bit(venues, [&](std::size_t i) {
      if (floors_[i] > 0) sizes.set(i, floors_[i]);
    });
    const Found made = try_from(sizes, venues, curves);
    return exchanges_lots_ ? exchange(made, venues) : made;
  }

  using Averages = std::array<std::pair<int128, std::size_t>, kMaxVenues>;
  // What a unit costs on average, ticket included, where as much of `wanted` as there is goes to
  // one venue, the cheapest first; returns how many venues can be used.
  std::size_t find_averages(std::int64_t wanted, Averages& averages) const {
    std::size_t count = 0;
    for_each_bit(usable_, [&](std::size_t i) {
      const std::int64_t units = std::min(curves_[i].capacity, wanted);
      const int128 cost = curves_[i].cost(units) + task_.ticket(i, units);
      averages[count++] = {floor_div(cost, int128{units}), i};
    });
    std::sort(averages.begin(), averages.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
  }

  // The venues that are cheapest for all that is wanted, until all is placed.
  Found cheapest_first() const {
    Averages averages;
    const std::size_t count = find_averages(task_.wanted, averages);
    Mask venues = must();
    Sizes sizes;
    std::int64_t left = task_.wanted;
    for (std::size_t n = 0; n < count && left > 0; ++n) {
      const std::size_t i = averages[n].second;
      venues |= bit(i);
      sizes.set(i, std::min(curves_[i].capacity, task_.wanted));
      left -= sizes.units[i];
    }
    return value(venues, ladders_.settled(sizes));
  }

  // Takes a set for the best where it is worth more. One that cannot be counts as tried.
  bool keep_better(Mask venues, const Curves& curves, Found& best) const {
    if (!may_try()) return false;
    if (has_least_cost() && best.worth.missing == 0 && least_.of(venues) >= best.worth.cost) {
      trials_ += may_have_least(venues);
      return false;
    }
    const Found other = value(venues, curves);
    if (!other.is_possible || !(other.worth < best.worth)) return false;
    best = other;
    return true;
  }

  // The bound knows one curve a venue, and sizes that are not exchanged.
  bool has_least_cost() const { return !exchanges_lots_ && ladders_.bounded() == 0; }
  // At the price of the last unit placed beyond the least sizes.
  LeastCost least_cost(const Sizes& sizes) const {
    std::int64_t pay_nanos = -kInt64Max;
    for_each_bit(sizes.used, [&](std::size_t i) {
      if (sizes.units[i] <= floors_[i]) return;
      pay_nanos = std::max(pay_nanos, curves_[i].last_nanos(sizes.units[i]));
    });
    LeastCost least;
    least.all = int128{pay_nanos} * task_.wanted;
    for_each_bit(task_.candidates.eligible, [&](std::size_t i) {
      const Candidate& candidate = task_.candidates[i];
      const int128 ticket = int128{candidate.ticket_nanos} * task_.units_per_one;
      // Who has no least size may get nothing and cost no ticket.
      least.each[i] = (floors_[i] > 0 ? ticket : 0) - curves_[i].profit(pay_nanos);
      if (floors_[i] > curves_[i].room) least.each[i] = kUnbounded;
    });
    return least;
  }

  // Best move first, swaps only where neither adding nor dropping helps.
  Found climb(const Found& start) const {
    Found best = start;
    for (;;) {
      const Mask venues = best.sizes.used;
      const Curves curves = ladders_.settled(best.sizes);
      if (has_least_cost()) least_ = least_cost(best.sizes);
      if (toggle(venues, curves, best) || swap(venues, curves, best)) continue;
      if (exchanges_lots_ || !swap_pairs(venues, best)) return best;
    }
  }

  // A set with a new venue on each of its curves.
  bool keep_each(Mask venues, const Curves& curves, std::size_t i, Found& best) const {
    if ((ladders_.bounded() & bit(i)) == 0) return keep_better(venues, curves, best);
    bool better = false;
    Curves changed = curves;
    for (changed[i] = 0; changed[i] < ladders_.choices(i); ++changed[i]) {
      better |= keep_better(venues, changed, best);
    }
    return better;
  }

  // A venue less or more, or one on another curve.
  bool toggle(Mask venues, const Curves& curves, Found& best) const {
    bool better = ladders_.bounded() != 0 && keep_better(venues, curves, best);
    for_each_bit(usable_ & ~must(), [&](std::size_t i) {
      const Mask changed = venues ^ bit(i);
      better |= (venues & bit(i)) != 0 ? keep_better(changed, curves, best)
                                       : keep_each(changed, curves, i, best);
    });
    for_each_bit(venues & ladders_.bounded(), [&](std::size_t i) {
      Curves changed = curves;
      for (changed[i] = 0; changed[i] < ladders_.choices(i); ++changed[i]) {
        if (changed[i] != curves[i]) better |= keep_better(venues, changed, best);
      }
    });
    return better;
  }

  bool swap(Mask venues, const Curves& curves, Found& best) const {
    bool better = false;
    for_each_bit(venues & ~must(), [&](std::size_t gone) {
      for_each_bit(usable_ & ~venues, [&](std::size_t i) {
        better |= keep_each((venues ^ bit(gone)) | bit(i), curves, i, best);
      });
    });
    return better;
  }

  // Two venues for two of the cheapest at an even share, where all children are used.
  bool swap_pairs(Mask venues, Found& best) const {
    const unsigned most = task_.policy.max_children;
    if (most > kMostPaired || static_cast<unsigned>(std::popcount(venues)) < most) return false;
    Sizes shares;
    const Mask pool = cheap_pool(venues, (task_.wanted + most - 1) / most, shares);
    for_each_bit(venues, [&](std::size_t i) { shares.set(i, best.sizes.units[i]); });
    const Curves curves = ladders_.settled(shares);
    bool better = false;
    for_each_pair(venues & ~must(), [&](Mask gone) {
      for_each_pair(pool, [&](Mask come) {
        better |= keep_better((venues ^ gone) | come, curves, best);
      });
    });
    return better;
  }

  // Venues that are cheap at a share; `shares` is what each would get of it.
  Mask cheap_pool(Mask venues, std::int64_t share, Sizes& shares) const {
    Averages averages;
    const std::size_t count = find_averages(share, averages);
    for_each_bit(usable_, [&](std::size_t i) {
      shares.set(i, std::min(curves_[i].capacity, share));
    });
    Mask pool = 0;
    std::size_t taken = 0;
    for (std::size_t n = 0; n < count && taken < kPool; ++n) {
      const Mask one = bit(averages[n].second);
      taken += (venues & one) == 0;
      pool |= one & ~venues;
    }
    return pool;
  }

  // Calls `act` with each two bits of a mask, lowest first.
  template <class Act>
  static void for_each_pair(Mask mask, const Act& act) {
    for_each_bit(mask, [&](std::size_t one) {
      for_each_bit(mask & ~(bit(one) | (bit(one) - 1)),
                   [&](std::size_t two) { act(bit(one) | bit(two)); });
    });
  }

  // A lot more at one venue, taken from another in whole lots of its own.
  bool exchange_from(const Sizes& before, Mask venues, Found& best) const {
    bool better = false;
    const std::int64_t left = task_.wanted - before.total();
    const Curves curves = ladders_.settled(before);
    for_each_bit(usable_ & venues, [&](std::size_t i) {
      const std::int64_t own = before.of(i);
      const std::int64_t more = own != 0 ? lot(i) : std::max(lot(i), floors_[i]);
      if (own + more > curves_[i].capacity) return;
      for_each_bit(before.used & ~bit(i), [&](std::size_t other) {
        const std::int64_t need = std::max(std::int64_t{0}, more - left);
        const std::int64_t step = lot(other);
        const std::int64_t gone = need % step == 0 ? need : need - need % step + step;
        const std::int64_t rest = before.units[other] - gone;
        const std::int64_t least = std::max(step, floors_[other]);
        if (gone == 0 || rest < 0 || (rest != 0 && rest < least)) return;
        Sizes changed = before;
        changed.set(i, own + more);
        changed.set(other, rest);
        if (!is_allowed(changed) || !may_try()) return;
        // Only venues that have their least already.
        const Found made = try_from(changed, changed.used, curves);
        if (!(made.worth < best.worth)) return;
        best = made;
        better = true;
      });
    });
    return better;
  }
};

// What about the eligible venues greedy cannot see.
struct Fixed {
  bool has_tickets = false;
  bool has_unequal_lots = false;
};

Fixed fixed_of(const Task& task) {
  if (!task.candidates.has_tickets && !task.candidates.has_unequal_lots) return {};
  std::int64_t tickets = 0;
  std::int64_t first_lot = 0;
  Fixed found;
  for_each_bit(task.candidates.eligible, [&](std::size_t i) {
    const Candidate& candidate = task.candidates[i];
    const std::int64_t lot = candidate.terms->lot_units;
    tickets |= candidate.ticket_nanos | std::int64_t{candidate.bounds != nullptr};
    first_lot = first_lot != 0 ? first_lot : lot;
    found.has_unequal_lots |= lot != first_lot;
  });
  found.has_tickets = tickets != 0;
  return found;
}

}  // namespace

void split(const Task& task, Merged<ByCost>& places, Plan& plan) {
  Sizes sizes;
  const bool dropped = with_minimums(task, places, task.candidates.eligible, sizes);
  const Fixed fixed = fixed_of(task);
  const auto children = static_cast<unsigned>(std::popcount(sizes.used));
  const bool searches = task.least.used != 0 || fixed.has_tickets || dropped ||
                        children >= task.policy.max_children;
  // Most orders need neither: greedy is optimal.
  if (searches || fixed.has_unequal_lots) {
    const Search search(task, places);
    if (searches) {
      const Found start = search.start(sizes);
      if (start.is_possible) sizes = search.improve(start).sizes;
    }
    if (fixed.has_unequal_lots) sizes = search.exchange(search.found(sizes), ~Mask{0}).sizes;
  }
  plan_of(task, sizes, plan);
}

}  // namespace venuefold
