#include "allocation.hpp"

namespace venuefold {
namespace {

using Mask = std::uint64_t;

constexpr Mask bit(std::size_t i) { return Mask{1} << i; }

// One level of one candidate, by index.
struct Place {
  std::uint8_t candidate;
  std::uint8_t level;
};

// Levels of the chosen candidates in the order of (key, venue rank, level), merged only as far as
// somebody reads. A candidate's own levels are in order already: costs never fall with depth,
// because a fee's rate is less than 1. `Ranking` has a Key type, key(candidate, offer) and worst().
template <class Ranking>
class Merged {
 public:
  Merged(const Candidates& candidates, Mask chosen, const Ranking& ranking)
      : candidates_(candidates), ranking_(ranking) {
    for (std::size_t i = 0; i < candidates.count; ++i) {
      if ((chosen & bit(i)) == 0) continue;
      heads_[heads_count_] = {static_cast<std::uint8_t>(i), 0};
      settle(heads_count_++);
    }
  }

  // The n-th place, or null after the last.
  const Place* at(std::size_t n) {
    while (n >= places_count_) {
      if (!take()) return nullptr;
    }
    return &places_[n];
  }

 private:
  using Key = typename Ranking::Key;

  const Candidates& candidates_;
  Ranking ranking_;
  std::size_t heads_count_ = 0;
  std::size_t places_count_ = 0;
  std::array<Key, kMaxVenues> keys_;
  std::array<Place, kMaxVenues> heads_;
  std::array<Place, kMaxVenues * kMaxLevels> places_;

  // Moves a head to its next level that offers anything.
  void settle(std::size_t h) {
    Place& head = heads_[h];
    const Candidate& candidate = candidates_[head.candidate];
    while (head.level < candidate.levels_count &&
           candidate.levels[head.level].available_units == 0) {
      ++head.level;
    }
    keys_[h] = head.level < candidate.levels_count
                   ? ranking_.key(candidate, candidate.levels[head.level])
                   : Ranking::worst();
  }

  bool take() {
    Key least = Ranking::worst();
    std::size_t best = heads_count_;
    // Heads stand in rank order, so the first of equals wins.
    for (std::size_t h = 0; h < heads_count_; ++h) {
      const bool better = keys_[h] < least;
      best = better ? h : best;
      least = better ? keys_[h] : least;
    }
    if (best == heads_count_) return false;
    places_[places_count_++] = heads_[best];
    ++heads_[best].level;
    settle(best);
    return true;
  }
};

// By displayed price.
struct ByPrice {
  using Key = std::int64_t;
  std::int64_t sign;

  static constexpr Key worst() { return kInt64Max; }
  Key key(const Candidate&, const Offer& offer) const { return sign * offer.price_nanos; }
};

// By expected all-in cost per unit. Where a policy has no order of venues of its own, that is all:
// whatever is within tolerance of the cheapest also comes before whatever is not.
struct ByCost {
  using Key = std::int64_t;
  std::int64_t sign;
  bool fee_aware;

  static constexpr Key worst() { return kInt64Max; }
  Key key(const Candidate& candidate, const Offer& offer) const {
    const std::int64_t fee = fee_aware ? candidate.fee_nanos(offer.price_nanos) : 0;
    return sign * offer.price_nanos + fee + candidate.miss_nanos;
  }
};

struct PolicyKey {
  std::int64_t primary;
  std::int64_t cost;

  bool operator<(const PolicyKey& other) const {
    return primary < other.primary || (primary == other.primary && cost < other.cost);
  }
};

// By the policy's own order of venues among what costs at most `bound`, then by cost.
struct ByPolicy {
  using Key = PolicyKey;
  ByCost by_cost;
  const Policy& policy;
  std::int64_t bound;

