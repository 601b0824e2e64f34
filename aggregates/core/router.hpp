// Turns a parent's free quantity into a decision: gathers, allocates, and writes the record.
#pragma once

#include <cstdint>

namespace venuefold {

struct Order;
struct Plan;
struct Shard;

// Protected best (round lot at a protected venue) and best displayed, in nanos, 0 = none.
struct BestPrices {
  std::int64_t protected_bid = 0;
  std::int64_t protected_ask = 0;
  std::int64_t displayed_bid = 0;
  std::int64_t displayed_ask = 0;
};

// Of fresh quotes only, and of no book that is crossed in itself: it would move every collar.
BestPrices best_prices(const Shard& shard, std::uint32_t instrument, std::int64_t stale_ns);
// Plans the free quantity and emits the decision; the caller sends the children.
const Plan& decide(Shard& shard, Order& order, const BestPrices& best);

}  // namespace venuefold
