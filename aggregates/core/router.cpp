#include "router.hpp"

#include <bit>

#include "arrival.hpp"
#include "dark.hpp"
#include "inventory.hpp"
#include "posting.hpp"
#include "pricing.hpp"
#include "probes.hpp"
#include "protection.hpp"
#include "record.hpp"
#include "shard.hpp"

namespace venuefold {
namespace {

// The policy waits while venues are crossed against each other.
void wait_if_crossed(const BestPrices& best, Candidates& candidates) {
  const std::int64_t crossed_nanos = best.displayed_bid - best.displayed_ask;
  if (best.displayed_ask == 0 || crossed_nanos <= 0) return;
  for_each_bit(candidates.eligible, [&](std::size_t i) {
    candidates.exclude(i, Reason::MARKET_CROSSED, crossed_nanos);
  });
}

// Lowest of prices, 0 = none: one less than a price, 0 wraps around to the most.
class Lowest {
 public:
  void add(std::int64_t nanos) {
    before_ = std::min(before_, static_cast<std::uint64_t>(nanos) - 1);
  }
  std::int64_t nanos() const { return static_cast<std::int64_t>(before_ + 1); }

 private:
  std::uint64_t before_ = ~std::uint64_t{0};
};

// What the best prices are found among. Masks have a bit for each dense venue id.
struct Quotes {
  const Shard& shard;
  const Book& book;
  std::uint32_t instrument;
  std::int64_t stale_ns;
  std::uint64_t trading;
  std::uint64_t is_protected;

  const Tick& tick(std::size_t venue) const { return shard.books.tick(instrument, venue); }
  // Whether a venue's quote is fresh and not crossed in itself.
  bool counts(const Tick& tick) const {
    const bool crossed = 0 < tick.touch[1].nanos && tick.touch[1].nanos < tick.touch[0].nanos;
    return !crossed && shard.log_ns - tick.quote_ns <= stale_ns;
  }
  bool is_protected_at(std::size_t venue, const Level& touch) const {
    return (is_protected >> venue & 1) != 0 && touch.units >= book.record.round_lot_units;
  }
  // Whether one venue at the best of all is protected there: then nobody else has to be asked.
  bool is_best_protected(std::size_t side) const {
    for (std::uint64_t at = book.at_best[side] & trading; at != 0; at &= at - 1) {
      const auto venue = static_cast<std::size_t>(std::countr_zero(at));
      const Tick& row = tick(venue);
      if (counts(row) && is_protected_at(venue, row.touch[side])) return true;
    }
    return false;
  }
};

BestPrices scan_best(const Quotes& quotes) {
  BestPrices best;
  Lowest displayed_ask;
  Lowest protected_ask;
  for (std::uint64_t venues = quotes.trading; venues != 0; venues &= venues - 1) {
    const auto venue = static_cast<std::size_t>(std::countr_zero(venues));
    const Tick& tick = quotes.tick(venue);
    if (!quotes.counts(tick)) continue;
    const Level bid = tick.touch[0];
    const Level ask = tick.touch[1];
    best.displayed_bid = std::max(best.displayed_bid, bid.nanos);
    displayed_ask.add(ask.nanos);
    if (quotes.is_protected_at(venue, bid)) {
      best.protected_bid = std::max(best.protected_bid, bid.nanos);
    }
    if (quotes.is_protected_at(venue, ask)) protected_ask.add(ask.nanos);
  }
  best.displayed_ask = displayed_ask.nanos();
  best.protected_ask = protected_ask.nanos();
  return best;
}

}  // namespace

BestPrices best_prices(const Shard& shard, std::uint32_t instrument, std::int64_t stale_ns) {
  const Book& book = shard.books[instrument];
  const Quotes quotes{shard,
                      book,
                      instrument,
                      stale_ns,
                      book.listed & book.open & shard.tables.open(),
                      shard.tables.is_protected() & ~shard.tables.self_help()};
  // The book's own best counts stale and crossed quotes too, so it is never worse than these.
  if (quotes.is_best_protected(0) && quotes.is_best_protected(1)) [[likely]] {
    const std::int64_t bid = book.best_nanos[0];
    const std::int64_t ask = book.best_nanos[1];
    return {bid, ask, bid, ask};
  }
  return scan_best(quotes);
}

const Plan& decide(Shard& shard, Order& order, const BestPrices& best) {
  const Policy& policy = *shard.tables.policy(order.policy);
  const std::int64_t wanted = order.free_units();
  Candidates& candidates = shard.desk.candidates;
  Plan& plan = shard.desk.plan;
  gather(shard, order, policy, candidates);
  const std::int64_t dark_units = dark::include(shard, order, policy, best, candidates);
  inventory::cap(shard, order, candidates);
  if (policy.crossed == number(Crossed::WAIT)) wait_if_crossed(best, candidates);
  const std::int64_t far_nanos = order.sign() > 0 ? best.displayed_ask : best.displayed_bid;
  const Charges charges = charge(shard, order, policy, candidates, wanted, far_nanos);
  // All at one venue where the parent, or its minimum, must be whole.
  const std::int64_t whole = order.is_whole() ? 0 : order.least_units();
  Task task{order, policy, candidates, charges, whole != 0 ? whole : wanted,
            shard.books[order.record.instrument].record.units_per_one};
  task.is_whole = order.is_whole() || whole != 0;
  task.darks = candidates.darks & candidates.eligible;
  task.dark_units = dark_units;
  task.missed_nanos = charges.last_nanos + charges.penalty_nanos;
  plan_of(task, Sizes{}, plan);
  Allocation probe{};
  // Part of the minimum may be out already; what is free then waits for its answer.
  if (!order.is_post_only() && whole <= wanted) {
    allocate_protected(shard, task, candidates, best, plan);
    const std::int64_t protected_nanos =
        order.sign() > 0 ? best.protected_ask : best.protected_bid;
    probe = probes::find(shard, order, policy, candidates, protected_nanos, plan);
  }
  if (probe.units != 0 && plan.units + probe.units > wanted) {
    // The plan leaves a lot for it.
    Task smaller = task;
    smaller.wanted = wanted - probe.units;
    smaller.is_whole = false;
    smaller.cap_nanos = 0;
    smaller.least = {};
    plan_of(smaller, Sizes{}, plan);
    allocate_protected(shard, smaller, candidates, best, plan);
  }
  if (policy.equalise_arrival != 0) equalise(shard, policy, candidates, plan);
  if (plan.units == 0) posting::plan(shard, order, best, candidates, plan);
  if (probe.units != 0) probes::add(shard, order, policy, candidates, probe, plan);
  ++order.attempts;
  // The record leaves time for it.
  shard.children.prefetch(shard.next_child_id, plan.count);
  order.decision_id =
      emit_decision(shard, order, policy, best, charges, candidates, plan, wanted);
  return plan;
}

}  // namespace venuefold
