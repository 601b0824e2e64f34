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

struct GridTimers {
  std::array<std::int64_t, kGrids> due_ns{kInt64Max, kInt64Max, kInt64Max, kInt64Max};

  // Of those due first, the one of the lowest kind.
  std::size_t first() const {
    return static_cast<std::size_t>(std::min_element(due_ns.begin(), due_ns.end()) -
                                    due_ns.begin());
  }
  std::int64_t first_ns() const {
    return std::min(std::min(due_ns[0], due_ns[1]), std::min(due_ns[2], due_ns[3]));
  }
};

class Timers {
 public:
  using Timer = state::Timer;

  static bool before(const Timer& a, const Timer& b) {
    return std::tie(a.due_ns, a.kind, a.subject) < std::tie(b.due_ns, b.kind, b.subject);
  }

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
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
