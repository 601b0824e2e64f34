// What simple routers would have paid on the same snapshot.
#pragma once

#include "candidates.hpp"

namespace venuefold {

struct Baseline {
  std::int64_t units = 0;
  int128 cost = 0;
};

// Everything to the venue with the best touch, fees ignored.
Baseline best_price(std::int64_t sign, const Candidates& candidates, std::int64_t wanted);
// Best prices first over all venues, fees ignored.
Baseline fee_blind_sweep(std::int64_t sign, const Candidates& candidates, std::int64_t wanted);

}  // namespace venuefold
