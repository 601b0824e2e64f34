#include "streams/simulator/core/consumption.hpp"

#include <algorithm>

namespace venuefold {
namespace {

bool is_below(const Level& level, std::int64_t nanos) { return level.nanos < nanos; }

std::int64_t displayed(const Levels& levels, int depth, std::int64_t nanos) {
  for (int i = 0; i < depth; ++i) {
    const Level& level = levels[static_cast<std::size_t>(i)];
    if (level.nanos == nanos) return level.units;
  }
  return 0;
}

}  // namespace

std::int64_t Consumption::available(const Level& level) const {
  const auto found = std::lower_bound(taken_.begin(), taken_.end(), level.nanos, is_below);
  if (found == taken_.end() || found->nanos != level.nanos) return level.units;
  return std::max<std::int64_t>(0, level.units - found->units);
}

void Consumption::take(std::int64_t nanos, std::int64_t units) {
  const auto found = std::lower_bound(taken_.begin(), taken_.end(), nanos, is_below);
  if (found != taken_.end() && found->nanos == nanos) {
    found->units += units;
  } else {
    taken_.insert(found, Level{nanos, units});
  }
}

void Consumption::reflect(const Levels& levels, BookSide side) {
  if (taken_.empty()) return;
  const int depth = ladder_depth(levels, side);
  for (Level& taken : taken_) {
    taken.units = std::min(taken.units, displayed(levels, depth, taken.nanos));
  }
  std::erase_if(taken_, [](const Level& taken) { return taken.units == 0; });
}

}  // namespace venuefold
