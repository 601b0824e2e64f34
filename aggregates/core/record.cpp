#include "record.hpp"

#include <new>

#include "baselines.hpp"
#include "router.hpp"
#include "shard.hpp"

namespace venuefold {
namespace {

constexpr std::int64_t kUint32Max = 0xFFFFFFFF;
constexpr std::size_t kMaxBlock =
    sizeof(out::Candidate) + sizeof(out::Row) + 8 * 8 + kMaxLevels * 2 * sizeof(std::uint64_t);
constexpr std::size_t kMaxDecision =
    sizeof(out::Decision) + kMaxVenues * (kMaxBlock + sizeof(out::Allocation));
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

}  // namespace

std::uint64_t emit_decision(Shard& shard, const Order& order, const Policy& policy,
                            const BestPrices& best, const Charges& charges,
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

}  // namespace venuefold
