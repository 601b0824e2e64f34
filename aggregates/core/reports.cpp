#include "reports.hpp"

#include "desk.hpp"

namespace venuefold::reports {
namespace {

constexpr std::int64_t kMaxCumUnits = 1'000'000'000'000'000'000;
constexpr std::int64_t kMaxFeeNanos = 1'000'000'000'000'000;

bool is_supported(std::uint8_t type) {
  return is_any_of(type, ExecType::NEW, ExecType::TRADE, ExecType::CANCELED, ExecType::REJECTED,
                   ExecType::EXPIRED, ExecType::CANCEL_REJECT, ExecType::DONE_FOR_DAY,
                   ExecType::ORDER_STATUS);
}

bool is_trade(const ExecReport& report) { return report.exec_type == number(ExecType::TRADE); }

Refused check(const ExecReport& report) {
  if (!is_supported(report.exec_type)) return {Reason::NOT_SUPPORTED, report.exec_type};
  if (report.fee_nanos < -kMaxFeeNanos || report.fee_nanos > kMaxFeeNanos) {
    return {Reason::BAD_VALUE, report.fee_nanos};
  }
  if (!is_trade(report)) return kAccepted;
  if (report.last_units <= 0 || report.last_units > kMaxUnits) {
    return {Reason::BAD_SIZE, report.last_units};
  }
  if (report.last_nanos <= 0 || report.last_nanos > kMaxPriceNanos) {
    return {Reason::BAD_PRICE, report.last_nanos};
  }
  return kAccepted;
}

Refused check_trade(const ExecReport& report, const Child& child, const Order& order) {
  if (!is_trade(report)) return kAccepted;
  if (child.has_trade(report.trade_id)) {
    const auto named = static_cast<std::int64_t>(report.trade_id & std::uint64_t{kInt64Max});
    return {Reason::DUPLICATE_TRADE, named, order.order_id};
  }
  if (order.cum_units + report.last_units > kMaxCumUnits) {
    return {Reason::BAD_SIZE, report.last_units, order.order_id};
  }
  return kAccepted;
}

// The first word of a venue about a child, whatever it says, is its acknowledgement.
void observe_answer(Shard& shard, Child& child, Terms& terms) {
  if (child.acked) return;
  child.acked = true;
  observe_ack(terms, shard.log_ns, shard.tables.speed.step(shard.log_ns),
              shard.log_ns - child.sent_ns);
}

// A fill from a venue is always booked: late or in excess, it raises an alarm as well.
void book_trade(Shard& shard, Child& child, Tick& tick, Terms& terms, const ExecReport& report) {
  Order& order = *child.order;
  const bool late = !is_open(child.state);
  child.add_trade({report.trade_id, report.last_units, report.last_nanos});
  child.cum_units += report.last_units;
  order.cum_units += report.last_units;
  order.notional += int128{report.last_nanos} * report.last_units;
  order.fee_nanos += report.fee_nanos;
  ++terms.fills;
  std::int64_t& unreflected = tick.unreflected[order.side_index()];
  unreflected = std::min(kUnreflectedMax, unreflected + report.last_units);
  const std::uint32_t instrument = order.record.instrument;
  if (late) {
    shard.alarm(AlarmKind::LATE_FILL, report.last_units, instrument, child.venue, child.child_id,
                order.order_id);
  }
  const std::int64_t excess = child.cum_units - child.units;
  if (excess > 0) {
    shard.alarm(AlarmKind::OVERFILL, excess, instrument, child.venue, child.child_id,
                order.order_id);
  }
}

// A child that ended tells how much of what it asked for was really there.
void finish_child(Shard& shard, const Child& child, Terms& terms) {
  child.order->visit(child.venue, shard.seq);
  const std::int64_t asked = std::min(child.units, child.displayed_units);
  if (asked <= 0) return;
  observe_fill(terms, shard.log_ns, shard.tables.fill.step(shard.log_ns),
               std::min(child.cum_units, asked), asked);
}

void emit_child(Shard& shard, const Child& child, const ExecReport* report) {
  auto& record =
      shard.emit<out::ChildState>(OutputType::CHILD_STATE, child.order->record.instrument);
  record.child_id = child.child_id;
  record.order_id = child.order->order_id;
  record.units = child.units;
  record.cum_units = child.cum_units;
  record.state = number(child.state);
  record.venue = child.venue;
  if (report != nullptr) {
    record.trade_id = report->trade_id;
    record.last_units = report->last_units;
    record.last_nanos = report->last_nanos;
    record.fee_nanos = report->fee_nanos;
    record.exec_type = report->exec_type;
    record.liquidity = report->liquidity;
    record.report_flags = report->report_flags;
  }
}

// Moves a child's state and keeps its parent's and its row's sums in step.
void move(Child& child, Terms& terms, std::int64_t leaves_before, bool live_before) {
  Order& order = *child.order;
  const std::int64_t released = leaves_before - child.leaves_units();
  order.outstanding_units -= released;
  terms.in_flight[order.side_index()] -= released;
  order.live_children += is_live(child.state);
  order.live_children -= live_before;
}

void alarm_unknown_child(Shard& shard, const Child& child, std::int64_t units) {
  shard.alarm(AlarmKind::CHILD_UNKNOWN, units, child.order->record.instrument, child.venue,
              child.child_id, child.order->order_id);
}

// Fills we were not told of make the outcome unknown; an answer gives the venue time again.
void doubt(Shard& shard, const Child& child, ChildState before, const ExecReport& report) {
  Order& order = *child.order;
  if (child.state == ChildState::UNKNOWN && before != ChildState::UNKNOWN) {
    order.visit(child.venue, shard.seq);
    alarm_unknown_child(shard, child, report.cum_units - child.cum_units);
  } else if (before == ChildState::UNKNOWN && is_live(child.state)) {
    const std::int64_t timeout_ns = shard.tables.policy(order.policy)->ack_timeout_ns;
    shard.schedule(shard.log_ns + timeout_ns, TimerKind::ACK_TIMEOUT, child.child_id);
  }
}

// What a report means for its parent; one filled beyond its size stops and cancels the rest.
void move_on(Shard& shard, Order& order) {
  const bool over = order.excess_units() > 0;
  if (over && order.state == OrderState::WORKING) {
    desk::wind_down(shard, order, Reason::OVERFILLED);
    return;
  }
  if (over && is_final(order.state)) order.finish(Reason::OVERFILLED);
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
  Order& order = *child->order;
  refused = check_trade(report, *child, order);
  if (refused) return refused;
  const std::uint32_t instrument = order.record.instrument;
  Terms& terms = shard.books.terms(instrument, child->venue);
  const std::int64_t leaves_before = child->leaves_units();
  const ChildState before = child->state;
  observe_answer(shard, *child, terms);
  if (is_trade(report)) {
    book_trade(shard, *child, shard.books.tick(instrument, child->venue), terms, report);
  }
  child->apply_report(static_cast<ExecType>(report.exec_type), report.cum_units,
                      report.leaves_units);
  move(*child, terms, leaves_before, is_live(before));
  shard.books[instrument].dirty |= std::uint64_t{1} << child->venue;
  if (is_open(before) && !is_open(child->state)) finish_child(shard, *child, terms);
  emit_child(shard, *child, &report);
  doubt(shard, *child, before, report);
  move_on(shard, order);
  ++shard.quality_seq;
  return kAccepted;
}

void time_out(Shard& shard, std::uint64_t child_id) {
  Child* const child = shard.children.find(child_id);
  if (child == nullptr || !is_live(child->state)) return;
  Order& order = *child->order;
  child->state = ChildState::UNKNOWN;
  --order.live_children;
  // The input being folded comes after the timer, so its quote is news.
  order.visit(child->venue, shard.seq - 1);
  emit_child(shard, *child, nullptr);
  alarm_unknown_child(shard, *child, child->leaves_units());
  desk::settle(shard, order);
  desk::emit_order(shard, order);
}

}  // namespace venuefold::reports
