// How quality decays, when it is published, what counts as sick: the SETTINGS input in force.
#pragma once

#include <cstdint>

#include "arithmetic.hpp"
#include "decay.hpp"
#include "schemas/core/layout.hpp"

namespace venuefold {

constexpr std::int64_t kMaxDurationNs = std::int64_t{1} << 55;
constexpr std::int64_t kMinHalfLifeNs = 1024;
constexpr std::uint32_t kMaxRun = 1'000'000;
constexpr std::uint32_t kMaxNearTicks = 1000;
// A minute and venue.
constexpr std::uint32_t kMaxProbes = 600;
constexpr std::uint32_t kMaxDays = 1000;

// Grids of the families' half-lives.
struct Grids {
  Grid liquidity;
  Grid speed;
  Grid fill;
  Grid cost;
  Grid impact;
  // Of opens, in log time.
  Grid days;
};

// What is believed before anything was seen, as doubles.
struct Priors {
  // By kind of venue.
  double fills[4];
  double fill_weight;
  double ack_weight;
};

// In force until a SETTINGS input arrives.
Settings default_settings();
Grids grids_of(const Settings& record);
Priors priors_of(const Settings& record);

constexpr bool within(std::int64_t least, std::int64_t value, std::int64_t most) {
  return least <= value && value <= most;
}

// Whether a record's numbers can be believed.
bool is_valid(const Settings& record);

}  // namespace venuefold
