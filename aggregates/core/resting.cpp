#include "resting.hpp"

#include "children.hpp"
#include "desk.hpp"
#include "hazards.hpp"
#include "posting.hpp"
#include "router.hpp"

namespace venuefold::resting {
namespace {

Reason why_not(Shard& shard, const Child& child) {
  const Order& order = *child.order;
  const Book& book = shard.books[order.record.instrument];
  const std::uint64_t bit = std::uint64_t{1} << child.venue;
  if (!shard.may_trade() || order.state != OrderState::WORKING || order.excess_units() > 0) {
    return Reason::PARENT_ENDING;
  }
  if (is_killed(shard, order.record) || (shard.tables.killed() & bit) != 0) {
    return Reason::VENUE_KILLED;
  }
  if ((shard.tables.open() & book.open & bit) == 0) return Reason::VENUE_STOPPED;
  if (book.limits.restricted != 0) return Reason::RESTRICTED;
  const Tick& tick = shard.books.tick(order.record.instrument, child.venue);
  const bool stale = shard.log_ns - tick.quote_ns > shard.tables.policy(order.policy)->stale_ns;
  if (stale) return Reason::STALE_AT_RELEASE;
  return inventory::is_short(shard, order, child.venue) ? Reason::NO_INVENTORY : Reason::NONE;
}

}  // namespace

void release(Shard& shard, std::uint64_t child_id) {
  Child* const child = shard.children.find(child_id);
  if (child == nullptr || child->state != ChildState::HELD || child->due_ns != shard.log_ns) {
    return;
  }
  Order& order = *child->order;
  const Reason reason = why_not(shard, *child);
  if (reason != Reason::NONE) {
    children::drop(shard, *child, reason);
    desk::settle(shard, order);
  } else {
    children::send(shard, *child);
  }
  desk::emit_order(shard, order);
}

void look_at(Shard& shard, std::uint64_t child_id) {
  Child* const child = shard.children.find(child_id);
  if (child == nullptr || !is_live(child->state)) return;
  hazards::observe(shard, *child);
  Order& order = *child->order;
  if (child->state == ChildState::ACKNOWLEDGED || child->state == ChildState::PARTIAL) {
    const std::int64_t stale_ns = shard.tables.policy(order.policy)->stale_ns;
    const BestPrices best = best_prices(shard, order.record.instrument, stale_ns);
    const Reason reason = posting::why_withdraw(shard, order, *child, best);
    if (reason != Reason::NONE) {
      children::cancel(shard, *child, reason);
      desk::emit_order(shard, order);
      return;
    }
  }
  const Posting* rule = shard.tables.posting(order.policy);
  if (rule == nullptr) return;
  shard.schedule(shard.log_ns + rule->check_ns, TimerKind::REST, child_id);
}

}  // namespace venuefold::resting
