// Pre-trade checks of a parent order: the first failed check refuses it, with the deciding value.
#pragma once

#include "book.hpp"
#include "order.hpp"

namespace venuefold {

constexpr std::int64_t kFutureToleranceNs = 60 * kE9;

struct Verdict {
  Reason reason = Reason::NONE;
  std::int64_t value = 0;
};

// What the order asks for: side, type, time in force, instructions, sizes.
Verdict check_terms(const NewOrder& order, std::int64_t now_ns);
// Limit price; a market order's is the collar, rounded inward to the tick.
std::int64_t effective_limit(const NewOrder& order, const Book& book, std::int64_t bid_nanos,
                             std::int64_t ask_nanos);
// Size, collar against the reference mid, and notional.
Verdict check_limits(const NewOrder& order, const Book& book, std::int64_t limit_nanos,
                     std::int64_t bid_nanos, std::int64_t ask_nanos);

}  // namespace venuefold
