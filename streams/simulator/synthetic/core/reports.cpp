// What the router is told: quotes, prints, states and reports, and how faults spoil them.
#include <algorithm>

#include "streams/simulator/core/fees.hpp"
#include "streams/simulator/synthetic/core/world.hpp"

namespace venuefold::synthetic {
namespace {

constexpr std::uint8_t kSourceOfVenue0 = 1;
constexpr std::uint8_t kPossDup = 2;
constexpr std::uint8_t kPossResend = 4;
constexpr std::int64_t kSkew = 3'000 * kMs;

std::uint8_t status_of(std::uint8_t type, const Order& order) {
  if (type == kCanceled) return kStateCanceled;
  if (type == kRejected) return kStateRejected;
  if (type == kExpired) return kStateExpired;
  if (order.cum_units >= order.record.units) return kStateFilled;
  return order.cum_units > 0 ? kStatePartial : kStateAcknowledged;
}

}  // namespace

ExecReport World::report_of(const Order& order, std::uint8_t type, std::int64_t at_ns) const {
  ExecReport report{};
  report.type = kExecReport;
  report.venue = order.record.venue;
  report.source = static_cast<std::uint8_t>(globals_.report_source);
  report.instrument = order.record.instrument;
  report.venue_ns = at_ns;
  report.child_id = order.record.child_id;
  report.cum_units = order.cum_units;
  report.leaves_units = std::max<std::int64_t>(0, order.leaves());
  report.exec_type = type;
  report.ord_status = status_of(type, order);
  report.report_flags = kModelled;
  return report;
}

// A report leaves the venue at `at_ns`; faults of the link may hold, lose, repeat or garble it.
void World::send(ExecReport report, std::int64_t at_ns) {
  if (faults_.empty()) return deliver(report, at_ns);
  const std::uint32_t venue = report.venue;
  const std::uint64_t key = report.child_id * 64 + report.exec_type;
  if (is_on(kClockSkew, venue, at_ns)) report.venue_ns += kSkew;
  for (const FaultKind kind : {kAckLost, kReconnect, kTotalOutage, kDisconnect}) {
    if (!is_on(kind, venue, at_ns, report.child_id)) continue;
    report.report_flags |= kPossResend;
    return deliver(report, fault_end(kind, venue, at_ns) + kMs);
  }
  if (is_on(kMalformed, venue, at_ns, key)) {
    ExecReport garbled = report;
    garbled.exec_type = 99;
    garbled.last_units = -5;
    deliver(garbled, at_ns);
  }
  if (is_on(kResend, venue, at_ns)) kept_reports_.push_back(report);
  if (is_on(kOutOfOrder, venue, at_ns, key)) {
    // The acknowledgement is overtaken by what follows it at once.
    const std::int64_t late = below(draw(seed(), kFaults, key, static_cast<std::uint64_t>(at_ns)),
                                    kMs);
    at_ns += late + (report.exec_type == kNew ? 4 * kMs : 0);
  }
  deliver(report, at_ns);
  if (is_on(kDuplicate, venue, at_ns, key)) {
    report.report_flags |= kPossDup;
    deliver(report, at_ns + 200'000);
  }
}

void World::deliver(ExecReport report, std::int64_t at_ns) {
  const VenueTerms& terms = venues_[report.venue];
  report.log_ns = std::max(now_ns_ + 1, at_ns + terms.back_ns + slowness_ns(report.venue, at_ns));
  report.report_id = ++report_ids_[report.venue];
  outbox_.put(report);
}

// What follows a trade where the venue takes it back, corrects it, repeats or overdoes it.
void World::send_after_fill(const ExecReport& trade, const Order& order, std::int64_t at_ns) {
  const std::uint32_t venue = trade.venue;
  const std::uint64_t key = trade.trade_id;
  ExecReport next = trade;
  if (is_on(kRestatement, venue, at_ns, key)) {
    next.exec_type = kRestatedNow;
    send(next, at_ns + kMs);
  }
  if (is_on(kTradeIdReused, venue, at_ns, key)) {
    next = trade;
    next.last_units += venues_[venue].lot_units;
    send(next, at_ns + kMs);
  }
  const bool busts = is_on(kTradeCancelled, venue, at_ns, key);
  if (busts || is_on(kTradeCorrected, venue, at_ns, key)) {
    next = trade;
    next.ref_trade_id = trade.trade_id;
    next.trade_id = ++trades_;
    next.exec_type = busts ? kTradeCancelNow : kTradeCorrectNow;
    next.last_units = busts ? trade.last_units : std::max<std::int64_t>(1, trade.last_units / 2);
    const std::int64_t units = busts ? -trade.last_units : next.last_units - trade.last_units;
    book_fill(order, trade.last_nanos, units, 0, at_ns);
    send(next, at_ns + 10 * kMs);
  }
  if (order.leaves() == 0 && is_on(kOverfill, venue, at_ns, key)) {
    next = trade;
    next.trade_id = ++trades_;
    next.last_units = std::max<std::int64_t>(venues_[venue].lot_units, trade.last_units / 2);
    next.cum_units += next.last_units;
    next.leaves_units = 0;
    book_fill(order, next.last_nanos, next.last_units, next.fee_nanos, at_ns);
    send(next, at_ns + kMs);
  }
}

// What follows an ended child where the venue is not done with it.
void World::after_end(const Order& order, std::int64_t at_ns) {
  if (faults_.empty()) return;
  const std::uint32_t venue = order.record.venue;
  const std::uint64_t id = order.record.child_id;
  const bool is_done = is_on(kFillAfterDone, venue, at_ns, id);
  if (is_done) send(report_of(order, kDoneForDayNow, at_ns), at_ns + kMs);
  if (order.leaves() <= 0 || (!is_done && !is_on(kLateFill, venue, at_ns, id))) return;
  ExecReport late = report_of(order, kFill, at_ns);
  late.trade_id = ++trades_;
  late.last_nanos = order.record.limit_nanos;
  late.last_units = std::min(order.leaves(), venues_[venue].lot_units);
  late.cum_units += late.last_units;
  late.liquidity = kTake;
  book_fill(order, late.last_nanos, late.last_units, 0, at_ns);
  send(late, at_ns + 3 * kMs);
}

std::int64_t World::seen_ns(std::uint32_t venue, std::int64_t at_ns) {
  std::int64_t seen = at_ns + venues_[venue].feed_ns;
  if (!faults_.empty()) seen += slowness_ns(venue, at_ns);
  last_seen_ns_[venue] = std::max(last_seen_ns_[venue], seen);
  return last_seen_ns_[venue];
}

void World::show_level(std::uint32_t index, int level, std::int64_t at_ns) {
  const std::uint32_t venue = venue_of(index);
  if (venues_[venue].kind != kLit) return;
  Quote quote{};
  const auto at = static_cast<std::size_t>(level);
  const auto& sides = books_[index].sides;
  if (!faults_.empty()) {
    const bool is_dead = is_on(kDeadFeed, venue, at_ns) || is_on(kTotalOutage, venue, at_ns) ||
                         is_on(kStaleBook, venue, at_ns) || is_on(kDisconnect, venue, at_ns);
    if (is_dead) return;
  }
  quote.type = kQuote;
  quote.flags = static_cast<std::uint8_t>(level);
  quote.venue = static_cast<std::uint8_t>(venue);
  quote.source = static_cast<std::uint8_t>(venue + kSourceOfVenue0);
  quote.instrument = instrument_of(index);
  quote.log_ns = seen_ns(venue, at_ns);
  quote.venue_ns = at_ns;
  quote.bid_units = sides[kBid].units[at];
  quote.bid_nanos = quote.bid_units != 0 ? sides[kBid].nanos[at] : 0;
  quote.ask_units = sides[kAsk].units[at];
  quote.ask_nanos = quote.ask_units != 0 ? sides[kAsk].nanos[at] : 0;
  if (!faults_.empty() && is_on(kWrongSide, venue, at_ns)) {
    std::swap(quote.bid_nanos, quote.ask_nanos);
    std::swap(quote.bid_units, quote.ask_units);
  }
  if (!faults_.empty() && is_on(kClockSkew, venue, at_ns)) quote.venue_ns += kSkew;
  outbox_.put(quote);
}

void World::show_book(std::uint32_t index, std::int64_t at_ns) {
  for (int level = 0; level < kDepth; ++level) show_level(index, level, at_ns);
}

void World::show_trade(std::uint32_t index, std::int64_t nanos, Units units, std::int64_t sign,
                       std::int64_t at_ns) {
  const std::uint32_t venue = venue_of(index);
  if (!faults_.empty() && (is_on(kDeadFeed, venue, at_ns) || is_on(kTotalOutage, venue,
      at_ns))) return;
  Trade print{};
  print.type = kTrade;
  print.venue = static_cast<std::uint8_t>(venue);
  print.source = static_cast<std::uint8_t>(venue + kSourceOfVenue0);
  print.instrument = instrument_of(index);
  print.log_ns = seen_ns(venue, at_ns);
  print.venue_ns = at_ns;
  print.price_nanos = nanos;
  print.units = units;
  print.trade_id = ++trades_;
  print.conditions = kRegular;
  print.aggressor = sign > 0 ? 1 : 2;
  outbox_.put(print);
}

void World::show_status(std::uint32_t venue, std::uint32_t instrument, std::int64_t status,
                        std::int64_t at_ns) {
  Status record{};
  record.type = kStatus;
  record.venue = static_cast<std::uint8_t>(venue);
  record.source = static_cast<std::uint8_t>(venue + kSourceOfVenue0);
  record.instrument = instrument;
  record.log_ns = seen_ns(venue, at_ns);
  record.venue_ns = at_ns;
  record.status = static_cast<std::uint8_t>(status);
  outbox_.put(record);
}

std::int64_t World::fee_of(std::uint32_t venue, std::uint32_t instrument, std::uint8_t liquidity,
                           std::int64_t nanos, Units units) const {
  const VenueTerms& terms = venues_[venue];
  const bool adds = liquidity == kAdd;
  const FeeRate rate{adds ? terms.add_nanos : terms.take_nanos, adds ? terms.add_e9 : terms.take_e9,
                     true};
  return fee_nanos(rate, nanos, units, instruments_[instrument].units_per_one);
}

}  // namespace venuefold::synthetic
