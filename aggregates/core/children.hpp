// What we do to children at venues: start, send, hold, release, cancel, replace, ask.
#pragma once

#include "inventory.hpp"
#include "shard.hpp"

namespace venuefold::children {

// Keeps the sums of a child's parent and row in step over a change of the child.
class Change {
 public:
  Change(Shard& shard, Child& child)
      : shard_(shard),
        child_(child),
        leaves_(child.leaves_units()),
        awaited_(child.is_awaited()) {}
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;
  ~Change() {
    Order& order = *child_.order;
    const std::int64_t released = leaves_ - child_.leaves_units();
    order.outstanding_units -= released;
    if (released != 0) inventory::reserve(order, child_.venue, -released);
    if (released != 0 && !child_.rests()) {
      Terms& terms = shard_.books.terms(order.record.instrument, child_.venue);
      terms.in_flight[order.side_index()] -= released;
    }
    order.awaited_children += child_.is_awaited();
    order.awaited_children -= awaited_;
  }

 private:
  Shard& shard_;
  Child& child_;
  std::int64_t leaves_;
  bool awaited_;
};

// Makes the child of an allocation; it leaves now, or is held for its delay.
void start(Shard& shard, Order& order, const Allocation& part, std::int64_t far_nanos);
// Says that a child is to go to its venue, and waits for the answer.
void send(Shard& shard, Child& child);
// Starts the time within which the venue must say something.
void expect_answer(Shard& shard, Child& child);
// Asks a venue to cancel; a held child dies here, an unknown one stays so until reconciled.
void cancel(Shard& shard, Child& child, Reason reason);
// A held child that must not leave.
void drop(Shard& shard, Child& child, Reason reason);
// Asks a venue for other terms; false where the child's state allows none.
bool replace(Shard& shard, Child& child, std::int64_t units, std::int64_t limit_nanos);
// A child's outcome is unknown: says so and starts asking; it is never sent again blindly.
void doubt(Shard& shard, Child& child, std::int64_t units);
// No answer to a status request: asks again or gives up.
void query_due(Shard& shard, std::uint64_t child_id);
// Whether the venue owes an answer by now; a child at rest owes none.
bool is_overdue(const Shard& shard, const Child& child);
// A child that was at its venue is final: remembers the visit and learns from it.
void end_at_venue(Shard& shard, Child& child);
void alarm(Shard& shard, AlarmKind kind, const Child& child, std::int64_t value);
// Says what state a child is in, and what was just reported (nothing on a timer).
void emit(Shard& shard, const Child& child, const ExecReport* report);

}  // namespace venuefold::children
