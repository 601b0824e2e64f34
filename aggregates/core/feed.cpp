#include "feed.hpp"

namespace venuefold::feed {
namespace {

constexpr std::uint8_t kModelled =
    number(QuoteFlag::MODELLED_BID) | number(QuoteFlag::MODELLED_ASK);

constexpr bool is_in_range(std::int64_t value, std::int64_t most) {
  return static_cast<std::uint64_t>(value) <= static_cast<std::uint64_t>(most);
}

// Numbers in range; a size needs a price, a price without a size is an empty side.
Refused check_side(std::int64_t nanos, std::int64_t units) {
  if (!is_in_range(nanos, kMaxPriceNanos) || (units > 0 && nanos == 0)) {
    return {Reason::BAD_PRICE, nanos};
  }
  if (!is_in_range(units, kMaxUnits)) return {Reason::BAD_SIZE, units};
  return kAccepted;
}

Refused check_quote(const Quote& record) {
  const Refused refused = check_side(record.bid_nanos, record.bid_units);
  return refused ? refused : check_side(record.ask_nanos, record.ask_units);
}

// What a quote says about its venue and its feed.
void observe(Shard& shard, const Quote& record, const Tick& tick) {
  VenueQuality& venue = shard.venues[record.venue];
  const Grid& speed = shard.tables.grids().speed;
  health::observe_quote(venue, shard.log_ns, speed);
  shard.venues.dirty |= std::uint64_t{1} << record.venue;
  if (!tick.session.is_running() || record.venue_ns <= 0 || record.venue_ns > kMaxTimeNs) return;
  const std::int64_t delay_ns = shard.log_ns - record.venue_ns;
  Delay& delay = shard.books.delay(record.instrument, record.venue);
  observe_delay(delay, tick.session.at(shard.log_ns), delay_ns, speed);
  venue.feed_histogram.observe(delay_ns - delay.min_ns);
}

// Empties the book of a venue that does not trade, and stops or starts its row's clock.
void turn(Shard& shard, std::size_t instrument, std::uint8_t venue) {
  const std::uint64_t open = shard.tables.open() & shard.books[instrument].open;
  const bool trades = open >> venue & 1;
  if (!trades) shard.books.clear(instrument, venue, shard.now());
  shard.books.tick(instrument, venue).session.turn(trades, shard.log_ns);
}

}  // namespace

Refused quote(Shard& shard, const Quote& record) {
  const std::uint8_t level = record.flags & number(QuoteFlag::LEVEL_MASK);
  if (level >= kMaxLevels) return {Reason::BAD_LEVEL, level};
  Refused refused = check_place(shard, record);
  if (refused) return refused;
  refused = check_quote(record);
  if (refused) return refused;
  const Level bid = level_of(record.bid_nanos, record.bid_units);
  const Level ask = level_of(record.ask_nanos, record.ask_units);
  Book& book = shard.books[record.instrument];
  Tick& tick = shard.books.tick(record.instrument, record.venue);
  const std::uint64_t bit = std::uint64_t{1} << record.venue;
  if (level == 0) {
    shard.books.set_touch(record.instrument, record.venue, bid, ask, shard.now());
    book.modelled = (record.flags & kModelled) != 0 ? book.modelled | bit : book.modelled & ~bit;
  } else {
    shard.books.set_deep(record.instrument, record.venue, level, bid, ask, shard.now());
  }
  shard.books.measure_near(record.instrument, record.venue, shard.tables.settings().near_ticks);
  tick.quote_ns = shard.log_ns;
  tick.quote_seq = shard.seq;
  tick.unreflected[0] = tick.unreflected[1] = 0;
  ++tick.quotes;
  book.dirty |= bit;
  observe(shard, record, tick);
  ++shard.quality_seq;
  return kAccepted;
}

Refused trade(Shard& shard, const Trade& record) {
  const Refused refused = check_place(shard, record);
  if (refused) return refused;
  if (record.price_nanos <= 0 || record.price_nanos > kMaxPriceNanos) {
    return {Reason::BAD_PRICE, record.price_nanos};
  }
  if (record.units <= 0 || record.units > kMaxUnits) return {Reason::BAD_SIZE, record.units};
  ++shard.books.tick(record.instrument, record.venue).trades;
  shard.books[record.instrument].dirty |= std::uint64_t{1} << record.venue;
  ++shard.quality_seq;
  return kAccepted;
}

Refused status(Shard& shard, const Status& record) {
  const std::uint8_t code = record.status;
  if (code < number(VenueStatus::OPEN) || code > number(VenueStatus::DOWN)) {
    return {Reason::BAD_VALUE, code};
  }
  if (record.venue >= shard.tables.venues()) return {Reason::UNKNOWN_VENUE, record.venue};
  const bool whole = record.instrument == kInstrumentNone;
  if (!whole && record.instrument >= shard.books.size()) {
    return {Reason::UNKNOWN_INSTRUMENT, record.instrument};
  }
  if (whole) {
    set_venue_status(shard, record.venue, code);
  } else {
    shard.books.set_status(record.instrument, record.venue, code);
    turn(shard, record.instrument, record.venue);
  }
  return kAccepted;
}

void set_venue_status(Shard& shard, std::uint8_t venue, std::uint8_t code) {
  shard.tables.set_status(venue, code);
  VenueQuality& quality = shard.venues[venue];
  const bool open = code == number(VenueStatus::OPEN);
  // Nobody expects a quote while the venue is closed.
  if (open && !quality.session.is_running() && quality.quote_ns != 0) {
    quality.quote_ns = shard.log_ns;
  }
  quality.session.turn(open, shard.log_ns);
  for (std::size_t instrument = 0; instrument < shard.books.size(); ++instrument) {
    turn(shard, instrument, venue);
  }
  const health::Event event{shard.venues, venue, shard.log_ns, shard.tables.settings()};
  if (open) {
    health::clean_outcome(event);
  } else if (code == number(VenueStatus::DOWN)) {
    health::fire(event, HealthEvent::OUTAGE);
  } else if (code == number(VenueStatus::HALTED)) {
    health::fire(event, HealthEvent::HALT);
  }
}

}  // namespace venuefold::feed