  static constexpr Key worst() { return {kInt64Max, kInt64Max}; }
  Key key(const Candidate& candidate, const Offer& offer) const {
    const std::int64_t cost = by_cost.key(candidate, offer);
    return {cost <= bound ? primary(candidate) : kInt64Max, cost};
  }
  std::int64_t primary(const Candidate& candidate) const {
    if (policy.kind == number(PolicyKind::FASTEST)) return candidate.ack_ns;
    const std::uint8_t rank = policy.preferred[candidate.venue];
    return rank != 0 ? rank - 1 : kInt64Max;
  }
};

// Dearest cost that the policy's own order of venues may override.
std::int64_t tolerance_bound(const Policy& policy, const ByCost& by_cost,
                             const Candidates& candidates, Mask chosen) {
  std::int64_t least = kInt64Max;
  std::int64_t price = 0;
  std::size_t best = 0;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    if ((chosen & bit(i)) == 0) continue;
    for (std::size_t l = 0; l < candidates[i].levels_count; ++l) {
      const Offer& offer = candidates[i].levels[l];
      if (offer.available_units == 0) continue;
      const std::int64_t cost = by_cost.key(candidates[i], offer);
      if (cost > least) break;
      // Of equal costs the first venue counts, and there the lowest price.
      if (cost == least && (i != best || offer.price_nanos >= price)) continue;
      least = cost;
      price = offer.price_nanos;
      best = i;
    }
  }
  return least == kInt64Max ? 0 : least + scale_e9(price, policy.tolerance_e9);
}

int128 cost_of(std::int64_t sign, const Candidate& candidate, const Offer& offer,
               std::int64_t units) {
  return int128{sign * offer.price_nanos + candidate.fee_nanos(offer.price_nanos)} * units;
}

void clear(Plan& plan) {
  plan.count = 0;
  plan.units = 0;
  plan.cost = 0;
}

// What every step of one allocation needs.
struct Task {
  const Policy& policy;
  const Candidates& candidates;
  std::int64_t sign;
  std::int64_t wanted;
};

// Gives an allocation what it may take of a level; returns the units taken.
std::int64_t take_level(const Task& task, Allocation& allocation, std::size_t index,
                        std::int64_t left) {
  const Candidate& candidate = task.candidates[allocation.candidate];
  const Offer& offer = candidate.levels[index];
  allocation.seen_units += offer.available_units;
  const std::int64_t target = std::min(allocation.seen_units, allocation.units + left);
  const std::int64_t lot = candidate.terms->lot_units;
  const std::int64_t take = target - (lot == 1 ? 0 : target % lot) - allocation.units;
  if (take <= 0) return 0;
  allocation.units += take;
  allocation.limit_nanos = offer.price_nanos;
  allocation.levels = static_cast<std::uint8_t>(index + 1);
  allocation.displayed_units = allocation.seen_units;
  allocation.cost += cost_of(task.sign, candidate, offer, take);
  return take;
}

template <class Ranking>
void greedy(const Task& task, Merged<Ranking>& places, Mask chosen, Plan& plan) {
  std::array<Allocation, kMaxVenues> used;
  Mask started = 0;
  Mask filled = 0;
  std::int64_t left = task.wanted;
  std::size_t children = 0;
  const Place* place = nullptr;
  for (std::size_t n = 0; left > 0 && (place = places.at(n)) != nullptr; ++n) {
    const std::uint8_t i = place->candidate;
    if ((chosen & bit(i)) == 0) continue;
    if ((started & bit(i)) == 0) used[i] = Allocation{i, 0, 0, 0, 0, 0, 0, 0, 0};
    started |= bit(i);
    if ((filled & bit(i)) == 0 && children == task.policy.max_children) continue;
    const std::int64_t take = take_level(task, used[i], place->level, left);
    if (take == 0) continue;
    children += (filled & bit(i)) == 0;
    filled |= bit(i);
    left -= take;
  }
  clear(plan);
  plan.units = task.wanted - left;
  for (; filled != 0; filled &= filled - 1) {
    const Allocation& part = used[static_cast<std::size_t>(std::countr_zero(filled))];
    plan.cost += part.cost;
    plan.parts[plan.count++] = part;
  }
}

// Greedy, again without the first venue (by rank) that ends below its minimum size.
template <class Ranking>
void with_minimums(const Task& task, Merged<Ranking>& places, Mask chosen, Plan& plan) {
  for (;;) {
    greedy(task, places, chosen, plan);
    const Allocation* const begin = plan.parts.data();
    const Allocation* const end = begin + plan.count;
    const Allocation* const low = std::find_if(begin, end, [&](const Allocation& part) {
      return part.units < task.candidates[part.candidate].terms->min_units;
    });
    if (low == end) return;
    chosen &= ~bit(low->candidate);
  }
}

// Everything to the first venue in the policy's order whose lot and minimum allow any.
template <class Ranking>
void one_venue(const Task& task, Merged<Ranking>& places, Plan& plan) {
  clear(plan);
  Mask tried = 0;
  const Place* place = nullptr;
  for (std::size_t n = 0; plan.units == 0 && (place = places.at(n)) != nullptr; ++n) {
    const Mask venue = bit(place->candidate);
    if ((tried & venue) != 0) continue;
    tried |= venue;
    with_minimums(task, places, venue, plan);
  }
}

template <class Ranking>
void allocate_by(const Task& task, const Ranking& ranking, Mask chosen, Plan& plan) {
  Merged<Ranking> places(task.candidates, chosen, ranking);
  if (task.policy.split != 0) {
    with_minimums(task, places, chosen, plan);
  } else {
    one_venue(task, places, plan);
  }
}

// FOK: the cheapest venue that can fill everything, or nothing. Within one venue every policy's
// order is that of its levels.
void allocate_whole(const Task& task, const ByCost& by_cost, Mask chosen, Plan& best) {
  clear(best);
  Plan plan;
  for (; chosen != 0; chosen &= chosen - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(chosen));
    if (task.candidates[i].available_units < task.wanted) continue;
    Merged<ByCost> places(task.candidates, bit(i), by_cost);
    with_minimums(task, places, bit(i), plan);
    if (plan.units == task.wanted && (best.units == 0 || plan.cost < best.cost)) best = plan;
  }
}

