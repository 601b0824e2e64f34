#include "feed.hpp"

namespace venuefold::feed {
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
    shard.tables.set_status(record.venue, code);
  } else {
    shard.books.set_status(record.instrument, record.venue, code);
  }
  if (code == number(VenueStatus::OPEN)) return kAccepted;
  const std::size_t first = whole ? 0 : record.instrument;
  const std::size_t end = whole ? shard.books.size() : first + 1;
  for (std::size_t instrument = first; instrument < end; ++instrument) {
    shard.books.clear(instrument, record.venue, shard.now());
  }
  return kAccepted;
}

}  // namespace venuefold::feed
