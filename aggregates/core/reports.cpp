#include "reports.hpp"

#include "children.hpp"
#include "day.hpp"
#include "desk.hpp"
#include "learning.hpp"
#include "retraction.hpp"

namespace venuefold::reports {
namespace {

constexpr std::int64_t kMaxCumUnits = 1'000'000'000'000'000'000;
constexpr std::int64_t kMaxFeeNanos = 1'000'000'000'000'000;

constexpr std::uint32_t kMaxReports = 1'000'000;

bool is_trade(const ExecReport& report) { return report.exec_type == number(ExecType::TRADE); }

// Takes a trade back, or gives it other terms.
bool is_change(const ExecReport& report) {
  return is_any_of(report.exec_type, ExecType::TRADE_CANCEL, ExecType::TRADE_CORRECT);
}

bool is_sized(const ExecReport& report) {
  return is_any_of(report.exec_type, ExecType::TRADE, ExecType::TRADE_CORRECT);
}

std::int64_t named(std::uint64_t id) {
  return static_cast<std::int64_t>(id & std::uint64_t{kInt64Max});
}

Refused check(const ExecReport& report) {
  if (report.exec_type < number(ExecType::NEW) || report.exec_type > number(ExecType::SUSPENDED)) {
    return {Reason::NOT_SUPPORTED, report.exec_type};
  }
  if (report.fee_nanos < -kMaxFeeNanos || report.fee_nanos > kMaxFeeNanos) {
    return {Reason::BAD_VALUE, report.fee_nanos};
  }
  if (!is_sized(report)) return kAccepted;
  if (report.last_units <= 0 || report.last_units > kMaxUnits) {
    return {Reason::BAD_SIZE, report.last_units};
  }
  if (report.last_nanos <= 0 || report.last_nanos > kMaxPriceNanos) {
    return {Reason::BAD_PRICE, report.last_nanos};
  }
  return kAccepted;
}

// A report that names another venue or instrument than its child's is about something else.
Refused check_report_place(const ExecReport& report, const Child& child) {
  const Order& order = *child.order;
  if (report.venue != child.venue && report.venue != kVenueNone) {
    return {Reason::WRONG_PLACE, report.venue, order.order_id};
  }
  if (report.instrument != order.record.instrument && report.instrument != kInstrumentNone) {
    return {Reason::WRONG_PLACE, report.instrument, order.order_id};
  }
  return kAccepted;
}

Refused check_bound(const ExecReport& report, const Order& order) {
  if (is_sized(report) && order.cum_units + report.last_units > kMaxCumUnits) {
    return {Reason::BAD_SIZE, report.last_units, order.order_id};
  }
  return kAccepted;
}

Refused check_trade(Shard& shard, const ExecReport& report, Child& child) {
  const Order& order = *child.order;
  if (is_change(report)) {
    const state::Trade* trade = child.find_trade(report.ref_trade_id);
    const std::int64_t ref = named(report.ref_trade_id);
    if (trade == nullptr) return {Reason::UNKNOWN_TRADE, ref, order.order_id};
    if (trade->units == 0) return {Reason::DUPLICATE_TRADE, ref, order.order_id};
    return check_bound(report, order);
  }
  if (!is_trade(report)) return kAccepted;
  if (const state::Trade* known = child.find_trade(report.trade_id)) {
    const bool same = known->units == report.last_units && known->nanos == report.last_nanos;
    if (same || known->changed != 0) {
      return {Reason::DUPLICATE_TRADE, named(report.trade_id), order.order_id};
    }
    children::alarm(shard, AlarmKind::TRADE_CONFLICT, child, report.last_units);
    return {Reason::TRADE_CONFLICT, named(report.trade_id), order.order_id};
  }
  if (child.trades.size() >= kMaxTrades) {
    children::alarm(shard, AlarmKind::TOO_MANY_REPORTS, child, report.last_units);
    return {Reason::TABLE_FULL, static_cast<std::int64_t>(child.trades.size()), order.order_id};
  }
  return check_bound(report, order);
}

// Adds to what a child and its parent have executed; negative amounts take it back.
void add(Child& child, std::int64_t units, int128 notional, std::int64_t fee_nanos) {
  Order& order = *child.order;
  child.cum_units += units;
  order.cum_units += units;
  order.notional += notional;
  order.fee_nanos += fee_nanos;
  accounts::reserve(order);
}

void alarm_excess(Shard& shard, const Child& child) {
  const std::int64_t excess = child.executed_units() - child.units;
  if (excess > 0) children::alarm(shard, AlarmKind::OVERFILL, child, excess);
}

// A fill from a venue is always booked: late or in excess, it raises an alarm as well.
void book_trade(Shard& shard, Child& child, Terms& terms, const ExecReport& report) {
  Order& order = *child.order;
  const bool late = !is_at_venue(child.state);
  const std::int64_t units = report.last_units;
  const std::int64_t nanos = report.last_nanos;
  learning::observe_trade(shard, child, report);
  child.add_trade({.trade_id = report.trade_id,
                   .units = units,
                   .nanos = nanos,
                   .fee_nanos = report.fee_nanos,
                   .changed = 0,
                   .liquidity = report.liquidity,
                   .cell = kNoCell,
                   .reserved = {},
                   .row_ns = shard.books.tick(order.record.instrument, child.venue)
                                 .clock.at(shard.log_ns),
                   .venue_ns = shard.venues[child.venue].session.at(shard.log_ns)});
  add(child, units, int128{nanos} * units, report.fee_nanos);
  accounts::book_fill(order, units, nanos, report.fee_nanos);
  inventory::book_fill(shard, child, units);
  ++terms.fills;
  // No feed ever shows what trades at the midpoint.
  if (report.liquidity != number(Liquidity::MID)) {
    shard.books.add_unreflected(order.record.instrument, child.venue, order.side_index(), units);
  }
  if (late) children::alarm(shard, AlarmKind::LATE_FILL, child, units);
  alarm_excess(shard, child);
  day::ours(shard, child, report.trade_id, units, nanos);
}

// A trade is taken back, or booked anew with other terms: size, money, fee and position.
void change_trade(Shard& shard, Child& child, Terms& terms, const ExecReport& report) {
  const Order& order = *child.order;
  state::Trade& trade = *child.find_trade(report.ref_trade_id);
  const state::Trade old = trade;
  const bool busted = report.exec_type == number(ExecType::TRADE_CANCEL);
  state::Trade changed = old;
  changed.changed = 1;
  changed.units = busted ? 0 : report.last_units;
  changed.nanos = busted ? 0 : report.last_nanos;
  changed.fee_nanos = busted ? 0 : report.fee_nanos;
  retraction::observe_change(shard, child, old, changed);
  trade = changed;
  const std::int64_t added = trade.units - old.units;
  child.busted_units += std::max(std::int64_t{0}, -added);
  const int128 money = int128{trade.units} * trade.nanos - int128{old.units} * old.nanos;
  add(child, added, money, trade.fee_nanos - old.fee_nanos);
  accounts::book_fill(order, -old.units, old.nanos, -old.fee_nanos);
  accounts::book_fill(order, trade.units, trade.nanos, trade.fee_nanos);
  inventory::book_fill(shard, child, added);
  if (busted) --terms.fills;
  children::alarm(shard, busted ? AlarmKind::TRADE_CANCELED : AlarmKind::TRADE_CORRECTED, child,
                  busted ? old.units : added);
  if (!busted) alarm_excess(shard, child);
  day::ours(shard, child, old.trade_id, trade.units, trade.nanos);
}

// Fills we were not told of make the outcome unknown; an answer gives the venue time again.
void doubt(Shard& shard, Child& child, ChildState before, const ExecReport& report) {
  Order& order = *child.order;
  const bool settled = before == ChildState::ACKNOWLEDGED || before == ChildState::PARTIAL;
  if (child.state == ChildState::UNKNOWN && before != ChildState::UNKNOWN) {
    order.visit(child.venue, shard.seq);
    children::doubt(shard, child, report.cum_units - child.executed_units());
  } else if (before == ChildState::UNKNOWN && is_live(child.state)) {
    children::expect_answer(shard, child);
    if (order.state == OrderState::CANCEL_PENDING) {
      children::cancel(shard, child, Reason::PARENT_ENDING);
    }
  } else if (child.rests() && settled && child.state == ChildState::CANCELED) {
    children::alarm(shard, AlarmKind::UNSOLICITED_CANCEL, child, child.units - child.cum_units);
  }
}

// A venue that says too much about one child has its parent stopped; facts are still booked.
void count_reports(Shard& shard, const Child& child) {
  Order& order = *child.order;
  const Book& book = shard.books[order.record.instrument];
  const std::uint32_t limit = book.has_limits ? book.limits.max_reports : 0;
  const std::uint32_t most = limit != 0 ? limit : kMaxReports;
  if (child.reports != most) return;
  children::alarm(shard, AlarmKind::TOO_MANY_REPORTS, child, most);
  if (!is_final(order.state)) desk::wind_down(shard, order, Reason::VENUE_REPORT_BOUND);
}

// What a report means for its parent; one filled beyond its size stops and cancels the rest.
void move_on(Shard& shard, Order& order) {
  const bool over = order.excess_units() > 0;
  const bool ended = is_final(order.state);
  if (over && !ended && order.state != OrderState::CANCEL_PENDING) {
    desk::wind_down(shard, order, Reason::OVERFILLED);
    return;
  }
  if (over && ended) order.finish(Reason::OVERFILLED);
  desk::settle(shard, order);
  desk::emit_order(shard, order);
}

}  // namespace

Refused apply(Shard& shard, const ExecReport& report) {
  Refused refused = check(report);
  if (refused) return refused;
  Child* const child = shard.children.find(report.child_id);
  if (child == nullptr) {
    if (is_trade(report)) {
      shard.alarm(AlarmKind::UNKNOWN_FILL, report.last_units, report.instrument, report.venue,
                  report.child_id, 0, report.source);
    }
    return {Reason::UNKNOWN_CHILD, report.last_units};
  }
  refused = check_report_place(report, *child);
  if (!refused) refused = check_trade(shard, report, *child);
  if (refused) return refused;
  Order& order = *child->order;
  const std::uint32_t instrument = order.record.instrument;
  Terms& terms = shard.books.terms(instrument, child->venue);
  const ChildState before = child->state;
  {
    const children::Change change(shard, *child);
    ++child->reports;
    learning::observe_answer(shard, *child);
    hazards::observe(shard, *child);
    if (is_trade(report)) {
      book_trade(shard, *child, terms, report);
    } else if (is_change(report)) {
      change_trade(shard, *child, terms, report);
    }
    child->apply_report(static_cast<ExecType>(report.exec_type), report.cum_units,
                        report.leaves_units);
    if (child->rests()) hazards::observe_report(shard, *child, report);
  }
  if (before == ChildState::CANCEL_PENDING && child->state != ChildState::CANCEL_PENDING &&
      child->state != ChildState::UNKNOWN) {
    learning::observe_cancel_answer(shard, *child);
  }
  shard.books[instrument].dirty |= std::uint64_t{1} << child->venue;
  if (is_open(before) && !is_open(child->state)) children::end_at_venue(shard, *child);
  children::emit(shard, *child, &report);
  doubt(shard, *child, before, report);
  count_reports(shard, *child);
  move_on(shard, order);
  ++shard.quality_seq;
  return kAccepted;
}

void time_out(Shard& shard, std::uint64_t child_id) {
  Child* const child = shard.children.find(child_id);
  if (child == nullptr || !children::is_overdue(shard, *child)) return;
  Order& order = *child->order;
  hazards::observe(shard, *child);
  child->rest_ns = 0;
  const bool cancels = child->state == ChildState::CANCEL_PENDING;
  {
    const children::Change change(shard, *child);
    child->act(Act::TIME_OUT);
  }
  learning::observe_timeout(shard, *child, cancels);
  // The input being folded comes after the timer, so its quote is news.
  order.visit(child->venue, shard.seq - 1);
  children::emit(shard, *child, nullptr);
  children::doubt(shard, *child, child->leaves_units());
  desk::settle(shard, order);
  desk::emit_order(shard, order);
}

}  // namespace venuefold::reports
