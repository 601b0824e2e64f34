#include "state_quality.hpp"

#include <array>
#include <cstring>
#include <type_traits>

#include "book.hpp"

namespace venuefold::state {
namespace {

constexpr bool is_time(std::int64_t time_ns) { return within(0, time_ns, kMaxTimeNs); }

constexpr bool is_clock(const SessionClock& clock) {
  return is_time(clock.paused_ns) && within(SessionClock::kRunning, clock.since_ns, kMaxTimeNs) &&
         (clock.is_running() || clock.paused_ns <= clock.since_ns);
}

constexpr bool is_level(std::int64_t nanos, std::int64_t units) {
  return within(0, nanos, kMaxPriceNanos) && within(0, units, kMaxUnits);
}

// A row's moments in canonical order; its parts are const or not.
template <class TickRow, class TermsRow, class EvidenceRow>
auto row_moments(TickRow& tick, TermsRow& terms, EvidenceRow& e) {
  std::array<decltype(&tick.delay), kRowMoments> found{
      &tick.delay,   &terms.fill,        &terms.ack,          &e.first_fill_ns,
      &e.reject,     &e.hidden_units,    &e.effective_bps,    &e.improvement_bps,
      &e.all_in_bps, &tick.refill_ns[0], &tick.refill_ns[1]};
  for (std::size_t h = 0; h < kHorizons; ++h) {
    found[11 + h] = &e.added[h];
    found[11 + kHorizons + h] = &e.realised[h];
    found[11 + 2 * kHorizons + h] = &e.removed[h];
    found[11 + 3 * kHorizons + h] = &e.mid[h];
  }
  return found;
}

void encode_terms(Row& row, const Terms& terms, const Contract& contract) {
  row.status = terms.status;
  row.fee_known = terms.fee_known;
  row.tick_nanos = terms.tick_nanos;
  row.lot_units = terms.lot_units;
  row.min_units = terms.min_units;
  row.ticket_nanos = terms.ticket_nanos;
  for (std::size_t code = 0; code < kLiquidityCodes; ++code) {
    row.fees[code] = {contract.fee_fixed_nanos[code], contract.fee_rate_e9[code]};
  }
  std::copy_n(terms.in_flight, 2, row.in_flight);
  std::copy_n(terms.unreflected, 2, row.unreflected);
  row.fills = terms.fills;
}

void encode_tick(Row& row, const Tick& tick, const Deep& deep) {
  row.quote_ns = tick.quote_ns;
  row.quote_seq = tick.quote_seq;
  for (std::size_t side = 0; side < 2; ++side) row.near_units[side] = tick.near_units(side);
  for (std::size_t side = 0; side < 2; ++side) {
    row.depleted_nanos[side] = tick.depleted_nanos[side];
    row.depleted_ns[side] = tick.depleted_ns[side];
  }
  row.quotes = tick.quotes;
  row.trades = tick.trades;
  row.then_ns = tick.then_ns;
  std::copy_n(tick.sums, TIME_SUMS, row.sums);
  row.delay_min_ns = tick.delay_min_ns;
  row.delay_before_ns = tick.delay_before_ns;
  row.delay_p90_ns = tick.delay_p90_ns;
  row.levels[0] = {tick.touch[0].nanos, tick.touch[0].units, tick.touch[1].nanos,
                   tick.touch[1].units};
  for (std::size_t l = 1; l < kMaxLevels; ++l) {
    const Level bid = deep.level(0, l);
    const Level ask = deep.level(1, l);
    row.levels[l] = {bid.nanos, bid.units, ask.nanos, ask.units};
  }
}

bool decode_terms(const Row& row, Books& books, std::size_t instrument, std::size_t venue) {
  Book& book = books[instrument];
  Terms& terms = books.terms(instrument, venue);
  books.mark(instrument, venue, row.modelled != 0,
             row.unreflected[0] != 0 || row.unreflected[1] != 0);
  book.dirty |= std::uint64_t{row.dirty != 0} << venue;
  book.dirty_execution |= std::uint64_t{row.dirty_execution != 0} << venue;
  book.listed |= std::uint64_t{row.listed != 0} << venue;
  books.set_status(instrument, venue, row.status);
  terms.tick_nanos = row.tick_nanos;
  terms.lot_units = row.lot_units;
  terms.min_units = row.min_units;
  terms.ticket_nanos = row.ticket_nanos;
  for (std::uint8_t code = 0; code < kLiquidityCodes; ++code) {
    books.set_fee(instrument, venue, code, row.fees[code].fixed_nanos, row.fees[code].rate_e9);
  }
  books.set_fee_known(instrument, venue, static_cast<std::uint8_t>(row.fee_known));
  std::copy_n(row.in_flight, 2, terms.in_flight);
  std::copy_n(row.unreflected, 2, terms.unreflected);
  terms.paused_ns = row.session.paused_ns;
  terms.fills = row.fills;
  return within(1, row.tick_nanos, kMaxUnits) && row.lot_units >= 1 &&
         row.fee_known < 1u << kLiquidityCodes;
}

bool decode_tick(const Row& row, Books& books, std::size_t instrument, std::size_t venue) {
  Tick& tick = books.tick(instrument, venue);
  tick.quote_ns = row.quote_ns;
  tick.quote_seq = row.quote_seq;
  tick.depleted_nanos = Sides{row.depleted_nanos[0], row.depleted_nanos[1]};
  tick.depleted_ns = Sides{row.depleted_ns[0], row.depleted_ns[1]};
  tick.quotes = row.quotes;
  tick.trades = row.trades;
  tick.clock = RowClock::of(row.session);
  tick.then_ns = row.then_ns;
  std::copy_n(row.sums, TIME_SUMS, tick.sums);
  tick.delay_min_ns = row.delay_min_ns;
  tick.delay_before_ns = row.delay_before_ns;
  tick.delay_p90_ns = row.delay_p90_ns;
  tick.touch[0] = {row.levels[0].bid_nanos, row.levels[0].bid_units};
  tick.touch[1] = {row.levels[0].ask_nanos, row.levels[0].ask_units};
  for (std::size_t side = 0; side < 2; ++side) {
    // Hostile bytes are refused below, so here they must only be harmless: unsigned, it may wrap.
    tick.deep_units[side] =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(row.near_units[side]) -
                                  static_cast<std::uint64_t>(tick.touch[side].units));
  }
  for (std::size_t l = 1; l < kMaxLevels; ++l) {
    books.store_deep(instrument, venue, l, {row.levels[l].bid_nanos, row.levels[l].bid_units},
                     {row.levels[l].ask_nanos, row.levels[l].ask_units});
  }
  for (const std::int64_t units : row.near_units) {
    if (!within(0, units, kMaxLevels * kMaxUnits)) return false;
  }
  for (const LevelPair& level : row.levels) {
    if (!is_level(level.bid_nanos, level.bid_units)) return false;
    if (!is_level(level.ask_nanos, level.ask_units)) return false;
  }
  return is_time(row.quote_ns) && is_time(row.then_ns) && is_clock(row.session) &&
         is_time(row.depleted_ns[0]) && is_time(row.depleted_ns[1]);
}

// Whether a row's children have taught nothing; -0.0, which nobody writes, counts as something.
static_assert(std::is_trivially_copyable_v<Evidence>);
bool is_empty(const Evidence& evidence) {
  static const Evidence nothing;
  return std::memcmp(&evidence, &nothing, sizeof evidence) == 0;
}

}  // namespace

