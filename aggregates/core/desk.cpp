#include "desk.hpp"

#include "amend.hpp"
#include "baselines.hpp"
#include "children.hpp"
#include "inventory.hpp"
#include "policy.hpp"
#include "risk.hpp"
#include "router.hpp"

namespace venuefold::desk {
namespace {

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
  const IdentityKey key(record.account, record.cl_ord_id, record.instrument);
  const std::uint32_t hash = key.hash();
  shard.identities.prefetch(hash);
  // Never earlier than before: a window that grows does not bring back what was forgotten.
  const std::int64_t oldest_ns =
      std::max(shard.oldest_ns, shard.log_ns - shard.tables.settings().identity_window_ns);
  shard.oldest_ns = oldest_ns;
  if (record.transact_ns < oldest_ns) return {Reason::TOO_OLD, record.transact_ns};
  if (record.transact_ns > shard.log_ns + kFutureToleranceNs) {
    return {Reason::FROM_THE_FUTURE, record.transact_ns};
  }
  const std::uint64_t digest = digest_of(record);
  Identity* known = shard.identities.find(key, hash);
  if (known != nullptr && known->transact_ns >= oldest_ns) {
    const bool same = known->digest == digest;
    return {same ? Reason::DUPLICATE_ORDER : Reason::CONFLICTING_REPEAT,
            static_cast<std::int64_t>(known->decision_id), known->order_id};
  }
  shard.identities.forget(oldest_ns);
  if (shard.identities.size() >= kMaxIdentities) {
    return {Reason::TABLE_FULL, static_cast<std::int64_t>(shard.identities.size())};
  }
  // One that was known may have been forgotten just now.
  if (known != nullptr) known = shard.identities.find(key, hash);
  if (known != nullptr) shard.identities.drop(*known);
  fresh = &shard.identities.add(key, hash);
  fresh->digest = digest;
  fresh->transact_ns = record.transact_ns;
  fresh->order_id = shard.seq;
  return kAccepted;
}

// Checks of an admitted order against accounts and limits; `best` is what it arrives at.
Verdict check(Shard& shard, const NewOrder& record, std::uint32_t policy_id, BestPrices& best,
              std::int64_t& limit) {
  const Book& book = shard.books[record.instrument];
  Verdict verdict = accounts::count_message(shard, record);
  if (verdict.reason == Reason::NONE) verdict = check_terms(record, shard.log_ns);
  if (verdict.reason != Reason::NONE) return verdict;
  const Policy* policy = shard.tables.policy(policy_id);
  if (policy == nullptr || policy->ended != 0) return {Reason::UNKNOWN_POLICY, policy_id};
  verdict = check_permission(shard, record, policy_id);
  if (verdict.reason != Reason::NONE) return verdict;
  best = best_prices(shard, record.instrument, policy->stale_ns);
  const std::int64_t bid = best.protected_bid;
  const std::int64_t ask = best.protected_ask;
  if (bid == 0 || ask == 0) return {Reason::NO_REFERENCE_PRICE, bid + ask};
  limit = effective_limit(record, book, bid, ask);
  verdict = check_limits(record, book, limit, bid, ask);
  if (verdict.reason != Reason::NONE) return verdict;
  verdict = accounts::check_position(shard, record, record.order_units, bid + ask);
  return verdict.reason == Reason::NONE ? inventory::check(shard, record) : verdict;
}

// Whether the new order is the one that gives way to an own parent it could trade with.
Verdict check_self_match(Shard& shard, const NewOrder& record, std::int64_t limit) {
  const std::uint8_t mode = shard.books[record.instrument].limits.self_match;
  if (mode == 0) return {};
  const bool gives_way = is_any_of(mode, SelfMatch::CANCEL_NEWEST, SelfMatch::CANCEL_BOTH);
  const bool at_once = is_any_of(record.time_in_force, TimeInForce::IOC, TimeInForce::FOK);
  if (!gives_way && !at_once) return {};
  const std::vector<Order*> others = matching(shard, record, limit);
  if (others.empty()) return {};
  const auto first = static_cast<std::int64_t>(others.front()->order_id);
  if (mode == number(SelfMatch::CANCEL_BOTH)) {
    for (Order* other : others) wind_down(shard, *other, Reason::SELF_MATCH);
  }
  return {Reason::SELF_MATCH, first};
}

// Checks everything that can refuse an admitted order; adds the order when nothing does.
Verdict build(Shard& shard, const NewOrder& record, BestPrices& best, Order*& built) {
  const std::uint32_t policy_id = record.policy != 0
                                      ? record.policy
                                      : shard.books[record.instrument].record.default_policy;
  std::int64_t limit = 0;
  Verdict verdict = check(shard, record, policy_id, best, limit);
  if (verdict.reason != Reason::NONE) return verdict;
  if (shard.open_orders >= kMaxOpenOrders || shard.orders.size() >= kMaxOrders) {
    return {Reason::TABLE_FULL, static_cast<std::int64_t>(shard.open_orders)};
  }
  verdict = check_self_match(shard, record, limit);
  if (verdict.reason == Reason::NONE) verdict = check_duplicate(shard, record);
  if (verdict.reason != Reason::NONE) return verdict;
  built = &shard.orders.add(shard.seq);
  built->record = record;
  built->policy = policy_id;
  built->limit_nanos = limit;
  built->arrival_bid_nanos = best.protected_bid;
  built->arrival_ask_nanos = best.protected_ask;
  built->position = shard.accounts.position(record.account, record.instrument);
  return {};
}

// When the parent ends at the latest: at its own time, or at its policy's horizon.
void schedule_expiry(Shard& shard, Order& order) {
  const bool dated = order.record.time_in_force == number(TimeInForce::GTD);
  const Policy& policy = *shard.tables.policy(order.policy);
  const std::int64_t worked_ns = horizon_ns(policy, order.record.urgency);
  order.expire_due_ns = dated ? order.record.expire_ns : shard.log_ns + worked_ns;
  shard.schedule(order.expire_due_ns, TimerKind::EXPIRE, order.order_id);
}

// Older own parents that it could trade with are wound down; true while they may still trade.
bool give_way(Shard& shard, const Order& order) {
  if (shard.books[order.record.instrument].limits.self_match == 0) return false;
  bool waits = false;
  for (Order* other : matching(shard, order.record, order.limit_nanos)) {
    if (other == &order) continue;
    wind_down(shard, *other, Reason::SELF_MATCH);
    waits |= !is_final(other->state);
  }
  return waits;
}

void end(Shard& shard, Order& order, Reason reason) {
  order.finish(reason);
  --shard.open_orders;
  accounts::reserve(order);
  const std::int64_t due_ns = shard.log_ns + shard.tables.settings().linger_ns;
  shard.schedule(due_ns, TimerKind::FORGET, order.order_id);
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

// The account's throttle has tripped: all of its parents stop until a person re-arms it.
void trip(Shard& shard, const Order& order) {
  const Target account(order.record.account);
  for (const std::uint64_t order_id : shard.orders.ids()) {
    Order& other = *shard.orders.find(order_id);
    const Target name(other.record.account);
    if (is_final(other.state) || name < account || account < name) continue;
    wind_down(shard, other, Reason::THROTTLED);
  }
}

bool has_used_up(const Order& order, const Policy& policy) {
  return std::int64_t{order.attempts} - order.posts >= std::int64_t{policy.max_attempts};
}

// One routing attempt: decide, send, and say what happens to what found no place.
void attempt(Shard& shard, Order& order, const BestPrices& best) {
  if (!accounts::may_send(shard, order)) {
    trip(shard, order);
    return;
  }
  const Policy& policy = *shard.tables.policy(order.policy);
  const Plan& plan = decide(shard, order, best);
  const std::int64_t far_nanos = order.side_index() != 0 ? best.protected_bid : best.protected_ask;
  for (std::size_t i = 0; i < plan.count; ++i) {
    children::start(shard, order, plan.parts[i], far_nanos);
  }
  if (plan.units != 0) {
    order.posts += (plan.parts[0].flags & number(AllocationFlag::POST)) != 0;
    return;
  }
  if (order.is_immediate()) {
    end(shard, order, order.is_whole() ? Reason::FOK_NOT_FILLABLE : Reason::IOC_REMAINDER);
  } else if (has_used_up(order, policy)) {
    settle_exhausted(shard, order);
  } else {
    order.retry_due_ns = shard.log_ns + policy.retry_ns;
    shard.schedule(order.retry_due_ns, TimerKind::RETRY, order.order_id);
  }
}

bool shows_a_slice(const Order& order) {
  for (const Child* child = order.first_child; child != nullptr; child = child->next) {
    if (child->rests() && child->leaves_units() != 0) return true;
  }
  return false;
}

void go_on(Shard& shard, Order& order) {
  if (order.free_units() == 0 || order.retry_due_ns > shard.log_ns || !shard.may_trade()) return;
  // The next slice waits for the one that is shown.
  if (order.record.display_units != 0 && shows_a_slice(order)) return;
  const Policy& policy = *shard.tables.policy(order.policy);
  if (has_used_up(order, policy)) {
    settle_exhausted(shard, order);
  } else {
    attempt(shard, order, best_prices(shard, order.record.instrument, policy.stale_ns));
  }
}

}  // namespace

Refused check_record(Shard& shard, const NewOrder& record, Identity*& known) {
  if (record.instrument >= shard.books.size()) {
    return {Reason::UNKNOWN_INSTRUMENT, record.instrument};
  }
  if ((record.flags & kShed) != 0) return {Reason::OVERLOADED};
  if (!shard.is_active()) return {Reason::ENGINE_NOT_ACTIVE};
  if (shard.reference_seen > shard.reference_version) {
    return {Reason::REFERENCE_GAP, static_cast<std::int64_t>(shard.reference_version)};
  }
  return admit(shard, record, known);
}

Refused new_order(Shard& shard, const NewOrder& record) {
  if (record.instrument < shard.books.size()) {
    // In the order in which they are needed.
    shard.accounts.prefetch_index(record.account, record.instrument);
    shard.identities.prefetch(
        IdentityKey(record.account, record.cl_ord_id, record.instrument).hash());
    shard.orders.prefetch(shard.seq, 1);
    shard.books.prefetch_offers(record.instrument, is_buy(record) ? 1 : 0);
    shard.accounts.prefetch_position(record.account, record.instrument);
  }
  Identity* known = nullptr;
  const Refused refused = check_record(shard, record, known);
  if (refused) return refused;
  shard.books.prefetch_beliefs(record.instrument);
  Order* order = nullptr;
  BestPrices best;
  const Verdict verdict = build(shard, record, best, order);
  if (verdict.reason != Reason::NONE) return {verdict.reason, verdict.value};
  ++shard.open_orders;
  accounts::reserve(*order);
  if (!order->is_immediate()) schedule_expiry(shard, *order);
  if (give_way(shard, *order)) {
    order->retry_due_ns = shard.log_ns + shard.tables.policy(order->policy)->retry_ns;
    shard.schedule(order->retry_due_ns, TimerKind::RETRY, order->order_id);
  } else {
    attempt(shard, *order, best);
  }
  known->decision_id = order->decision_id;
  emit_order(shard, *order);
  return kAccepted;
}

Order* find_order(Shard& shard, const char (&account)[16], const char (&name)[32],
                  std::uint32_t instrument) {
  const Identity* identity = shard.identities.find(IdentityKey(account, name, instrument));
  return identity != nullptr ? shard.orders.find(identity->order_id) : nullptr;
}

Refused cancel_order(Shard& shard, const CancelOrder& record) {
  Order* const order =
      find_order(shard, record.account, record.orig_cl_ord_id, record.instrument);
  if (order == nullptr || is_final(order->state)) return {Reason::UNKNOWN_ORDER};
  wind_down(shard, *order, Reason::USER_CANCEL);
  return kAccepted;
}

void wind_down(Shard& shard, Order& order, Reason reason) {
  if (order.act(OrderEvent::CANCEL)) {
    order.end_reason = reason;
    order.amendment.reset();
  }
  for (Child* child = order.first_child; child != nullptr; child = child->next) {
    children::cancel(shard, *child, Reason::PARENT_ENDING);
  }
  settle(shard, order);
  emit_order(shard, order);
}

void settle(Shard& shard, Order& order) {
  if (is_final(order.state)) return;
  if (order.state == OrderState::AMEND_PENDING) amend::make_room(shard, order);
  if (order.awaited_children != 0) return;
  if (order.state == OrderState::AMEND_PENDING && !amend::apply_amendment(shard, order)) return;
  // All that is left rests, or is with children of unknown outcome.
  if (order.outstanding_units != 0 && order.free_units() == 0) return;
  if (order.cum_units >= order.record.order_units) {
    const bool full = order.cum_units == order.record.order_units;
    end(shard, order, full ? Reason::FILLED : Reason::OVERFILLED);
  } else if (order.state == OrderState::CANCEL_PENDING || order.is_immediate()) {
    settle_ending(shard, order);
  } else if (order.state == OrderState::WORKING) {
    go_on(shard, order);
  }
}

void follow_sessions(Shard& shard, std::uint32_t instrument) {
  if (shard.open_orders == 0) return;
  for (const std::uint64_t order_id : shard.orders.ids()) {
    Order& order = *shard.orders.find(order_id);
    const std::uint32_t own = order.record.instrument;
    if (is_final(order.state) || (instrument != own && instrument != kInstrumentNone)) continue;
    const Book& book = shard.books[own];
    if ((book.listed & book.open & shard.tables.open()) == 0) {
      if (!order.act(OrderEvent::SUSPEND)) continue;
      for (Child* child = order.first_child; child != nullptr; child = child->next) {
        if (child->rests()) children::cancel(shard, *child, Reason::VENUE_STOPPED);
      }
      emit_order(shard, order);
    } else if (order.act(OrderEvent::RESUME)) {
      settle(shard, order);
      emit_order(shard, order);
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

void emit_order(Shard& shard, Order& order) {
  accounts::reserve(order);
  out::OrderState record{};
  record.order_id = order.order_id;
  record.decision_id = order.decision_id;
  record.order_units = order.record.order_units;
  record.cum_units = order.cum_units;
  record.outstanding_units = order.outstanding_units;
  record.notional_lo = low_word(order.notional);
  record.notional_hi = high_word(order.notional);
  record.fee_nanos = accounts::fee_word(order.fee_nanos);
  const std::int64_t left = order.record.order_units - order.cum_units;
  if (left > 0 && is_final(order.state)) {
    const Baseline horizon = clean_sweep(shard, order, left);
    record.horizon_units = horizon.units;
    record.horizon_cost_lo = low_word(horizon.cost);
    record.horizon_cost_hi = high_word(horizon.cost);
  }
  record.state = number(order.state);
  record.reason = number(order.end_reason);
  record.side = order.record.side;
  std::memcpy(record.cl_ord_id, order.record.cl_ord_id, sizeof record.cl_ord_id);
  std::memcpy(record.account, order.record.account, sizeof record.account);
  shard.emit(OutputType::ORDER_STATE, order.record.instrument, record);
}

}  // namespace venuefold::desk
