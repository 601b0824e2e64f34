#include "publish.hpp"

#include <bit>
#include <cmath>

#include "budgets.hpp"

namespace venuefold {
namespace {

// Mean of a decayed sum; 0 where nothing was observed, which the mass says.
double ratio(double total, double mass) { return mass > 0.0 ? total / mass : 0.0; }

// Standard error of a time-weighted mean from n changes; 0 below two.
double error(double total, double squares, double mass, double n, double jumps) {
  if (n < 2.0 || !(mass > 0.0)) return 0.0;
  const double mean = total / mass;
  const double variance = squares / mass - mean * mean;
  if (!(variance > 0.0)) return 0.0;
  const double r = lag_one(jumps, n, variance);
  return std::sqrt(variance / (n - 1.0) * ((1.0 + r) / (1.0 - r)));
}

std::uint32_t clamp_to_uint32(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min(count, std::uint64_t{0xFFFFFFFF}));
}

// Time-weighted read-outs; the error treats each change of the touch as one observation, which
// leans on the one before as the jumps between them tell.
void fill_time_weighted(out::Quality& record, const double (&sums)[TIME_SUMS]) {
  const double seen = sums[OBSERVED];
  const double n = sums[CHANGES];
  const double two_sided = sums[TWO_SIDED_TIME];
  record.bid_units = ratio(sums[BID_TIME], seen);
  record.bid_units_se = error(sums[BID_TIME], sums[BID_SQUARE_TIME], seen, n, sums[BID_JUMPS]);
  record.ask_units = ratio(sums[ASK_TIME], seen);
  record.ask_units_se = error(sums[ASK_TIME], sums[ASK_SQUARE_TIME], seen, n, sums[ASK_JUMPS]);
  record.near_bid_units = ratio(sums[NEAR_BID_TIME], seen);
  record.near_ask_units = ratio(sums[NEAR_ASK_TIME], seen);
  record.spread_nanos = ratio(sums[SPREAD_TIME], two_sided);
  record.spread_nanos_se =
      error(sums[SPREAD_TIME], sums[SPREAD_SQUARE_TIME], two_sided, n, sums[SPREAD_JUMPS]);
  record.share_at_bid = ratio(sums[AT_BID_TIME], seen);
  record.share_at_ask = ratio(sums[AT_ASK_TIME], seen);
  record.two_sided_share = ratio(two_sided, seen);
  record.observed_ns = seen;
  record.touch_changes = n;
}

// Writes one row of the table as of now.
void emit_row(Shard& shard, std::size_t instrument, std::size_t venue) {
  const Books& books = shard.books;
  const Tick& tick = books.tick(instrument, venue);
  const Terms& terms = books.terms(instrument, venue);
  const Grids& grids = shard.tables.grids();
  const std::int64_t now_ns = tick.clock.at(shard.log_ns);
  const VenuePrior& prior = shard.venues.prior(venue, shard.log_ns, shard.tables);
  out::Quality record{};
  record.quality_seq = shard.quality_seq;
  record.quotes = tick.quotes;
  record.trades = tick.trades;
  record.fills = terms.fills;
  fill_time_weighted(record, tick.sums);
  record.refill_bid_ns = tick.refill_ns[0].mean();
  record.refill_bid_n = tick.refill_ns[0].effective(now_ns, grids.liquidity);
  record.refill_ask_ns = tick.refill_ns[1].mean();
  record.refill_ask_n = tick.refill_ns[1].effective(now_ns, grids.liquidity);
  record.feed_delay_ns = tick.delay.mean();
  record.feed_delay_se = tick.delay.error(now_ns, grids.speed);
  record.feed_delay_n = tick.delay.effective(now_ns, grids.speed);
  record.feed_delay_min_ns = tick.least_delay_ns();
  record.feed_delay_p90_ns = tick.delay_p90_ns;
  record.fill_ratio = fill_ratio(terms, now_ns, prior.fill_ratio, shard.tables);
  record.fill_ratio_se = terms.fill.error(now_ns, grids.fill);
  record.fill_ratio_n = terms.fill.effective(now_ns, grids.fill);
  record.ack_ns = ack_ns(terms, now_ns, prior.ack_ns, shard.tables);
  record.ack_ns_se = terms.ack.error(now_ns, grids.speed);
  record.ack_n = terms.ack.effective(now_ns, grids.speed);
  record.venue = static_cast<std::uint8_t>(venue);
  shard.emit(OutputType::QUALITY, static_cast<std::uint32_t>(instrument), record);
}

// Reads moments out as NAME, NAME_se and NAME_n of `record`, as of `now_ns`.
#define READ(NAME, MOMENTS, GRID)                  \
  record.NAME = (MOMENTS).mean();                  \
  record.NAME##_se = (MOMENTS).error(now_ns, GRID); \
  record.NAME##_n = (MOMENTS).effective(now_ns, GRID);

#define READ_HORIZON(NUMBER)                                               \
  READ(adverse_##NUMBER##_bps, evidence.added[NUMBER - 1], grids.impact)     \
  READ(realised_##NUMBER##_bps, evidence.realised[NUMBER - 1], grids.impact) \
  READ(impact_##NUMBER##_bps, evidence.removed[NUMBER - 1], grids.impact)    \
  READ(mid_adverse_##NUMBER##_bps, evidence.mid[NUMBER - 1], grids.impact)

#define READ_SURVIVAL(INDEX)                                                         \
  record.available_##INDEX = ratio(terms.survival.sizes[INDEX].success,              \
                                   terms.survival.sizes[INDEX].trials);              \
  record.available_##INDEX##_n = terms.survival.sizes[INDEX].trials;

// P(filled within the last horizon) behind a queue.
#define READ_PASSIVE(QUEUE)                                                              \
  {                                                                                      \
    const Passive passive = hazards::passive_fill(                              \
        shard, static_cast<std::uint32_t>(instrument), static_cast<std::uint8_t>(venue), \
        QUEUE, shard.tables.settings().horizon_4_ns);                                    \
    record.passive_fill_##QUEUE = passive.probability;                                   \
    record.passive_fill_##QUEUE##_se = passive.error;                                    \
    record.passive_fill_##QUEUE##_n = passive.effective;                                 \
  }

// Writes what our children have taught about a row, as of now.
void emit_execution(Shard& shard, std::size_t instrument, std::size_t venue) {
  const Evidence& evidence = shard.books.evidence(instrument, venue);
  const Terms& terms = shard.books.terms(instrument, venue);
  const Grids& grids = shard.tables.grids();
  const std::int64_t now_ns = shard.books.tick(instrument, venue).clock.at(shard.log_ns);
  out::ExecutionQuality record{};
  record.quality_seq = shard.quality_seq;
  record.fee_mismatches = evidence.fee_mismatches;
  record.fee_expected_nanos = evidence.fee_expected_nanos;
  record.fee_charged_nanos = evidence.fee_charged_nanos;
  READ(first_fill_ns, evidence.first_fill_ns, grids.speed)
  READ(reject_rate, evidence.reject, grids.fill)
  READ(hidden_units, evidence.hidden_units, grids.fill)
  READ(effective_bps, evidence.effective_bps, grids.cost)
  READ(improvement_bps, evidence.improvement_bps, grids.cost)
  READ(all_in_bps, evidence.all_in_bps, grids.cost)
  READ_HORIZON(1)
  READ_HORIZON(2)
  READ_HORIZON(3)
  READ_HORIZON(4)
  READ_PASSIVE(0)
  READ_PASSIVE(1)
  READ_PASSIVE(2)
  READ_PASSIVE(3)
  READ_SURVIVAL(0)
  READ_SURVIVAL(1)
  READ_SURVIVAL(2)
  READ_SURVIVAL(3)
  READ_SURVIVAL(4)
  READ_SURVIVAL(5)
  READ_SURVIVAL(6)
  READ_SURVIVAL(7)
  record.venue = static_cast<std::uint8_t>(venue);
  shard.emit(OutputType::EXECUTION_QUALITY, static_cast<std::uint32_t>(instrument), record);
}

#define READ_QUANTILES(NAME, HISTOGRAM)                  \
  record.NAME##_p50_ns = (HISTOGRAM).quantile_ns(50);    \
  record.NAME##_p90_ns = (HISTOGRAM).quantile_ns(90);    \
  record.NAME##_p99_ns = (HISTOGRAM).quantile_ns(99);    \
  record.NAME##_n = (HISTOGRAM).total();

// Writes a venue over all instruments, as of now.
void emit_venue(Shard& shard, std::size_t venue) {
  const std::uint64_t bit = std::uint64_t{1} << venue;
  shard.venues.changed &= ~bit;
  shard.venues.dirty &= ~bit;
  const VenueQuality& roll_up = shard.venues[venue];
  const Grid& fill = shard.tables.grids().fill;
  const std::int64_t now_ns = roll_up.session.at(shard.log_ns);
  out::VenueQuality record{};
  record.quality_seq = shard.quality_seq;
  record.since_ns = roll_up.since_ns;
  record.quote_ns = roll_up.quote_ns;
  Histogram feed;
  for (const Histogram& part : roll_up.feed_histograms) feed.add(part);
  READ_QUANTILES(feed, feed)
  READ_QUANTILES(feed_other, roll_up.feed_histograms[0])
  READ_QUANTILES(feed_equity, roll_up.feed_histograms[1])
  READ_QUANTILES(feed_crypto, roll_up.feed_histograms[2])
  READ_QUANTILES(feed_event, roll_up.feed_histograms[3])
  READ_QUANTILES(ack, roll_up.ack_histogram)
  READ_QUANTILES(fill, roll_up.fill_histogram)
  READ(fill_ratio, roll_up.fill, fill)
  READ(reject_rate, roll_up.reject, fill)
  record.usual_gap_ns = roll_up.gap.mean();
  record.relapses = static_cast<std::uint32_t>(roll_up.relapses);
  record.rejects_in_row = clamp_to_uint32(roll_up.rejects_in_row);
  record.timeouts_in_row = clamp_to_uint32(roll_up.timeouts_in_row);
  record.cancel_timeouts_in_row = clamp_to_uint32(roll_up.cancel_timeouts_in_row);
  record.dropped_no_mid_buy = clamp_to_uint32(roll_up.drops[0]);
  record.dropped_no_mid_sell = clamp_to_uint32(roll_up.drops[1]);
  record.dropped_stale_mid_buy = clamp_to_uint32(roll_up.drops[2]);
  record.dropped_stale_mid_sell = clamp_to_uint32(roll_up.drops[3]);
  record.dropped_not_trading_buy = clamp_to_uint32(roll_up.drops[4]);
  record.dropped_not_trading_sell = clamp_to_uint32(roll_up.drops[5]);
  record.dropped_table_full_buy = clamp_to_uint32(roll_up.drops[6]);
  record.dropped_table_full_sell = clamp_to_uint32(roll_up.drops[7]);
  record.clean = static_cast<std::uint32_t>(roll_up.clean);
  record.clean_needed = static_cast<std::uint32_t>(roll_up.clean_needed);
  record.probes = clamp_to_uint32(roll_up.probes);
  record.venue = static_cast<std::uint8_t>(venue);
  record.health = number(roll_up.health);
  shard.emit(OutputType::VENUE_QUALITY, kInstrumentNone, record);
}

// Writes what other shards may add to their own, where children have taught anything.
void emit_sums(Shard& shard, std::size_t venue) {
  const VenueQuality& roll_up = shard.venues[venue];
  const Moments &fill = roll_up.fill, &ack = roll_up.ack;
  if (!(fill.weight > 0.0) && !(ack.weight > 0.0)) return;
  const std::int64_t now_ns = roll_up.session.at(shard.log_ns);
  const double filled = shard.tables.grids().fill.weight(now_ns, fill.then_ns);
  const double acked = shard.tables.grids().speed.weight(now_ns, ack.then_ns);
  out::VenueSums record{};
  record.quality_seq = shard.quality_seq;
  record.fill_weight = fill.weight * filled;
  record.fill_total = fill.total * filled;
  record.ack_weight = ack.weight * acked;
  record.ack_total = ack.total * acked;
  record.venue = static_cast<std::uint8_t>(venue);
  shard.emit(OutputType::VENUE_SUMS, kInstrumentNone, record);
}

void publish_book(Shard& shard, std::size_t instrument) {
  Book& book = shard.books[instrument];
  for (std::uint64_t venues = book.dirty | book.dirty_execution; venues != 0;
       venues &= venues - 1) {
    const auto venue = static_cast<std::size_t>(std::countr_zero(venues));
    if ((book.dirty >> venue & 1) != 0) {
      shard.books.advance_row(instrument, venue, shard.now());
      emit_row(shard, instrument, venue);
    }
    if ((book.dirty_execution >> venue & 1) != 0) emit_execution(shard, instrument, venue);
  }
  book.dirty = book.dirty_execution = 0;
}

void emit_venues(Shard& shard, std::uint64_t venues) {
  for (; venues != 0; venues &= venues - 1) {
    emit_venue(shard, static_cast<std::size_t>(std::countr_zero(venues)));
  }
}

}  // namespace

void publish(Shard& shard) {
  for (std::size_t instrument = 0; instrument < shard.books.size(); ++instrument) {
    publish_book(shard, instrument);
  }
  for (std::uint64_t venues = shard.venues.dirty; venues != 0; venues &= venues - 1) {
    const auto venue = static_cast<std::size_t>(std::countr_zero(venues));
    emit_venue(shard, venue);
    emit_sums(shard, venue);
  }
  budgets::publish_budgets(shard);
}

void publish_changes(Shard& shard) { emit_venues(shard, shard.venues.changed); }

}  // namespace venuefold
