#include "protection.hpp"

#include "router.hpp"
#include "shard.hpp"

namespace venuefold {
namespace {

// The touch that our order would take.
const Level& far_touch(const Shard& shard, const Task& task, const Candidate& candidate) {
  const Tick& tick = shard.books.tick(task.order.record.instrument, candidate.venue);
  return tick.touch[1 - task.order.side_index()];
}

// Quotes that must not be traded through.
Mask protected_quotes(const Shard& shard, const Task& task) {
  const std::int64_t round_lot =
      shard.books[task.order.record.instrument].record.round_lot_units;
  Mask quotes = 0;
  for (std::size_t i = 0; i < task.candidates.count; ++i) {
    const Candidate& candidate = task.candidates[i];
    const bool gone = is_any_of(number(candidate.reason), Reason::STALE_QUOTE,
                                Reason::VENUE_NOT_OPEN, Reason::NO_QUOTE, Reason::CROSSED_BOOK);
    const Mask is_protected =
        (shard.tables.is_protected() & ~shard.tables.self_help()) >> candidate.venue & 1;
    const bool counts = far_touch(shard, task, candidate).units >= round_lot;
    quotes |= Mask{is_protected != 0 && !gone && counts} << i;
  }
  return quotes;
}

// The best of the far touches of a set.
std::int64_t best_far(const Shard& shard, const Task& task, Mask quotes) {
  std::int64_t best = kInt64Max;
  for_each_bit(quotes, [&](std::size_t i) {
    best = std::min(best, task.charges.sign * far_touch(shard, task, task.candidates[i]).nanos);
  });
  return task.charges.sign * best;
}

// Quotes that cannot get their child cap everybody; who is beyond that is left out.
void exclude_beyond(const Shard& shard, Task& task, Candidates& candidates, Mask quotes) {
  Mask capping = 0;
  for_each_bit(quotes & ~candidates.eligible, [&](std::size_t i) {
    const bool sent_to = is_any_of(number(candidates[i].reason), Reason::ALREADY_VISITED,
                                   Reason::NOTHING_AVAILABLE);
    capping |= Mask{!sent_to} << i;
  });
  // Inventory keeps some from getting all that they display.
  for_each_bit(quotes & candidates.eligible, [&](std::size_t i) {
    const Candidate& candidate = candidates[i];
    const std::int64_t shown = far_touch(shard, task, candidate).units - candidate.own_units;
    const bool lacks = candidate.inventory_units != 0 && candidate.inventory_units < shown;
    capping |= Mask{lacks} << i;
  });
  if (capping == 0) return;
  const std::int64_t sign = task.charges.sign;
  const std::int64_t cap = best_far(shard, task, capping);
  if (sign * cap >= sign * task.order.limit_nanos) return;
  task.cap_nanos = cap;
  for_each_bit(candidates.eligible, [&](std::size_t i) {
    const std::int64_t touch = candidates[i].value;
    if (sign * touch > sign * cap) candidates.exclude(i, Reason::THROUGH_PROTECTED, touch);
  });
}

// What a child must take at the touch: displayed, less ours in flight, in whole lots.
std::int64_t displayed(const Candidate& candidate) {
  const std::int64_t units = candidate.levels[0].available_units - candidate.hidden_units;
  return units - units % candidate.terms->lot_units;
}

// Better quotes than the worst price paid that get less than they display.
Mask passed_by(const Task& task, const Plan& plan, Mask quotes) {
  const std::int64_t sign = task.charges.sign;
  if (plan.count == 0) return 0;
  std::int64_t worst = -kInt64Max;
  Sizes sizes;
  for (std::size_t p = 0; p < plan.count; ++p) {
    worst = std::max(worst, sign * plan.parts[p].limit_nanos);
    sizes.set(plan.parts[p].candidate, plan.parts[p].units);
  }
  Mask passed = 0;
  for_each_bit(quotes & task.candidates.eligible, [&](std::size_t i) {
    const Candidate& candidate = task.candidates[i];
    passed |= Mask{sign * candidate.value < worst && sizes.of(i) < displayed(candidate)} << i;
  });
  return passed;
}

// Whether an ISO each can be asked for; then they are, beside those asked for before.
bool must_get(Task& task, Mask passed) {
  if (task.policy.protection != number(Protection::ISO) || task.policy.split == 0) return false;
  if (task.is_whole) return false;
  Sizes least = task.least;
  bool more = false;
  for_each_bit(passed, [&](std::size_t i) {
    const std::int64_t units = displayed(task.candidates[i]);
    more |= least.of(i) != units;
    least.set(i, units);
  });
  if (!more || least.total() > task.wanted) return false;
  task.least = least;
  return true;
}

void tell(const Task& task, Plan& plan) {
  plan.cap_nanos = task.cap_nanos;
  plan.flags = task.cap_nanos != 0 ? number(DecisionFlag::CAPPED) : std::uint8_t{0};
  if (task.least.used == 0 || plan.count == 0) return;
  plan.flags |= number(DecisionFlag::ISO);
  for (std::size_t p = 0; p < plan.count; ++p) {
    Allocation& part = plan.parts[p];
    if ((task.darks & bit(part.candidate)) == 0) part.flags = number(AllocationFlag::ISO);
  }
}

}  // namespace

void allocate_protected(const Shard& shard, Task& task, Candidates& candidates,
                        const BestPrices& best, Plan& plan) {
  if (task.policy.protection == number(Protection::NONE)) {
    allocate(task, plan);
    return;
  }
  const bool crossed = 0 < best.protected_ask && best.protected_ask < best.protected_bid;
  if (crossed && task.policy.crossed == number(Crossed::EXEMPT)) {
    allocate(task, plan);
    plan.flags = number(DecisionFlag::CROSSED_EXEMPT);
    return;
  }
  const Mask quotes = protected_quotes(shard, task);
  exclude_beyond(shard, task, candidates, quotes);
  for (;;) {
    allocate(task, plan);
    const Mask passed = passed_by(task, plan, quotes);
    if (passed == 0) break;
    if (must_get(task, passed)) continue;
    task.least.used = 0;
    task.cap_nanos = best_far(shard, task, passed);
  }
  tell(task, plan);
}

}  // namespace venuefold
