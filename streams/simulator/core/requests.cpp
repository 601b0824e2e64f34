// What is asked of a child that was submitted: a cancel, new terms, or what became of it.
#include "streams/simulator/core/faults.hpp"
#include "streams/simulator/core/market.hpp"
#include "streams/simulator/core/time.hpp"

namespace venuefold {

void ReplayMarket::cancel(std::uint64_t child_id, std::int64_t sent_ns) {
  Due due;
  due.child_id = child_id;
  due.asks = Asks::kCancel;
  ask(due, sent_ns);
}

void ReplayMarket::replace(std::uint64_t child_id, std::int64_t units, std::int64_t limit_nanos,
                           std::int64_t sent_ns) {
  Due due;
  due.child_id = child_id;
  due.asks = Asks::kReplace;
  due.units = units;
  due.limit_nanos = limit_nanos;
  ask(due, sent_ns);
}

void ReplayMarket::query(std::uint64_t child_id, std::int64_t sent_ns) {
  Due due;
  due.child_id = child_id;
  due.asks = Asks::kStatus;
  ask(due, sent_ns);
}

void ReplayMarket::ask(Due due, std::int64_t sent_ns) {
  const std::string name = "child " + std::to_string(due.child_id);
  const auto found = children_.find(due.child_id);
  if (found == children_.end()) {
    throw InputFault(name + " is not known: never submitted, or its last report was read");
  }
  if (sent_ns < 0) throw InputFault("request about " + name + " before 0 ns");
  const Child& child = found->second;
  due.at_ns = add_ns(sent_ns, child.out_ns);
  due.order = due_created_ + 1;
  due.instrument = child.instrument;
  due.venue = child.venue;
  schedule(due);
}

void ReplayMarket::arrive_request(const Due& due) {
  switch (due.asks) {
    case Asks::kArrival:
      return;
    case Asks::kCancel:
      return arrive_cancel(due);
    case Asks::kReplace:
      return arrive_replace(due);
    case Asks::kStatus:
      return arrive_query(due);
  }
}

void ReplayMarket::arrive_cancel(const Due& due) {
  const auto found = children_.find(due.child_id);
  if (found == children_.end() || found->second.stage != Stage::kResting) {
    refuse_request(due, kCancelReject, {kUnknownChild, "not open"});
    return;
  }
  Child& child = found->second;
  leave_book(child);
  end(child, kCanceled, {kNoReason, "canceled on request"}, due.at_ns);
}

// A smaller size at the same price keeps its place; anything else goes to the end of its queue, and
// may trade at once.
void ReplayMarket::arrive_replace(const Due& due) {
  const auto found = children_.find(due.child_id);
  if (found == children_.end() || found->second.stage != Stage::kResting) {
    refuse_request(due, kReplaceReject, {kUnknownChild, "not open"});
    return;
  }
  Child& child = found->second;
  if (const Refusal why = refusal_of_replace(child, due); why.reason != kNoReason) {
    refuse_request(due, kReplaceReject, why);
    return;
  }
  const bool keeps_place = due.limit_nanos == child.limit_nanos && due.units <= child.units;
  if (!keeps_place) leave_book(child);
  child.units = due.units;
  child.limit_nanos = due.limit_nanos;
  reports_.schedule(report_of(child, kReplaced, due.at_ns), false);
  if (keeps_place) return;
  take(child, due.at_ns);
  if (child.stage == Stage::kDone) return;
  child.rest_order = ++rests_;
  child.queue_units = kQueueUnknown;
  join_queue(child);
  enlist(child);
}

void ReplayMarket::arrive_query(const Due& due) {
  const auto found = children_.find(due.child_id);
  Child unknown;
  unknown.id = due.child_id;
  unknown.instrument = due.instrument;
  unknown.venue = due.venue;
  unknown.stage = Stage::kDone;
  const Child& child = found == children_.end() ? unknown : found->second;
  reports_.schedule(report_of(child, kOrderStatus, due.at_ns), false);
}

Refusal ReplayMarket::refusal_of_replace(const Child& child, const Due& due) {
  Child changed = child;
  changed.units = due.units;
  changed.limit_nanos = due.limit_nanos;
  changed.min_units = 0;
  if (due.units <= child.cum_units) return {kBadSize, "no more than was executed"};
  return refusal(changed);
}

void ReplayMarket::refuse_request(const Due& due, ExecType type, const Refusal& why) {
  Child gone;
  gone.id = due.child_id;
  gone.instrument = due.instrument;
  gone.venue = due.venue;
  ExecReport report = report_of(gone, type, due.at_ns);
  report.cum_units = report.leaves_units = -1;
  explain(report, why);
  reports_.schedule(report, false);
}

}  // namespace venuefold
