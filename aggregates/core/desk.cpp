#include "desk.hpp"

#include "policy.hpp"
#include "risk.hpp"
#include "router.hpp"

namespace venuefold::desk {
namespace {

bool is_killed(const Shard& shard, const NewOrder& record) {
  return shard.kill_all || shard.books[record.instrument].killed ||
         shard.killed_clients.count(Target(record.client)) != 0 ||
         shard.killed_accounts.count(Target(record.account)) != 0;
}

// What makes an order the same order: all but when it reached us.
std::uint64_t digest_of(const NewOrder& record) {
  const auto* terms = reinterpret_cast<const char*>(&record) + sizeof(Header);
  const auto* received = reinterpret_cast<const char*>(&record.receive_ns);
  const auto* rest = received + sizeof record.receive_ns;
  const auto before = static_cast<std::size_t>(received - terms);
  std::array<char, sizeof(NewOrder) - sizeof(Header) - sizeof record.receive_ns> kept;
  std::memcpy(kept.data(), terms, before);
  std::memcpy(kept.data() + before, rest, kept.size() - before);
  return digest64(kept.data(), kept.size());
}

// Remembers a new identity in `fresh`, or refuses with the first order's decision and id.
//
// An identity is forgotten only after a repeat of it would be TOO_OLD, so nothing slips between.
Refused admit(Shard& shard, const NewOrder& record, Identity*& fresh) {
  if (!has_text(record.cl_ord_id) || !has_text(record.account)) return {Reason::NO_IDENTITY};
  // Never earlier than before: a window that grows does not bring back what was forgotten.
  const std::int64_t oldest_ns =
      std::max(shard.oldest_ns, shard.log_ns - shard.tables.settings().identity_window_ns);
  shard.oldest_ns = oldest_ns;
  if (record.transact_ns < oldest_ns) return {Reason::TOO_OLD, record.transact_ns};
  if (record.transact_ns > shard.log_ns + kFutureToleranceNs) {
    return {Reason::FROM_THE_FUTURE, record.transact_ns};
  }
  const std::uint64_t digest = digest_of(record);
  const IdentityKey key(record.account, record.cl_ord_id, record.instrument);
  Identity* known = shard.identities.find(key);
  if (known != nullptr && known->transact_ns >= oldest_ns) {
    const bool same = known->digest == digest;
    return {same ? Reason::DUPLICATE_ORDER : Reason::CONFLICTING_REPEAT,
            static_cast<std::int64_t>(known->decision_id), known->order_id};
  }
  shard.identities.forget(oldest_ns);
  if (shard.identities.size() >= kMaxIdentities) {
    return {Reason::TABLE_FULL, static_cast<std::int64_t>(shard.identities.size())};
  }
  known = shard.identities.find(key);
  if (known != nullptr) shard.identities.drop(*known);
  fresh = &shard.identities.add(key);
  fresh->digest = digest;
  fresh->transact_ns = record.transact_ns;
  fresh->order_id = shard.seq;
  return kAccepted;
}

// Checks everything that can refuse an admitted order; adds the order when nothing does. `best` is
// what it arrives at.
Verdict build(Shard& shard, const NewOrder& record, BestPrices& best, Order*& built) {
  const Book& book = shard.books[record.instrument];
  const std::uint32_t policy_id =
      record.policy != 0 ? record.policy : book.record.default_policy;
  Verdict verdict = check_terms(record, shard.log_ns);
  if (verdict.reason != Reason::NONE) return verdict;
  const Policy* policy = shard.tables.policy(policy_id);
  if (policy == nullptr) return {Reason::UNKNOWN_POLICY, policy_id};
  if (is_killed(shard, record)) return {Reason::KILLED, 0};
  if (!book.has_limits) return {Reason::MAX_ORDER_UNITS, 0};
  best = best_prices(shard, record.instrument, policy->stale_ns);
  const std::int64_t bid = best.protected_bid;
  const std::int64_t ask = best.protected_ask;
  if (bid == 0 || ask == 0) return {Reason::NO_REFERENCE_PRICE, bid + ask};
  const std::int64_t limit = effective_limit(record, book, bid, ask);
  verdict = check_limits(record, book, limit, bid, ask);
  if (verdict.reason != Reason::NONE) return verdict;
  if (shard.open_orders >= kMaxOpenOrders) {
    return {Reason::TABLE_FULL, static_cast<std::int64_t>(shard.open_orders)};
  }
  built = &shard.orders.add(shard.seq);
  built->record = record;
  built->policy = policy_id;
  built->limit_nanos = limit;
  built->arrival_bid_nanos = bid;
  built->arrival_ask_nanos = ask;
  return {};
}

std::int64_t expiry_ns(const Shard& shard, const Order& order) {
  if (order.record.time_in_force == number(TimeInForce::GTD)) return order.record.expire_ns;
  return shard.log_ns + horizon_ns(*shard.tables.policy(order.policy), order.record.urgency);
}

void end(Shard& shard, Order& order, Reason reason) {
  order.finish(reason);
  --shard.open_orders;
  const std::int64_t due_ns = shard.log_ns + shard.tables.settings().linger_ns;
  shard.schedule(due_ns, TimerKind::FORGET, order.order_id);
}

void emit_child_order(Shard& shard, const Order& order, const Child& child,
                      const Allocation& part) {
  out::Child record{};
  record.child_id = child.child_id;
  record.order_id = order.order_id;
  record.decision_id = order.decision_id;
  record.units = child.units;
  record.limit_nanos = child.limit_nanos;
  record.venue = child.venue;
  record.side = order.record.side;
  record.ord_type = number(OrdType::LIMIT);
  record.time_in_force = child.time_in_force;
  record.send_delay_ns = part.send_delay_ns;
  const bool is_iso = (part.flags & number(AllocationFlag::ISO)) != 0;
  record.exec_inst = is_iso ? number(ExecInst::ISO) : std::uint8_t{0};
  record.capacity = order.record.capacity;
  std::memcpy(record.cl_ord_id, order.record.cl_ord_id, sizeof record.cl_ord_id);
  std::memcpy(record.account, order.record.account, sizeof record.account);
  shard.emit(OutputType::CHILD, order.record.instrument, record);
}

void send(Shard& shard, Order& order, const Allocation& part, std::int64_t ack_timeout_ns,
          std::int64_t far_nanos) {
  Book& book = shard.books[order.record.instrument];
  const Candidate& candidate = shard.desk.candidates[part.candidate];
  Child& child = shard.children.add(shard.next_child_id++);
  child.decision_id = order.decision_id;
  child.order = &order;
  child.venue = candidate.venue;
  child.time_in_force = number(order.child_time_in_force());
  child.units = part.units;
  child.limit_nanos = part.limit_nanos;
  child.displayed_units = part.displayed_units;
  child.sent_ns = shard.log_ns;
  child.mid_x2 = markouts::valid_mid(shard, book);
  child.far_nanos = far_nanos;
  ++book.open_children;
  order.add_child(child);
  candidate.terms->in_flight[order.side_index()] += child.units;
  shard.schedule(shard.log_ns + ack_timeout_ns, TimerKind::ACK_TIMEOUT, child.child_id);
  emit_child_order(shard, order, child, part);
}

void settle_exhausted(Shard& shard, Order& order) {
  if (order.outstanding_units == 0) end(shard, order, Reason::MAX_ATTEMPTS);
}

// A parent that routes no more ends when no child's quantity is in doubt.
void settle_ending(Shard& shard, Order& order) {
  if (order.outstanding_units != 0) return;
  const bool pending = order.state == OrderState::CANCEL_PENDING;
  end(shard, order, pending ? order.end_reason : Reason::IOC_REMAINDER);
}

// One routing attempt: decide, send, and say what happens to what found no place.
void attempt(Shard& shard, Order& order, const BestPrices& best) {
  const Policy& policy = *shard.tables.policy(order.policy);
  const Plan& plan = decide(shard, order, best);
  const std::int64_t far_nanos = order.side_index() != 0 ? best.protected_bid : best.protected_ask;
  for (std::size_t i = 0; i < plan.count; ++i) {
    send(shard, order, plan.parts[i], policy.ack_timeout_ns, far_nanos);
  }
  if (plan.units != 0) return;
  if (order.is_immediate()) {
    end(shard, order, order.is_fok() ? Reason::FOK_NOT_FILLABLE : Reason::IOC_REMAINDER);
  } else if (order.attempts >= policy.max_attempts) {
    settle_exhausted(shard, order);
  } else {
    order.retry_due_ns = shard.log_ns + policy.retry_ns;
    shard.schedule(order.retry_due_ns, TimerKind::RETRY, order.order_id);
  }
}

// Asks a venue to cancel; an unknown child keeps its state until it is reconciled.
void cancel_child(Shard& shard, Child& child) {
  if (!is_open(child.state) || child.state == ChildState::CANCEL_PENDING) return;
  if (child.state != ChildState::UNKNOWN) child.state = ChildState::CANCEL_PENDING;
  out::CancelChild record{};
  record.child_id = child.child_id;
  record.order_id = child.order->order_id;
  record.venue = child.venue;
  shard.emit(OutputType::CANCEL_CHILD, child.order->record.instrument, record);
}

void set_target(std::set<Target>& targets, const Kill& record, bool engaged) {
  if (engaged) {
    targets.emplace(record.target);
  } else {
    targets.erase(Target(record.target));
  }
}

bool set_kill(Shard& shard, const Kill& record) {
  const bool engaged = record.engaged != 0;
  switch (static_cast<KillScope>(record.scope)) {
    case KillScope::ALL:
      shard.kill_all = engaged;
      return true;
    case KillScope::INSTRUMENT:
      if (record.instrument >= shard.books.size()) return false;
      shard.books[record.instrument].killed = engaged;
      return true;
    case KillScope::VENUE:
      if (record.venue >= shard.tables.venues()) return false;
      shard.tables.set_killed(record.venue, engaged);
      return true;
    case KillScope::SELF_HELP:
      if (record.venue >= shard.tables.venues()) return false;
      shard.tables.set_self_help(record.venue, engaged);
      return true;
    case KillScope::CLIENT:
      set_target(shard.killed_clients, record, engaged);
      return true;
    case KillScope::ACCOUNT:
      set_target(shard.killed_accounts, record, engaged);
      return true;
  }
  return false;
}

void apply_kill_to(Shard& shard, const Kill& record, Order& order) {
  if (record.scope == number(KillScope::VENUE)) {
    for (Child* child = order.first_child; child != nullptr; child = child->next) {
      if (child->venue == record.venue) cancel_child(shard, *child);
    }
  } else if (is_killed(shard, order.record)) {
    wind_down(shard, order, Reason::KILLED);
  }
}

}  // namespace

Refused new_order(Shard& shard, const NewOrder& record) {
  if (record.instrument >= shard.books.size()) {
    return {Reason::UNKNOWN_INSTRUMENT, record.instrument};
  }
  shard.books.prefetch_decision(record.instrument, is_buy(record) ? 1 : 0);
  if (!shard.is_active()) return {Reason::ENGINE_NOT_ACTIVE};
  if (shard.reference_seen > shard.reference_version) {
    return {Reason::REFERENCE_GAP, static_cast<std::int64_t>(shard.reference_version)};
  }
  Identity* known = nullptr;
  const Refused refused = admit(shard, record, known);
  if (refused) return refused;
  Order* order = nullptr;
  BestPrices best;
  const Verdict verdict = build(shard, record, best, order);
  if (verdict.reason != Reason::NONE) return {verdict.reason, verdict.value};
  ++shard.open_orders;
  if (!order->is_immediate()) {
    shard.schedule(expiry_ns(shard, *order), TimerKind::EXPIRE, order->order_id);
  }
  attempt(shard, *order, best);
  known->decision_id = order->decision_id;
  emit_order(shard, *order);
  return kAccepted;
}

Refused cancel_order(Shard& shard, const CancelOrder& record) {
  const IdentityKey key(record.account, record.orig_cl_ord_id, record.instrument);
  const Identity* identity = shard.identities.find(key);
  Order* order = identity != nullptr ? shard.orders.find(identity->order_id) : nullptr;
  if (order == nullptr || is_final(order->state)) return {Reason::UNKNOWN_ORDER};
  wind_down(shard, *order, Reason::USER_CANCEL);
  return kAccepted;
}

Refused apply_kill(Shard& shard, const Kill& record) {
  if (!set_kill(shard, record)) return {Reason::BAD_VALUE, record.scope};
  if (record.engaged == 0) return kAccepted;
  for (const std::uint64_t order_id : shard.orders.ids()) {
    Order& order = *shard.orders.find(order_id);
    if (!is_final(order.state)) apply_kill_to(shard, record, order);
  }
  return kAccepted;
}

void wind_down(Shard& shard, Order& order, Reason reason) {
  if (order.state == OrderState::WORKING) {
    order.state = OrderState::CANCEL_PENDING;
    order.end_reason = reason;
  }
  for (Child* child = order.first_child; child != nullptr; child = child->next) {
    cancel_child(shard, *child);
  }
  settle(shard, order);
  emit_order(shard, order);
}

void settle(Shard& shard, Order& order) {
  if (is_final(order.state) || order.live_children != 0) return;
  // All that is left is with children of unknown outcome.
  if (order.outstanding_units != 0 && order.free_units() == 0) return;
  if (order.cum_units >= order.record.order_units) {
    const bool full = order.cum_units == order.record.order_units;
    end(shard, order, full ? Reason::FILLED : Reason::OVERFILLED);
  } else if (order.state == OrderState::CANCEL_PENDING || order.is_immediate()) {
    settle_ending(shard, order);
  } else if (order.free_units() != 0 && order.retry_due_ns <= shard.log_ns &&
             shard.may_trade()) {
    const Policy& policy = *shard.tables.policy(order.policy);
    if (order.attempts >= policy.max_attempts) {
      settle_exhausted(shard, order);
    } else {
      attempt(shard, order, best_prices(shard, order.record.instrument, policy.stale_ns));
    }
  }
}

void resume(Shard& shard) {
  for (const std::uint64_t order_id : shard.orders.ids()) {
    Order& order = *shard.orders.find(order_id);
    if (is_final(order.state)) continue;
    settle(shard, order);
    emit_order(shard, order);
  }
}

void forget(Shard& shard, Order& order) {
  for (const Child* child = order.first_child; child != nullptr; child = child->next) {
    shard.children.remove(child->child_id);
  }
  shard.orders.remove(order.order_id);
}

void emit_order(Shard& shard, const Order& order) {
  constexpr int128 most = kInt64Max;
  out::OrderState record{};
  record.order_id = order.order_id;
  record.decision_id = order.decision_id;
  record.order_units = order.record.order_units;
  record.cum_units = order.cum_units;
  record.outstanding_units = order.outstanding_units;
  record.notional_lo = low_word(order.notional);
  record.notional_hi = high_word(order.notional);
  record.fee_nanos =
      static_cast<std::int64_t>(std::max(-most - 1, std::min(most, order.fee_nanos)));
  record.state = number(order.state);
  record.reason = number(order.end_reason);
  record.side = order.record.side;
  std::memcpy(record.cl_ord_id, order.record.cl_ord_id, sizeof record.cl_ord_id);
  std::memcpy(record.account, order.record.account, sizeof record.account);
  shard.emit(OutputType::ORDER_STATE, order.record.instrument, record);
}

}  // namespace venuefold::desk
