#include "children.hpp"

#include "hazards.hpp"
#include "learning.hpp"

namespace venuefold::children {
namespace {

std::uint8_t most_queries(const Shard& shard, const Child& child) {
  const Book& book = shard.books[child.order->record.instrument];
  return book.has_limits ? book.limits.status_requests : std::uint8_t{0};
}

void emit_sent(Shard& shard, const Child& child) {
  const Order& order = *child.order;
  out::Child record{};
  record.child_id = child.child_id;
  record.order_id = order.order_id;
  record.decision_id = child.decision_id;
  record.units = child.units;
  record.limit_nanos = child.limit_nanos;
  record.min_units = child.min_units;
  record.venue = child.venue;
  record.side = order.record.side;
  record.ord_type = number(OrdType::LIMIT);
  record.time_in_force = child.time_in_force;
  record.exec_inst = child.exec_inst;
  record.capacity = order.record.capacity;
  std::memcpy(record.cl_ord_id, order.record.cl_ord_id, sizeof record.cl_ord_id);
  std::memcpy(record.account, order.record.account, sizeof record.account);
  shard.emit(OutputType::CHILD, order.record.instrument, record);
}

// Asks what became of a child, a bounded number of times; then it is parked for a person.
void ask(Shard& shard, Child& child) {
  const Order& order = *child.order;
  if (child.queries >= most_queries(shard, child)) {
    alarm(shard, AlarmKind::CHILD_PARKED, child, child.leaves_units());
    return;
  }
  ++child.queries;
  child.due_ns = shard.log_ns + shard.tables.policy(order.policy)->ack_timeout_ns;
  shard.schedule(child.due_ns, TimerKind::QUERY, child.child_id);
  out::StatusRequest record{};
  record.child_id = child.child_id;
  record.order_id = order.order_id;
  record.venue = child.venue;
  record.attempt = child.queries;
  shard.emit(OutputType::STATUS_REQUEST, order.record.instrument, record);
}

// Instructions of a child that takes liquidity.
std::uint8_t taking_inst(std::uint8_t flags) {
  if ((flags & number(AllocationFlag::PEG)) != 0) return number(ExecInst::MID_PEG);
  const bool iso = (flags & number(AllocationFlag::ISO)) != 0;
  const bool probes = (flags & number(AllocationFlag::PROBE)) != 0;
  return static_cast<std::uint8_t>((iso ? number(ExecInst::ISO) : 0) |
                                   (probes ? number(ExecInst::PROBE) : 0));
}

// A child that has just become SENT leaves for its venue.
void leave(Shard& shard, Child& child) {
  const Order& order = *child.order;
  child.sent_ns = shard.log_ns;
  if (child.rests()) {
    hazards::place(shard, child);
  } else {
    child.mid_x2 = markouts::valid_mid(shard, shard.books[order.record.instrument]);
  }
  expect_answer(shard, child);
  if (child.rests()) {
    const Posting* rule = shard.tables.posting(order.policy);
    if (rule != nullptr) {
      shard.schedule(shard.log_ns + rule->min_life_ns, TimerKind::REST, child.child_id);
    }
  }
  ++shard.sent;
  emit_sent(shard, child);
}

}  // namespace

void start(Shard& shard, Order& order, const Allocation& part, std::int64_t far_nanos) {
  const bool posts = (part.flags & number(AllocationFlag::POST)) != 0;
  const Candidate& candidate = shard.desk.candidates[part.candidate];
  Child& child = shard.children.add(shard.next_child_id++);
  child.decision_id = order.decision_id;
  child.order = &order;
  child.venue = candidate.venue;
  child.time_in_force = number(posts ? TimeInForce::DAY : order.child_time_in_force());
  child.units = part.units;
  child.limit_nanos = part.limit_nanos;
  child.displayed_units = part.displayed_units;
  child.sent_ns = shard.log_ns;
  child.far_nanos = posts ? 0 : far_nanos;
  const std::int64_t least = std::max(order.least_units(), candidate.least_units);
  child.min_units = posts ? 0 : std::min(least, part.units);
  child.exec_inst = posts ? number(ExecInst::POST_ONLY) : taking_inst(part.flags);
  ++shard.books[order.record.instrument].open_children;
  // Before its parent counts it, so that the sums are right at once.
  const bool held = part.send_delay_ns > 0;
  child.act(held ? Act::HOLD : Act::SEND);
  order.add_child(child);
  if (!posts) candidate.terms->in_flight[order.side_index()] += child.units;
  inventory::reserve(order, child.venue, child.units);
  if (held) {
    child.due_ns = shard.log_ns + part.send_delay_ns;
    shard.schedule(child.due_ns, TimerKind::RELEASE, child.child_id);
    emit(shard, child, nullptr);
  } else {
    leave(shard, child);
  }
}

void send(Shard& shard, Child& child) {
  {
    const Change change(shard, child);
    child.act(Act::SEND);
  }
  leave(shard, child);
}

void expect_answer(Shard& shard, Child& child) {
  const std::int64_t timeout_ns = shard.tables.policy(child.order->policy)->ack_timeout_ns;
  child.due_ns = shard.log_ns + timeout_ns;
  shard.schedule(child.due_ns, TimerKind::ACK_TIMEOUT, child.child_id);
}

void cancel(Shard& shard, Child& child, Reason reason) {
  if (is_waiting(child.state)) {
    drop(shard, child, reason);
    return;
  }
  if (!is_open(child.state) || child.state == ChildState::CANCEL_PENDING) return;
  child.reason = reason;
  bool moved = false;
  {
    const Change change(shard, child);
    moved = child.act(Act::CANCEL);
  }
  if (moved) expect_answer(shard, child);
  out::CancelChild record{};
  record.child_id = child.child_id;
  record.order_id = child.order->order_id;
  record.venue = child.venue;
  shard.emit(OutputType::CANCEL_CHILD, child.order->record.instrument, record);
}

void drop(Shard& shard, Child& child, Reason reason) {
  {
    const Change change(shard, child);
    child.act(Act::DROP);
  }
  child.reason = reason;
  --shard.books[child.order->record.instrument].open_children;
  emit(shard, child, nullptr);
}

bool replace(Shard& shard, Child& child, std::int64_t units, std::int64_t limit_nanos) {
  {
    const Change change(shard, child);
    if (!child.act(Act::REPLACE)) return false;
    child.pending_units = units;
    child.pending_nanos = limit_nanos;
  }
  expect_answer(shard, child);
  out::ReplaceChild record{};
  record.child_id = child.child_id;
  record.order_id = child.order->order_id;
  record.units = units;
  record.limit_nanos = limit_nanos;
  record.venue = child.venue;
  shard.emit(OutputType::REPLACE_CHILD, child.order->record.instrument, record);
  return true;
}

void doubt(Shard& shard, Child& child, std::int64_t units) {
  child.queries = 0;
  alarm(shard, AlarmKind::CHILD_UNKNOWN, child, units);
  if (most_queries(shard, child) != 0) ask(shard, child);
}

void query_due(Shard& shard, std::uint64_t child_id) {
  Child* const child = shard.children.find(child_id);
  if (child == nullptr || child->state != ChildState::UNKNOWN || child->due_ns != shard.log_ns) {
    return;
  }
  ask(shard, *child);
}

bool is_overdue(const Shard& shard, const Child& child) {
  return is_live(child.state) && child.is_awaited() && child.due_ns == shard.log_ns;
}

void end_at_venue(Shard& shard, Child& child) {
  child.order->visit(child.venue, shard.seq);
  --shard.books[child.order->record.instrument].open_children;
  if (!child.rests() || child.state == ChildState::REJECTED) learning::observe_end(shard, child);
}

void alarm(Shard& shard, AlarmKind kind, const Child& child, std::int64_t value) {
  shard.alarm(kind, value, child.order->record.instrument, child.venue, child.child_id,
              child.order->order_id);
}

void emit(Shard& shard, const Child& child, const ExecReport* report) {
  out::ChildState record{};
  record.child_id = child.child_id;
  record.order_id = child.order->order_id;
  record.units = child.units;
  record.cum_units = child.cum_units;
  record.state = number(child.state);
  record.venue = child.venue;
  record.reason = number(child.reason);
  if (report != nullptr) {
    record.trade_id = report->trade_id;
    record.last_units = report->last_units;
    record.last_nanos = report->last_nanos;
    record.fee_nanos = report->fee_nanos;
    record.exec_type = report->exec_type;
    record.liquidity = report->liquidity;
    record.report_flags = report->report_flags;
  }
  shard.emit(OutputType::CHILD_STATE, child.order->record.instrument, record);
}

}  // namespace venuefold::children
