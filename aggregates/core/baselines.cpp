#include "baselines.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

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

// A displayed level with the fee of its venue.
struct Displayed {
  std::int64_t price;
  std::int64_t units;
  std::int64_t fee_nanos;
};

// The far side of one venue's book, as far as each level is worse than the one before.
void add_levels(const Shard& shard, const Order& order, std::uint8_t venue,
                std::vector<Displayed>& found) {
  const std::uint32_t instrument = order.record.instrument;
  const std::size_t far = order.sign() > 0 ? 1 : 0;
  const Tick& tick = shard.books.tick(instrument, venue);
  const Terms& terms = shard.books.terms(instrument, venue);
  const Deep& deep = shard.books.deep(instrument, venue);
  const FeeTier* const line =
      shard.tables.fees().find(venue, Account(order.record.account), instrument, kTake);
  if (line == nullptr && (terms.fee_known >> kTake & 1) == 0) return;
  const FeeTerms fee = line != nullptr ? terms_at(*line, tick.touch[far].nanos)
                                       : FeeTerms{terms.take_fixed_nanos, terms.take_rate_e9};
  std::int64_t previous = -kInt64Max;
  for (std::size_t l = 0; l < kMaxLevels; ++l) {
    const Level& level = l == 0 ? tick.touch[far] : deep.level(far, l);
    const std::int64_t price = order.sign() * level.nanos;
    if (level.units == 0 || price <= previous) return;
    previous = price;
    found.push_back({price, level.units, fee.per_one(level.nanos)});
  }
}

bool can_sweep(const Shard& shard, const Order& order, std::uint8_t venue) {
  const std::uint32_t instrument = order.record.instrument;
  if ((shard.books[instrument].listed >> venue & 1) == 0) return false;
  if ((shard.tables.open() >> venue & 1) == 0) return false;
  if (shard.books.terms(instrument, venue).status != number(VenueStatus::OPEN)) return false;
  const Tick& tick = shard.books.tick(instrument, venue);
  const Policy& policy = *shard.tables.policy(order.policy);
  if (shard.log_ns - tick.quote_ns > policy.stale_ns) return false;
  return tick.touch[1].nanos == 0 || tick.touch[0].nanos <= tick.touch[1].nanos;
}

}  // namespace

Baseline clean_sweep(const Shard& shard, const Order& order, std::int64_t wanted) {
  std::vector<Displayed> levels;
  for (const std::uint8_t venue : shard.tables.rank_order()) {
    if (can_sweep(shard, order, venue)) add_levels(shard, order, venue, levels);
  }
  std::stable_sort(levels.begin(), levels.end(),
                   [](const Displayed& a, const Displayed& b) { return a.price < b.price; });
  Baseline found;
  for (const Displayed& level : levels) {
    const std::int64_t units = std::min(wanted - found.units, level.units);
    found.units += units;
    found.cost += int128{level.price + level.fee_nanos} * units;
  }
  return found;
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
