// One venue's displayed book of one instrument.
#pragma once

#include <array>
#include <cstdint>

#include "schemas/core/layout.hpp"

namespace venuefold {

struct Level {
  std::int64_t nanos = 0;
  std::int64_t units = 0;
};
using Levels = std::array<Level, kMaxLevels>;

enum BookSide : std::uint8_t { kBid = 0, kAsk = 1 };

struct Book {
  std::array<Levels, 2> sides{};
  std::uint32_t watch = 0;  // 1 + index into the watches, 0 = we never sent anything here
  std::uint8_t status = 0;
};

inline BookSide opposite(BookSide side) { return side == kBid ? kAsk : kBid; }

// Whether price `left` stands strictly nearer the touch than `right` on this side of a book.
inline bool is_better(BookSide side, std::int64_t left, std::int64_t right) {
  return side == kBid ? left > right : left < right;
}

// Levels of the ladder: from the top to the first empty level, or to the first that is no worse
// than the one above it, which a feed that refreshes only the top has left behind.
inline int ladder_depth(const Levels& levels, BookSide side) {
  int depth = 0;
  while (depth < kMaxLevels) {
    const auto at = static_cast<std::size_t>(depth);
    if (levels[at].units == 0) break;
    if (depth > 0 && !is_better(side, levels[at - 1].nanos, levels[at].nanos)) break;
    ++depth;
  }
  return depth;
}

}  // namespace venuefold
