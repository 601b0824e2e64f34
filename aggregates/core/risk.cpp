#include "risk.hpp"

#include "shard.hpp"

namespace venuefold {
namespace {

// Bounds of what is 128 bits wide here: a mid of 2e17 times 2e9, a limit of 2e17 times 2e9, sizes
// of 1e15 times limits of 2e17, and 1e15 * 1e9 * 1e10. All are below 1e35.

bool is_side(std::uint8_t side) {
  return is_any_of(side, Side::BUY, Side::SELL, Side::SELL_SHORT, Side::SELL_SHORT_EXEMPT);
}

bool is_short(std::uint8_t side) {
  return is_any_of(side, Side::SELL_SHORT, Side::SELL_SHORT_EXEMPT);
}

bool is_limit(const NewOrder& order) { return order.ord_type == number(OrdType::LIMIT); }

bool has(const NewOrder& order, ExecInst instruction) {
  return (order.exec_inst & number(instruction)) != 0;
}

// Post-only needs a time in force that rests, and cannot be all or none at once.
bool can_rest(const NewOrder& order) {
  if (!has(order, ExecInst::POST_ONLY)) return true;
  const bool waits = is_any_of(order.time_in_force, TimeInForce::DAY, TimeInForce::GTD);
  return waits && !has(order, ExecInst::ALL_OR_NONE);
}

Verdict check_sizes(const NewOrder& order) {
  const std::int64_t whole = std::max(std::int64_t{0}, order.order_units);
  if (!within(0, order.min_units, has(order, ExecInst::POST_ONLY) ? 0 : whole)) {
    return {Reason::UNSUPPORTED_MIN_QTY, order.min_units};
  }
  if (!within(0, order.display_units, whole)) {
    return {Reason::UNSUPPORTED_DISPLAY_QTY, order.display_units};
  }
  if (order.order_units <= 0 || order.order_units > kMaxUnits) {
    return {Reason::BAD_SIZE, order.order_units};
  }
  if (is_limit(order) && (order.limit_nanos <= 0 || order.limit_nanos > kMaxPriceNanos)) {
    return {Reason::BAD_PRICE, order.limit_nanos};
  }
  return {};
}

}  // namespace

Verdict check_terms(const NewOrder& order, std::int64_t now_ns) {
  if (!is_side(order.side)) return {Reason::BAD_SIDE, order.side};
  if (is_short(order.side) && !has_text(order.locate_id)) {
    return {Reason::LOCATE_REQUIRED, order.side};
  }
  if (!is_any_of(order.ord_type, OrdType::MARKET, OrdType::LIMIT)) {
    return {Reason::UNSUPPORTED_ORD_TYPE, order.ord_type};
  }
  if (!is_any_of(order.time_in_force, TimeInForce::DAY, TimeInForce::IOC, TimeInForce::FOK,
                 TimeInForce::GTD)) {
    return {Reason::UNSUPPORTED_TIME_IN_FORCE, order.time_in_force};
  }
  if (order.time_in_force == number(TimeInForce::GTD) && order.expire_ns <= now_ns) {
    return {Reason::BAD_VALUE, order.expire_ns};
  }
  constexpr int kSupported = number(ExecInst::HELD) | number(ExecInst::NOT_HELD) |
                             number(ExecInst::ALL_OR_NONE) | number(ExecInst::POST_ONLY);
  if ((order.exec_inst & ~kSupported) != 0 || !can_rest(order)) {
    return {Reason::UNSUPPORTED_EXEC_INST, order.exec_inst};
  }
  return check_sizes(order);
}

std::int64_t effective_limit(const NewOrder& order, const Book& book, std::int64_t bid_nanos,
                             std::int64_t ask_nanos) {
  if (is_limit(order)) return order.limit_nanos;
  const int128 mid_x2 = bid_nanos + ask_nanos;
  const std::int64_t collar = book.limits.collar_e9;
  const std::int64_t tick = book.record.tick_nanos;
  if (is_buy(order)) {
    const auto edge = static_cast<std::int64_t>(mid_x2 * (kE9 + collar) / (2 * kE9));
    return std::max(tick, edge - edge % tick);
  }
  const auto edge =
      static_cast<std::int64_t>(-floor_div(-mid_x2 * (kE9 - collar), int128{2 * kE9}));
  return edge + floor_mod(-edge, tick);
}

Verdict check_limits(const NewOrder& order, const Book& book, std::int64_t limit_nanos,
                     std::int64_t bid_nanos, std::int64_t ask_nanos) {
  const Limits& limits = book.limits;
  if (order.order_units > limits.max_order_units) {
    return {Reason::MAX_ORDER_UNITS, order.order_units};
  }
  const int128 mid_x2 = bid_nanos + ask_nanos;
  const int128 scaled = int128{2} * limit_nanos * kE9;
  const bool outside = is_buy(order) ? scaled > mid_x2 * (kE9 + limits.collar_e9)
                                     : scaled < mid_x2 * (kE9 - limits.collar_e9);
  if (outside) return {Reason::PRICE_COLLAR, limit_nanos};
  // A seller's is counted at the mid at least: the limit only says how little it may be.
  const int128 most = int128{2} * limits.max_notional_ones * kE9 * book.record.units_per_one;
  const int128 price_x2 = std::max(int128{2} * limit_nanos, is_buy(order) ? int128{0} : mid_x2);
  if (int128{order.order_units} * price_x2 > most) {
    return {Reason::MAX_ORDER_NOTIONAL, order.order_units};
  }
  return {};
}

Verdict check_permission(Shard& shard, const NewOrder& order, std::uint32_t policy_id) {
  if (is_killed(shard, order)) return {Reason::KILLED, 0};
  const Book& book = shard.books[order.instrument];
  if (!book.has_limits) return {Reason::MAX_ORDER_UNITS, 0};
  if (book.limits.restricted != 0) return {Reason::RESTRICTED, order.instrument};
  if (book.limits.short_restricted != 0 && order.side == number(Side::SELL_SHORT)) {
    return {Reason::SHORT_RESTRICTED, order.side};
  }
  const AccountState* account = shard.accounts.find(order.account);
  if (account != nullptr && account->throttled) {
    return {Reason::THROTTLED, account->record.throttle_max};
  }
  if (has(order, ExecInst::POST_ONLY)) {
    const Posting* rule = shard.tables.posting(policy_id);
    if (rule == nullptr || rule->enabled == 0 || order.post_permission == 0) {
      return {Reason::POST_NOT_ALLOWED, policy_id};
    }
  }
  return {};
}

bool is_killed(const Shard& shard, const NewOrder& order) {
  const auto covers = [](const std::set<Target>& names, const char (&name)[16]) {
    return !names.empty() && names.count(Target(name)) != 0;
  };
  return shard.kill_all || shard.books[order.instrument].killed != 0 ||
         covers(shard.killed_clients, order.client) ||
         covers(shard.killed_accounts, order.account) ||
         covers(shard.suspended_accounts, order.account) ||
         covers(shard.killed_traders, order.trader);
}

Verdict check_duplicate(Shard& shard, const NewOrder& order) {
  struct Same {
    char account[16];
    std::int64_t order_units;
    std::int64_t limit_nanos;
    std::uint32_t instrument;
    std::uint8_t side;
    std::uint8_t ord_type;
    char reserved[2];
  };
  static_assert(sizeof(Same) == 40);
  const std::int64_t window_ns = shard.books[order.instrument].limits.duplicate_ns;
  if (window_ns == 0) return {};
  Same same{{}, order.order_units, order.limit_nanos, order.instrument, order.side,
            order.ord_type, {}};
  std::memcpy(same.account, order.account, sizeof same.account);
  const std::uint64_t digest = digest64(&same, sizeof same);
  Recent& recent = shard.recent;
  recent.forget(shard.log_ns - window_ns, kMaxRecent);
  const auto known = recent.times.find(digest);
  if (known != recent.times.end()) {
    return {Reason::DUPLICATE_TERMS, shard.log_ns - known->second};
  }
  recent.add(digest, shard.log_ns);
  return {};
}

std::vector<Order*> matching(Shard& shard, const NewOrder& order, std::int64_t limit_nanos) {
  std::vector<Order*> found;
  if (shard.books[order.instrument].limits.self_match == 0 || !has_text(order.self_match_id)) {
    return found;
  }
  const std::int64_t sign = is_buy(order) ? 1 : -1;
  for (const std::uint64_t id : shard.orders.ids()) {
    Order& other = *shard.orders.find(id);
    if (is_final(other.state) || other.record.instrument != order.instrument ||
        other.sign() == sign ||
        std::memcmp(other.record.self_match_id, order.self_match_id,
                    sizeof order.self_match_id) != 0 ||
        sign * (limit_nanos - other.limit_nanos) < 0) {
      continue;
    }
    found.push_back(&other);
  }
  return found;
}

}  // namespace venuefold
