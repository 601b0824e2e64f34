// Pre-trade checks of a parent order: the first failed check refuses it, with the deciding value.
#pragma once

#include <vector>

#include "book.hpp"
#include "order.hpp"

namespace venuefold {

struct Shard;

constexpr std::size_t kMaxRecent = 65'536;

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

// Whether this account, client and trader may trade this instrument in this way now.
Verdict check_permission(Shard& shard, const NewOrder& order, std::uint32_t policy_id);
// Whether any kill switch that covers the order is engaged.
bool is_killed(const Shard& shard, const NewOrder& order);
// The same terms under another name within the window are taken for a mistake.
Verdict check_duplicate(Shard& shard, const NewOrder& order);
// Own working parents on the other side whose limits it crosses, by the self-match id.
std::vector<Order*> matching(Shard& shard, const NewOrder& order, std::int64_t limit_nanos);

}  // namespace venuefold
