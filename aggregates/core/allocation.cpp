#include "allocation.hpp"

namespace venuefold {
namespace {

using Mask = std::uint64_t;

constexpr Mask bit(std::size_t i) { return Mask{1} << i; }

struct Key {
  std::int64_t primary;
  std::int64_t cost;
};

// One level of one candidate, by index.
struct Place {
  std::uint8_t candidate;
  std::uint8_t level;
};

// Levels of the chosen candidates in the order of (key, venue rank, level), merged only as far as
// somebody reads. A candidate's own levels are in order already: costs never fall with depth,
// because a fee's rate is less than 1. `key_of(candidate, level)` ranks a level.
template <class KeyOf>
class Merged {
 public:
  Merged(const Candidates& candidates, Mask chosen, KeyOf key_of)
      : candidates_(candidates), key_of_(key_of) {
    for (std::size_t i = 0; i < candidates.count; ++i) {
      if ((chosen & bit(i)) == 0) continue;
      heads_[heads_count_] = {{}, static_cast<std::uint8_t>(i), 0};
      settle(heads_[heads_count_++]);
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
  struct Head {
    Key key;
    std::uint8_t candidate;
    std::uint8_t level;
  };
  static constexpr Key kExhausted{kInt64Max, kInt64Max};

  const Candidates& candidates_;
  KeyOf key_of_;
  std::size_t heads_count_ = 0;
  std::size_t places_count_ = 0;
  std::array<Head, kMaxVenues> heads_;
  std::array<Place, kMaxVenues * kMaxLevels> places_;

  // Moves a head to its next level that offers anything.
  void settle(Head& head) {
    const Candidate& candidate = candidates_[head.candidate];
    while (head.level < candidate.levels_count &&
           candidate.levels[head.level].available_units == 0) {
      ++head.level;
    }
    head.key = head.level < candidate.levels_count
                   ? key_of_(candidate, candidate.levels[head.level])
                   : kExhausted;
  }

  bool take() {
    Head* best = nullptr;
    Key least = kExhausted;
    // Heads stand in rank order, so the first of equals wins.
    for (std::size_t i = 0; i < heads_count_; ++i) {
      const Key key = heads_[i].key;
      const bool better =
          key.primary < least.primary || (key.primary == least.primary && key.cost < least.cost);
      best = better ? &heads_[i] : best;
      least = better ? key : least;
    }
    if (best == nullptr) return false;
    places_[places_count_++] = {best->candidate, best->level++};
    settle(*best);
    return true;
  }
};

// Dearest cost that the policy's own order of venues may override.
std::int64_t tolerance_bound(const Policy& policy, const Candidates& candidates, Mask chosen) {
  std::int64_t cost = kInt64Max;
  std::int64_t price = 0;
  std::size_t best = 0;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    if ((chosen & bit(i)) == 0) continue;
    for (std::size_t l = 0; l < candidates[i].levels_count; ++l) {
      const PricedLevel& level = candidates[i].levels[l];
      if (level.available_units == 0 || level.cost_nanos > cost) continue;
      // Of equal costs the first venue counts, and there the lowest price.
      if (level.cost_nanos == cost && (i != best || level.price_nanos >= price)) continue;
      cost = level.cost_nanos;
      price = level.price_nanos;
      best = i;
    }
  }
  return cost == kInt64Max ? 0 : cost + scale_e9(price, policy.tolerance_e9);
}

struct PolicyKey {
  const Policy& policy;
  std::int64_t bound;

  Key operator()(const Candidate& candidate, const PricedLevel& level) const {
    return {level.cost_nanos <= bound ? primary(candidate) : kInt64Max, level.cost_nanos};
  }
  std::int64_t primary(const Candidate& candidate) const {
    if (policy.kind == number(PolicyKind::FASTEST)) return candidate.ack_ns;
    if (policy.kind == number(PolicyKind::PREFERRED)) {
      const std::uint8_t rank = policy.preferred[candidate.venue];
      return rank != 0 ? rank - 1 : kInt64Max;
    }
    return 0;
  }
};

struct TouchKey {
  std::int64_t sign;

