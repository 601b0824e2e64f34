// Timers of the shard, fired in (due_ns, kind, subject) order.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <tuple>
#include <vector>

#include "arithmetic.hpp"
#include "evidence.hpp"
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

// Timers of one kind and delay in the order in which they were set, which is that of their dues.
class Lane {
 public:
  using Timer = state::Timer;

  std::size_t size() const { return count_; }
  // The n-th of them that is due.
  const Timer& operator[](std::size_t n) const { return ring_[(head_ + n) & (ring_.size() - 1)]; }
  const Timer& back() const { return (*this)[count_ - 1]; }
  void push(const Timer& timer) {
    if (count_ == ring_.size()) grow();
    ring_[(head_ + count_++) & (ring_.size() - 1)] = timer;
  }
  void pop() {
    head_ = (head_ + 1) & (ring_.size() - 1);
    --count_;
  }

 private:
  static constexpr std::size_t kLeast = 64;
  std::vector<Timer> ring_;
  std::size_t head_ = 0;
  std::size_t count_ = 0;

  void grow() {
    std::vector<Timer> wider(std::max(kLeast, 2 * ring_.size()));
    for (std::size_t n = 0; n < count_; ++n) wider[n] = (*this)[n];
    ring_ = std::move(wider);
    head_ = 0;
  }
};

// Almost all timers of a kind have one delay, so they are due in the order in which they were set:
// each kind has a lane, markouts one for each horizon. Whatever would come before the last of its
// lane goes to a heap.
class Timers {
 public:
  using Timer = state::Timer;

  static bool before(const Timer& a, const Timer& b) {
    if (a.due_ns != b.due_ns) return a.due_ns < b.due_ns;
    return std::tie(a.kind, a.subject) < std::tie(b.kind, b.subject);
  }

  // When the first is due; never when there is none.
  std::int64_t first_due_ns() const { return first_due_ns_; }
  const Timer& first() const { return first_ == kHeap ? heap_.front() : lanes_[first_][0]; }
  // The timer that is due so many after the first of its lane; null where there is none.
  const Timer* after_first(std::size_t n) const {
    return first_ != kHeap && n < lanes_[first_].size() ? &lanes_[first_][n] : nullptr;
  }
  void push(const Timer& timer) {
    Lane& lane = lanes_[lane_of(timer)];
    const bool is_first = size_++ == 0 || (timer.due_ns <= first_due_ns_ && before(timer, first()));
    if (lane.size() == 0 || !before(timer, lane.back())) [[likely]] {
      lane.push(timer);
      if (lane.size() == 1) dues_[lane_of(timer)] = timer.due_ns;
      if (is_first) first_ = lane_of(timer);
    } else {
      heap_.push_back(timer);
      std::push_heap(heap_.begin(), heap_.end(), Later{});
      dues_[kHeap] = heap_.front().due_ns;
      if (is_first) first_ = kHeap;
    }
    if (is_first) first_due_ns_ = timer.due_ns;
  }
  void pop() {
    if (first_ == kHeap) {
      std::pop_heap(heap_.begin(), heap_.end(), Later{});
      heap_.pop_back();
      dues_[kHeap] = heap_.empty() ? kInt64Max : heap_.front().due_ns;
    } else {
      Lane& lane = lanes_[first_];
      lane.pop();
      dues_[first_] = lane.size() != 0 ? lane[0].due_ns : kInt64Max;
    }
    --size_;
    find_first();
  }
  std::size_t size() const { return size_; }
  // All of them in firing order.
  std::vector<Timer> sorted() const {
    std::vector<Timer> timers = heap_;
    for (const Lane& lane : lanes_) {
      for (std::size_t n = 0; n < lane.size(); ++n) timers.push_back(lane[n]);
    }
    std::sort(timers.begin(), timers.end(), before);
    return timers;
  }

 private:
  static constexpr std::size_t kKinds = 16;
  static constexpr std::size_t kHeap = kKinds + kHorizons - 1;
  std::array<Lane, kHeap> lanes_;
  std::vector<Timer> heap_;
  // Of the first of each lane, then of the heap; never where there is none.
  std::array<std::int64_t, kHeap + 1> dues_ = never();
  std::size_t size_ = 0;
  std::size_t first_ = kHeap;
  std::int64_t first_due_ns_ = kInt64Max;

  // A type of its own, so that the heap compares without a call.
  struct Later {
    bool operator()(const Timer& a, const Timer& b) const { return before(b, a); }
  };

  static std::array<std::int64_t, kHeap + 1> never() {
    std::array<std::int64_t, kHeap + 1> dues;
    dues.fill(kInt64Max);
    return dues;
  }
  static std::size_t lane_of(const Timer& timer) {
    const std::size_t horizon = timer.subject % kHorizons;
    const bool spreads = timer.kind == number(TimerKind::MARKOUT) && horizon != 0;
    return spreads ? kKinds + horizon - 1 : timer.kind % kKinds;
  }
  const Timer& front(std::size_t lane) const {
    return lane == kHeap ? heap_.front() : lanes_[lane][0];
  }
  bool is_empty(std::size_t lane) const {
    return lane == kHeap ? heap_.empty() : lanes_[lane].size() == 0;
  }
  void find_first() {
    std::int64_t least_ns = kInt64Max;
    for (const std::int64_t due_ns : dues_) least_ns = std::min(least_ns, due_ns);
    std::uint64_t due = 0;
    for (std::size_t lane = 0; lane <= kHeap; ++lane) {
      due |= std::uint64_t{dues_[lane] == least_ns} << lane;
    }
    first_due_ns_ = least_ns;
    first_ = static_cast<std::size_t>(std::countr_zero(due));
    if ((due & (due - 1)) != 0 || least_ns == kInt64Max) [[unlikely]] break_tie(due);
  }
  // The first of several lanes that are due at once; some may be empty.
  [[gnu::noinline]] void break_tie(std::uint64_t due) {
    first_ = kHeap;
    bool found = false;
    for (; due != 0; due &= due - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(due));
      if (is_empty(lane)) continue;
      if (!found || before(front(lane), front(first_))) first_ = lane;
      found = true;
    }
  }
};

}  // namespace venuefold
