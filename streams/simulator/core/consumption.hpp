// What our own fills have taken from one side of a recorded book that does not know of them.
//
// A level offers its displayed size less what we took there. When the feed shows less than we
// took, ours went first: the memory shrinks to the displayed size. So units come back only when
// the displayed size rises, by as much as it rises, or when the price leaves and comes back.
#pragma once

#include <vector>

#include "streams/simulator/core/book.hpp"

namespace venuefold {

class Consumption {
 public:
  std::int64_t available(const Level& level) const;
  void take(std::int64_t nanos, std::int64_t units);
  void reflect(const Levels& levels, BookSide side);
  void clear() { taken_.clear(); }

  const std::vector<Level>& taken() const { return taken_; }
  void restore(std::vector<Level> taken) { taken_ = std::move(taken); }

 private:
  std::vector<Level> taken_;  // sorted by price
};

}  // namespace venuefold
