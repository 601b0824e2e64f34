#include "probes.hpp"

#include <algorithm>

#include "inventory.hpp"
#include "shard.hpp"

namespace venuefold::probes {
namespace {

constexpr std::int64_t kMinuteNs = 60 * std::int64_t{1'000'000'000};

// Children of one decision.
std::size_t most_children(const Policy& policy) {
  return policy.split != 0 ? std::size_t{policy.max_children} : 1;
}

// Only parents that can wait for another lot, and a policy with room for another child.
bool may_probe(const Order& order, const Policy& policy, const Plan& plan) {
  const bool bound = order.is_immediate() || order.is_whole() || order.least_units() != 0 ||
                     order.is_post_only();
  return !bound && plan.count < most_children(policy);
}

// Whether the venue is kept out by its health alone, or has told too little.
bool wants(const Shard& shard, const Order& order, const Candidate& candidate) {
  const VenueQuality& venue = shard.venues[candidate.venue];
  if (shard.log_ns < venue.probe_due_ns) return false;
  if (candidate.reason == Reason::VENUE_HEALTH) {
    return venue.health == HealthState::DEGRADED || venue.health == HealthState::COOLING;
  }
  const std::uint32_t children = shard.tables.settings().probe_children;
  if (candidate.reason != Reason::NONE || children == 0) return false;
  const Tick& tick = shard.books.tick(order.record.instrument, candidate.venue);
  const double known =
      candidate.terms->fill.effective(tick.clock.at(shard.log_ns), shard.tables.grids().fill);
  return known < static_cast<double>(children);
}

FeeTerms taker_terms(const Shard& shard, const Order& order, const Candidate& candidate,
                     std::int64_t touch) {
  const NewOrder& record = order.record;
  const FeeTier* line = shard.tables.fees().find(
      candidate.venue, Account(record.account), record.instrument, number(Liquidity::TAKE));
  if (line != nullptr) return terms_at(*line, touch);
  return {candidate.terms->take_fixed_nanos, candidate.terms->take_rate_e9};
}

// One lot at the touch, priced as any child is.
Allocation part_of(const Shard& shard, const Order& order, const Candidate& candidate,
                   std::uint8_t index, std::int64_t lot_units) {
  const Terms& terms = *candidate.terms;
  const std::size_t side = order.side_index();
  const Level touch =
      shard.books.tick(order.record.instrument, candidate.venue).touch[1 - side];
  const std::int64_t lot = std::max(lot_units, terms.lot_units);
  const std::int64_t least = std::max(terms.min_units, std::int64_t{1});
  const std::int64_t units = (least - 1) / lot * lot + lot;
  const std::int64_t fee = taker_terms(shard, order, candidate, touch.nanos).per_one(touch.nanos);
  const int128 cost = int128{order.sign() * touch.nanos + fee} * units;
  const std::int64_t own = terms.in_flight[side] + terms.unreflected[side];
  return {.candidate = index,
          .levels = 1,
          .flags = number(AllocationFlag::PROBE),
          .units = units,
          .limit_nanos = touch.nanos,
          .displayed_units = touch.units - own,
          .send_delay_ns = 0,
          .cost = cost,
          .added = 0,
          .ranked = cost};
}

}  // namespace

Allocation find(const Shard& shard, const Order& order, const Policy& policy,
                const Candidates& candidates, std::int64_t protected_nanos, const Plan& plan) {
  if (shard.tables.settings().probes_per_minute == 0 || !may_probe(order, policy, plan)) return {};
  Mask used = 0;
  for (std::size_t p = 0; p < plan.count; ++p) used |= bit(plan.parts[p].candidate);
  std::int64_t lots = 1;
  for_each_bit(candidates.eligible, [&](std::size_t i) {
    lots = std::max(lots, candidates[i].terms->lot_units);
  });
  const std::int64_t sign = order.sign();
  for (std::size_t i = 0; i < candidates.count; ++i) {
    const Candidate& candidate = candidates[i];
    if ((used & bit(i)) != 0 || !wants(shard, order, candidate)) continue;
    const Allocation part = part_of(shard, order, candidate, static_cast<std::uint8_t>(i), lots);
    const std::int64_t limit = sign * part.limit_nanos;
    if (limit > sign * order.limit_nanos) continue;
    if (protected_nanos != 0 && limit > sign * protected_nanos) continue;
    if (part.limit_nanos % candidate.terms->tick_nanos != 0) continue;
    if (part.units % candidate.terms->lot_units != 0) continue;
    if (part.units > inventory::free_units(shard, order, candidate.venue)) continue;
    if (part.units < order.free_units() && part.units <= part.displayed_units) return part;
  }
  return {};
}

void add(Shard& shard, const Order& order, const Policy& policy, const Candidates& candidates,
         const Allocation& probe, Plan& plan) {
  if (plan.units + probe.units > order.free_units()) return;
  if (plan.count >= most_children(policy)) return;
  for (std::size_t p = 0; p < plan.count; ++p) {
    const bool posts = (plan.parts[p].flags & number(AllocationFlag::POST)) != 0;
    if (posts || plan.parts[p].candidate == probe.candidate) return;
  }
  const Candidate& candidate = candidates[probe.candidate];
  plan.parts[plan.count++] = probe;
  plan.units += probe.units;
  plan.cost += probe.cost;
  plan.ranked += probe.ranked;
  plan.ticket_nanos += candidate.terms->ticket_nanos + policy.ticket_nanos;
  VenueQuality& venue = shard.venues[candidate.venue];
  const auto per_minute = std::int64_t{shard.tables.settings().probes_per_minute};
  venue.probe_due_ns = shard.log_ns + (kMinuteNs + per_minute - 1) / per_minute;
  ++venue.probes;
  shard.venues.dirty |= std::uint64_t{1} << candidate.venue;
}

}  // namespace venuefold::probes
