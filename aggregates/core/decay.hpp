// Exponential decay on an absolute time grid, the same to the last bit everywhere.
//
// Weight = table[k mod 1024] * 2^-(k div 1024) with k = floor(now/q) - floor(then/q) and
// q = half-life/1024. Grid steps floor(t/q) are kept beside the times they belong to, so that a
// tick needs no division.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

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

// What a unit observed `steps` >= 0 grid steps ago is worth; 1.0 inside one step.
inline double weight(std::int64_t steps) {
  if (steps < kSteps) [[likely]] {
    return kDecayTable[static_cast<std::size_t>(steps)];
  }
  const std::int64_t shift = steps >> 10;
  if (shift >= kShiftLimit) return 0.0;
  // 2^-shift is exact and so is the product: the table's values are at least 0.5.
  const auto power = std::bit_cast<double>(static_cast<std::uint64_t>(1023 - shift) << 52);
  return kDecayTable[static_cast<std::size_t>(steps & (kSteps - 1))] * power;
}

// Grid of one half-life; remembers the step of the last time asked for.
class Grid {
 public:
  explicit Grid(std::int64_t half_life_ns = kSteps)
      : quantum_ns_(static_cast<std::uint64_t>(half_life_ns / kSteps > 1 ? half_life_ns / kSteps
                                                                          : 1)) {}

  // floor(time / quantum) for a time >= 0.
  std::int64_t step(std::int64_t time_ns) {
    // One comparison: an earlier time wraps around to a far later one.
    if (static_cast<std::uint64_t>(time_ns - begin_ns_) >= quantum_ns_) [[unlikely]] {
      const auto quantum_ns = static_cast<std::int64_t>(quantum_ns_);
      step_ = time_ns / quantum_ns;
      begin_ns_ = step_ * quantum_ns;
    }
    return step_;
  }

 private:
  std::uint64_t quantum_ns_;
  std::int64_t begin_ns_ = 0;
  std::int64_t step_ = 0;
};

}  // namespace venuefold
