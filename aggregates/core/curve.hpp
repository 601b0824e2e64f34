// Cost of the first units of one venue, piece by piece, and what that says of sets of venues.
#pragma once

#include <algorithm>
#include <array>

#include "allocation.hpp"

namespace venuefold {

// A venue's pieces: their costs never fall.
struct CostCurve {
  static constexpr std::size_t kMostPieces = kMaxLevels + kSurvivalSizes;
  std::size_t count = 0;
  std::int64_t units[kMostPieces];
  std::int64_t cost_nanos[kMostPieces];
  // Of all pieces, and of those in whole lots.
  std::int64_t room = 0;
  std::int64_t capacity = 0;

  int128 cost(std::int64_t size) const {
    int128 total = 0;
    for (std::size_t p = 0; p < count && size > 0; ++p) {
      const std::int64_t more = std::min(size, units[p]);
      total += int128{cost_nanos[p]} * more;
      size -= more;
    }
    return total;
  }
  // Cost of the last one of so many units.
  std::int64_t last_nanos(std::int64_t size) const {
    std::size_t p = 0;
    while (p + 1 < count && size > units[p]) size -= units[p++];
    return count != 0 ? cost_nanos[p] : 0;
  }
  // Most that can be earned there when a unit pays so much.
  int128 profit(std::int64_t pay_nanos) const {
    int128 total = 0;
    for (std::size_t p = 0; p < count && cost_nanos[p] < pay_nanos; ++p) {
      total += int128{pay_nanos - cost_nanos[p]} * units[p];
    }
    return total;
  }
};

// What a set of venues costs at the least where everything is placed: at any price a unit, what is
// wanted costs that price less what the venues can earn at it (Lagrange's bound).
struct LeastCost {
  int128 all = 0;
  std::array<int128, kMaxVenues> each;

  int128 of(Mask venues) const {
    int128 total = all;
    for_each_bit(venues, [&](std::size_t i) { total += each[i]; });
    return total;
  }
};

}  // namespace venuefold
