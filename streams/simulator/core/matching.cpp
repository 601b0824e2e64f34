// What happens to a child at a venue: arrival, taking, resting, filling, ending.
#include <algorithm>
#include <charconv>
#include <cstring>

#include "streams/simulator/core/market.hpp"
#include "streams/simulator/core/time.hpp"

namespace venuefold {
namespace {

bool is_side(std::uint8_t side) {
  return side == kBuy || side == kSell || side == kSellShort || side == kSellShortExempt;
}

std::uint8_t status_of(const Child& child) {
  if (child.cum_units == child.units) return kStateFilled;
  if (child.stage == Stage::kDone) return kStateCanceled;
  return child.cum_units != 0 ? kStatePartial : kStateAcknowledged;
}

std::uint8_t status_after(ExecType type, const Child& child) {
  switch (type) {
    case kNew:
      return kStateAcknowledged;
    case kFill:
      return child.stage == Stage::kDone ? kStateFilled : kStatePartial;
    case kCanceled:
      return kStateCanceled;
    case kExpired:
      return kStateExpired;
    case kRejected:
      return kStateRejected;
    case kReplaced:
    case kOrderStatus:
      return status_of(child);
    case kCancelReject:
    case kReplaceReject:
      return 0;
  }
  return 0;
}

void name_order(ExecReport& report) {
  std::memcpy(report.venue_order_id, "SIM-", 4);
  char* const last = report.venue_order_id + sizeof(report.venue_order_id);
  std::to_chars(report.venue_order_id + 4, last, report.child_id);
}

void drop_done(std::vector<Child*>& resting) {
  std::erase_if(resting, [](const Child* child) { return child->stage == Stage::kDone; });
}

}  // namespace

void explain(ExecReport& report, const Refusal& why) {
  report.reject_reason = why.reason;
  std::strncpy(report.text, why.text, sizeof(report.text) - 1);
}

void ReplayMarket::arrive(Child& child, std::int64_t at_ns) {
  if (const Refusal why = refusal(child); why.reason != kNoReason) {
    end(child, kRejected, why, at_ns);
    return;
  }
  reports_.schedule(report_of(child, kNew, at_ns), false);
  const std::int64_t needed = child.time_in_force == kFok ? child.units : child.min_units;
  if (takeable_units(child) < needed) {
    end(child, kCanceled, {kNoReason, "minimum not available"}, at_ns);
    return;
  }
  take(child, at_ns);
  if (child.stage == Stage::kDone) return;
  if (child.can_rest()) {
    rest(child);
  } else {
    end(child, kCanceled, {kNoReason, "remainder canceled"}, at_ns);
  }
}

Refusal ReplayMarket::refusal(const Child& child) {
  if (child.venue >= config_.latencies.size()) return {kUnknownVenue, "unknown venue"};
  if (!knows(child.instrument, child.venue)) return {kUnknownInstrument, "unknown instrument"};
  if (!is_trading(child.instrument, child.venue)) return {kVenueNotOpen, "not open for trading"};
  if (const Refusal why = refusal_of_terms(child); why.reason != kNoReason) return why;
  const bool pays_take = config_.fees.get(child.instrument, child.venue, kTake).known;
  const bool pays_add = config_.fees.get(child.instrument, child.venue, kAdd).known;
  if ((!child.is_post_only() && !pays_take) || (child.can_rest() && !pays_add)) {
    return {kFeeUnknown, "fee unknown"};
  }
  if (child.is_post_only() && takeable_units(child) > 0) {
    return {kBadPrice, "post-only would take"};
  }
  return {};
}

Refusal ReplayMarket::refusal_of_terms(const Child& child) const {
  if (!is_side(child.side)) return {kBadSide, "unknown side"};
  if (child.units < 1 || child.units > kMaxUnits) return {kBadSize, "size out of range"};
  if (child.ord_type != kLimit && child.ord_type != kMarket) {
    return {kUnsupportedOrdType, "order type not supported"};
  }
  if (child.ord_type == kLimit &&
      (child.limit_nanos < 1 || child.limit_nanos > kMaxPriceNanos)) {
    return {kBadPrice, "price out of range"};
  }
  if (child.time_in_force != kDay && child.time_in_force != kIoc && child.time_in_force != kFok) {
    return {kUnsupportedTimeInForce, "time in force not supported"};
  }
  if ((child.exec_inst & kAllOrNone) != 0) return {kUnsupportedExecInst, "all or none"};
  if (child.is_post_only() && !child.can_rest()) {
    return {kUnsupportedExecInst, "post-only cannot rest"};
  }
  if (child.min_units < 0 || child.min_units > child.units ||
      (child.min_units > 0 && child.is_post_only())) {
    return {kUnsupportedMinQty, "minimum size not supported"};
  }
  return {};
}

std::int64_t ReplayMarket::takeable_units(const Child& child) {
  const BookSide side = opposite(child.book_side());
  Book& book = book_at(child.instrument, child.venue);
  const Consumption& taken = watch_at(book).taken[side];
  const int depth = ladder_depth(book.sides[side], side);
  std::int64_t units = 0;
  for (int i = 0; i < depth && units < child.units; ++i) {
    const Level& level = book.sides[side][static_cast<std::size_t>(i)];
    if (!child.accepts(level.nanos)) break;
    units += taken.available(level);
  }
  return std::min(units, child.units);
}

void ReplayMarket::take(Child& child, std::int64_t at_ns) {
  const BookSide side = opposite(child.book_side());
  Book& book = book_at(child.instrument, child.venue);
  Consumption& taken = watch_at(book).taken[side];
  const int depth = ladder_depth(book.sides[side], side);
  for (int i = 0; i < depth && child.stage != Stage::kDone; ++i) {
    const Level& level = book.sides[side][static_cast<std::size_t>(i)];
    if (!child.accepts(level.nanos)) break;
    const std::int64_t units = std::min(child.leaves_units(), taken.available(level));
    if (units == 0) continue;
    taken.take(level.nanos, units);
    fill(child, level.nanos, units, kTake, at_ns);
  }
}

void ReplayMarket::rest(Child& child) {
  child.stage = Stage::kResting;
  child.rest_order = ++rests_;
  ++resting_at_[child.venue];
  join_queue(child);
  enlist(child);
}

// The queue is known once the child's price lies within the displayed ladder; beyond its last
// level nobody can say how much stands ahead, and then no print at that price fills.
void ReplayMarket::join_queue(Child& child) {
  if (config_.model != PassiveModel::kQueueDepleted || child.queue_units != kQueueUnknown) return;
  const BookSide side = child.book_side();
  const Levels& levels = book_at(child.instrument, child.venue).sides[side];
  const int depth = ladder_depth(levels, side);
  if (depth == 0) return;
  const Level& last = levels[static_cast<std::size_t>(depth - 1)];
  if (is_better(side, last.nanos, child.limit_nanos)) return;
  child.queue_units = 0;
  for (int i = 0; i < depth; ++i) {
    const Level& level = levels[static_cast<std::size_t>(i)];
    if (level.nanos == child.limit_nanos) child.queue_units = level.units;
  }
}

void ReplayMarket::enlist(Child& child) {
  const BookSide side = child.book_side();
  auto& resting = watch_at(book_at(child.instrument, child.venue)).resting[side];
  const auto goes_first = [side](const Child* left, const Child* right) {
    if (left->limit_nanos != right->limit_nanos) {
      return is_better(side, left->limit_nanos, right->limit_nanos);
    }
    return left->rest_order < right->rest_order;
  };
  resting.insert(std::upper_bound(resting.begin(), resting.end(), &child, goes_first), &child);
}

void ReplayMarket::leave_book(Child& child) {
  Watch& watch = watch_at(book_at(child.instrument, child.venue));
  std::erase(watch.resting[child.book_side()], &child);
}

void ReplayMarket::match_print(Watch& watch, const Trade& trade) {
  std::int64_t printed = trade.units;
  for (auto& resting : watch.resting) {
    for (Child* child : resting) {
      const std::int64_t share = share_of_print(*child, trade.price_nanos, printed);
      const std::int64_t units = std::min(child->leaves_units(), share);
      if (units == 0) continue;
      printed -= units;
      fill(*child, child->limit_nanos, units, kAdd, trade.log_ns);
    }
    drop_done(resting);
  }
}

std::int64_t ReplayMarket::share_of_print(Child& child, std::int64_t nanos,
                                          std::int64_t units) const {
  const bool has_queue = config_.model == PassiveModel::kQueueDepleted;
  if (child.is_through(nanos)) {
    if (has_queue) child.queue_units = 0;
    return units;
  }
  if (!has_queue || nanos != child.limit_nanos || child.queue_units == kQueueUnknown) return 0;
  const std::int64_t ahead = std::min(child.queue_units, units);
  child.queue_units -= ahead;
  return units - ahead;
}

void ReplayMarket::match_quote(Book& book, std::int64_t at_ns) {
  Watch& watch = watch_at(book);
  for (const BookSide side : {kBid, kAsk}) {
    if (watch.resting[side].empty()) continue;
    const BookSide other = opposite(side);
    const int depth = ladder_depth(book.sides[other], other);
    for (Child* child : watch.resting[side]) {
      for (int i = 0; i < depth && child->stage != Stage::kDone; ++i) {
        const Level& level = book.sides[other][static_cast<std::size_t>(i)];
        if (!child->is_through(level.nanos)) break;
        const std::int64_t offered = watch.taken[other].available(level);
        const std::int64_t units = std::min(child->leaves_units(), offered);
        if (units == 0) continue;
        watch.taken[other].take(level.nanos, units);
        fill(*child, child->limit_nanos, units, kAdd, at_ns);
      }
      if (child->stage != Stage::kDone) join_queue(*child);
    }
    drop_done(watch.resting[side]);
  }
}

void ReplayMarket::fill(Child& child, std::int64_t nanos, std::int64_t units, Liquidity liquidity,
                        std::int64_t at_ns) {
  child.cum_units += units;
  if (child.cum_units == child.units) finish(child);
  ExecReport report = report_of(child, kFill, at_ns);
  report.trade_id = ++trades_;
  report.last_nanos = nanos;
  report.last_units = units;
  report.liquidity = liquidity;
  report.fee_nanos = fee_nanos(config_.fees.get(child.instrument, child.venue, liquidity), nanos,
                               units, config_.units_per_one[child.instrument]);
  reports_.schedule(report, child.stage == Stage::kDone);
}

void ReplayMarket::finish(Child& child) {
  if (child.stage == Stage::kResting) --resting_at_[child.venue];
  child.stage = Stage::kDone;
  --live_;
}

void ReplayMarket::end(Child& child, ExecType type, const Refusal& why, std::int64_t at_ns) {
  finish(child);
  ExecReport report = report_of(child, type, at_ns);
  explain(report, why);
  reports_.schedule(report, true);
}

ExecReport ReplayMarket::report_of(const Child& child, ExecType type, std::int64_t at_ns) const {
  ExecReport report{};
  report.type = kExecReport;
  report.venue = child.venue;
  report.source = config_.report_source;
  report.instrument = child.instrument;
  report.log_ns = add_ns(at_ns, back_ns(child.venue));
  report.venue_ns = at_ns;
  report.child_id = child.id;
  report.cum_units = child.cum_units;
  report.leaves_units = child.leaves_units();
  report.exec_type = type;
  report.ord_status = status_after(type, child);
  report.report_flags = kModelled;
  name_order(report);
  return report;
}

}  // namespace venuefold
