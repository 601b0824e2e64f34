#include "pricing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "dark.hpp"
#include "policy.hpp"
#include "shard.hpp"

namespace venuefold {
namespace {

// Share of what is wanted that is expected to remain: no room for it, or missed.
std::int64_t remainder_of(const Candidates& candidates, std::int64_t wanted) {
  std::int64_t available = 0;
  double expected = 0.0;
  for_each_bit(candidates.eligible, [&](std::size_t i) {
    const std::int64_t units = candidates[i].available_units;
    available += units;
    expected += candidates[i].fill_ratio * static_cast<double>(units);
  });
  if (available == 0) return kE9;
  const double room =
      static_cast<double>(std::min(available, wanted)) / static_cast<double>(wanted);
  const double share = 1.0 - room * (expected / static_cast<double>(available));
  const std::int64_t found = floor_to_int64(share * static_cast<double>(kE9));
  return std::max(std::int64_t{0}, std::min(kE9, found));
}

// Mid moves that follow our aggressive fills, each venue's shrunk to those of all together, and
// those to none.
class Impact {
 public:
  Impact(Shard& shard, std::uint32_t instrument, const Candidates& candidates, std::size_t index)
      : shard_(shard), instrument_(instrument), index_(index) {
    double total = 0.0;
    double weighed = 0.0;
    for (std::size_t i = 0; i < candidates.count; ++i) {
      const Moments& moments = removed(candidates[i]);
      total += moments.total;
      weighed += moments.weight;
    }
    pooled_ = total / (weighed + shard.tables.priors().fill_weight);
  }
  double bps(const Candidate& candidate) const {
    const std::int64_t now_ns =
        shard_.books.tick(instrument_, candidate.venue).clock.at(shard_.log_ns);
    return removed(candidate).shrunk(now_ns, shard_.tables.grids().impact, pooled_,
                                     shard_.tables.priors().fill_weight);
  }

 private:
  Shard& shard_;
  std::uint32_t instrument_;
  std::size_t index_;
  double pooled_ = 0.0;

  const Moments& removed(const Candidate& candidate) const {
    return shard_.books.evidence(instrument_, candidate.venue).removed[index_];
  }
};

// Standard error of the fill ratio, the prior counted as so many children.
double doubt(const Shard& shard, std::uint32_t instrument, const Candidate& candidate) {
  const Moments& fill = candidate.terms->fill;
  const double ratio = candidate.fill_ratio;
  const std::int64_t now_ns =
      shard.books.tick(instrument, candidate.venue).clock.at(shard.log_ns);
  const double w = shard.tables.grids().fill.weight(now_ns, fill.then_ns);
  const double variance =
      ratio * (1.0 - ratio) / (fill.weight * w + shard.tables.priors().fill_weight);
  return variance > 0.0 ? std::sqrt(variance) : 0.0;
}

// Impact is a cost on what remains of the parent, and never a credit.
void charge_impact(Shard& shard, const Policy& policy, std::uint32_t instrument,
                   Candidates& candidates, const Charges& charges) {
  const Impact impact(shard, instrument, candidates, policy.impact_horizon - 1u);
  for_each_bit(candidates.eligible & ~candidates.darks, [&](std::size_t i) {
    const double move = impact.bps(candidates[i]) * 0.0001;
    const std::int64_t whole = bounded_nanos(move * static_cast<double>(charges.price_nanos));
    candidates[i].impact_nanos = scale_e9(whole, charges.remainder_e9);
  });
}

// Exchange rates for what is in no expected cost: delay, doubt, and toxicity.
void charge_balance(Shard& shard, const Policy& policy, std::uint32_t instrument,
                    Candidates& candidates, const Charges& charges) {
  const bool toxic = policy.toxicity_horizon != 0 && policy.impact_horizon == 0;
  const std::size_t index = toxic ? policy.toxicity_horizon - 1u : 0;
  const Impact impact(shard, instrument, candidates, index);
  for_each_bit(candidates.eligible, [&](std::size_t i) {
    Candidate& candidate = candidates[i];
    double share = static_cast<double>(policy.latency_e9) *
                   (static_cast<double>(candidate.ack_ns) / 1e6);
    share += static_cast<double>(policy.risk_e9) * doubt(shard, instrument, candidate);
    if (toxic && (candidates.darks >> i & 1) == 0) {
      const double move = impact.bps(candidate);
      share += static_cast<double>(policy.toxicity_e9) * (move > 0.0 ? move : 0.0);
    }
    candidate.balance_nanos = bounded_nanos(share / static_cast<double>(kE9) *
                                      static_cast<double>(charges.price_nanos));
  });
}

// Cost of the last of `wanted` where everything is displayed: what is missed pays that.
std::int64_t last_of(std::int64_t wanted, const Charges& charges, const Candidates& candidates,
                     std::uint64_t lit) {
  constexpr std::size_t most = kMaxVenues * (kMaxLevels + kSurvivalSizes);
  std::array<std::pair<std::int64_t, std::int64_t>, most> all;
  std::size_t count = 0;
  for_each_bit(lit, [&](std::size_t i) {
    Piece piece;
    for (Pieces pieces(charges, candidates[i], 0); pieces.next(piece);) {
      all[count++] = {piece.cost_nanos, piece.units};
    }
  });
  std::sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
  std::int64_t cost = charges.sign * charges.price_nanos;
  for (std::size_t n = 0; n < count && wanted > 0; ++n) {
    cost = all[n].first;
    wanted -= all[n].second;
  }
  return cost;
}

}  // namespace

std::int64_t bounded_nanos(double nanos) {
  if (!(nanos > 0.0)) return 0;
  return nanos >= static_cast<double>(kMaxPriceNanos) ? kMaxPriceNanos
                                                      : static_cast<std::int64_t>(nanos);
}

Charges charge(Shard& shard, const Order& order, const Policy& policy, Candidates& candidates,
               std::int64_t wanted, std::int64_t far_nanos) {
  const std::uint32_t instrument = order.record.instrument;
  Charges charges;
  charges.price_nanos = far_nanos;
  charges.penalty_nanos = scale_e9(far_nanos, miss_penalty_e9(policy, order.record.urgency));
  charges.lot_units = shard.books[instrument].record.round_lot_units;
  charges.sign = order.sign();
  charges.fee_aware = policy.fee_aware != 0;
  const std::uint64_t darks = candidates.darks & candidates.eligible;
  if (policy.impact_horizon != 0 || (policy.dark_horizon != 0 && darks != 0)) {
    charges.remainder_e9 = remainder_of(candidates, wanted);
  }
  if (policy.impact_horizon != 0) {
    charge_impact(shard, policy, instrument, candidates, charges);
  }
  if (policy.kind == number(PolicyKind::BALANCED)) {
    charge_balance(shard, policy, instrument, candidates, charges);
  }
  if (darks != 0 || policy.split == 0) {
    charges.last_nanos = last_of(wanted, charges, candidates, candidates.eligible & ~darks);
  }
  if (darks != 0) dark::charge(charges, candidates);
  return charges;
}

}  // namespace venuefold
