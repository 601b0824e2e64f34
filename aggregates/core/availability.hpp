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
inline Misses misses(const Evidence& evidence, std::int64_t now_ns, double venue_ratio,
                     double fill_ratio, const Tables& tables) {
  const double prior_weight = tables.priors().fill_weight;
  const double prior = venue_ratio * prior_weight;
  Misses found;
  std::int64_t worst = 0;
  if (evidence.trials[0] == 0.0 && fill_ratio >= prior / prior_weight) {
    // Nothing was ever learned: every size is believed alike.
    const double share = (0.0 + prior) / (0.0 + prior_weight);
    worst = std::max(worst, std::min(kMissMax, floor_to_int64((1.0 - share) * kMissScale)));
    found.fill(static_cast<std::uint16_t>(worst));
    return found;
  }
  const double w = tables.grids().fill.weight(now_ns, evidence.survival_then_ns);
  // All at once, and bounded before they are integers: a value below 0 counts as 0 anyhow.
  constexpr std::size_t last = kSurvivalSizes - 1;
  std::array<double, kSurvivalSizes> shares;
  std::array<std::int32_t, kSurvivalSizes> values;
  for (std::size_t i = 0; i < kSurvivalSizes; ++i) {
    shares[i] = (evidence.success[i] * w + prior) / (evidence.trials[i] * w + prior_weight);
  }
  if (fill_ratio < shares[last]) shares[last] = fill_ratio;
  for (std::size_t i = 0; i < kSurvivalSizes; ++i) {
    const double value = (1.0 - shares[i]) * kMissScale;
    const double positive = value > 0.0 ? value : 0.0;
    values[i] = static_cast<std::int32_t>(positive < kMostMiss ? positive : kMostMiss);
  }
  for (std::size_t i = 0; i < kSurvivalSizes; ++i) {
    worst = std::max(worst, std::int64_t{values[i]});
    found[i] = static_cast<std::uint16_t>(worst);
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
