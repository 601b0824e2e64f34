#include "amend.hpp"

#include "children.hpp"
#include "desk.hpp"
#include "router.hpp"

namespace venuefold::amend {
namespace {

template <std::size_t Size>
bool same(const char (&a)[Size], const char (&b)[Size]) {
  return std::memcmp(a, b, Size) == 0;
}

// Index of the first term that an amendment may not change but does, in the order of
// aggregates.amend.FIXED; their number when all are kept.
constexpr std::int64_t kFixed = 13;
std::int64_t first_changed(const NewOrder& a, const NewOrder& b) {
  const bool kept[kFixed] = {a.side == b.side,
                             same(a.client, b.client),
                             same(a.trader, b.trader),
                             same(a.locate_id, b.locate_id),
                             same(a.self_match_id, b.self_match_id),
                             same(a.symbol, b.symbol),
                             a.ord_type == b.ord_type,
                             a.time_in_force == b.time_in_force,
                             a.exec_inst == b.exec_inst,
                             a.capacity == b.capacity,
                             a.policy == b.policy,
                             a.venues_allowed == b.venues_allowed,
                             a.venues_banned == b.venues_banned};
  return std::find(kept, kept + kFixed, false) - kept;
}

bool is_limit(const NewOrder& record) { return record.ord_type == number(OrdType::LIMIT); }

bool is_beyond(const Order& order, const Child& child, const NewOrder& record) {
  const std::int64_t sign = order.sign();
  return is_limit(record) && sign * child.limit_nanos > sign * record.limit_nanos &&
         is_open(child.state);
}

bool stays(const Child& child) {
  return is_open(child.state) && child.state != ChildState::CANCEL_PENDING &&
         child.state != ChildState::REPLACE_PENDING;
}

// A resting child keeps its place with a smaller size; any other is cancelled.
void cut(Shard& shard, Child& child, std::int64_t excess) {
  const std::int64_t left = child.leaves_units() - excess;
  const std::int64_t units = child.units - excess;
  if (left <= 0 || !child.rests() || child.reason == Reason::BAD_AMEND ||
      !children::replace(shard, child, units, child.limit_nanos)) {
    children::cancel(shard, child, Reason::AMENDED);
  }
}

Verdict check_limits_of(Shard& shard, const Order& order, const NewOrder& record) {
  Verdict verdict = check_permission(shard, record, order.policy);
  if (verdict.reason != Reason::NONE) return verdict;
  const BestPrices best =
      best_prices(shard, record.instrument, shard.tables.policy(order.policy)->stale_ns);
  const std::int64_t bid = best.protected_bid;
  const std::int64_t ask = best.protected_ask;
  if (bid == 0 || ask == 0) return {Reason::NO_REFERENCE_PRICE, bid + ask};
  const std::int64_t limit = is_limit(record) ? record.limit_nanos : order.limit_nanos;
  verdict = check_limits(record, shard.books[record.instrument], limit, bid, ask);
  const std::int64_t added = record.order_units - order.record.order_units;
  if (verdict.reason != Reason::NONE || added <= 0) return verdict;
  return accounts::check_position(shard, record, added, bid + ask);
}

Verdict check(Shard& shard, const Order& order, const NewOrder& record) {
  Verdict verdict = accounts::count_message(shard, record);
  if (verdict.reason != Reason::NONE) return verdict;
  const bool amendable = transition(order.state, OrderEvent::AMEND) != order.state;
  if (!amendable || !same(record.orig_cl_ord_id, order.record.cl_ord_id)) {
    return {Reason::TOO_LATE, number(order.state)};
  }
  const std::int64_t changed = first_changed(record, order.record);
  if (changed != kFixed) return {Reason::BAD_AMEND, changed};
  if (order.is_immediate()) return {Reason::BAD_AMEND, kFixed};
  if (record.order_units < order.cum_units) return {Reason::TOO_LATE, order.cum_units};
  verdict = check_terms(record, shard.log_ns);
  if (verdict.reason != Reason::NONE) return verdict;
  return check_limits_of(shard, order, record);
}

}  // namespace

Refused amend_order(Shard& shard, const NewOrder& record) {
  Order* const order =
      desk::find_order(shard, record.account, record.orig_cl_ord_id, record.instrument);
  Identity* known = nullptr;
  const Refused refused = desk::check_record(shard, record, known);
  if (refused) return refused;
  if (order == nullptr || is_final(order->state)) return {Reason::UNKNOWN_ORDER};
  const Verdict verdict = check(shard, *order, record);
  if (verdict.reason != Reason::NONE) return {verdict.reason, verdict.value, order->order_id};
  known->order_id = order->order_id;
  known->decision_id = order->decision_id;
  order->amendment = std::make_unique<NewOrder>(record);
  order->act(OrderEvent::AMEND);
  desk::settle(shard, *order);
  desk::emit_order(shard, *order);
  return kAccepted;
}

void make_room(Shard& shard, Order& order) {
  const NewOrder& record = *order.amendment;
  const std::int64_t room = std::max(std::int64_t{0}, record.order_units - order.cum_units);
  for (Child* child = order.first_child; child != nullptr; child = child->next) {
    if (is_beyond(order, *child, record)) children::cancel(shard, *child, Reason::AMENDED);
  }
  std::int64_t kept = 0;
  for (const Child* child = order.first_child; child != nullptr; child = child->next) {
    if (stays(*child)) kept += child->leaves_units();
  }
  for (Child* child = order.last_child; child != nullptr; child = child->before) {
    const std::int64_t excess = kept - room;
    if (excess <= 0) return;
    if (!stays(*child)) continue;
    kept -= std::min(excess, child->leaves_units());
    cut(shard, *child, excess);
  }
}

bool apply_amendment(Shard& shard, Order& order) {
  const NewOrder& record = *order.amendment;
  const std::int64_t out = order.outstanding_units;
  if (out != 0 && order.cum_units + out > record.order_units) return false;
  for (const Child* child = order.first_child; child != nullptr; child = child->next) {
    if (is_beyond(order, *child, record)) return false;
  }
  const std::int64_t units = std::max(record.order_units, order.cum_units);
  order.record = record;
  order.record.order_units = units;
  order.amendment.reset();
  if (is_limit(order.record)) order.limit_nanos = order.record.limit_nanos;
  order.retry_due_ns = 0;
  order.visited_mask = 0;
  order.act(OrderEvent::AMENDED);
  if (order.record.time_in_force == number(TimeInForce::GTD)) {
    order.expire_due_ns = order.record.expire_ns;
    shard.schedule(order.expire_due_ns, TimerKind::EXPIRE, order.order_id);
  }
  return true;
}

}  // namespace venuefold::amend
