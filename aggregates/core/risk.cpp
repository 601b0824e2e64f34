#include "risk.hpp"

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

Verdict check_sizes(const NewOrder& order) {
  if (order.min_units != 0) return {Reason::UNSUPPORTED_MIN_QTY, order.min_units};
  if (order.display_units != 0) return {Reason::UNSUPPORTED_DISPLAY_QTY, order.display_units};
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
  constexpr int kSupported = number(ExecInst::HELD) | number(ExecInst::NOT_HELD);
  if ((order.exec_inst & ~kSupported) != 0) {
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
  const int128 most = int128{limits.max_notional_ones} * kE9 * book.record.units_per_one;
  if (int128{order.order_units} * limit_nanos > most) {
    return {Reason::MAX_ORDER_NOTIONAL, order.order_units};
  }
  return {};
}

}  // namespace venuefold
