// Exact integer arithmetic that both cores share.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace venuefold {

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

constexpr std::int64_t kE9 = 1'000'000'000;
constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();

// All bits where something holds and none where not: what cannot be foretold is better chosen by a
// mask than by a branch.
constexpr std::int64_t mask_of(bool holds) { return -static_cast<std::int64_t>(holds); }
// One of two numbers, without a branch.
constexpr std::int64_t pick(bool holds, std::int64_t one, std::int64_t other) {
  return other ^ ((one ^ other) & mask_of(holds));
}
// The lesser of two numbers, without a branch.
constexpr std::int64_t lesser(std::int64_t one, std::int64_t other) {
  return pick(one < other, one, other);
}
// A number where something holds, else 0.0; exact, and without a branch.
inline double only_if(bool holds, double value) {
  return std::bit_cast<double>(std::bit_cast<std::int64_t>(value) & mask_of(holds));
}

// Floor division and modulo by a positive number, as Python's.
template <class Integer>
constexpr Integer floor_div(Integer value, Integer by) {
  return value / by - (value % by < 0);
}
template <class Integer>
constexpr Integer floor_mod(Integer value, Integer by) {
  const Integer rest = value % by;
  return rest < 0 ? rest + by : rest;
}

// floor(value * rate / 1e9) for 0 <= value <= 2e17 and |rate| <= 1e9: with value = high * 1e9 + low
// neither product leaves 64 bits.
constexpr std::int64_t scale_e9(std::int64_t value, std::int64_t rate_e9) {
  const std::int64_t high = value / kE9;
  const std::int64_t low = value - high * kE9;
  return high * rate_e9 + floor_div(low * rate_e9, kE9);
}

constexpr std::uint64_t low_word(int128 value) { return static_cast<std::uint64_t>(value); }
constexpr std::int64_t high_word(int128 value) { return static_cast<std::int64_t>(value >> 64); }
constexpr int128 join_128(std::uint64_t low, std::int64_t high) {
  return (static_cast<int128>(high) << 64) | low;
}

constexpr std::int64_t clamp_to_int64(std::uint64_t value) {
  constexpr auto most = static_cast<std::uint64_t>(kInt64Max);
  return static_cast<std::int64_t>(value < most ? value : most);
}

// Sum that stays at a bound of 64 bits.
constexpr std::int64_t add_clamped(std::int64_t sum, int128 value) {
  constexpr int128 most = kInt64Max;
  const int128 total = sum + value;
  return static_cast<std::int64_t>(total > most ? most : total < -most ? -most : total);
}

// floor as an integer. The callers' values fit by their bounds; a restored state that breaks them
// must not be undefined behaviour.
inline std::int64_t floor_to_int64(double value) {
  if (!(value > -9.2e18 && value < 9.2e18)) return 0;
  const auto whole = static_cast<std::int64_t>(value);
  return whole - (static_cast<double>(whole) > value);
}

constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15ull;

// 64-bit digest of bytes whose length is a multiple of 8; four lanes, word by word.
inline std::uint64_t digest64(const void* data, std::size_t size) {
  std::uint64_t lanes[4] = {0x243F6A8885A308D3ull, 0x13198A2E03707344ull, 0xA4093822299F31D0ull,
                            0x082EFA98EC4E6C89ull};
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  const auto mix = [&](std::uint64_t& lane, std::size_t at) {
    std::uint64_t word;
    std::memcpy(&word, bytes + at, sizeof word);
    const std::uint64_t mixed = (lane ^ word) * kPrime;
    lane = mixed ^ (mixed >> 29);
  };
  std::size_t at = 0;
  for (; at + 32 <= size; at += 32) {
    for (std::size_t lane = 0; lane < 4; ++lane) mix(lanes[lane], at + 8 * lane);
  }
  for (std::size_t lane = 0; at < size; at += 8, ++lane) mix(lanes[lane], at);
  std::uint64_t total = size;
  for (const std::uint64_t lane : lanes) {
    total = (total ^ lane) * kPrime;
    total ^= total >> 32;
  }
  return total;
}

}  // namespace venuefold
