// What simple routers would have paid on the same snapshot.
#pragma once

#include "candidates.hpp"

namespace venuefold {

struct Baseline {
  std::int64_t units = 0;
  int128 cost = 0;
};

// Everything to the venue with the best touch, and best prices first over all venues; both ignore
// fees when they choose.
struct Baselines {
  Baseline best_price;
  Baseline sweep;
};

Baselines baselines(std::int64_t sign, const Candidates& candidates, std::int64_t wanted);

// What taking `wanted` now would cost at the displayed prices of all venues that trade, best prices
// first, with taker fees and whatever the order's limit is.
Baseline clean_sweep(const Shard& shard, const Order& order, std::int64_t wanted);

}  // namespace venuefold
