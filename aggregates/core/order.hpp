// A parent order's life, and what may be told about it.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "arithmetic.hpp"
#include "child.hpp"
#include "schemas/core/codes.hpp"
#include "schemas/core/layout.hpp"

namespace venuefold {

constexpr bool is_final(OrderState state) {
  return state == OrderState::DONE || state == OrderState::CANCELED ||
         state == OrderState::EXPIRED;
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
  // Kept in step with the children: what open ones may still trade, and how many are live.
  std::int64_t outstanding_units = 0;
  std::uint32_t live_children = 0;
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
  // Ids are positions, which may come in even strides.
  static std::uint32_t hash(std::uint64_t id) {
    return static_cast<std::uint32_t>((id * kPrime) >> 32);
  }
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
    last_child = &child;
    ++children_count;
    outstanding_units += child.leaves_units();
    live_children += is_live(child.state);
  }

  // +1 for a buy, -1 for a sell of any kind.
  std::int64_t sign() const { return is_buy(record) ? 1 : -1; }
  // 0 for a buy, 1 for a sell: which in-flight counter of a row it uses.
  std::size_t side_index() const { return is_buy(record) ? 0 : 1; }
  bool is_fok() const { return record.time_in_force == number(TimeInForce::FOK); }
  // IOC and FOK parents get one decision and never wait.
  bool is_immediate() const {
    return is_fok() || record.time_in_force == number(TimeInForce::IOC);
  }
  // Children take what is there now: FOK for a FOK parent, else IOC.
  TimeInForce child_time_in_force() const { return is_fok() ? TimeInForce::FOK : TimeInForce::IOC; }
  // What may be sent now.
  std::int64_t free_units() const {
    return std::max(std::int64_t{0}, record.order_units - cum_units - outstanding_units);
  }
  // What was filled and may still be filled beyond what was asked for.
  std::int64_t excess_units() const { return cum_units + outstanding_units - record.order_units; }
  // Ends the parent: done once all was filled, else expired at its horizon, else canceled.
  void finish(Reason reason) {
    end_reason = reason;
    const bool expired = reason == Reason::HORIZON;
    const OrderState unfilled = expired ? OrderState::EXPIRED : OrderState::CANCELED;
    state = cum_units >= record.order_units ? OrderState::DONE : unfilled;
  }
};

}  // namespace venuefold
