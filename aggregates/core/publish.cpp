#include "publish.hpp"

#include <bit>

namespace venuefold {
namespace {

// Mean of a decayed sum; 0 where nothing was observed, which the mass says.
double ratio(double total, double mass) { return mass > 0.0 ? total / mass : 0.0; }

// Writes one row of the table as of now.
void emit_row(Shard& shard, std::size_t instrument, std::size_t venue) {
  const Tick& tick = shard.books.tick(instrument, venue);
  const Terms& terms = shard.books.terms(instrument, venue);
  const Priors& priors = shard.tables.priors();
  const std::int64_t speed_step = shard.tables.speed.step(shard.log_ns);
  const std::int64_t fill_step = shard.tables.fill.step(shard.log_ns);
  const std::int64_t prior_ns = shard.tables.ack_prior_ns(venue);
  auto& record =
      shard.emit<out::Quality>(OutputType::QUALITY, static_cast<std::uint32_t>(instrument));
  record.quality_seq = shard.quality_seq;
  record.quotes = tick.quotes;
  record.trades = tick.trades;
  record.fills = terms.fills;
  record.bid_units = ratio(tick.bid_time, tick.observed);
  record.ask_units = ratio(tick.ask_time, tick.observed);
  record.spread_nanos = ratio(tick.spread_time, tick.two_sided_time);
  record.share_at_bid = ratio(tick.at_bid_time, tick.observed);
  record.share_at_ask = ratio(tick.at_ask_time, tick.observed);
  record.two_sided_share = ratio(tick.two_sided_time, tick.observed);
  record.observed_ns = tick.observed;
  record.feed_delay_ns = ratio(tick.delay_sum, tick.delay_weight);
  record.feed_delay_weight = tick.delay_weight * weight(speed_step - tick.delay_then_step);
  record.feed_delay_min_ns = tick.delay_min_ns;
  record.fill_ratio = fill_ratio(terms, fill_step, priors);
  record.fill_weight = terms.fill_weight * weight(fill_step - terms.fill_then_step);
  record.ack_ns = ack_ns(terms, speed_step, prior_ns, priors);
  record.ack_weight = terms.ack_weight * weight(speed_step - terms.ack_then_step);
  record.venue = static_cast<std::uint8_t>(venue);
}

}  // namespace

void publish(Shard& shard, std::int64_t until_ns) {
  const Now now = shard.now();
  for (std::size_t instrument = 0; instrument < shard.books.size(); ++instrument) {
    std::uint64_t& dirty = shard.books[instrument].dirty;
    for (; dirty != 0; dirty &= dirty - 1) {
      const auto venue = static_cast<std::size_t>(std::countr_zero(dirty));
      shard.books.advance_row(instrument, venue, now);
      emit_row(shard, instrument, venue);
    }
  }
  shard.publish_due_ns = next_publish_ns(shard.tables.settings().publish_ns, until_ns);
}

}  // namespace venuefold
