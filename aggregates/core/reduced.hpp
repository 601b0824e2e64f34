// What a set of venues costs at least, from the reduced costs of each (Everett, 1963).
//
// At any price a unit, all that is wanted costs at least that price for every unit and, for each
// venue of the set, the least that some units there cost above it. So most sets need not be tried.
// The price is what the last unit costs now, where the bound is near.
#pragma once

#include "allocation.hpp"

namespace venuefold {

// Cost of the first units of one venue, piece by piece.
struct Curve {
  static constexpr std::size_t kMost = kMaxLevels + kSurvivalSizes;
  std::size_t count = 0;
  std::int64_t units[kMost];
  std::int64_t cost_nanos[kMost];
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
  // Of the unit that makes `size` full.
  std::int64_t last_nanos(std::int64_t size) const {
    std::size_t p = 0;
    while (p + 1 < count && size > units[p]) size -= units[p++];
    return cost_nanos[p];
  }
};
using CurveList = std::array<Curve, kMaxVenues>;

// Cost of the dearest last unit, of venues with more than their least where there are any.
std::int64_t last_price(const CurveList& curves,
                        const std::array<std::int64_t, kMaxVenues>& floors, const Sizes& sizes);

// Reduced costs of all venues at a price per whole one, in nanos * units.
class Reduced {
 public:
  Reduced(const Task& task, const CurveList& curves, std::int64_t price_nanos);

  int128 cost(std::size_t i) const { return costs_[i]; }
  // What all that is wanted costs at least at the venues of a mask, each used.
  int128 least(Mask venues) const {
    int128 sum = whole_;
    for_each_bit(venues, [&](std::size_t i) { sum += costs_[i]; });
    return sum;
  }

 private:
  std::int64_t price_ = 0;
  int128 whole_ = 0;
  std::array<int128, kMaxVenues> costs_;

  int128 plain(const Curve& curve, std::int64_t wanted) const;
  int128 bounded(const Task& task, std::size_t i) const;
};

}  // namespace venuefold
