#include "dark.hpp"

#include <algorithm>

#include "beliefs.hpp"
#include "pricing.hpp"
#include "router.hpp"
#include "shard.hpp"

namespace venuefold::dark {
namespace {

constexpr auto kMid = number(Liquidity::MID);
constexpr double kMostHundredths = 1e15;

struct Verdict {
  Reason reason = Reason::NONE;
  std::int64_t value = 0;
};

// What all pools of one decision share.
struct View {
  const Order& order;
  const Policy& policy;
  std::int64_t mid_x2;
  std::int64_t budget;
};

// Twice the midpoint of the protected best, or of the displayed where none is protected; 0 where a
// side is missing or there is no room between the two.
std::int64_t midpoint_x2(const BestPrices& best) {
  if (best.protected_bid != 0 && best.protected_ask != 0) {
    return best.protected_bid < best.protected_ask ? best.protected_bid + best.protected_ask : 0;
  }
  if (best.displayed_bid == 0 || best.displayed_ask == 0) return 0;
  return best.displayed_bid < best.displayed_ask ? best.displayed_bid + best.displayed_ask : 0;
}

// The midpoint on the passive side of half a tick.
std::int64_t peg_nanos(std::int64_t mid_x2, std::int64_t sign, std::int64_t tick_nanos) {
  const std::int64_t off = mid_x2 % tick_nanos;
  if (sign > 0) return (mid_x2 - off) / 2;
  const std::int64_t up = off == 0 ? mid_x2 : mid_x2 - off + tick_nanos;
  return up / 2 + up % 2;
}

Verdict exclusion(const Shard& shard, const View& view, std::uint8_t venue) {
  if (view.policy.dark_percent == 0) return {Reason::DARK_NOT_ALLOWED, 0};
  // What must be whole is sent only where it is seen to be there.
  if (view.order.is_whole() || view.order.least_units() != 0) return {Reason::DARK_NOT_ALLOWED, 1};
  const std::uint64_t visited = view.order.visited_seq(venue);
  if (visited != 0) return {Reason::ALREADY_VISITED, static_cast<std::int64_t>(visited)};
  if (shard.tables.settings().health_ns == 0) return {};
  const HealthState health = shard.venues[venue].health;
  const bool tolerated = health == HealthState::DEGRADED && view.policy.allow_degraded != 0;
  if (health == HealthState::UP || tolerated) return {};
  return {Reason::VENUE_HEALTH, number(health)};
}

// What a midpoint fill costs; false where nobody has said it.
bool find_fee(Shard& shard, const View& view, Candidate& candidate, std::int64_t price) {
  const std::uint8_t venue = candidate.venue;
  const NewOrder& record = view.order.record;
  const FeeTier* const line =
      shard.tables.fees().find(venue, Account(record.account), record.instrument, kMid);
  if (line != nullptr) {
    candidate.fee = terms_at(*line, price);
    candidate.bounds = bounds_of(line);
    return true;
  }
  if ((shard.books.terms(record.instrument, venue).fee_known >> kMid & 1) == 0) return false;
  const Contract& contract = shard.books.contract(record.instrument, venue);
  candidate.bounds = nullptr;
  candidate.fee = {contract.fee_fixed_nanos[kMid], contract.fee_rate_e9[kMid]};
  return true;
}

// Mid move against our fills there, shrunk to none; negative where it runs away from us.
double adverse_bps(Shard& shard, const View& view, std::uint8_t venue) {
  if (view.policy.dark_horizon == 0) return 0.0;
  const std::uint32_t instrument = view.order.record.instrument;
  const std::int64_t now_ns = shard.books.tick(instrument, venue).clock.at(shard.log_ns);
  return shard.books.evidence(instrument, venue)
      .mid[view.policy.dark_horizon - 1u]
      .shrunk(now_ns, shard.tables.grids().impact, 0.0, shard.tables.priors().fill_weight);
}

// Size that may be asked for; false where it is less than anybody would send.
bool find_size(const Shard& shard, const View& view, Candidate& candidate) {
  const std::int64_t round_lot =
      shard.books[view.order.record.instrument].record.round_lot_units;
  const Terms& terms = *candidate.terms;
  const std::int64_t least = std::max(
      {terms.min_units, view.policy.dark_min_lots * round_lot, std::int64_t{1}});
  const std::int64_t rest = least % terms.lot_units;
  candidate.least_units = rest == 0 ? least : least - rest + terms.lot_units;
  candidate.own_units = terms.in_flight[view.order.side_index()];
  const std::int64_t free = std::max(std::int64_t{0}, view.budget - candidate.own_units);
  candidate.available_units = free - free % terms.lot_units;
  return candidate.available_units >= candidate.least_units;
}

// Fills in price, size and quality values.
Verdict offer(Shard& shard, const View& view, Candidate& candidate) {
  const std::int64_t sign = view.order.sign();
  const std::int64_t price = peg_nanos(view.mid_x2, sign, candidate.terms->tick_nanos);
  if (view.mid_x2 == 0 || price <= 0 || price > kMaxPriceNanos) {
    return {Reason::NO_MIDPOINT, view.mid_x2};
  }
  if (sign * price > sign * view.order.limit_nanos) return {Reason::BEYOND_LIMIT, price};
  if (!find_fee(shard, view, candidate, price)) {
    return {Reason::FEE_UNKNOWN, kMid};
  }
  candidate.adverse_bps = adverse_bps(shard, view, candidate.venue);
  const std::int64_t hundredths = floor_to_int64(
      std::min(std::max(candidate.adverse_bps * 100.0, -kMostHundredths), kMostHundredths));
  const std::int64_t tolerated = view.policy.dark_toxic_cbps;
  if (tolerated != 0 && (hundredths > tolerated || hundredths < -tolerated)) {
    return {Reason::DARK_TOXIC, hundredths};
  }
  if (!find_size(shard, view, candidate)) {
    return {Reason::DARK_MINIMUM, candidate.available_units};
  }
  const std::uint32_t instrument = view.order.record.instrument;
  believe(shard, shard.books[instrument], candidate,
          shard.books.tick(instrument, candidate.venue).clock.at(shard.log_ns));
  candidate.hidden_units = candidate.impact_nanos = candidate.balance_nanos = 0;
  candidate.ticket_nanos = candidate.terms->ticket_nanos + view.policy.ticket_nanos;
  candidate.touch_fee_nanos = candidate.fee_nanos(price);
  candidate.levels_count = 1;
  candidate.levels[0] = {price, candidate.available_units, candidate.available_units};
  candidate.size_bits = candidate.available_units;
  return {Reason::NONE, price};
}

// What gather said of all eligible candidates.
void sum_up(Candidates& candidates) {
  std::int64_t lots_any = 0;
  std::int64_t lots_all = -1;
  for_each_bit(candidates.eligible, [&](std::size_t i) {
    candidates.has_tickets |= candidates[i].ticket_nanos != 0 || candidates[i].bounds != nullptr;
    lots_any |= candidates[i].terms->lot_units;
    lots_all &= candidates[i].terms->lot_units;
  });
  candidates.has_unequal_lots = candidates.eligible != 0 && lots_any != lots_all;
}

}  // namespace

std::int64_t include(Shard& shard, const Order& order, const Policy& policy,
                     const BestPrices& best, Candidates& candidates) {
  candidates.darks = 0;
  const std::int64_t budget = order.free_units() * policy.dark_percent / 100;
  if (shard.tables.dark() == 0) return budget;
  const View view{order, policy, midpoint_x2(best), budget};
  for (std::size_t i = 0; i < candidates.count; ++i) {
    Candidate& candidate = candidates[i];
    const bool is_dark = (shard.tables.dark() >> candidate.venue & 1) != 0;
    if (!is_dark || candidate.reason != Reason::NO_QUOTE) continue;
    candidate.age_ns = 0;
    Verdict verdict = exclusion(shard, view, candidate.venue);
    if (verdict.reason == Reason::NONE) verdict = offer(shard, view, candidate);
    candidate.reason = verdict.reason;
    candidate.value = verdict.value;
    if (verdict.reason == Reason::NONE) candidates.darks |= std::uint64_t{1} << i;
  }
  if (candidates.darks == 0) return budget;
  candidates.eligible |= candidates.darks;
  sum_up(candidates);
  return budget;
}

void charge(const Charges& charges, Candidates& candidates) {
  const std::uint64_t darks = candidates.darks & candidates.eligible;
  for_each_bit(darks, [&](std::size_t i) {
    Candidate& candidate = candidates[i];
    const std::int64_t fee = charges.fee_aware ? candidate.touch_fee_nanos : 0;
    const std::int64_t rank = charges.sign * candidate.value + fee;
    candidate.missed_nanos = std::max(std::int64_t{0}, charges.last_nanos - rank);
    const double move = candidate.adverse_bps * 0.0001 * static_cast<double>(charges.price_nanos);
    const std::int64_t sure = 65536 - candidate.misses[0];
    const auto filled = static_cast<std::int64_t>(int128{bounded_nanos(move)} * sure >> 16);
    candidate.impact_nanos = filled + scale_e9(bounded_nanos(-move), charges.remainder_e9);
  });
}

}  // namespace venuefold::dark
