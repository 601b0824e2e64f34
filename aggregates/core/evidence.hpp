// What our own children have taught about one instrument at one venue.
//
// Fade is censored: a child that got all it asked for says only that at least so much was there.
// The survival table keeps, for sizes of 1, 2, 4 .. 128 round lots, how often at least that much
// could be had, told by the children that asked for more than the next smaller size: success when
// one executed the size or all it asked for. Children that asked for less say nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "moments.hpp"

namespace venuefold {

constexpr std::size_t kSurvivalSizes = 8;
constexpr std::size_t kHorizons = 4;

// What a child must execute to show that size `index` of the table was there; 0 where it asked for
// too little to say anything of it.
inline std::int64_t telling_units(std::int64_t sent, std::int64_t lot, std::size_t index) {
  const std::int64_t size = lot << index;
  const std::int64_t smaller = index > 0 ? lot << (index - 1) : 0;
  if (sent <= smaller) return 0;
  return size < sent ? size : sent;
}

// The survival table of one row. A decision reads it where it has forgotten what follows from it, so
// it lies with the row; the usual sizes share a cache line.
struct alignas(64) Survival {
  struct Size {
    double trials = 0.0;
    double success = 0.0;
  };
  Size sizes[kSurvivalSizes];

  // What a finished child says about the size that could be had; `w` is what the past is worth.
  void observe(std::int64_t sent, std::int64_t executed, std::int64_t lot, double w) {
    for (std::size_t index = 0; index < kSurvivalSizes; ++index) {
      const std::int64_t units = telling_units(sent, lot, index);
      const bool had = units > 0 && executed >= units;
      Size& size = sizes[index];
      size.trials = size.trials * w + (units > 0 ? 1.0 : 0.0);
      size.success = size.success * w + (had ? 1.0 : 0.0);
    }
  }
};
static_assert(sizeof(Survival) == 128);

// Execution quality of one row: costs, rejects, hidden size, markouts by liquidity.
struct Evidence {
  Moments first_fill_ns;
  Moments reject;
  Moments hidden_units;
  Moments effective_bps;
  Moments improvement_bps;
  Moments all_in_bps;
  Moments added[kHorizons];
  Moments realised[kHorizons];
  Moments removed[kHorizons];
  Moments mid[kHorizons];
  std::uint64_t fee_mismatches = 0;
  // Of the fills whose fee was known, in 1e-9 of the quote currency.
  std::int64_t fee_expected_nanos = 0;
  std::int64_t fee_charged_nanos = 0;
};

}  // namespace venuefold
