#include "search.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "ladders.hpp"
#include "reduced.hpp"
#include "sets.hpp"

namespace venuefold {
namespace {

// Greedy fills that one decision may try; the best so far counts when they are used up.
constexpr int kMaxTrials = 4096;
// Venues that may come in where two are changed at once.
constexpr std::size_t kPool = 16;
// Curves to either side of one: those of the next level, without and with its most.
constexpr unsigned kNear = 2;

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
  Mask usable_ = 0;
  bool has_unequal_lots_ = false;
  std::int64_t first_lot_ = 0;
  CurveList curves_;
  // At the price of the best so far, where that places all.
  mutable std::optional<Reduced> reduced_;
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
    Curve& curve = curves_[i];
    Piece piece;
    for (Pieces pieces = task_.pieces(i); pieces.next(piece);) {
      curve.units[curve.count] = piece.units;
      curve.cost_nanos[curve.count++] = piece.cost_nanos;
      curve.capacity += piece.units;
    }
    curve.capacity = whole_lots(curve.capacity, lot(i));
    floors_[i] = task_.floor_of(i);
    if (first_lot_ == 0) first_lot_ = lot(i);
    has_unequal_lots_ |= lot(i) != first_lot_;
    const std::int64_t least = std::max(floors_[i], lot(i));
    if (least <= std::min(curve.capacity, task_.wanted)) usable_ |= bit(i);
  }

  // Least sizes first, then greedy; impossible where the least is already too much.
  Found value(Mask venues, const Curves& curves) const {
    Sizes sizes;
    std::int64_t total = 0;
    for_each_bit(venues, [&](std::size_t i) {
      if (floors_[i] > 0) sizes.set(i, floors_[i]);
      total += floors_[i];
    });
    if (total > task_.wanted || !is_allowed(sizes)) return {};
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

  // Whether a set of venues, each used, costs no less than the best so far.
  bool is_ruled_out(Mask venues, const Found& best) const {
    return reduced_ && reduced_->least(venues) >= best.worth.cost;
  }

  bool keep_better(Mask venues, const Curves& curves, Found& best) const {
    if (!may_try() || is_ruled_out(venues, best)) return false;
    const Found other = value(venues, curves);
    if (!other.is_possible || !(other.worth < best.worth)) return false;
    best = other;
    return true;
  }

  // Best move first; what changes more venues only where what changes fewer does not help.
  Found climb(const Found& start) const {
    Found best = start;
    for (;;) {
      const Sizes before = best.sizes;
      const Curves curves = ladders_.settled(before);
      reduced_.reset();
      if (best.worth.missing == 0) {
        reduced_.emplace(task_, curves_, last_price(curves_, floors_, before));
      }
      if (toggle(before.used, curves, best) || swap(before.used, curves, best)) continue;
      if (step(before.used, curves, best)) continue;
      if (!trade(before, best)) return best;
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

  // A venue less, or one that stops a curve or two earlier, and another one that goes further.
  bool step(Mask venues, const Curves& curves, Found& best) const {
    if (ladders_.bounded() == 0 || exchanges_lots_) return false;
    bool better = false;
    for_each_bit(venues, [&](std::size_t gone) {
      const Mask rest = venues & ~bit(gone);
      if ((must() & bit(gone)) == 0) better |= further(rest, rest, curves, curves, best);
      Curves changed = curves;
      for (unsigned n = 1; n <= kNear && n <= curves[gone]; ++n) {
        changed[gone] = static_cast<std::uint8_t>(curves[gone] - n);
        better |= further(venues, rest, curves, changed, best);
      }
    });
    return better;
  }
  // One of `others` goes on to one of the next curves.
  bool further(Mask venues, Mask others, const Curves& settled, Curves curves, Found& best) const {
    bool better = false;
    for_each_bit(others & ladders_.bounded(), [&](std::size_t i) {
      for (unsigned n = 1; n <= kNear && settled[i] + n < ladders_.choices(i); ++n) {
        curves[i] = static_cast<std::uint8_t>(settled[i] + n);
        better |= keep_better(venues, curves, best);
      }
      curves[i] = settled[i];
    });
    return better;
  }

  // Venues that may come in where two are changed at once, those first that have most below the
  // dearest average that is paid now.
  struct Pool {
    std::size_t count = 0;
    std::array<std::size_t, kMaxVenues> list;
  };
  Pool pool_of(const Sizes& sizes) const {
    std::int64_t dearest = -kInt64Max;
    for_each_bit(sizes.used, [&](std::size_t i) {
      const std::int64_t units = sizes.units[i];
      const int128 cost = curves_[i].cost(units) + task_.ticket(i, units);
      dearest = std::max(dearest, static_cast<std::int64_t>(floor_div(cost, int128{units})));
    });
    if (sizes.used == 0) dearest = 0;
    const Reduced reduced(task_, curves_, dearest);
    Pool pool;
    for_each_bit(usable_ & ~sizes.used, [&](std::size_t i) { pool.list[pool.count++] = i; });
    const auto end = pool.list.begin() + static_cast<std::ptrdiff_t>(pool.count);
    std::stable_sort(pool.list.begin(), end, [&](std::size_t a, std::size_t b) {
      return reduced.cost(a) < reduced.cost(b);
    });
    pool.count = std::min(pool.count, kPool);
    return pool;
  }

  // One venue for two, two for one, and two for two.
  bool trade(const Sizes& before, Found& best) const {
    if (!reduced_ || exchanges_lots_) return false;
    const Pool pool = pool_of(before);
    const Mask inside = before.used & ~must();
    bool better = false;
    for_each_bit(inside, [&](std::size_t i) { better |= come_two(before, bit(i), pool, best); });
    for_each_pair(inside, [&](Mask gone) { better |= come_one(before, gone, pool, best); });
    for_each_pair(inside, [&](Mask gone) { better |= come_two(before, gone, pool, best); });
    return better;
  }

  bool come_one(const Sizes& before, Mask gone, const Pool& pool, Found& best) const {
    bool better = false;
    for (std::size_t a = 0; a < pool.count; ++a) {
      const Mask come = bit(pool.list[a]);
      better |= keep_traded(before, gone, come, best);
    }
    return better;
  }
  bool come_two(const Sizes& before, Mask gone, const Pool& pool, Found& best) const {
    bool better = false;
    for (std::size_t a = 0; a + 1 < pool.count; ++a) {
      for (std::size_t b = a + 1; b < pool.count; ++b) {
        const Mask come = bit(pool.list[a]) | bit(pool.list[b]);
        better |= keep_traded(before, gone, come, best);
      }
    }
    return better;
  }

  // A set with some venues for others, these on the curves of an even share.
  bool keep_traded(const Sizes& before, Mask gone, Mask come, Found& best) const {
    const Mask venues = before.used ^ gone ^ come;
    if (is_ruled_out(venues, best)) return false;
    if (ladders_.bounded() == 0) return keep_better(venues, Curves{}, best);
    const std::int64_t many = std::popcount(come);
    const std::int64_t share = (before.total(gone) + many - 1) / many;
    Sizes shares = before;
    for_each_bit(come, [&](std::size_t i) {
      shares.set(i, std::min(share, curves_[i].capacity));
    });
    return keep_better(venues, ladders_.settled(shares), best);
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