Moments encode(const venuefold::Moments& moments) {
  return {moments.then_ns, moments.weight, moments.weight_squares, moments.total,
          moments.squares, moments.jumps,  moments.last};
}

bool decode(const Moments& record, venuefold::Moments& moments) {
  moments = {record.then_ns, record.weight, record.total, record.squares, record.jumps,
             record.weight_squares, record.last};
  return is_time(record.then_ns);
}

Row encode_row(const Books& books, std::size_t instrument, std::size_t venue) {
  const Book& book = books[instrument];
  const Terms& terms = books.terms(instrument, venue);
  const Evidence& evidence = books.evidence(instrument, venue);
  Row row{};
  row.listed = book.listed >> venue & 1;
  row.modelled = book.modelled >> venue & 1;
  row.dirty = book.dirty >> venue & 1;
  row.dirty_execution = book.dirty_execution >> venue & 1;
  encode_terms(row, terms, books.contract(instrument, venue));
  const Tick& tick = books.tick(instrument, venue);
  encode_tick(row, tick, books.deep(instrument, venue));
  row.session = tick.clock.spelled(terms.paused_ns);
  row.survival_then_ns = terms.survival_then_ns;
  for (std::size_t i = 0; i < kSurvivalSizes; ++i) {
    row.trials[i] = terms.survival.sizes[i].trials;
    row.success[i] = terms.survival.sizes[i].success;
  }
  row.fee_mismatches = evidence.fee_mismatches;
  row.fee_expected_nanos = evidence.fee_expected_nanos;
  row.fee_charged_nanos = evidence.fee_charged_nanos;
  const auto moments = row_moments(tick, terms, evidence);
  for (std::size_t i = 0; i < kRowMoments; ++i) row.moments[i] = encode(*moments[i]);
  return row;
}

