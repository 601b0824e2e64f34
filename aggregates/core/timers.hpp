// Timers of the shard, fired in (due_ns, kind, subject) order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>
#include <vector>

#include "arithmetic.hpp"
#include "schemas/core/codes.hpp"
#include "state.hpp"

namespace venuefold {

// Timers that recur on an absolute grid, by rising kind; the others are in the heap.
constexpr TimerKind kGridKinds[] = {TimerKind::PUBLISH, TimerKind::CONTROL, TimerKind::HEALTH,
                                    TimerKind::HALVE};
constexpr std::size_t kGrids = std::size(kGridKinds);

class GridTimers {
 public:
  using Dues = std::array<std::int64_t, kGrids>;

  const Dues& due_ns() const { return due_ns_; }
  // When the first is due; never when none recurs.
  std::int64_t first_due_ns() const { return first_due_ns_; }
  // Of those due first, the one of the lowest kind.
  std::size_t first() const {
    return static_cast<std::size_t>(std::min_element(due_ns_.begin(), due_ns_.end()) -
                                    due_ns_.begin());
  }
  void set(std::size_t grid, std::int64_t due_ns) {
    due_ns_[grid] = due_ns;
    first_due_ns_ = *std::min_element(due_ns_.begin(), due_ns_.end());
  }

 private:
  Dues due_ns_{kInt64Max, kInt64Max, kInt64Max, kInt64Max};
  std::int64_t first_due_ns_ = kInt64Max;
};

class Timers {
 public:
  using Timer = state::Timer;

  static bool before(const Timer& a, const Timer& b) {
    if (a.due_ns != b.due_ns) return a.due_ns < b.due_ns;
    return std::tie(a.kind, a.subject) < std::tie(b.kind, b.subject);
  }

  // When the first is due; never when there is none.
  std::int64_t first_due_ns() const { return first_due_ns_; }
  const Timer& first() const { return heap_.front(); }
  void push(const Timer& timer) {
    heap_.push_back(timer);
    std::push_heap(heap_.begin(), heap_.end(), Later{});
    first_due_ns_ = heap_.front().due_ns;
  }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), Later{});
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

  // A type of its own, so that the heap compares without a call.
  struct Later {
    bool operator()(const Timer& a, const Timer& b) const { return before(b, a); }
  };
};

}  // namespace venuefold
