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

// Next levels of all venues, in rank order.
struct Heads {
  std::size_t count = 0;
  std::array<std::int64_t, kMaxVenues> prices;
  std::array<std::uint8_t, kMaxVenues> venues;
  std::array<std::uint8_t, kMaxVenues> levels;

  // All that stand at the best price.
  std::uint64_t first() const {
    std::int64_t least = kInt64Max;
    std::uint64_t found = 0;
    for (std::size_t h = 0; h < count; ++h) {
      const std::int64_t price = prices[h];
      found = price < least ? 0 : found;
      least = std::min(least, price);
      found |= std::uint64_t{price == least} << h;
    }
    return least == kInt64Max ? 0 : found;
  }
};

Baseline all_at_touch(std::int64_t sign, const Candidate& touch, std::int64_t wanted) {
  Baseline found;
  for (std::size_t l = 0; l < touch.levels_count && found.units < wanted; ++l) {
    take(found, sign, touch, touch.levels[l], wanted);
  }
  return found;
}

}  // namespace

Baselines baselines(std::int64_t sign, const Candidates& candidates, std::int64_t wanted) {
  Heads heads;
  for_each_bit(candidates.eligible & ~candidates.darks, [&](std::size_t i) {
    heads.prices[heads.count] = sign * candidates[i].value;
    heads.venues[heads.count] = static_cast<std::uint8_t>(i);
    heads.levels[heads.count++] = 0;
  });
  Baselines found;
  std::uint64_t first = heads.first();
  if (first == 0) return found;
  const std::uint8_t touch = heads.venues[static_cast<std::size_t>(std::countr_zero(first))];
  found.best_price = all_at_touch(sign, candidates[touch], wanted);
  Baseline& sweep = found.sweep;
  // A venue's next level is worse, so all at one price are taken before it.
  for (; first != 0 && sweep.units < wanted; first = heads.first()) {
    for (; first != 0 && sweep.units < wanted; first &= first - 1) {
      const auto h = static_cast<std::size_t>(std::countr_zero(first));
      const Candidate& candidate = candidates[heads.venues[h]];
      take(sweep, sign, candidate, candidate.levels[heads.levels[h]], wanted);
      const std::uint8_t next = ++heads.levels[h];
      heads.prices[h] = next < candidate.levels_count
                            ? sign * candidate.levels[next].price_nanos
                            : kInt64Max;
    }
  }
  return found;
}

}  // namespace venuefold
