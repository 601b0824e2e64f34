#include "day.hpp"

#include "children.hpp"
#include "desk.hpp"

namespace venuefold::day {
namespace {

void emit_break(Shard& shard, BreakKind kind, const CopyKey& key, const Copy* mine,
                const Copy* theirs) {
  const Copy& place = mine != nullptr ? *mine : *theirs;
  out::Break record{};
  record.child_id = key.first;
  record.order_id = place.order_id;
  record.trade_id = key.second;
  if (mine != nullptr) {
    record.our_units = mine->units;
    record.our_nanos = mine->nanos;
  }
  if (theirs != nullptr) {
    record.their_units = theirs->units;
    record.their_nanos = theirs->nanos;
  }
  record.kind = number(kind);
  record.venue = place.venue;
  shard.emit(OutputType::BREAK, place.instrument, record);
}

void compare(Shard& shard, const CopyKey& key, const Copy& mine, const Copy& theirs) {
  if (mine.units == theirs.units && mine.nanos == theirs.nanos) return;
  emit_break(shard, BreakKind::TRADE_DIFFERS, key, &mine, &theirs);
}

void match(Shard& shard, const CopyKey& key, const Copy& item) {
  const auto found = shard.copies.find(key);
  if (found == shard.copies.end()) {
    if (shard.copies.size() < kMaxCopies) shard.copies[key] = item;
    return;
  }
  if (found->second.is_ours == item.is_ours) {
    found->second = item;
    return;
  }
  const Copy other = found->second;
  shard.copies.erase(found);
  item.is_ours ? compare(shard, key, item, other) : compare(shard, key, other, item);
}

void tell_breaks(Shard& shard) {
  for (const auto& [key, item] : shard.copies) {
    if (item.is_ours) {
      emit_break(shard, BreakKind::NOT_IN_DROP_COPY, key, &item, nullptr);
    } else {
      emit_break(shard, BreakKind::ONLY_IN_DROP_COPY, key, nullptr, &item);
    }
  }
  shard.copies.clear();
  for (const std::uint64_t child_id : shard.children.ids()) {
    const Child& child = *shard.children.find(child_id);
    if (!is_at_venue(child.state)) continue;
    const bool unknown = child.state == ChildState::UNKNOWN;
    const Copy item{child.order->order_id,
                    child.leaves_units(),
                    child.limit_nanos,
                    child.order->record.instrument,
                    child.venue,
                    true};
    emit_break(shard, unknown ? BreakKind::UNKNOWN_CHILD : BreakKind::OPEN_CHILD,
               CopyKey{child_id, 0}, &item, nullptr);
  }
}

void roll_positions(Shard& shard) {
  for (auto& [key, position] : shard.accounts.positions) {
    out::Position record{};
    record.net_units = position.net_units;
    record.bought_units = position.bought_units;
    record.sold_units = position.sold_units;
    record.open_buy_units = position.open_units[0];
    record.open_sell_units = position.open_units[1];
    record.notional_lo = low_word(position.notional);
    record.notional_hi = high_word(position.notional);
    record.fee_nanos = accounts::fee_word(position.fee_nanos);
    std::memcpy(record.account, key.account.name.data(), sizeof record.account);
    shard.emit(OutputType::POSITION, key.instrument, record);
    position.bought_units = position.sold_units = 0;
    position.notional = position.fee_nanos = 0;
  }
}

}  // namespace

void ours(Shard& shard, const Child& child, std::uint64_t trade_id, std::int64_t units,
          std::int64_t nanos) {
  if (!shard.compares_copies) return;
  match(shard, {child.child_id, trade_id},
        {child.order->order_id, units, nanos, child.order->record.instrument, child.venue, true});
}

Refused drop_copy(Shard& shard, const ExecReport& report) {
  const auto type = static_cast<ExecType>(report.exec_type);
  if (type != ExecType::TRADE && type != ExecType::TRADE_CANCEL &&
      type != ExecType::TRADE_CORRECT) {
    return {Reason::NOT_SUPPORTED, report.exec_type};
  }
  shard.compares_copies = true;
  const std::uint64_t trade_id = type == ExecType::TRADE ? report.trade_id : report.ref_trade_id;
  const std::int64_t units = type == ExecType::TRADE_CANCEL ? 0 : report.last_units;
  const std::int64_t nanos = units != 0 ? report.last_nanos : 0;
  Child* const child = shard.children.find(report.child_id);
  const CopyKey key{report.child_id, trade_id};
  const bool waits = shard.copies.count(key) != 0;
  if (shard.copies.size() >= kMaxCopies && !waits) {
    return {Reason::TABLE_FULL, static_cast<std::int64_t>(shard.copies.size())};
  }
  const std::uint64_t order_id = child != nullptr ? child->order->order_id : 0;
  const Copy item{order_id, units, nanos, report.instrument, report.venue, false};
  const state::Trade* known = child != nullptr ? child->find_trade(trade_id) : nullptr;
  if (known != nullptr && !waits) {
    compare(shard, key,
            {order_id, known->units, known->nanos, report.instrument, report.venue, true}, item);
  } else {
    match(shard, key, item);
  }
  return kAccepted;
}

Refused end_of_day(Shard& shard, const EndOfDay&) {
  for (const std::uint64_t order_id : shard.orders.ids()) {
    Order& order = *shard.orders.find(order_id);
    if (is_final(order.state)) continue;
    if (order.record.time_in_force == number(TimeInForce::GTD)) {
      for (Child* child = order.first_child; child != nullptr; child = child->next) {
        children::cancel(shard, *child, Reason::END_OF_DAY);
      }
    } else {
      const bool done = order.cum_units != 0;
      desk::wind_down(shard, order, done ? Reason::DONE_FOR_DAY : Reason::END_OF_DAY);
    }
  }
  tell_breaks(shard);
  roll_positions(shard);
  return kAccepted;
}

}  // namespace venuefold::day
