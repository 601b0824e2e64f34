// A decision's record, written straight into the outputs: its candidates, its parts, its costs.
#pragma once

#include <cstdint>

#include "allocation.hpp"

namespace venuefold {

struct BestPrices;

// Returns the decision's out_seq. A unit of its own, so that an instruction counter can tell the
// record from the decision.
std::uint64_t emit_decision(Shard& shard, const Order& order, const Policy& policy,
                            const BestPrices& best, const Charges& charges,
                            const Candidates& candidates, const Plan& plan, std::int64_t wanted);

}  // namespace venuefold
