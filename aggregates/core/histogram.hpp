// Latency counts in log buckets, in integers: 32 buckets an octave, relative error below 2 %.
//
// A value is counted in steps of 64 ns; below 2 us the buckets are those steps. Counts fade by
// halving at logged times, so two histograms of the same grid add up.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace venuefold {

class Histogram {
 public:
  static constexpr std::size_t kBuckets = 960;
  using Counts = std::array<std::uint32_t, kBuckets>;

  std::uint64_t total() const { return total_; }
  const Counts& counts() const { return counts_; }
  void restore(const Counts& counts) {
    counts_ = counts;
    count_total();
  }

  // Adds another one's counts; a full bucket stays full.
  void add(const Histogram& other) {
    for (std::size_t index = 0; index < kBuckets; ++index) {
      const std::uint64_t sum = std::uint64_t{counts_[index]} + other.counts_[index];
      counts_[index] = static_cast<std::uint32_t>(std::min(sum, std::uint64_t{kCountMax}));
    }
    count_total();
  }

  // Counts one latency; a full bucket stays full.
  void observe(std::int64_t value_ns) {
    std::uint32_t& count = counts_[bucket(value_ns)];
    if (count == kCountMax) return;
    ++count;
    ++total_;
  }

  // Halves every count `times` times, rounding down.
  void halve(std::int64_t times) {
    if (total_ == 0) return;
    const auto shift = static_cast<unsigned>(std::min(times, std::int64_t{32}));
    for (std::uint32_t& count : counts_) {
      count = static_cast<std::uint32_t>(std::uint64_t{count} >> shift);
    }
    count_total();
  }

  // Middle of the bucket that holds the quantile; 0 where nothing was counted.
  std::int64_t quantile_ns(std::uint64_t percent) const {
    if (total_ == 0) return 0;
    const std::uint64_t wanted = (total_ * percent + 99) / 100;
    std::uint64_t seen = 0;
    for (std::size_t index = 0; index < kBuckets; ++index) {
      seen += counts_[index];
      if (seen >= wanted) return middle_ns(index);
    }
    return 0;
  }

 private:
  static constexpr unsigned kStepBits = 6;
  static constexpr unsigned kSubBits = 5;
  static constexpr std::uint64_t kSub = 1u << kSubBits;
  static constexpr std::uint64_t kMaxSteps = (std::uint64_t{1} << 34) - 1;
  static constexpr std::uint32_t kCountMax = 0xFFFFFFFFu;
  std::uint64_t total_ = 0;
  Counts counts_{};

  // Index of a latency's bucket; negative values count as 0, over 18 minutes as the last.
  static std::size_t bucket(std::int64_t value_ns) {
    const auto value = static_cast<std::uint64_t>(std::max(value_ns, std::int64_t{0}));
    const std::uint64_t steps = std::min(value >> kStepBits, kMaxSteps);
    // The first octave of buckets is like the one before it: its steps are the buckets.
    const auto shift = static_cast<unsigned>(std::bit_width(steps | kSub)) - 1 - kSubBits;
    return (std::uint64_t{shift} << kSubBits) + (steps >> shift);
  }

  static std::int64_t middle_ns(std::uint64_t index) {
    std::uint64_t half_steps = 2 * index + 1;
    if (index >= 2 * kSub) {
      const std::uint64_t shift = (index >> kSubBits) - 1;
      half_steps = (2 * (index - (shift << kSubBits)) + 1) << shift;
    }
    return static_cast<std::int64_t>(half_steps << (kStepBits - 1));
  }

  void count_total() {
    total_ = 0;
    for (const std::uint32_t count : counts_) total_ += count;
  }
};

}  // namespace venuefold
