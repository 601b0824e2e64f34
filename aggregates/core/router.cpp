#include "router.hpp"

#include <bit>

#include "shard.hpp"

namespace venuefold {
namespace {

constexpr std::int64_t kUint32Max = 0xFFFFFFFF;
constexpr std::size_t kMaxBlock =
    sizeof(out::Candidate) + sizeof(out::Row) + 8 + kMaxLevels * 2 * sizeof(std::uint64_t);
constexpr std::size_t kMaxDecision =
    sizeof(out::Decision) + kMaxVenues * (kMaxBlock + sizeof(out::Allocation));
constexpr std::size_t kGoalVenues = 24;
constexpr std::size_t kGoalLevels = 5;
// A usual record (narrow prices and sizes, nothing of ours in flight) of the size that we aim at.
static_assert(sizeof(out::Decision) +
                  kGoalVenues * (sizeof(out::Candidate) + sizeof(out::Row) + 8 * kGoalLevels +
                                 sizeof(out::Allocation)) <=
              3072);

// Writes structs and numbers one after the other.
class Writer {
 public:
  explicit Writer(std::uint8_t* at) : at_(at) {}
  std::uint8_t* at() const { return at_; }

  template <class Value>
  void put(const Value& value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }

 private:
  std::uint8_t* at_;
};

std::uint8_t block_flags(const Order& order, const Candidate& candidate) {
  std::uint8_t flags = 0;
  // Every level is worse than the one before, so the last is the farthest from the touch.
  const Offer& last = candidate.levels[candidate.levels_count - 1u];
  if (order.sign() * (last.price_nanos - candidate.value) > kUint32Max) {
    flags |= number(CandidateFlag::WIDE_PRICE);
  }
  if (candidate.size_bits > kUint32Max) flags |= number(CandidateFlag::WIDE_UNITS);
  if (candidate.own_units != 0) flags |= number(CandidateFlag::OWN_UNITS);
  if (candidate.modelled) flags |= number(CandidateFlag::MODELLED);
  return flags;
}

template <class Price, class Units>
void write_levels(Writer& writer, std::int64_t sign, const Candidate& candidate) {
  for (std::size_t l = 0; l < candidate.levels_count; ++l) {
    const Offer& level = candidate.levels[l];
    writer.put(static_cast<Price>(sign * (level.price_nanos - candidate.value)));
    writer.put(static_cast<Units>(level.units));
  }
}

void write_pairs(Writer& writer, std::int64_t sign, const Candidate& candidate,
                 std::uint8_t flags) {
  const bool wide_price = (flags & number(CandidateFlag::WIDE_PRICE)) != 0;
  const bool wide_units = (flags & number(CandidateFlag::WIDE_UNITS)) != 0;
  if (wide_price && wide_units) {
    write_levels<std::uint64_t, std::uint64_t>(writer, sign, candidate);
  } else if (wide_price) {
    write_levels<std::uint64_t, std::uint32_t>(writer, sign, candidate);
  } else if (wide_units) {
    write_levels<std::uint32_t, std::uint64_t>(writer, sign, candidate);
  } else {
    write_levels<std::uint32_t, std::uint32_t>(writer, sign, candidate);
  }
  // Pairs of 12 bytes end on a half word when their number is odd.
  if (wide_price != wide_units && candidate.levels_count % 2 != 0) writer.put(std::uint32_t{0});
}

// A candidate as the record keeps it; an excluded venue is its reason and deciding value.
void write_block(Writer& writer, const Order& order, const Candidate& candidate) {
  out::Candidate head{};
  head.venue = candidate.venue;
  head.reason = number(candidate.reason);
  head.quote_age_us =
      static_cast<std::uint32_t>(std::min(candidate.age_ns / 1000, kUint32Max));
  head.value = candidate.value;
  if (candidate.reason != Reason::NONE) {
    writer.put(head);
    return;
  }
  head.levels = candidate.levels_count;
  head.flags = block_flags(order, candidate);
  writer.put(head);
  writer.put(out::Row{candidate.touch_fee_nanos, candidate.miss_nanos, candidate.ack_ns,
                      candidate.fill_ratio});
  if (candidate.own_units != 0) writer.put(candidate.own_units);
  write_pairs(writer, order.sign(), candidate, head.flags);
}

void write_allocations(Writer& writer, const Order& order, const Candidates& candidates,
                       const Plan& plan) {
  for (std::size_t i = 0; i < plan.count; ++i) {
    const Allocation& part = plan.parts[i];
    out::Allocation record{};
    record.venue = candidates[part.candidate].venue;
    record.levels = part.levels;
    record.time_in_force = number(order.child_time_in_force());
    record.units = part.units;
    record.limit_nanos = part.limit_nanos;
    writer.put(record);
  }
}

Outcome outcome_of(const Plan& plan, std::int64_t wanted) {
  if (plan.units == 0) return Outcome::NOTHING;
  return plan.units == wanted ? Outcome::FULL : Outcome::PARTIAL;
}

std::uint8_t flags_of(const Order& order, const Candidates& candidates) {
  std::uint8_t flags = 0;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    if (candidates.is_eligible(i) && candidates[i].modelled) {
      flags |= number(DecisionFlag::MODELLED);
    }
  }
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
  const Baseline best = best_price(order, candidates, wanted);
  const Baseline sweep = fee_blind_sweep(order, candidates, wanted);
  record.expected_cost_lo = low_word(plan.cost);
  record.expected_cost_hi = high_word(plan.cost);
  record.best_price_units = best.units;
  record.best_price_cost_lo = low_word(best.cost);
  record.best_price_cost_hi = high_word(best.cost);
  record.sweep_units = sweep.units;
  record.sweep_cost_lo = low_word(sweep.cost);
  record.sweep_cost_hi = high_word(sweep.cost);
}

std::uint64_t emit_decision(Shard& shard, const Order& order, const Policy& policy,
                            const BestPrices& best, const Candidates& candidates,
                            const Plan& plan, std::int64_t wanted) {
  std::uint8_t* const start = shard.outputs.reserve(kMaxDecision);
  std::uint8_t* const rows = start + sizeof(out::Decision);
  Writer writer(rows);
  for (std::size_t i = 0; i < candidates.count; ++i) write_block(writer, order, candidates[i]);
  const auto rows_size = static_cast<std::size_t>(writer.at() - rows);
  write_allocations(writer, order, candidates, plan);

  out::Decision record{};
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
  record.flags = flags_of(order, candidates);
  fill_costs(record, order, candidates, plan, wanted);

  const auto size = static_cast<std::size_t>(writer.at() - start);
  shard.stamp(record, OutputType::DECISION, order.record.instrument, size);
  std::memcpy(start, &record, sizeof record);
  shard.outputs.commit(size);
  return shard.out_seq;
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

}  // namespace

BestPrices best_prices(const Shard& shard, std::uint32_t instrument, std::int64_t stale_ns) {
  const Book& book = shard.books[instrument];
  const std::int64_t round_lot = book.record.round_lot_units;
  BestPrices best;
  Lowest displayed_ask;
  Lowest protected_ask;
  for (std::uint64_t venues = book.listed & book.open & shard.tables.open(); venues != 0;
       venues &= venues - 1) {
    const auto venue = static_cast<std::size_t>(std::countr_zero(venues));
    const Tick& tick = shard.books.tick(instrument, venue);
    const Level bid = tick.touch[0];
    const Level ask = tick.touch[1];
    const bool crossed = 0 < ask.nanos && ask.nanos < bid.nanos;
    if (crossed || shard.log_ns - tick.quote_ns > stale_ns) continue;
    const bool is_protected = shard.tables.is_protected() >> venue & 1;
    const bool bid_counts = is_protected && bid.units >= round_lot;
    const bool ask_counts = is_protected && ask.units >= round_lot;
    best.displayed_bid = std::max(best.displayed_bid, bid.nanos);
    best.protected_bid = std::max(best.protected_bid, bid_counts ? bid.nanos : 0);
    displayed_ask.add(ask.nanos);
    protected_ask.add(ask_counts ? ask.nanos : 0);
  }
  best.displayed_ask = displayed_ask.nanos();
  best.protected_ask = protected_ask.nanos();
  return best;
}

const Plan& decide(Shard& shard, Order& order, const BestPrices& best) {
  const Policy& policy = *shard.tables.policy(order.policy);
  const std::int64_t wanted = order.free_units();
  Candidates& candidates = shard.desk.candidates;
  Plan& plan = shard.desk.plan;
  gather(shard, order, policy, candidates);
  allocate(order, policy, candidates, wanted, plan);
  ++order.attempts;
  order.decision_id = emit_decision(shard, order, policy, best, candidates, plan, wanted);
  return plan;
}

}  // namespace venuefold
