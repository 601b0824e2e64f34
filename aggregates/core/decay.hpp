// Exponential decay on an absolute time grid, the same to the last bit everywhere.
//
// Weight = table[k mod 1024] * 2^-(k div 1024) with k = floor(now/q) - floor(then/q) and
// q = half-life/1024. The floors are found by a multiplication, since a tick needs several.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "arithmetic.hpp"

namespace venuefold {

constexpr std::int64_t kSteps = 1024;
// Beyond this many half-lives the past has weight 0.
constexpr std::int64_t kShiftLimit = 1000;

// Built from correctly rounded square roots and products only.
inline const std::array<double, kSteps> kDecayTable = [] {
  std::array<double, 11> roots{0.5};
  for (std::size_t i = 1; i < roots.size(); ++i) roots[i] = std::sqrt(roots[i - 1]);
  std::array<double, kSteps> table{};
  for (std::size_t k = 0; k < table.size(); ++k) {
    table[k] = 1.0;
    for (std::size_t bit = 0; bit < 10; ++bit) {
      if (k >> bit & 1) table[k] = table[k] * roots[10 - bit];
    }
  }
  return table;
}();

// What a unit observed `steps` grid steps ago is worth; 1.0 inside one step.
inline double weight(std::int64_t steps) {
  if (static_cast<std::uint64_t>(steps) < kSteps) [[likely]] {
    return kDecayTable[static_cast<std::size_t>(steps)];
  }
  const std::int64_t shift = steps >> 10;
  if (shift >= kShiftLimit) return 0.0;
  // 2^-shift is exact and so is the product: the table's values are at least 0.5. Only a restored
  // state that is none of ours has steps below 0.
  const auto power = std::bit_cast<double>(static_cast<std::uint64_t>(1023 - shift) << 52);
  return kDecayTable[static_cast<std::size_t>(steps & (kSteps - 1))] * power;
}

// Grid of one half-life: floor(time / quantum) for a time >= 0.
//
// Division by a number that is known beforehand (Granlund and Montgomery): with l = ceil(log2 q)
// and m = floor(2^64 * (2^l - q) / q) + 1 the quotient is exact for every 64-bit time.
class Grid {
 public:
  explicit Grid(std::int64_t half_life_ns = kSteps) {
    quantum_ns_ = half_life_ns / kSteps > 1 ? half_life_ns / kSteps : 1;
    const auto quantum = static_cast<std::uint64_t>(quantum_ns_);
    const auto bits = static_cast<int>(std::bit_width(quantum - 1));
    const uint128 missing = (uint128{1} << bits) - quantum;
    factor_ = static_cast<std::uint64_t>((missing << 64) / quantum) + 1;
    first_ = bits > 0 ? 1 : 0;
    second_ = bits > 0 ? bits - 1 : 0;
  }

  std::int64_t step(std::int64_t time_ns) const {
    const auto time = static_cast<std::uint64_t>(time_ns);
    const auto high = static_cast<std::uint64_t>((uint128{factor_} * time) >> 64);
    return static_cast<std::int64_t>((high + ((time - high) >> first_)) >> second_);
  }

  // When the step of a time ends.
  std::int64_t next_ns(std::int64_t time_ns) const { return (step(time_ns) + 1) * quantum_ns_; }

  // When a step ends.
  std::int64_t end_ns(std::int64_t step) const { return (step + 1) * quantum_ns_; }
  // What a unit observed at `then_ns` is worth at a step.
  double weight_at(std::int64_t now_step, std::int64_t then_ns) const {
    return venuefold::weight(now_step - step(then_ns));
  }
  // What a unit observed at `then_ns` is worth at `now_ns`.
  double weight(std::int64_t now_ns, std::int64_t then_ns) const {
    return venuefold::weight(step(now_ns) - step(then_ns));
  }
  std::int64_t quantum_ns() const { return quantum_ns_; }

 private:
  std::int64_t quantum_ns_;
  std::uint64_t factor_;
  int first_;
  int second_;
};

// The steps of times that mostly lie where the last one did: found by a comparison.
class Pace {
 public:
  explicit Pace(const Grid& grid) : grid_(grid) { find(0); }

  const Grid& grid() const { return grid_; }
  std::int64_t step(std::int64_t time_ns) {
    const auto inside = static_cast<std::uint64_t>(time_ns - first_ns_);
    if (inside >= static_cast<std::uint64_t>(grid_.quantum_ns())) [[unlikely]] find(time_ns);
    return step_;
  }

 private:
  Grid grid_;
  std::int64_t first_ns_ = 0;
  std::int64_t step_ = 0;

  [[gnu::noinline]] void find(std::int64_t time_ns) {
    step_ = grid_.step(time_ns);
    first_ns_ = step_ * grid_.quantum_ns();
  }
};

}  // namespace venuefold
