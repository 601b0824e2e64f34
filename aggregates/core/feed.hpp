// Folds market records: quotes and depth, prints, trading states.
//
// Almost every input is a quote, so its fold is inline: no record is copied and nothing is called.
#pragma once

#include "shard.hpp"

namespace venuefold::feed {

// A print at a venue.
Refused trade(Shard& shard, const Trade& record);
// Trading state of a venue or of one instrument there; leaving OPEN empties the books.
Refused status(Shard& shard, const Status& record);
// A whole venue's trading state: its books, its clocks and its health follow.
void set_venue_status(Shard& shard, std::uint8_t venue, std::uint8_t code);

constexpr std::uint8_t kModelled =
    number(QuoteFlag::MODELLED_BID) | number(QuoteFlag::MODELLED_ASK);

constexpr bool is_in_range(std::int64_t value, std::int64_t most) {
  return static_cast<std::uint64_t>(value) <= static_cast<std::uint64_t>(most);
}

// Numbers in range; a size needs a price, a price without a size is an empty side.
inline Refused check_side(std::int64_t nanos, std::int64_t units) {
  if (!is_in_range(nanos, kMaxPriceNanos) || (units > 0 && nanos == 0)) {
    return {Reason::BAD_PRICE, nanos};
  }
  if (!is_in_range(units, kMaxUnits)) return {Reason::BAD_SIZE, units};
  return kAccepted;
}

// By value: the record that a tick is folded from is then nowhere but in registers.
[[gnu::noinline]] inline Refused check_quote(Quote record) {
  const Refused refused = check_side(record.bid_nanos, record.bid_units);
  return refused ? refused : check_side(record.ask_nanos, record.ask_units);
}

inline bool is_sound(std::int64_t nanos, std::int64_t units) {
  return is_in_range(nanos, kMaxPriceNanos) && is_in_range(units, kMaxUnits) &&
         (nanos != 0 || units == 0);
}

// A quote reflects our fills, and is modelled or not.
void reflect(Books& books, std::size_t instrument, std::size_t venue, bool modelled);

// What a quote says about its venue and its feed.
template <unsigned Families>
[[gnu::always_inline]] inline void observe(Shard& shard, std::size_t venue_id,
                                           std::int64_t venue_ns, std::uint8_t asset_class,
                                           Tick& tick) {
  VenueQuality& venue = shard.venues[venue_id];
  if constexpr ((Families & GAP) != 0) {
    health::observe_quote(venue, shard.log_ns, shard.speed);
  }
  shard.venues.dirty |= std::uint64_t{1} << venue_id;
  if (!tick.clock.is_running() || venue_ns <= 0 || venue_ns > kMaxTimeNs) return;
  const std::int64_t delay_ns = shard.log_ns - venue_ns;
  const std::int64_t session_ns = tick.clock.at(shard.log_ns);
  if constexpr ((Families & DELAY) != 0) {
    observe_delay(tick, session_ns, shard.speed.step(session_ns), delay_ns);
  }
  if constexpr ((Families & HISTOGRAM) != 0) {
    venue.feed_histograms[asset_class].observe(delay_ns - tick.least_delay_ns());
  }
}

// One book level of a venue; level 0 moves the displayed best and its time shares.
template <unsigned Families = ALL_FAMILIES>
[[gnu::always_inline]] inline Refused quote(Shard& shard, const Quote& record) {
  const std::uint8_t level = record.flags & number(QuoteFlag::LEVEL_MASK);
  if (level >= kMaxLevels) return {Reason::BAD_LEVEL, level};
  const Refused refused = check_place(shard, record);
  if (refused) return refused;
  if (!is_sound(record.bid_nanos, record.bid_units) ||
      !is_sound(record.ask_nanos, record.ask_units)) [[unlikely]] {
    return check_quote(record);
  }
  const Level bid = level_of(record.bid_nanos, record.bid_units);
  const Level ask = level_of(record.ask_nanos, record.ask_units);
  Book& book = shard.books[record.instrument];
  Tick& tick = shard.books.tick(record.instrument, record.venue);
  const std::uint64_t bit = std::uint64_t{1} << record.venue;
  if (level == 0) {
    shard.books.set_touch<Families>(book, tick, record.instrument, record.venue, bid, ask,
                                    shard.now());
  } else {
    shard.books.set_deep(record.instrument, record.venue, level, bid, ask, shard.now());
  }
  if constexpr ((Families & NEAR) != 0) {
    shard.books.measure_near(record.instrument, record.venue, tick,
                             shard.tables.settings().near_ticks);
  }
  tick.quote_ns = shard.log_ns;
  tick.quote_seq = shard.seq;
  const bool modelled = (record.flags & kModelled) != 0;
  if ((book.special & bit) != 0 || modelled) [[unlikely]] {
    reflect(shard.books, record.instrument, record.venue,
            level == 0 ? modelled : (book.modelled & bit) != 0);
  }
  ++tick.quotes;
  book.dirty |= bit;
  observe<Families>(shard, record.venue, record.venue_ns, book.asset_class, tick);
  ++shard.quality_seq;
  return kAccepted;
}

}  // namespace venuefold::feed
