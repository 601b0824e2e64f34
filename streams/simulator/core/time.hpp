// Sums of times that stop at the end of time, and random numbers that are keyed, not drawn.
#pragma once

#include <cstdint>
#include <limits>

namespace venuefold {

// For non-negative operands.
inline std::int64_t add_ns(std::int64_t left, std::int64_t right) {
  const std::int64_t last = std::numeric_limits<std::int64_t>::max();
  return left > last - right ? last : left + right;
}

// splitmix64 (Steele, Lea, Flood 2014): the number of a key depends on nothing else.
inline std::uint64_t splitmix64(std::uint64_t key) {
  std::uint64_t mixed = key + 0x9E3779B97F4A7C15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  return mixed ^ (mixed >> 31);
}

inline std::uint64_t keyed_random(std::uint64_t seed, std::uint64_t key) {
  return splitmix64(splitmix64(seed) ^ key);
}

}  // namespace venuefold
