#include "router.hpp"

#include <bit>
#include <new>

#include "arrival.hpp"
#include "baselines.hpp"
#include "dark.hpp"
#include "inventory.hpp"
#include "posting.hpp"
#include "pricing.hpp"
#include "probes.hpp"
#include "protection.hpp"
#include "shard.hpp"

namespace venuefold {
namespace {

constexpr std::int64_t kUint32Max = 0xFFFFFFFF;
constexpr std::size_t kMaxBlock =
    sizeof(out::Candidate) + sizeof(out::Row) + 8 * 8 + kMaxLevels * 2 * sizeof(std::uint64_t);
constexpr std::size_t kMaxDecision =
    sizeof(out::Decision) + kMaxVenues * (kMaxBlock + sizeof(out::Allocation));
// Children whose memory is asked for before it is known how many there will be.
constexpr std::size_t kUsualChildren = 6;
constexpr std::size_t kGoalVenues = 24;
constexpr std::size_t kGoalLevels = 5;
// A usual record (narrow prices and sizes, nothing of ours in flight) of the size that we aim at.
static_assert(sizeof(out::Decision) +
                  kGoalVenues * (sizeof(out::Candidate) + sizeof(out::Row) + 8 * kGoalLevels +
                                 sizeof(out::Allocation)) <=
              3072);

// Writes a struct or number and returns where the next one goes. (A cursor in memory would be
// reloaded after every byte written.)
template <class Value>
std::uint8_t* put(std::uint8_t* at, const Value& value) {
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

[[gnu::noinline]] std::uint8_t rare_flags(const Candidate& candidate, std::int64_t farthest) {
  std::uint8_t flags = 0;
  if (farthest > kUint32Max) flags |= number(CandidateFlag::WIDE_PRICE);
  if (candidate.size_bits > kUint32Max) flags |= number(CandidateFlag::WIDE_UNITS);
  if (candidate.modelled) flags |= number(CandidateFlag::MODELLED);
  if (candidate.own_units != 0) flags |= number(CandidateFlag::OWN_UNITS);
  if (candidate.impact_nanos > kUint32Max) flags |= number(CandidateFlag::WIDE_IMPACT);
  if (candidate.balance_nanos != 0) flags |= number(CandidateFlag::BALANCE);
  if (candidate.ticket_nanos != 0) flags |= number(CandidateFlag::TICKET);
  if (candidate.hidden_units != 0) flags |= number(CandidateFlag::HIDDEN);
  return flags;
}

inline std::uint8_t block_flags(std::int64_t sign, const Candidate& candidate) {
  // Every level is worse than the one before, so the last is the farthest from the touch.
  const Offer& last = candidate.levels[candidate.levels_count - 1u];
  const std::int64_t farthest = sign * (last.price_nanos - candidate.value);
  // None of these is negative: most candidates have nothing wide and none of the extras.
  const std::int64_t wide = farthest | candidate.size_bits | candidate.impact_nanos;
  const std::int64_t extras = candidate.own_units | candidate.balance_nanos |
                              candidate.ticket_nanos | candidate.hidden_units;
  if ((wide >> 32 | extras) != 0) return rare_flags(candidate, farthest);
  return candidate.modelled ? number(CandidateFlag::MODELLED) : std::uint8_t{0};
}

constexpr std::uint8_t kExtras =
    number(CandidateFlag::OWN_UNITS) | number(CandidateFlag::WIDE_IMPACT) |
    number(CandidateFlag::BALANCE) | number(CandidateFlag::TICKET) | number(CandidateFlag::HIDDEN);

// Values that few candidates have.
std::uint8_t* put_extras(std::uint8_t* at, const Candidate& candidate, std::uint8_t flags) {
  const auto put_if = [&](CandidateFlag flag, std::int64_t value) {
    if ((flags & number(flag)) != 0) at = put(at, value);
  };
  put_if(CandidateFlag::OWN_UNITS, candidate.own_units);
  put_if(CandidateFlag::WIDE_IMPACT, candidate.impact_nanos);
  put_if(CandidateFlag::BALANCE, candidate.balance_nanos);
  put_if(CandidateFlag::TICKET, candidate.ticket_nanos);
  put_if(CandidateFlag::HIDDEN, candidate.hidden_units);
  return at;
}

out::Row row_of(const Candidate& candidate, std::uint8_t flags) {
  const Misses& misses = candidate.misses;
  const bool wide = (flags & number(CandidateFlag::WIDE_IMPACT)) != 0;
  return {candidate.touch_fee_nanos,
          misses[0],
          misses[1],
          misses[2],
          misses[3],
          misses[4],
          misses[5],
          misses[6],
          misses[7],
          static_cast<std::uint32_t>(candidate.ack_ns),
          wide ? 0u : static_cast<std::uint32_t>(candidate.impact_nanos)};
}

template <class Price, class Units>
[[gnu::always_inline]] inline std::uint8_t* put_levels(std::uint8_t* at, std::int64_t sign,
                                                       const Candidate& candidate,
                                                       std::size_t count) {
  const std::int64_t touch = candidate.value;
  for (std::size_t l = 0; l < count; ++l) {
    const Offer& level = candidate.levels[l];
    at = put(at, static_cast<Price>(sign * (level.price_nanos - touch)));
    at = put(at, static_cast<Units>(level.units));
  }
  return at;
}

std::uint8_t* put_pairs(std::uint8_t* at, std::int64_t sign, const Candidate& candidate,
                        std::uint8_t flags) {
  const bool wide_price = (flags & number(CandidateFlag::WIDE_PRICE)) != 0;
  const bool wide_units = (flags & number(CandidateFlag::WIDE_UNITS)) != 0;
  const std::size_t count = candidate.levels_count;
  if (!wide_price && !wide_units) [[likely]] {
    // With a count that the compiler knows there is no loop.
    return count == kGoalLevels
               ? put_levels<std::uint32_t, std::uint32_t>(at, sign, candidate, kGoalLevels)
               : put_levels<std::uint32_t, std::uint32_t>(at, sign, candidate, count);
  }
  if (wide_price && wide_units) {
    return put_levels<std::uint64_t, std::uint64_t>(at, sign, candidate, count);
  }
  at = wide_price ? put_levels<std::uint64_t, std::uint32_t>(at, sign, candidate, count)
                  : put_levels<std::uint32_t, std::uint64_t>(at, sign, candidate, count);
  // Pairs of 12 bytes end on a half word when their number is odd.
  return count % 2 != 0 ? put(at, std::uint32_t{0}) : at;
}

// What inventory cut, and the bounds of the fee.
[[gnu::noinline]] std::uint8_t rare_levels_flags(const Candidate& candidate) {
  std::uint8_t flags = 0;
  if (candidate.inventory_units != 0) flags |= number(LevelsFlag::INVENTORY);
  if (candidate.bounds == nullptr) return flags;
  flags |= number(LevelsFlag::FEE_BOUNDS);
  if (candidate.bounds->per_order != 0) flags |= number(LevelsFlag::FEE_PER_ORDER);
  return flags;
}

[[gnu::noinline]] std::uint8_t* put_rare(std::uint8_t* at, const Candidate& candidate) {
  if (candidate.inventory_units != 0) at = put(at, candidate.inventory_units);
  if (candidate.bounds == nullptr) return at;
  at = put(at, candidate.bounds->min_nanos);
  return put(at, candidate.bounds->max_nanos);
}

// A candidate as the record keeps it; an excluded venue is its reason and deciding value, a dark
// pool shows no level but what it may be asked for and what a miss there costs.
std::uint8_t* put_block(std::uint8_t* at, std::int64_t sign, const Candidate& candidate,
                        bool is_dark, const Charges& charges) {
  out::Candidate head{};
  head.venue = candidate.venue;
  head.reason = number(candidate.reason);
  head.quote_age_us =
      static_cast<std::uint32_t>(std::min(candidate.age_ns / 1000, kUint32Max));
  head.value = candidate.value;
  if (candidate.reason != Reason::NONE) return put(at, head);
  head.levels = is_dark ? std::uint8_t{0} : candidate.levels_count;
  head.flags = block_flags(sign, candidate);
  const bool is_rare = candidate.inventory_units != 0 || candidate.bounds != nullptr;
  if (is_rare) [[unlikely]] head.levels |= rare_levels_flags(candidate);
  at = put(at, head);
  at = put(at, row_of(candidate, head.flags));
  if ((head.flags & kExtras) != 0) at = put_extras(at, candidate, head.flags);
  if (is_rare) [[unlikely]] at = put_rare(at, candidate);
  if (!is_dark) return put_pairs(at, sign, candidate, head.flags);
  at = put(at, candidate.available_units);
  return put(at, penalty_of(charges, candidate));
}

std::uint8_t* put_allocations(std::uint8_t* at, const Order& order, const Candidates& candidates,
                              const Plan& plan) {
  for (std::size_t i = 0; i < plan.count; ++i) {
    const Allocation& part = plan.parts[i];
    out::Allocation record{};
    record.venue = candidates[part.candidate].venue;
    record.levels = part.levels;
    const bool posts = (part.flags & number(AllocationFlag::POST)) != 0;
    record.time_in_force = number(posts ? TimeInForce::DAY : order.child_time_in_force());
    record.flags = part.flags;
    if (part.send_delay_ns != 0) record.flags |= number(AllocationFlag::HELD);
    record.send_delay_ns = static_cast<std::uint32_t>(part.send_delay_ns);
    record.units = part.units;
    record.limit_nanos = part.limit_nanos;
    at = put(at, record);
  }
  return at;
}

Outcome outcome_of(const Plan& plan, std::int64_t wanted) {
  if (plan.units == 0) return Outcome::NOTHING;
  return plan.units == wanted ? Outcome::FULL : Outcome::PARTIAL;
}

std::uint8_t flags_of(const Order& order, const Candidates& candidates) {
  std::uint8_t flags = 0;
  bool modelled = false;
  for_each_bit(candidates.eligible, [&](std::size_t i) { modelled |= candidates[i].modelled; });
  if (modelled) flags |= number(DecisionFlag::MODELLED);
  if (candidates.has_self_help) flags |= number(DecisionFlag::SELF_HELP);
  if (order.arrival_bid_nanos > order.arrival_ask_nanos) {
    flags |= number(DecisionFlag::CROSSED_ARRIVAL);
  }
  if (order.arrival_bid_nanos == order.arrival_ask_nanos) {
    flags |= number(DecisionFlag::LOCKED_ARRIVAL);
  }
  return flags;
}

void fill_order(out::Decision& record, const Order& order, const Policy& policy) {
  record.order_id = order.order_id;
  record.attempt = order.attempts;
  record.policy = order.policy;
  record.policy_version = policy.version;
  record.side = order.record.side;
  record.limit_nanos = order.limit_nanos;
  record.arrival_bid_nanos = order.arrival_bid_nanos;
  record.arrival_ask_nanos = order.arrival_ask_nanos;
  record.time_in_force = order.record.time_in_force;
  std::memcpy(record.cl_ord_id, order.record.cl_ord_id, sizeof record.cl_ord_id);
  std::memcpy(record.account, order.record.account, sizeof record.account);
}

void fill_costs(out::Decision& record, const Order& order, const Candidates& candidates,
                const Plan& plan, std::int64_t wanted) {
  const auto [best, sweep] = baselines(order.sign(), candidates, wanted);
  record.added_cost_lo = low_word(plan.added);
  record.added_cost_hi = high_word(plan.added);
  record.ticket_nanos = plan.ticket_nanos;
  record.cap_nanos = plan.cap_nanos;
  record.expected_cost_lo = low_word(plan.cost);
  record.expected_cost_hi = high_word(plan.cost);
  record.best_price_units = best.units;
  record.best_price_cost_lo = low_word(best.cost);
  record.best_price_cost_hi = high_word(best.cost);
  record.sweep_units = sweep.units;
  record.sweep_cost_lo = low_word(sweep.cost);
  record.sweep_cost_hi = high_word(sweep.cost);
}

// Not inlined, so that an instruction counter can tell the record from the decision.
[[gnu::noinline]] std::uint64_t emit_decision(Shard& shard, const Order& order,
                                              const Policy& policy, const BestPrices& best,
                                              const Charges& charges,
                                              const Candidates& candidates, const Plan& plan,
                                              std::int64_t wanted) {
  if (!shard.desk.writes_records) [[unlikely]] return ++shard.out_seq;
  std::uint8_t* const start = shard.outputs.reserve(kMaxDecision);
  std::uint8_t* const rows = start + sizeof(out::Decision);
  const std::int64_t sign = order.sign();
  std::uint8_t* at = rows;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    at = put_block(at, sign, candidates[i], (candidates.darks >> i & 1) != 0, charges);
  }
  const auto rows_size = static_cast<std::size_t>(at - rows);
  at = put_allocations(at, order, candidates, plan);

  auto& record = *new (start) out::Decision{};
  fill_order(record, order, policy);
  record.reference_version = shard.reference_version;
  record.quality_seq = shard.quality_seq;
  record.rows_digest = digest64(rows, rows_size);
  record.first_child_id = shard.next_child_id;
  record.outcome = number(outcome_of(plan, wanted));
  record.candidates = static_cast<std::uint8_t>(candidates.count);
  record.children = static_cast<std::uint8_t>(plan.count);
  record.remaining_units = wanted;
  record.allocated_units = plan.units;
  record.protected_bid_nanos = best.protected_bid;
  record.protected_ask_nanos = best.protected_ask;
  record.displayed_bid_nanos = best.displayed_bid;
  record.displayed_ask_nanos = best.displayed_ask;
  record.flags = flags_of(order, candidates) | plan.flags;
  record.protection = policy.protection;
  record.remainder_e9 = static_cast<std::uint32_t>(charges.remainder_e9);
  record.penalty_nanos = charges.penalty_nanos;
  fill_costs(record, order, candidates, plan, wanted);

  const auto size = static_cast<std::size_t>(at - start);
  shard.stamp(record, OutputType::DECISION, order.record.instrument, size);
  shard.outputs.commit(size);
  return shard.out_seq;
}

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
  shard.children.prefetch(shard.next_child_id, kUsualChildren);
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
  order.decision_id =
      emit_decision(shard, order, policy, best, charges, candidates, plan, wanted);
  return plan;
}

}  // namespace venuefold
