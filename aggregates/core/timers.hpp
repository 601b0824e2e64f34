// Timers of the shard, fired in (due_ns, kind, subject) order.
#pragma once

#include <algorithm>
#include <tuple>
#include <vector>

#include "state.hpp"

namespace venuefold {

class Timers {
 public:
  using Timer = state::Timer;

  static bool before(const Timer& a, const Timer& b) {
    return std::tie(a.due_ns, a.kind, a.subject) < std::tie(b.due_ns, b.kind, b.subject);
  }

  bool empty() const { return heap_.empty(); }
  const Timer& first() const { return heap_.front(); }
  void push(const Timer& timer) {
    heap_.push_back(timer);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }
  // All of them in firing order.
  std::vector<Timer> sorted() const {
    std::vector<Timer> timers = heap_;
    std::sort(timers.begin(), timers.end(), before);
    return timers;
  }

 private:
  std::vector<Timer> heap_;

  static bool later(const Timer& a, const Timer& b) { return before(b, a); }
};

}  // namespace venuefold
