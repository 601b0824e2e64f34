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
constexpr double kMostMiss = 65535.0;
constexpr std::int64_t kMaxHiddenUnits = 1'000'000'000'000'000;

// What is believed of a row besides its survival table: its venue's filled share, that of a venue
// never tried, and its own.
struct Shares {
  double venue;
  double untold;
  double own;
};

// Misses of what is believed to be there at each size; `own` bounds the last.
inline Misses misses_of(std::array<double, kSurvivalSizes>& shares, double own) {
  if (own < shares.back()) shares.back() = own;
  // The least share up to a size makes its miss the worst one, since rounding keeps an order; what
  // is no number counts as sure.
  double least = 1.0;
  for (double& share : shares) {
    least = share < least ? share : least;
    share = least;
  }
  Misses found;
  for (std::size_t i = 0; i < kSurvivalSizes; ++i) {
    const double value = (1.0 - shares[i]) * kMissScale;
    found[i] = static_cast<std::uint16_t>(
        static_cast<std::int32_t>(value < kMostMiss ? value : kMostMiss));
  }
  return found;
}

// 1 - P(available >= q) in 1/65536 for each size of the table; never falls with size. What the
// table knows of the sizes that were `told` is worth `w` now.
inline Misses misses(const Survival& survival, unsigned told, double w, const Shares& known,
                     double prior_weight) {
  std::array<double, kSurvivalSizes> shares;
  double share = known.venue;
  for (std::size_t i = 0; i < kSurvivalSizes; ++i) {
    if (i != 0 && known.untold < share) share = known.untold;
    if ((told >> i & 1) != 0) {
      const Survival::Size& size = survival.sizes[i];
      if (size.trials != 0.0) {
        share = (size.success * w + share * prior_weight) / (size.trials * w + prior_weight);
      }
    }
    shares[i] = share;
  }
  return misses_of(shares, known.own);
}

// The same of a row that nothing was taught.
inline Misses untaught_misses(const Shares& known) {
  std::array<double, kSurvivalSizes> shares;
  shares.fill(known.untold < known.venue ? known.untold : known.venue);
  shares[0] = known.venue;
  return misses_of(shares, known.own);
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
