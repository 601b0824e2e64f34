// A child order's life: a table of (state, report) -> state, and the facts booked to it.
//
// Replies of a venue are facts: a fill is booked whatever the state. A state that the table does
// not name is left as it is. A venue that ends a child but has executed more than was told to us
// leaves its outcome unknown: what is missing is a fill still to come.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "schemas/core/codes.hpp"
#include "state.hpp"

namespace venuefold {

struct Order;

// States in which the venue is expected to say more soon.
constexpr bool is_live(ChildState state) {
  return state == ChildState::SENT || state == ChildState::ACKNOWLEDGED ||
         state == ChildState::PARTIAL || state == ChildState::CANCEL_PENDING;
}
// States in which the quantity may still trade, so it is not used again.
constexpr bool is_open(ChildState state) { return is_live(state) || state == ChildState::UNKNOWN; }

// A child order as the engine knows it. Sizes in units, prices in nanos.
struct Child {
  std::uint64_t child_id = 0;
  std::uint64_t decision_id = 0;
  Order* order = nullptr;
  // The parent's next child.
  Child* next = nullptr;
  std::uint8_t venue = 0;
  std::uint8_t time_in_force = 0;
  ChildState state = ChildState::SENT;
  bool acked = false;
  std::int64_t units = 0;
  std::int64_t limit_nanos = 0;
  std::int64_t displayed_units = 0;
  std::int64_t sent_ns = 0;
  std::int64_t cum_units = 0;
  // By rising trade id.
  std::vector<state::Trade> trades;

  std::uint64_t id() const { return child_id; }
  // Ids are dense, so they are a perfect hash themselves, and the newest ones are near in memory.
  static std::uint32_t hash(std::uint64_t id) { return static_cast<std::uint32_t>(id); }
  void reset(std::uint64_t id) {
    std::vector<state::Trade> kept = std::move(trades);
    kept.clear();
    *this = Child{};
    trades = std::move(kept);
    child_id = id;
  }

  // What may still trade: nothing once the child is final.
  std::int64_t leaves_units() const {
    return is_open(state) ? std::max(std::int64_t{0}, units - cum_units) : 0;
  }
  bool has_trade(std::uint64_t trade_id) const;
  void add_trade(const state::Trade& trade);
  // Moves the state by the venue's own count; a fill has been added to ours before.
  void apply_report(ExecType type, std::int64_t reported_cum_units,
                    std::int64_t reported_leaves_units);

 private:
  bool is_ended_by(ExecType type, std::int64_t reported_leaves_units) const;
  ChildState after_trade() const;
  ChildState after_status(std::int64_t reported_leaves_units) const;
};

}  // namespace venuefold
