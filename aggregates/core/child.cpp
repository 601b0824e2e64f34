#include "child.hpp"

namespace venuefold {
namespace {

// The rows of aggregates.child.TRANSITIONS.
ChildState transition(ChildState state, ExecType type) {
  switch (type) {
    case ExecType::NEW:
      return state == ChildState::SENT || state == ChildState::UNKNOWN ? ChildState::ACKNOWLEDGED
                                                                       : state;
    case ExecType::CANCELED:
      return is_open(state) ? ChildState::CANCELED : state;
    case ExecType::EXPIRED:
    case ExecType::DONE_FOR_DAY:
      return is_open(state) ? ChildState::EXPIRED : state;
    case ExecType::REJECTED:
      return is_open(state) ? ChildState::REJECTED : state;
    default:
      return state;
  }
}

constexpr auto by_trade_id = [](const state::Trade& trade, std::uint64_t trade_id) {
  return trade.trade_id < trade_id;
};

}  // namespace

bool Child::has_trade(std::uint64_t trade_id) const {
  const auto place = std::lower_bound(trades.begin(), trades.end(), trade_id, by_trade_id);
  return place != trades.end() && place->trade_id == trade_id;
}

void Child::add_trade(const state::Trade& trade) {
  trades.insert(std::lower_bound(trades.begin(), trades.end(), trade.trade_id, by_trade_id),
                trade);
}

void Child::apply_report(ExecType type, std::int64_t reported_cum_units,
                         std::int64_t reported_leaves_units) {
  if (type == ExecType::TRADE) {
    state = after_trade();
  } else if (is_ended_by(type, reported_leaves_units) && reported_cum_units > cum_units) {
    state = ChildState::UNKNOWN;
  } else if (type == ExecType::CANCEL_REJECT) {
    if (state == ChildState::CANCEL_PENDING) {
      state = cum_units != 0 ? ChildState::PARTIAL : ChildState::ACKNOWLEDGED;
    }
  } else if (type == ExecType::ORDER_STATUS) {
    if (is_open(state)) state = after_status(reported_leaves_units);
  } else {
    state = transition(state, type);
  }
}

bool Child::is_ended_by(ExecType type, std::int64_t reported_leaves_units) const {
  if (!is_open(state)) return false;
  if (type == ExecType::ORDER_STATUS) return reported_leaves_units == 0;
  return !is_open(transition(state, type));
}

ChildState Child::after_trade() const {
  if (cum_units >= units) return ChildState::FILLED;
  return state == ChildState::CANCEL_PENDING || !is_open(state) ? state : ChildState::PARTIAL;
}

ChildState Child::after_status(std::int64_t reported_leaves_units) const {
  if (reported_leaves_units == 0) return ChildState::CANCELED;
  if (state == ChildState::CANCEL_PENDING) return state;
  return cum_units != 0 ? ChildState::PARTIAL : ChildState::ACKNOWLEDGED;
}

}  // namespace venuefold
