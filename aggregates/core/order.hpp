// A parent order's life, and what may be told about it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "arithmetic.hpp"
#include "child.hpp"
#include "schemas/core/codes.hpp"
#include "schemas/core/layout.hpp"

namespace venuefold {

constexpr bool is_final(OrderState state) {
  return state == OrderState::DONE || state == OrderState::CANCELED ||
         state == OrderState::EXPIRED || state == OrderState::DONE_FOR_DAY;
}

struct Position;

// What happens to a parent between its acceptance and its end.
enum class OrderEvent : std::uint8_t { CANCEL, SUSPEND, RESUME, AMEND, AMENDED };

// The table of (state, event) -> state; the same state where there is no row.
constexpr OrderState transition(OrderState state, OrderEvent event) {
  const bool working = state == OrderState::WORKING;
  const bool suspended = state == OrderState::SUSPENDED;
  const bool amending = state == OrderState::AMEND_PENDING;
  switch (event) {
    case OrderEvent::CANCEL:
      return working || suspended || amending ? OrderState::CANCEL_PENDING : state;
    case OrderEvent::SUSPEND:
      return working ? OrderState::SUSPENDED : state;
    case OrderEvent::RESUME:
      return suspended ? OrderState::WORKING : state;
    case OrderEvent::AMEND:
      return working || suspended ? OrderState::AMEND_PENDING : state;
    case OrderEvent::AMENDED:
      return amending ? OrderState::WORKING : state;
  }
  return state;
}

constexpr bool is_buy(const NewOrder& record) { return record.side == number(Side::BUY); }

// What becomes of a parent order.
struct OrderLife {
  std::uint64_t order_id = 0;
  std::uint64_t decision_id = 0;
  std::uint32_t policy = 0;
  std::uint32_t attempts = 0;
  std::int64_t limit_nanos = 0;
  std::int64_t arrival_bid_nanos = 0;
  std::int64_t arrival_ask_nanos = 0;
  OrderState state = OrderState::WORKING;
  Reason end_reason = Reason::NONE;
  std::int64_t cum_units = 0;
  int128 notional = 0;
  int128 fee_nanos = 0;
  std::int64_t retry_due_ns = 0;
  std::int64_t expire_due_ns = 0;
  std::uint32_t posts = 0;
  // What counts as open in the account's position, kept in step by `accounts::reserve`.
  std::int64_t reserved_units = 0;
  Position* position = nullptr;
  // An accepted amendment until its children have made room for it.
  std::unique_ptr<NewOrder> amendment;
  // Kept in step with the children: what open ones may still trade, and how many are awaited.
  std::int64_t outstanding_units = 0;
  std::uint32_t awaited_children = 0;
  std::uint32_t children_count = 0;
  // In the order in which they were sent, linked by `next`.
  Child* first_child = nullptr;
  Child* last_child = nullptr;
  // Venues that `visited` knows of.
  std::uint64_t visited_mask = 0;
};

// A parent order that was accepted.
struct Order : OrderLife {
  NewOrder record;
  // Seq of the last outcome at a venue; not written before it is needed.
  std::array<std::uint64_t, kMaxVenues> visited;

  std::uint64_t id() const { return order_id; }
  void reset(std::uint64_t id) {
    static_cast<OrderLife&>(*this) = OrderLife{};
    order_id = id;
  }
  std::uint64_t visited_seq(std::size_t venue) const {
    return (visited_mask >> venue & 1) != 0 ? visited[venue] : 0;
  }
  void visit(std::size_t venue, std::uint64_t seq) {
    visited[venue] = seq;
    visited_mask |= std::uint64_t{1} << venue;
  }
  void add_child(Child& child) {
    (last_child == nullptr ? first_child : last_child->next) = &child;
    child.before = last_child;
    last_child = &child;
    ++children_count;
    outstanding_units += child.leaves_units();
    awaited_children += child.is_awaited();
  }

  // +1 for a buy, -1 for a sell of any kind.
  std::int64_t sign() const { return is_buy(record) ? 1 : -1; }
  // 0 for a buy, 1 for a sell: which in-flight counter of a row it uses.
  std::size_t side_index() const { return is_buy(record) ? 0 : 1; }
  bool has(ExecInst instruction) const { return (record.exec_inst & number(instruction)) != 0; }
  // All at one venue or nothing: atomicity across venues does not exist.
  bool is_whole() const {
    return record.time_in_force == number(TimeInForce::FOK) || has(ExecInst::ALL_OR_NONE);
  }
  // Never takes liquidity.
  bool is_post_only() const { return has(ExecInst::POST_ONLY); }
  // IOC, FOK and all-or-none parents get one decision and never wait.
  bool is_immediate() const {
    return is_whole() || record.time_in_force == number(TimeInForce::IOC);
  }
  // Children that take what is there now: FOK for a parent that must be whole, else IOC.
  TimeInForce child_time_in_force() const {
    return is_whole() ? TimeInForce::FOK : TimeInForce::IOC;
  }
  // What of its minimum quantity is still to be executed, at one venue.
  std::int64_t least_units() const {
    return std::max(std::int64_t{0}, record.min_units - cum_units);
  }
  // What may be sent now.
  std::int64_t free_units() const {
    return std::max(std::int64_t{0}, record.order_units - cum_units - outstanding_units);
  }
  // What was filled and may still be filled beyond what was asked for.
  std::int64_t excess_units() const { return cum_units + outstanding_units - record.order_units; }
  // Whether what is taken now must come from one venue, or not at all.
  bool takes_whole() const { return is_whole() || least_units() > 0; }
  // Moves the state; false, and nothing changes, where the table has no row.
  bool act(OrderEvent event) {
    const OrderState after = transition(state, event);
    if (after == state) return false;
    state = after;
    return true;
  }
  // Ends the parent: done once all was filled, else by the reason of its end.
  void finish(Reason reason) {
    end_reason = reason;
    OrderState unfilled = OrderState::CANCELED;
    if (reason == Reason::HORIZON || reason == Reason::END_OF_DAY) unfilled = OrderState::EXPIRED;
    if (reason == Reason::DONE_FOR_DAY) unfilled = OrderState::DONE_FOR_DAY;
    state = cum_units >= record.order_units ? OrderState::DONE : unfilled;
  }
};

}  // namespace venuefold
