// How likely it is that the next unit is really there: the survival table as a marginal cost.
//
// A child of q units executes its last unit with P(available >= q). The table knows sizes of 1, 2,
// 4 .. 128 round lots; a size between two of them is believed as little as the larger. Beyond 64
// lots it is the rarer of P(128 lots) and the filled share of whole children.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "belief.hpp"
#include "evidence.hpp"
#include "quality.hpp"

namespace venuefold {

constexpr double kMissScale = 65536.0;
constexpr std::int64_t kMissMax = 65535;
constexpr double kMostMiss = 65535.0;
constexpr std::int64_t kMaxHiddenUnits = 1'000'000'000'000'000;

// 1 - P(available >= q) in 1/65536 for each size of the table; never falls with size.
// `now_step` is that of the grid of fills.
inline Misses misses(const Evidence& evidence, std::int64_t now_step, double venue_ratio,
                     double fill_ratio, const Tables& tables) {
  const double prior_weight = tables.priors().fill_weight;
  const double prior = venue_ratio * prior_weight;
  Misses found;
  if (evidence.trials[0] == 0.0 && fill_ratio >= prior / prior_weight) {
    // Nothing was ever learned: every size is believed alike.
    const double share = (0.0 + prior) / (0.0 + prior_weight);
    const std::int64_t alike = floor_to_int64((1.0 - share) * kMissScale);
    found.fill(static_cast<std::uint16_t>(std::clamp(alike, std::int64_t{0}, kMissMax)));
    return found;
  }
  const double w = tables.grids().fill.weight_at(now_step, evidence.survival_then_ns);
  constexpr std::size_t last = kSurvivalSizes - 1;
  std::array<double, kSurvivalSizes> shares;
  for (std::size_t i = 0; i < kSurvivalSizes; ++i) {
    shares[i] = (evidence.success[i] * w + prior) / (evidence.trials[i] * w + prior_weight);
  }
  if (fill_ratio < shares[last]) shares[last] = fill_ratio;
  // The least share up to a size makes its miss the worst one, since rounding keeps an order; what
  // is no number counts as sure.
  double least = 1.0;
  for (double& share : shares) {
    least = share < least ? share : least;
    share = least;
  }
  for (std::size_t i = 0; i < kSurvivalSizes; ++i) {
    const double value = (1.0 - shares[i]) * kMissScale;
    found[i] = static_cast<std::uint16_t>(
        static_cast<std::int32_t>(value < kMostMiss ? value : kMostMiss));
  }
  return found;
}

// Units that usually execute beyond what is displayed, shrunk to none.
inline std::int64_t hidden_units(const Evidence& evidence, std::int64_t now_ns,
                                 const Tables& tables) {
  const Moments& hidden = evidence.hidden_units;
  const double w = tables.grids().fill.weight(now_ns, hidden.then_ns);
  const double expected = hidden.total * w / (hidden.weight * w + tables.priors().fill_weight);
  return std::max(std::int64_t{0}, std::min(kMaxHiddenUnits, floor_to_int64(expected)));
}

}  // namespace venuefold
