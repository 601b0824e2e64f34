// Decayed mean and variance of an event measure, with the weight behind them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "decay.hpp"

namespace venuefold {

constexpr double kMaxCorrelation = 0.9;
// Less of an observation would be mostly rounding once another has been taken out.
constexpr double kLeastWeight = 1e-3;

// Two doubles side by side, so that one instruction does for both.
using Pair [[gnu::vector_size(16)]] = double;

// sum * w + added, for two neighbours.
inline void fade_pair(double* sums, Pair w, Pair added) {
  Pair pair;
  std::memcpy(&pair, sums, sizeof pair);
  pair = pair * w + added;
  std::memcpy(sums, &pair, sizeof pair);
}

// Lag-1 correlation of what weighs so much and jumps so far, between 0 and its bound.
inline double lag_one(double jumps, double weight, double variance) {
  const double told = 1.0 - jumps / (2.0 * weight * variance);
  return std::min(std::max(told, 0.0), kMaxCorrelation);
}

// Decayed sums of 1, w, x, x * x and squared jumps from one observation to the next, the last of
// which was at `then_ns`. A decision reads the first three. The jumps tell the lag-1 correlation r:
// they average 2 (1 - r) variances (von Neumann's ratio).
struct Moments {
  std::int64_t then_ns = 0;
  double weight = 0.0;
  double total = 0.0;
  double squares = 0.0;
  double jumps = 0.0;
  double weight_squares = 0.0;
  double last = 0.0;

  void observe(double value, std::int64_t now_ns, const Grid& grid) {
    fade_and_observe(value, now_ns, grid.weight(now_ns, then_ns));
  }
  // With what the past is worth now.
  void fade_and_observe(double value, std::int64_t now_ns, double w) {
    const double jump = weight > 0.0 ? value - last : 0.0;
    const Pair ws = {w, w};
    const Pair moved = {value, jump};
    fade_pair(&weight, ws, Pair{1.0, value});
    fade_pair(&squares, ws, moved * moved);
    weight_squares = weight_squares * (w * w) + 1.0;
    last = value;
    then_ns = now_ns;
  }

  // Puts another value in the place of one that was observed at `at_ns`; jumps stay.
  void replace(double old, double now, std::int64_t at_ns, const Grid& grid) {
    const double w = grid.weight(then_ns, at_ns);
    total += (now - old) * w;
    squares = std::max(0.0, squares + (now * now - old * old) * w);
  }
  // Takes out what was observed at `at_ns`; jumps stay. Next to nothing left is nothing.
  void retract(double value, std::int64_t at_ns, const Grid& grid) {
    const double w = grid.weight(then_ns, at_ns);
    weight -= w;
    if (weight < kLeastWeight) {
      weight = weight_squares = total = squares = jumps = 0.0;
      return;
    }
    weight_squares -= w * w;
    total -= value * w;
    squares = std::max(0.0, squares - value * value * w);
  }

  // Decayed mean, 0 where nothing was observed.
  double mean() const { return weight > 0.0 ? total / weight : 0.0; }

  // Effective sample size as of now: (sum w)^2 / sum w^2, faded since the last observation.
  double effective(std::int64_t now_ns, const Grid& grid) const {
    if (!(weight_squares > 0.0)) return 0.0;
    const double w = grid.weight(now_ns, then_ns);
    return weight * weight / weight_squares * w;
  }

  // Standard error of the mean as of now; 0 where fewer than two observations count. The variance
  // of a first-order autoregression's mean is (1 + r) / (1 - r) times that of independent values.
  double error(std::int64_t now_ns, const Grid& grid) const {
    const double n = effective(now_ns, grid);
    if (n < 2.0) return 0.0;
    const double mean = total / weight;
    const double variance = squares / weight - mean * mean;
    if (!(variance > 0.0)) return 0.0;
    const double r = lag_one(jumps, weight, variance);
    return std::sqrt(variance / (n - 1.0) * ((1.0 + r) / (1.0 - r)));
  }

  // Mean with `prior_weight` observations of `prior` added to the faded sums.
  double shrunk(std::int64_t now_ns, const Grid& grid, double prior, double prior_weight) const {
    return shrunk(grid.weight(now_ns, then_ns), prior, prior_weight);
  }
  double shrunk(double w, double prior, double prior_weight) const {
    return (total * w + prior * prior_weight) / (weight * w + prior_weight);
  }
};
static_assert(sizeof(Moments) == 56);

}  // namespace venuefold
