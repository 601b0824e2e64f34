// A child order's life: a table of (state, event) -> state, and the facts booked to it.
//
// Events are what venues report (ExecType) and what we do ourselves (Act). Replies of venues are
// facts: a fill is booked in any state. An event that the table does not name leaves the state as
// it is. A venue that ends a child but has executed more than was told to us leaves its outcome
// unknown: what is missing is a fill still to come.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "schemas/core/codes.hpp"
#include "state.hpp"

namespace venuefold {

struct Order;

// Trades remembered of one child; more are refused, alarmed, and stop the parent.
constexpr std::size_t kMaxTrades = 4096;
// Of a trade that is no event of a hazard.
constexpr std::uint8_t kNoCell = 255;

// What we do to a child.
enum class Act : std::uint8_t { HOLD, SEND, DROP, CANCEL, REPLACE, TIME_OUT };

// States in which the venue has not heard of the child.
constexpr bool is_waiting(ChildState state) {
  return state == ChildState::PLANNED || state == ChildState::HELD;
}
// States in which the venue is expected to say more.
constexpr bool is_live(ChildState state) {
  return state == ChildState::SENT || state == ChildState::ACKNOWLEDGED ||
         state == ChildState::PARTIAL || state == ChildState::CANCEL_PENDING ||
         state == ChildState::REPLACE_PENDING;
}
constexpr bool is_at_venue(ChildState state) {
  return is_live(state) || state == ChildState::UNKNOWN;
}
// States in which the quantity may still trade, so it is not used again.
constexpr bool is_open(ChildState state) { return is_at_venue(state) || is_waiting(state); }

// A child order as the engine knows it. Sizes in units, prices in nanos; `mid_x2` is twice the mid
// and `far_nanos` the protected far touch at send, 0 = none. A `pending_units` other than 0 is a
// replace not yet answered. `due_ns` is when its one timer is due; `queries` counts status requests
// since its outcome became unknown.
struct Child {
  std::uint64_t child_id = 0;
  std::uint64_t decision_id = 0;
  Order* order = nullptr;
  // The parent's next and last child.
  Child* next = nullptr;
  Child* before = nullptr;
  std::uint8_t venue = 0;
  std::uint8_t time_in_force = 0;
  ChildState state = ChildState::PLANNED;
  bool acked = false;
  std::uint8_t exec_inst = 0;
  std::uint8_t queries = 0;
  Reason reason = Reason::NONE;
  std::uint32_t reports = 0;
  std::int64_t units = 0;
  std::int64_t limit_nanos = 0;
  std::int64_t displayed_units = 0;
  std::int64_t sent_ns = 0;
  std::int64_t mid_x2 = 0;
  std::int64_t far_nanos = 0;
  std::int64_t cum_units = 0;
  std::int64_t busted_units = 0;
  std::int64_t pending_units = 0;
  std::int64_t pending_nanos = 0;
  std::int64_t due_ns = 0;
  std::int64_t min_units = 0;
  // Of one that rests: the queue bucket it joined, its exposure `age_ns` as of session time
  // `rest_ns` (0 = it is in no book now), and whether it ever was in one.
  std::int64_t rest_ns = 0;
  std::int64_t age_ns = 0;
  // Session times at which its end taught that so much could be had, 0 = it taught nothing.
  std::int64_t ended_ns = 0;
  std::int64_t ended_venue_ns = 0;
  std::int64_t ended_units = 0;
  std::uint8_t queue = 0;
  bool rested = false;
  // By rising trade id.
  std::vector<state::Trade> trades;

  std::uint64_t id() const { return child_id; }
  void reset(std::uint64_t id) {
    std::vector<state::Trade> kept = std::move(trades);
    kept.clear();
    *this = Child{};
    trades = std::move(kept);
    child_id = id;
  }

  std::int64_t executed_units() const { return cum_units + busted_units; }
  // What may still trade: nothing once final; the larger of two sizes during a replace.
  std::int64_t leaves_units() const {
    if (!is_open(state)) return 0;
    return std::max(std::int64_t{0}, std::max(units, pending_units) - executed_units());
  }
  // Whether it may stay in a book.
  bool rests() const { return time_in_force == number(TimeInForce::DAY); }
  // Whether the venue is expected to say something soon; a resting child is left alone.
  bool is_awaited() const {
    if (rests() && (state == ChildState::ACKNOWLEDGED || state == ChildState::PARTIAL)) {
      return false;
    }
    return is_live(state) || is_waiting(state);
  }

  state::Trade* find_trade(std::uint64_t trade_id);
  void add_trade(const state::Trade& trade);
  // Moves the state by what we do; false, and nothing changes, where the table has no row.
  bool act(Act act);
  // Moves the state by the venue's own count; trades have been booked to ours before.
  void apply_report(ExecType type, std::int64_t reported_cum_units,
                    std::int64_t reported_leaves_units);

 private:
  bool is_ended_by(ExecType type, std::int64_t reported_leaves_units) const;
  ChildState named(ChildState after) const;
  void answer_replace(ExecType type);
  void restate(std::int64_t reported_leaves_units);
  ChildState after_trade() const;
  ChildState after_change() const;
  ChildState after_status(std::int64_t reported_leaves_units) const;
};

}  // namespace venuefold
