// Randomness by key: a number depends on the seed and on what it is for, never on what was drawn
// before, so two markets of one seed differ only where our own orders make them differ. Logarithms
// are computed here in plain arithmetic: no maths library can change a bit.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "streams/simulator/core/time.hpp"

namespace venuefold::synthetic {

enum Stream : std::uint64_t {
  kMoves = 1, kTrades, kQuotes, kSizes, kChildren, kRoutes, kHalts, kBursts, kParents, kFaults,
  kFades, kInformed, kDarks
};

inline std::uint64_t draw(std::uint64_t seed, std::uint64_t stream, std::uint64_t a,
                          std::uint64_t b = 0, std::uint64_t c = 0) {
  const std::uint64_t first = splitmix64(seed ^ stream * 0xD1342543DE82EF95u);
  return splitmix64(splitmix64(splitmix64(first ^ a) ^ b) ^ c);
}

// In (0, 1].
inline double unit(std::uint64_t drawn) {
  return static_cast<double>((drawn >> 11) + 1) * 0x1.0p-53;
}

inline bool happens(std::uint64_t drawn, double chance) { return unit(drawn) <= chance; }

inline std::int64_t below(std::uint64_t drawn, std::int64_t limit) {
  return limit <= 0 ? 0 : static_cast<std::int64_t>(drawn % static_cast<std::uint64_t>(limit));
}

// Natural logarithm of a positive normal double, by 2 artanh((m - 1) / (m + 1)).
inline double ln(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const int exponent = static_cast<int>(bits >> 52 & 0x7FF) - 1023;
  const double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFu) | 0x3FF0000000000000u);
  const double s = (m - 1.0) / (m + 1.0);
  const double square = s * s;
  double sum = 0.0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * square + 1.0 / static_cast<double>(k);
  return 2.0 * s * sum + static_cast<double>(exponent) * 0.69314718055994530942;
}

// e to the power of a value between -700 and 700: 2^n times a series on at most half a ln 2.
inline double power_of_e(double value) {
  constexpr double kLn2 = 0.69314718055994530942;
  const double n = std::floor(value / kLn2 + 0.5);
  const double rest = value - n * kLn2;
  double sum = 1.0;
  for (int k = 16; k >= 1; --k) sum = 1.0 + sum * rest / static_cast<double>(k);
  return std::ldexp(sum, static_cast<int>(n));
}

// Pareto with this tail index and least value 1.
inline double pareto(std::uint64_t drawn, double index) {
  return power_of_e(std::min(40.0, -ln(unit(drawn)) / index));
}

// Exponential with mean 1.
inline double exponential(std::uint64_t drawn) { return -ln(unit(drawn)); }

// Pareto with tail index 2 and mean 1.
inline double heavy(std::uint64_t drawn) { return 0.5 / std::sqrt(unit(drawn)); }

inline std::int64_t gap_ns(std::uint64_t drawn, double hz) {
  if (hz <= 0.0) return std::int64_t{1} << 60;
  return 1 + static_cast<std::int64_t>(exponential(drawn) * 1e9 / hz);
}

}  // namespace venuefold::synthetic
