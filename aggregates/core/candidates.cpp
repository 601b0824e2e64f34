#include "candidates.hpp"

#include "shard.hpp"

namespace venuefold {
namespace {

constexpr std::uint8_t kTakeBit = 1 << number(Liquidity::TAKE);

// What all candidates of one decision share. Steps are of the families' grids.
struct View {
  const Order& order;
  const Policy& policy;
  const Priors& priors;
  std::int64_t now_ns;
  std::int64_t fill_step;
  std::int64_t speed_step;
  double penalty;
  std::uint64_t kill_mask;
  std::uint64_t allowed_mask;
  std::int64_t sign;
  std::size_t side;
};

View view_of(Shard& shard, const Order& order, const Policy& policy) {
  const std::uint64_t allowed = order.record.venues_allowed;
  return {order,
          policy,
          shard.tables.priors(),
          shard.log_ns,
          shard.tables.fill.step(shard.log_ns),
          shard.tables.speed.step(shard.log_ns),
          static_cast<double>(policy.miss_penalty_e9) / static_cast<double>(kE9),
          shard.tables.venue_kills(),
          (allowed != 0 ? allowed : ~std::uint64_t{0}) & ~order.record.venues_banned,
          order.sign(),
          order.side_index()};
}

struct Exclusion {
  Reason reason = Reason::NONE;
  std::int64_t value = 0;
};

// First reason, in the order of the codes, that keeps a venue out before pricing.
Exclusion exclusion(const View& view, const Candidate& candidate, const Tick& tick,
                    std::uint8_t venue_status) {
  const std::uint8_t venue = candidate.venue;
  const Terms& terms = *candidate.terms;
  constexpr std::uint8_t open = number(VenueStatus::OPEN);
  if ((view.allowed_mask >> venue & 1) == 0) return {Reason::NOT_ALLOWED, venue};
  if ((view.kill_mask >> venue & 1) != 0) return {Reason::VENUE_KILLED, venue};
  if (venue_status != open) return {Reason::VENUE_NOT_OPEN, venue_status};
  if (terms.status != open) return {Reason::VENUE_NOT_OPEN, terms.status};
  if (tick.touch[1 - view.side].units == 0) return {Reason::NO_QUOTE, 0};
  if (candidate.age_ns > view.policy.stale_ns) return {Reason::STALE_QUOTE, candidate.age_ns};
  const std::int64_t bid = tick.touch[0].nanos;
  const std::int64_t ask = tick.touch[1].nanos;
  if (0 < ask && ask < bid) return {Reason::CROSSED_BOOK, bid - ask};
  const std::uint64_t visited = view.order.visited[venue];
  if (visited >= tick.quote_seq) {
    return {Reason::ALREADY_VISITED, static_cast<std::int64_t>(visited)};
  }
  if ((terms.fee_known & kTakeBit) == 0) return {Reason::FEE_UNKNOWN, 0};
  return {};
}

// Levels within the limit, each strictly worse than the one before; ours is netted first.
void price_levels(const View& view, Candidate& candidate, const Tick& tick, const Deep& deep) {
  const Terms& terms = *candidate.terms;
  const std::size_t far_side = 1 - view.side;
  const std::int64_t limit = view.sign * view.order.limit_nanos;
  std::int64_t own = candidate.own_units;
  std::int64_t previous = 0;
  for (std::size_t i = 0; i < view.policy.max_levels; ++i) {
    const Level level = i == 0 ? tick.touch[far_side] : deep.levels[far_side][i - 1];
    const std::int64_t signed_price = view.sign * level.nanos;
    if (level.units == 0 || signed_price > limit) break;
    if (previous != 0 && signed_price <= view.sign * previous) break;
    const std::int64_t netted = std::min(own, level.units);
    own -= netted;
    previous = level.nanos;
    const std::int64_t fee =
        terms.take_fixed_nanos + scale_e9(level.nanos, terms.take_rate_e9);
    const std::int64_t cost =
        signed_price + (view.policy.fee_aware != 0 ? fee : 0) + candidate.miss_nanos;
    candidate.levels[candidate.levels_count++] = {level.nanos, level.units, level.units - netted,
                                                  fee, cost};
    candidate.available_units += level.units - netted;
  }
}

// Fills in levels, costs and quality values; excludes a venue with nothing to offer.
Exclusion price(const View& view, Candidate& candidate, const Tick& tick, const Deep& deep,
                std::int64_t ack_prior_ns) {
  const Terms& terms = *candidate.terms;
  const std::int64_t touch = tick.touch[1 - view.side].nanos;
  if (view.sign * touch > view.sign * view.order.limit_nanos) {
    return {Reason::BEYOND_LIMIT, touch};
  }
  // At most 8192 open parents of 1e15 units in flight and 1e18 unreflected: inside 64 bits.
  candidate.own_units = terms.in_flight[view.side] + tick.unreflected[view.side];
  candidate.fill_ratio = fill_ratio(terms, view.fill_step, view.priors);
  candidate.miss_nanos = floor_to_int64((1.0 - candidate.fill_ratio) * view.penalty *
                                        static_cast<double>(touch));
  candidate.ack_ns = floor_to_int64(ack_ns(terms, view.speed_step, ack_prior_ns, view.priors));
  price_levels(view, candidate, tick, deep);
  if (candidate.available_units == 0) return {Reason::NOTHING_AVAILABLE, candidate.own_units};
  if (candidate.available_units < std::max(terms.lot_units, terms.min_units)) {
    return {Reason::BELOW_LOT, candidate.available_units};
  }
  return {Reason::NONE, touch};
}

}  // namespace

void gather(Shard& shard, const Order& order, const Policy& policy, Candidates& found) {
  const View view = view_of(shard, order, policy);
  const std::uint32_t instrument = order.record.instrument;
  const std::uint64_t modelled = shard.books[instrument].modelled;
  found.count = 0;
  for (const std::uint8_t venue : shard.tables.rank_order()) {
    Terms& terms = shard.books.terms(instrument, venue);
    if (terms.listed == 0) continue;
    const Tick& tick = shard.books.tick(instrument, venue);
    const VenueEntry& entry = shard.tables.venue(venue);
    Candidate& candidate = found[found.count++];
    candidate.venue = venue;
    candidate.levels_count = 0;
    candidate.modelled = modelled >> venue & 1;
    candidate.age_ns = view.now_ns - tick.quote_ns;
    candidate.terms = &terms;
    candidate.available_units = 0;
    Exclusion verdict = exclusion(view, candidate, tick, entry.status);
    if (verdict.reason == Reason::NONE) {
      verdict = price(view, candidate, tick, shard.books.deep(instrument, venue),
                      entry.record.ack_prior_ns);
    }
    candidate.reason = verdict.reason;
    candidate.value = verdict.value;
  }
}

}  // namespace venuefold
