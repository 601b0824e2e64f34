// Dark pools: what may be asked of a venue that shows nothing. The theory is in dark.py.
#pragma once

#include <cstdint>

#include "candidates.hpp"

namespace venuefold {

struct BestPrices;
struct Charges;
struct Policy;
struct Shard;

namespace dark {

// Turns dark pools among the candidates into offers at the midpoint, or says why not; returns what
// all of them together may get.
std::int64_t include(Shard& shard, const Order& order, const Policy& policy,
                     const BestPrices& best, Candidates& candidates);

// A miss pays what the last displayed one costs; the mid's move counts on what is
// filled where it comes back, on what remains where it runs away. Lit candidates are priced.
void charge(const Charges& charges, Candidates& candidates);

}  // namespace dark
}  // namespace venuefold