bool decode_row(const Row& row, Books& books, std::size_t instrument, std::size_t venue) {
  Terms& terms = books.terms(instrument, venue);
  terms.survival_then_ns = row.survival_then_ns;
  for (std::size_t i = 0; i < kSurvivalSizes; ++i) {
    terms.survival.sizes[i] = {row.trials[i], row.success[i]};
    if (row.trials[i] != 0.0) terms.belief.tell(i);
  }
  Evidence evidence;
  evidence.fee_mismatches = row.fee_mismatches;
  evidence.fee_expected_nanos = row.fee_expected_nanos;
  evidence.fee_charged_nanos = row.fee_charged_nanos;
  const auto moments =
      row_moments(books.tick(instrument, venue), terms, evidence);
  for (std::size_t i = 0; i < kRowMoments; ++i) {
    if (!decode(row.moments[i], *moments[i])) return false;
  }
  if (!is_empty(evidence)) books.teach(instrument, venue) = evidence;
  if (terms.is_taught()) books[instrument].taught |= std::uint64_t{1} << venue;
  const bool terms_hold = decode_terms(row, books, instrument, venue);
  return decode_tick(row, books, instrument, venue) && terms_hold &&
         row.delay_min_ns >= -kMaxTimeNs &&
         within(-2 * kMaxTimeNs, row.delay_p90_ns, kInt64Max / 2) &&
         is_time(row.survival_then_ns);
}

Venue encode_venue(const VenueQualities& venues, std::size_t venue) {
  const VenueQuality& quality = venues[venue];
  Venue record{};
  record.session = quality.session;
  record.since_ns = quality.since_ns;
  record.quote_ns = quality.quote_ns;
  record.opened_ns = quality.opened_ns;
  record.probe_due_ns = quality.probe_due_ns;
  record.probes = quality.probes;
  record.closed = quality.closed;
  record.rejects_in_row = quality.rejects_in_row;
  record.timeouts_in_row = quality.timeouts_in_row;
  record.cancel_timeouts_in_row = quality.cancel_timeouts_in_row;
  std::copy_n(quality.drops, kVenueDrops, record.drops);
  record.clean = quality.clean;
  record.clean_needed = quality.clean_needed;
  record.relapses = quality.relapses;
  record.health = number(quality.health);
  record.changed = venues.changed >> venue & 1;
  record.dirty = venues.dirty >> venue & 1;
  record.ack = encode(quality.ack);
  record.fill = encode(quality.fill);
  record.reject = encode(quality.reject);
  record.gap = encode(quality.gap);
  for (std::size_t i = 0; i < kAssetClasses; ++i) {
    record.feeds[i] = quality.feed_histograms[i].counts();
  }
  record.acks = quality.ack_histogram.counts();
  record.fills = quality.fill_histogram.counts();
  return record;
}

bool decode_venue(const Venue& record, VenueQualities& venues, std::size_t venue) {
  VenueQuality& quality = venues[venue];
  quality.session = record.session;
  quality.since_ns = record.since_ns;
  quality.quote_ns = record.quote_ns;
  quality.opened_ns = record.opened_ns;
  quality.probe_due_ns = record.probe_due_ns;
  quality.probes = record.probes;
  quality.closed = record.closed != 0;
  quality.rejects_in_row = record.rejects_in_row;
  quality.timeouts_in_row = record.timeouts_in_row;
  quality.cancel_timeouts_in_row = record.cancel_timeouts_in_row;
  std::copy_n(record.drops, kVenueDrops, quality.drops);
  quality.clean = record.clean;
  quality.clean_needed = record.clean_needed;
  quality.relapses = record.relapses;
  if (record.health > number(HealthState::COOLING)) return false;
  venues.set_health(venue, static_cast<HealthState>(record.health));
  venues.changed |= std::uint64_t{record.changed != 0} << venue;
  venues.dirty |= std::uint64_t{record.dirty != 0} << venue;
  for (std::size_t i = 0; i < kAssetClasses; ++i) {
    quality.feed_histograms[i].restore(record.feeds[i]);
  }
  quality.ack_histogram.restore(record.acks);
  quality.fill_histogram.restore(record.fills);
  return decode(record.ack, quality.ack) && decode(record.fill, quality.fill) &&
         decode(record.reject, quality.reject) && decode(record.gap, quality.gap) &&
         is_clock(record.session) && is_time(record.quote_ns) && is_time(record.opened_ns);
}

}  // namespace venuefold::state
