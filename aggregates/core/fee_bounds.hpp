// What the minimum and maximum of a fee line do to the cost of a child, and to the search.
//
// A fill has one price, so a line per fill bounds what each level that a child takes is charged,
// and a line per order the sum of the child. A bounded charge is the least of a few curves that
// only get dearer: one for each level down to which the child may go, and for whether what is
// charged last has reached its maximum. Within a curve units cost no fee where it is paid anyway.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "candidates.hpp"
#include "fees.hpp"

namespace venuefold {

// What the bounds of a candidate that has some add to the plain fees of `units`, in nanos * units;
// negative where they take off. What is beyond all levels counts as if it were of the last one.
int128 extra(const Candidate& candidate, std::int64_t units, std::int64_t one);
// The curve on which `units` cost what they cost.
std::uint8_t curve_of(const Candidate& candidate, std::int64_t units, std::int64_t one);

// A piece of a level with its fee, each per whole one.
struct FeePiece {
  std::int64_t units;
  std::int64_t cost_nanos;
  std::int64_t fee_nanos;
  std::uint8_t level;
};
using FeeCurve = std::vector<FeePiece>;

// The curves of a candidate's pieces, in the order of `curve_of`.
std::vector<FeeCurve> curves_of(const Candidate& candidate, const FeeCurve& pieces,
                                std::int64_t one);

}  // namespace venuefold
