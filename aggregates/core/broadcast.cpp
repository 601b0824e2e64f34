#include "broadcast.hpp"

#include "feed.hpp"
#include "fire.hpp"

namespace venuefold::broadcast {
namespace {

// The clock of a new row stands still where the venue does not trade.
void start_clock(Shard& shard, std::size_t instrument, std::size_t venue) {
  const bool trades = shard.tables.open() >> venue & 1;
  shard.books.turn(instrument, venue, trades, shard.log_ns);
}

}  // namespace

Refused instrument(Shard& shard, const Instrument& record) {
  const std::uint32_t id = record.instrument;
  if (id > shard.books.size()) return {Reason::UNKNOWN_INSTRUMENT, id};
  if (id >= kMaxInstruments) return {Reason::TABLE_FULL, id};
  if (!is_valid(record)) return {Reason::BAD_VALUE, id};
  if (id == shard.books.size()) {
    shard.books.add_instrument();
    for (std::size_t venue = 0; venue < shard.tables.venues(); ++venue) {
      start_clock(shard, id, venue);
    }
  }
  shard.books[id].describe(record);
  return kAccepted;
}

Refused venue(Shard& shard, const Venue& record) {
  const std::size_t before = shard.tables.venues();
  const Reason reason = shard.tables.put_venue(record.venue, record);
  if (shard.tables.venues() > before) {
    shard.venues.add();
    shard.books.add_venue();
    for (std::size_t instrument = 0; instrument < shard.books.size(); ++instrument) {
      start_clock(shard, instrument, record.venue);
    }
    feed::set_venue_status(shard, record.venue, record.status);
  }
  if (reason == Reason::NONE) {
    shard.venues.forget_prior(record.venue);
    shard.books.forget_beliefs();
  }
  return {reason, record.venue};
}

Refused listing(Shard& shard, const Listing& record) {
  const Refused refused = check_place(shard, record);
  if (refused) return refused;
  if (!is_valid(record)) return {Reason::BAD_VALUE, record.venue};
  Terms& terms = shard.books.terms(record.instrument, record.venue);
  shard.books[record.instrument].listed |= std::uint64_t{1} << record.venue;
  terms.lot_units = record.lot_units;
  terms.min_units = record.min_units;
  terms.ticket_nanos = record.ticket_nanos;
  terms.tick_nanos = record.tick_nanos;
  shard.books.tick(record.instrument, record.venue).forget_near();
  return kAccepted;
}

Refused fee(Shard& shard, const Fee& record) {
  const Refused refused = check_place(shard, record);
  if (refused) return refused;
  if (!is_valid(record)) return {Reason::BAD_VALUE, record.liquidity};
  shard.books.set_fee(record.instrument, record.venue, record.liquidity, record.fixed_nanos,
                      record.rate_e9);
  return kAccepted;
}

Refused fee_tier(Shard& shard, const FeeTier& record) {
  if (record.venue >= shard.tables.venues()) return {Reason::UNKNOWN_VENUE, record.venue};
  if (record.instrument >= shard.books.size() && record.instrument != kInstrumentNone) {
    return {Reason::UNKNOWN_INSTRUMENT, record.instrument};
  }
  if (!is_valid(record)) return {Reason::BAD_VALUE, record.liquidity};
  return {shard.tables.fees().put_line(record), record.venue};
}

Refused billing(Shard& shard, const Billing& record) {
  if (record.venue >= shard.tables.venues()) return {Reason::UNKNOWN_VENUE, record.venue};
  if (!is_valid(record)) return {Reason::BAD_VALUE, record.prior_tier};
  return {shard.tables.fees().put_billing(record), record.venue};
}

Refused policy(Shard& shard, const Policy& record) { return {shard.tables.put_policy(record)}; }

Refused limits(Shard& shard, const Limits& record) {
  if (record.instrument >= shard.books.size()) {
    return {Reason::UNKNOWN_INSTRUMENT, record.instrument};
  }
  if (!is_valid(record)) return {Reason::BAD_VALUE, record.instrument};
  Book& book = shard.books[record.instrument];
  book.limits = record;
  book.has_limits = true;
  return kAccepted;
}

Refused account(Shard& shard, const AccountLimits& record) {
  return {accounts::put(shard, record)};
}

Refused posting(Shard& shard, const Posting& record) {
  return {shard.tables.put_posting(record)};
}

Refused settings(Shard& shard, const Settings& record) {
  const Reason reason = shard.tables.put_settings(record);
  if (reason == Reason::NONE) {
    start_grids(shard);
    shard.venues.forget_priors();
    shard.books.forget_beliefs();
    shard.books.forget_near();
    shard.follow_grids();
  }
  return {reason};
}

Refused venue_prior(Shard& shard, const VenuePriorUpdated& record) {
  if (record.venue >= shard.tables.venues()) return {Reason::UNKNOWN_VENUE, record.venue};
  const Reason reason = shard.tables.put_prior(record.venue, record.fill_ratio_e9, record.ack_ns);
  if (reason == Reason::NONE) {
    shard.venues.forget_prior(record.venue);
    shard.books.forget_beliefs();
  }
  return {reason, record.venue};
}

Refused engine(Shard& shard, const EngineActivated& record) {
  std::memcpy(shard.activated, record.version_hash, sizeof shard.activated);
  return kAccepted;
}

}  // namespace venuefold::broadcast
