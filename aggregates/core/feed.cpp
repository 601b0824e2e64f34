#include "feed.hpp"

namespace venuefold::feed {
void reflect(Books& books, std::size_t instrument, std::size_t venue, bool modelled) {
  Terms& terms = books.terms(instrument, venue);
  terms.unreflected[0] = terms.unreflected[1] = 0;
  books.mark(instrument, venue, modelled, false);
}

namespace {

// Empties the book of a venue that does not trade, and stops or starts its row's clock.
void turn(Shard& shard, std::size_t instrument, std::uint8_t venue) {
  const std::uint64_t open = shard.tables.open() & shard.books[instrument].open;
  const bool trades = open >> venue & 1;
  if (!trades) shard.books.clear(instrument, venue, shard.now());
  shard.books.turn(instrument, venue, trades, shard.log_ns);
}

}  // namespace

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
  shard.venues.forget_prior(venue);
  for (std::size_t instrument = 0; instrument < shard.books.size(); ++instrument) {
    turn(shard, instrument, venue);
  }
  openings::turn(shard, venue, code);
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