  Key operator()(const Candidate&, const PricedLevel& level) const {
    return {0, sign * level.price_nanos};
  }
};

using PolicyOrder = Merged<PolicyKey>;

PolicyOrder policy_order(const Policy& policy, const Candidates& candidates, Mask chosen) {
  return {candidates, chosen, PolicyKey{policy, tolerance_bound(policy, candidates, chosen)}};
}

int128 cost_of(std::int64_t sign, const PricedLevel& level, std::int64_t units) {
  return int128{sign * level.price_nanos + level.fee_nanos} * units;
}

void clear(Plan& plan) {
  plan.count = 0;
  plan.units = 0;
  plan.cost = 0;
}

// Gives an allocation what it may take of a level; returns the units taken.
std::int64_t take_level(Allocation& allocation, const Candidate& candidate, std::size_t index,
                        std::int64_t sign, std::int64_t left) {
  const PricedLevel& level = candidate.levels[index];
  allocation.seen_units += level.available_units;
  const std::int64_t target = std::min(allocation.seen_units, allocation.units + left);
  const std::int64_t lot = candidate.terms->lot_units;
  const std::int64_t take = target - (lot == 1 ? 0 : target % lot) - allocation.units;
  if (take <= 0) return 0;
  allocation.units += take;
  allocation.limit_nanos = level.price_nanos;
  allocation.levels = static_cast<std::uint8_t>(index + 1);
  allocation.displayed_units = allocation.seen_units;
  allocation.cost += cost_of(sign, level, take);
  return take;
}

void greedy(const Order& order, const Policy& policy, const Candidates& candidates,
            PolicyOrder& places, Mask chosen, std::int64_t wanted, Plan& plan) {
  std::array<Allocation, kMaxVenues> used;
  Mask started = 0;
  Mask filled = 0;
  std::int64_t left = wanted;
  std::size_t children = 0;
  const Place* place = nullptr;
  for (std::size_t n = 0; left > 0 && (place = places.at(n)) != nullptr; ++n) {
    const std::uint8_t i = place->candidate;
    if ((chosen & bit(i)) == 0) continue;
    if ((started & bit(i)) == 0) used[i] = Allocation{i, 0, 0, 0, 0, 0, 0};
    started |= bit(i);
    if ((filled & bit(i)) == 0 && children == policy.max_children) continue;
    const std::int64_t take =
        take_level(used[i], candidates[i], place->level, order.sign(), left);
    if (take == 0) continue;
    children += (filled & bit(i)) == 0;
    filled |= bit(i);
    left -= take;
  }
  plan.count = 0;
  plan.units = wanted - left;
  plan.cost = 0;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    if ((filled & bit(i)) == 0) continue;
    plan.cost += used[i].cost;
    plan.parts[plan.count++] = used[i];
  }
}

// Greedy, again without the first venue (by rank) that ends below its minimum size.
void with_minimums(const Order& order, const Policy& policy, const Candidates& candidates,
                   PolicyOrder& places, Mask chosen, std::int64_t wanted, Plan& plan) {
  for (;;) {
    greedy(order, policy, candidates, places, chosen, wanted, plan);
    const Allocation* const begin = plan.parts.data();
    const Allocation* const end = begin + plan.count;
    const Allocation* const low = std::find_if(begin, end, [&](const Allocation& part) {
      return part.units < candidates[part.candidate].terms->min_units;
    });
    if (low == end) return;
    chosen &= ~bit(low->candidate);
  }
}

// Everything to the first venue in the policy's order whose lot and minimum allow any.
void one_venue(const Order& order, const Policy& policy, const Candidates& candidates,
               PolicyOrder& places, std::int64_t wanted, Plan& plan) {
  clear(plan);
  Mask tried = 0;
  const Place* place = nullptr;
  for (std::size_t n = 0; plan.units == 0 && (place = places.at(n)) != nullptr; ++n) {
    const Mask venue = bit(place->candidate);
    if ((tried & venue) != 0) continue;
    tried |= venue;
    with_minimums(order, policy, candidates, places, venue, wanted, plan);
  }
}

Mask eligible(const Candidates& candidates) {
  Mask mask = 0;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    mask |= Mask{candidates.is_eligible(i)} << i;
  }
  return mask;
}

// FOK: the cheapest venue that can fill everything, or nothing.
void allocate_whole(const Order& order, const Policy& policy, const Candidates& candidates,
                    std::int64_t wanted, Plan& best) {
  clear(best);
  Plan plan;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    if (!candidates.is_eligible(i) || candidates[i].available_units < wanted) continue;
    PolicyOrder places = policy_order(policy, candidates, bit(i));
    with_minimums(order, policy, candidates, places, bit(i), wanted, plan);
    if (plan.units == wanted && (best.units == 0 || plan.cost < best.cost)) best = plan;
  }
}

}  // namespace

void allocate(const Order& order, const Policy& policy, const Candidates& candidates,
              std::int64_t wanted, Plan& plan) {
  if (order.is_fok()) {
    allocate_whole(order, policy, candidates, wanted, plan);
    return;
  }
  const Mask chosen = eligible(candidates);
  PolicyOrder places = policy_order(policy, candidates, chosen);
  if (policy.split != 0) {
    with_minimums(order, policy, candidates, places, chosen, wanted, plan);
  } else {
    one_venue(order, policy, candidates, places, wanted, plan);
  }
}

Baseline best_price(const Order& order, const Candidates& candidates, std::int64_t wanted) {
  const Candidate* touch = nullptr;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    if (!candidates.is_eligible(i)) continue;
    if (touch == nullptr || order.sign() * candidates[i].value < order.sign() * touch->value) {
      touch = &candidates[i];
    }
  }
  Baseline found;
  for (std::size_t l = 0; touch != nullptr && l < touch->levels_count; ++l) {
    const std::int64_t take =
        std::min(wanted - found.units, touch->levels[l].available_units);
    found.units += take;
    found.cost += cost_of(order.sign(), touch->levels[l], take);
  }
  return found;
}

Baseline fee_blind_sweep(const Order& order, const Candidates& candidates, std::int64_t wanted) {
  Merged<TouchKey> places(candidates, eligible(candidates), TouchKey{order.sign()});
  Baseline found;
  const Place* place = nullptr;
  for (std::size_t n = 0; found.units < wanted && (place = places.at(n)) != nullptr; ++n) {
    const PricedLevel& level = candidates[place->candidate].levels[place->level];
    const std::int64_t take = std::min(wanted - found.units, level.available_units);
    found.units += take;
    found.cost += cost_of(order.sign(), level, take);
  }
  return found;
}

}  // namespace venuefold
