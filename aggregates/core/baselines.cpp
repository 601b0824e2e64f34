#include "baselines.hpp"

namespace venuefold {
namespace {

void take(Baseline& found, std::int64_t sign, const Candidate& candidate, const Offer& offer,
          std::int64_t wanted) {
  const std::int64_t units = std::min(wanted - found.units, offer.available_units);
  found.units += units;
  const std::int64_t fee = candidate.fee_nanos(offer.price_nanos);
  found.cost += int128{sign * offer.price_nanos + fee} * units;
}

}  // namespace

Baseline best_price(std::int64_t sign, const Candidates& candidates, std::int64_t wanted) {
  const Candidate* touch = nullptr;
  for_each_bit(candidates.eligible, [&](std::size_t i) {
    if (touch == nullptr || sign * candidates[i].value < sign * touch->value) {
      touch = &candidates[i];
    }
  });
  Baseline found;
  if (touch == nullptr) return found;
  for (std::size_t l = 0; l < touch->levels_count && found.units < wanted; ++l) {
    take(found, sign, *touch, touch->levels[l], wanted);
  }
  return found;
}

Baseline fee_blind_sweep(std::int64_t sign, const Candidates& candidates, std::int64_t wanted) {
  std::array<std::int64_t, kMaxVenues> prices;
  std::array<std::uint8_t, kMaxVenues> venues;
  std::array<std::uint8_t, kMaxVenues> levels;
  std::size_t heads = 0;
  for_each_bit(candidates.eligible, [&](std::size_t i) {
    prices[heads] = sign * candidates[i].levels[0].price_nanos;
    venues[heads] = static_cast<std::uint8_t>(i);
    levels[heads++] = 0;
  });
  Baseline found;
  while (found.units < wanted) {
    std::int64_t least = kInt64Max;
    std::size_t best = heads;
    // Heads stand in rank order, so the first of equals wins.
    for (std::size_t h = 0; h < heads; ++h) {
      const bool better = prices[h] < least;
      best = better ? h : best;
      least = better ? prices[h] : least;
    }
    if (best == heads) break;
    const Candidate& candidate = candidates[venues[best]];
    take(found, sign, candidate, candidate.levels[levels[best]], wanted);
    const std::uint8_t next = ++levels[best];
    prices[best] = next < candidate.levels_count ? sign * candidate.levels[next].price_nanos
                                                 : kInt64Max;
  }
  return found;
}

}  // namespace venuefold