Mask eligible(const Candidates& candidates) {
  Mask mask = 0;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    mask |= Mask{candidates.is_eligible(i)} << i;
  }
  return mask;
}

bool orders_venues(const Policy& policy) {
  return is_any_of(policy.kind, PolicyKind::FASTEST, PolicyKind::PREFERRED);
}

}  // namespace

void allocate(const Order& order, const Policy& policy, const Candidates& candidates,
              std::int64_t wanted, Plan& plan) {
  const Task task{policy, candidates, order.sign(), wanted};
  const ByCost by_cost{order.sign(), policy.fee_aware != 0};
  const Mask chosen = eligible(candidates);
  if (order.is_whole() || order.least_units() != 0) {
    allocate_whole(task, by_cost, chosen, plan);
  } else if (orders_venues(policy)) {
    const std::int64_t bound = tolerance_bound(policy, by_cost, candidates, chosen);
    allocate_by(task, ByPolicy{by_cost, policy, bound}, chosen, plan);
  } else {
    allocate_by(task, by_cost, chosen, plan);
  }
}

Baseline best_price(const Order& order, const Candidates& candidates, std::int64_t wanted) {
  const std::int64_t sign = order.sign();
  const Candidate* touch = nullptr;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    if (!candidates.is_eligible(i)) continue;
    if (touch == nullptr || sign * candidates[i].value < sign * touch->value) {
      touch = &candidates[i];
    }
  }
  Baseline found;
  for (std::size_t l = 0; touch != nullptr && l < touch->levels_count; ++l) {
    const std::int64_t take = std::min(wanted - found.units, touch->levels[l].available_units);
    if (take == 0) continue;
    found.units += take;
    found.cost += cost_of(sign, *touch, touch->levels[l], take);
  }
  return found;
}

Baseline fee_blind_sweep(const Order& order, const Candidates& candidates, std::int64_t wanted) {
  Merged<ByPrice> places(candidates, eligible(candidates), ByPrice{order.sign()});
  Baseline found;
  const Place* place = nullptr;
  for (std::size_t n = 0; found.units < wanted && (place = places.at(n)) != nullptr; ++n) {
    const Candidate& candidate = candidates[place->candidate];
    const Offer& offer = candidate.levels[place->level];
    const std::int64_t take = std::min(wanted - found.units, offer.available_units);
    found.units += take;
    found.cost += cost_of(order.sign(), candidate, offer, take);
  }
  return found;
}

}  // namespace venuefold
