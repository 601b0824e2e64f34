#include "child.hpp"

namespace venuefold {
namespace {

// The rows of aggregates.child.TRANSITIONS for reports.
ChildState transition(ChildState state, ExecType type) {
  switch (type) {
    case ExecType::NEW:
      return state == ChildState::SENT || state == ChildState::UNKNOWN ? ChildState::ACKNOWLEDGED
                                                                       : state;
    case ExecType::CANCELED:
      return is_at_venue(state) ? ChildState::CANCELED : state;
    case ExecType::EXPIRED:
    case ExecType::DONE_FOR_DAY:
      return is_at_venue(state) ? ChildState::EXPIRED : state;
    case ExecType::REJECTED:
      return is_at_venue(state) ? ChildState::REJECTED : state;
    case ExecType::CANCEL_REJECT:
      return state == ChildState::CANCEL_PENDING ? ChildState::ACKNOWLEDGED : state;
    case ExecType::REPLACED:
    case ExecType::REPLACE_REJECT:
      return state == ChildState::REPLACE_PENDING || state == ChildState::UNKNOWN
                 ? ChildState::ACKNOWLEDGED
                 : state;
    default:
      return state;
  }
}

// The rows for what we do; the same state where there is none.
ChildState transition(ChildState state, Act act) {
  switch (act) {
    case Act::HOLD:
      return state == ChildState::PLANNED ? ChildState::HELD : state;
    case Act::SEND:
      return is_waiting(state) ? ChildState::SENT : state;
    case Act::DROP:
      return state == ChildState::HELD ? ChildState::CANCELED : state;
    case Act::CANCEL:
      if (state == ChildState::HELD) return ChildState::CANCELED;
      return is_live(state) ? ChildState::CANCEL_PENDING : state;
    case Act::REPLACE:
      return state == ChildState::ACKNOWLEDGED || state == ChildState::PARTIAL
                 ? ChildState::REPLACE_PENDING
                 : state;
    case Act::TIME_OUT:
      return is_live(state) ? ChildState::UNKNOWN : state;
  }
  return state;
}

constexpr auto by_trade_id = [](const state::Trade& trade, std::uint64_t trade_id) {
  return trade.trade_id < trade_id;
};

}  // namespace

state::Trade* Child::find_trade(std::uint64_t trade_id) {
  const auto place = std::lower_bound(trades.begin(), trades.end(), trade_id, by_trade_id);
  return place != trades.end() && place->trade_id == trade_id ? &*place : nullptr;
}

void Child::add_trade(const state::Trade& trade) {
  trades.insert(std::lower_bound(trades.begin(), trades.end(), trade.trade_id, by_trade_id),
                trade);
}

bool Child::act(Act act) {
  const ChildState after = transition(state, act);
  if (after == state) return false;
  state = after;
  return true;
}

void Child::apply_report(ExecType type, std::int64_t reported_cum_units,
                         std::int64_t reported_leaves_units) {
  if (type == ExecType::TRADE) {
    state = after_trade();
  } else if (type == ExecType::TRADE_CANCEL || type == ExecType::TRADE_CORRECT) {
    state = after_change();
  } else if (is_ended_by(type, reported_leaves_units) && reported_cum_units > executed_units()) {
    state = ChildState::UNKNOWN;
  } else if (type == ExecType::ORDER_STATUS) {
    if (is_at_venue(state)) state = after_status(reported_leaves_units);
  } else if (type == ExecType::RESTATED) {
    restate(reported_leaves_units);
  } else {
    const ChildState after = transition(state, type);
    answer_replace(type);
    state = named(after);
  }
}

// An acknowledged child of which something, or all, has been executed says so.
ChildState Child::named(ChildState after) const {
  if (after != ChildState::ACKNOWLEDGED) return after;
  if (executed_units() >= units) return ChildState::FILLED;
  if (pending_units != 0 && state == ChildState::CANCEL_PENDING) {
    return ChildState::REPLACE_PENDING;
  }
  return cum_units != 0 ? ChildState::PARTIAL : ChildState::ACKNOWLEDGED;
}

// New terms count from the venue's word on; a refusal leaves the old ones.
void Child::answer_replace(ExecType type) {
  const bool replaced = type == ExecType::REPLACED;
  if (!(replaced || type == ExecType::REPLACE_REJECT) || pending_units == 0) return;
  if (!is_at_venue(state)) return;
  if (replaced) {
    units = pending_units;
    limit_nanos = pending_nanos;
  } else {
    // Whoever has refused once is not asked again.
    reason = Reason::BAD_AMEND;
  }
  pending_units = pending_nanos = 0;
}

// A venue may cut what is left of a child by itself; it can never add to it.
void Child::restate(std::int64_t reported_leaves_units) {
  if (!is_at_venue(state) || reported_leaves_units <= 0) return;
  if (reported_leaves_units >= leaves_units()) return;
  units = executed_units() + reported_leaves_units;
  pending_units = pending_nanos = 0;
}

bool Child::is_ended_by(ExecType type, std::int64_t reported_leaves_units) const {
  if (!is_at_venue(state)) return false;
  if (type == ExecType::ORDER_STATUS) return reported_leaves_units == 0;
  return !is_open(transition(state, type));
}

ChildState Child::after_trade() const {
  if (is_waiting(state)) return state;
  if (executed_units() >= std::max(units, pending_units)) return ChildState::FILLED;
  const bool stays = state == ChildState::CANCEL_PENDING ||
                     state == ChildState::REPLACE_PENDING || !is_open(state);
  return stays ? state : ChildState::PARTIAL;
}

// A final child whose fills were changed says so; an open one goes on.
ChildState Child::after_change() const {
  if (!is_open(state)) return cum_units != 0 ? ChildState::CORRECTED : ChildState::BUSTED;
  const bool settled = state == ChildState::PARTIAL || state == ChildState::ACKNOWLEDGED;
  return settled ? named(ChildState::ACKNOWLEDGED) : state;
}

ChildState Child::after_status(std::int64_t reported_leaves_units) const {
  if (reported_leaves_units == 0) return ChildState::CANCELED;
  if (state == ChildState::CANCEL_PENDING || state == ChildState::REPLACE_PENDING) return state;
  return cum_units != 0 ? ChildState::PARTIAL : ChildState::ACKNOWLEDGED;
}

}  // namespace venuefold
