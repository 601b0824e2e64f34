// Timers of the shard, fired in (due_ns, kind, subject) order.
#pragma once

#include <algorithm>
#include <tuple>
#include <vector>

#include "arithmetic.hpp"
#include "state.hpp"

namespace venuefold {

class Timers {
 public:
  using Timer = state::Timer;

  static bool before(const Timer& a, const Timer& b) {
    return std::tie(a.due_ns, a.kind, a.subject) < std::tie(b.due_ns, b.kind, b.subject);
  }

  // When the first is due; never when there is none.
  std::int64_t first_due_ns() const { return first_due_ns_; }
  const Timer& first() const { return heap_.front(); }
  void push(const Timer& timer) {
    heap_.push_back(timer);
    std::push_heap(heap_.begin(), heap_.end(), later);
    first_due_ns_ = heap_.front().due_ns;
  }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    first_due_ns_ = heap_.empty() ? kInt64Max : heap_.front().due_ns;
  }
  std::size_t size() const { return heap_.size(); }
  // All of them in firing order.
  std::vector<Timer> sorted() const {
    std::vector<Timer> timers = heap_;
    std::sort(timers.begin(), timers.end(), before);
    return timers;
  }

 private:
  std::vector<Timer> heap_;
  std::int64_t first_due_ns_ = kInt64Max;

  static bool later(const Timer& a, const Timer& b) { return before(b, a); }
};

}  // namespace venuefold
