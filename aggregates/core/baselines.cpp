#include "baselines.hpp"

#include <algorithm>
#include <cstring>

#include "shard.hpp"

namespace venuefold {
namespace {

void take(Baseline& found, std::int64_t sign, const Candidate& candidate, const Offer& offer,
          std::int64_t wanted) {
  const std::int64_t units = std::min(wanted - found.units, offer.available_units);
  found.units += units;
  const std::int64_t fee = candidate.fee_nanos(offer.price_nanos);
  found.cost += int128{sign * offer.price_nanos + fee} * units;
}

// Four prices side by side, so that one instruction does for all of them.
constexpr std::size_t kLanes = 4;
using Four [[gnu::vector_size(8 * kLanes)]] = std::int64_t;

// Next levels of all venues, in rank order; whole groups of four, filled up with no price.
struct Heads {
  std::size_t count = 0;
  alignas(Four) std::array<std::int64_t, kMaxVenues> prices;
  std::array<std::uint8_t, kMaxVenues> venues;
  std::array<std::uint8_t, kMaxVenues> levels;

  void fill_up() {
    for (std::size_t h = count; h % kLanes != 0; ++h) prices[h] = kInt64Max;
  }
  // All that stand at the best price.
  std::uint64_t first() const {
    Four least = Four{} + kInt64Max;
    for (std::size_t h = 0; h < count; h += kLanes) {
      Four group;
      std::memcpy(&group, &prices[h], sizeof group);
      least = group < least ? group : least;
    }
    const std::int64_t best = std::min({least[0], least[1], least[2], least[3]});
    if (best == kInt64Max) return 0;
    Four bits = {1, 2, 4, 8};
    Four found{};
    for (std::size_t h = 0; h < count; h += kLanes, bits <<= kLanes) {
      Four group;
      std::memcpy(&group, &prices[h], sizeof group);
      found |= (group == best) & bits;
    }
    return static_cast<std::uint64_t>(found[0] | found[1] | found[2] | found[3]);
  }
};

Baseline all_at_touch(std::int64_t sign, const Candidate& touch, std::int64_t wanted) {
  Baseline found;
  for (std::size_t l = 0; l < touch.levels_count && found.units < wanted; ++l) {
    take(found, sign, touch, touch.levels[l], wanted);
  }
  return found;
}

constexpr std::uint8_t kTake = number(Liquidity::TAKE);

// Displayed levels of the venues that trade, each read only once it is the best that is left.
class Sweep {
 public:
  Sweep(const Shard& shard, const Order& order)
      : shard_(shard), order_(order), sign_(order.sign()), far_(sign_ > 0 ? 1 : 0) {
    const std::uint32_t instrument = order.record.instrument;
    const Book& book = shard.books[instrument];
    const std::uint64_t trading = book.listed & book.open & shard.tables.open();
    const std::int64_t stale_ns = shard.tables.policy(order.policy)->stale_ns;
    for (const std::uint8_t venue : shard.tables.rank_order()) {
      if ((trading >> venue & 1) == 0) continue;
      const Tick& tick = shard.books.tick(instrument, venue);
      if (shard.log_ns - tick.quote_ns > stale_ns) continue;
      if (tick.touch[1].nanos != 0 && tick.touch[0].nanos > tick.touch[1].nanos) continue;
      if (tick.touch[far_].units != 0) add(venue, tick.touch[far_].nanos);
    }
    heads_.fill_up();
  }

  // What `wanted` costs, best prices first.
  Baseline take(std::int64_t wanted) {
    Baseline found;
    for (std::uint64_t first = heads_.first(); first != 0; first = heads_.first()) {
      for (; first != 0; first &= first - 1) {
        if (found.units == wanted) return found;
        const auto h = static_cast<std::size_t>(std::countr_zero(first));
        const Level level = level_at(h);
        const std::int64_t units = std::min(wanted - found.units, level.units);
        found.units += units;
        found.cost += int128{sign_ * level.nanos + fees_[h].per_one(level.nanos)} * units;
        step(h);
      }
    }
    return found;
  }

 private:
  const Shard& shard_;
  const Order& order_;
  std::int64_t sign_;
  std::size_t far_;
  Heads heads_;
  std::array<FeeTerms, kMaxVenues> fees_;

  // A venue whose fee is known.
  void add(std::uint8_t venue, std::int64_t touch_nanos) {
    const std::uint32_t instrument = order_.record.instrument;
    const Terms& terms = shard_.books.terms(instrument, venue);
    const FeeTier* const line =
        shard_.tables.fees().find(venue, Account(order_.record.account), instrument, kTake);
    if (line == nullptr && (terms.fee_known >> kTake & 1) == 0) return;
    const std::size_t h = heads_.count++;
    fees_[h] = line != nullptr ? terms_at(*line, touch_nanos)
                               : FeeTerms{terms.take_fixed_nanos, terms.take_rate_e9};
    heads_.prices[h] = sign_ * touch_nanos;
    heads_.venues[h] = venue;
    heads_.levels[h] = 0;
  }
  Level level_at(std::size_t h) const {
    const std::uint32_t instrument = order_.record.instrument;
    const std::size_t venue = heads_.venues[h];
    const std::size_t level = heads_.levels[h];
    return level == 0 ? shard_.books.tick(instrument, venue).touch[far_]
                      : shard_.books.deep(instrument, venue).level(far_, level);
  }
  // On to the next level, as long as each is worse than the one before.
  void step(std::size_t h) {
    const std::int64_t before = heads_.prices[h];
    heads_.prices[h] = kInt64Max;
    if (++heads_.levels[h] == kMaxLevels) return;
    const Level next = level_at(h);
    const std::int64_t price = sign_ * next.nanos;
    if (next.units != 0 && price > before) heads_.prices[h] = price;
  }
};

}  // namespace

Baseline clean_sweep(const Shard& shard, const Order& order, std::int64_t wanted) {
  return Sweep(shard, order).take(wanted);
}

Baselines baselines(std::int64_t sign, const Candidates& candidates, std::int64_t wanted) {
  Heads heads;
  for_each_bit(candidates.eligible & ~candidates.darks, [&](std::size_t i) {
    heads.prices[heads.count] = sign * candidates[i].value;
    heads.venues[heads.count] = static_cast<std::uint8_t>(i);
    heads.levels[heads.count++] = 0;
  });
  heads.fill_up();
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
