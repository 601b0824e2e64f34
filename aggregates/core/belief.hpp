// What a decision believes of one instrument at one venue: chances of a miss and answering times.
//
// The values are a function of what children have taught and of the grid steps of now, so they
// stand until one of those changes: a decision reads one cache line where it would read four and
// divide. Whoever changes what a row was taught calls `forget`. A row that was taught nothing is
// believed as its venue is, and has no belief of its own.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "arithmetic.hpp"
#include "evidence.hpp"
#include "settings.hpp"

namespace venuefold {

using Misses = std::array<std::uint16_t, kSurvivalSizes>;

// What a venue as a whole lends to its rows is rounded to this many steps, so that beliefs need
// not be found anew after each child.
constexpr double kShareSteps = 1024.0;

// A share in steps.
inline std::uint32_t steps_of(double share) {
  constexpr auto most = static_cast<std::int64_t>(kShareSteps);
  const std::int64_t steps = floor_to_int64(share * kShareSteps + 0.5);
  return static_cast<std::uint32_t>(std::clamp(steps, std::int64_t{0}, most));
}

inline double share_of(std::uint32_t steps) { return static_cast<double>(steps) / kShareSteps; }

struct Terms;
class Tables;

// What the venue as a whole lends to its rows, each in steps: its filled share, and what is
// believed of the larger sizes until children that asked for them tell.
struct Lent {
  std::uint32_t share = 0;
  std::uint32_t untold = 0;

  bool operator==(const Lent&) const = default;
};

// What is believed of sizes: the chance of a miss at each, and the filled share.
struct SizeBelief {
  Misses misses{};
  double fill_ratio = 0.0;
};

// Of a row that was taught nothing.
SizeBelief untaught(const Lent& lent, const Priors& priors);

// Sizes hold until one session time and for one filled share of the venue; the latency, as faded
// sums with the prior's weight in the second, until another session time.
struct alignas(64) Belief {
  std::int64_t sizes_until_ns = 0;
  SizeBelief sizes;
  std::uint32_t venue_share = 0;
  // A bit for each size of the survival table that children have told of: the others need not be
  // read, and the larger ones lie on a line of their own.
  std::uint8_t told = 0;
  std::int64_t ack_until_ns = 0;
  double ack_total = 0.0;
  double ack_weight = 1.0;

  bool knows_sizes(std::int64_t now_ns, std::uint32_t share) const {
    return now_ns < sizes_until_ns && share == venue_share;
  }
  void tell(std::size_t size) { told = static_cast<std::uint8_t>(told | 1u << size); }
  bool knows_ack(std::int64_t now_ns) const { return now_ns < ack_until_ns; }
  void forget() { sizes_until_ns = ack_until_ns = 0; }

  // Each anew, from what children have taught of the row.
  void find_sizes(const Terms& terms, std::int64_t now_ns, const Lent& lent, const Tables& tables);
  void find_ack(const Terms& terms, std::int64_t now_ns, const Tables& tables);
};
static_assert(sizeof(Belief) == 64);

}  // namespace venuefold
