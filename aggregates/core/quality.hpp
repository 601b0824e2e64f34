// Venue quality of one instrument at one venue: decayed sufficient statistics and read-outs.
//
// A row is split by who touches it: a tick changes Tick (up to nine cache lines), a decision also
// reads Terms and the deep levels of one side; Evidence is for reports, Contract for neither. All
// times here but `quote_ns` are session times of the row.
#pragma once

#include <algorithm>

#include "belief.hpp"
#include "decay.hpp"
#include "health.hpp"
#include "moments.hpp"
#include "schemas/core/codes.hpp"
#include "schemas/core/layout.hpp"
#include "session.hpp"
#include "tables.hpp"

namespace venuefold {

constexpr std::int64_t kMaxTimeNs = std::int64_t{1} << 62;
constexpr std::int64_t kUnreflectedMax = 1'000'000'000'000'000'000;

struct Level {
  std::int64_t nanos = 0;
  std::int64_t units = 0;

  bool operator==(const Level&) const = default;
};

// Decayed sums over session time; CHANGES counts changes of the touch, decayed alike, and JUMPS add
// the squares of what each change moved. The order is that of the state's bytes.
enum TimeSum : std::size_t {
  OBSERVED,
  CHANGES,
  BID_TIME,
  ASK_TIME,
  BID_SQUARE_TIME,
  ASK_SQUARE_TIME,
  NEAR_BID_TIME,
  NEAR_ASK_TIME,
  AT_BID_TIME,
  AT_ASK_TIME,
  SPREAD_TIME,
  SPREAD_SQUARE_TIME,
  BID_JUMPS,
  ASK_JUMPS,
  TWO_SIDED_TIME,
  SPREAD_JUMPS,
  TIME_SUMS,
};

// Families of a tick, as bits: the engine folds all of them, a benchmark leaves some out to tell
// what each costs.
enum Family : unsigned {
  TIMES = 1,
  JUMPS = 2,
  REFILLS = 4,
  NEAR = 8,
  DELAY = 16,
  HISTOGRAM = 32,
  GAP = 64,
  ALL_FAMILIES = 127,
};

// A number of each side, bid and ask, or a mask of all bits where something holds.
using Sides [[gnu::vector_size(16)]] = std::int64_t;
constexpr Sides both(std::int64_t value) { return Sides{value, value}; }

// By side, prices of a touch from `low` up to `high` behind which the same `units` are near.
struct NearBand {
  Sides low = both(kInt64Max);
  Sides high = both(-1);
  Sides units = both(0);

  Sides holds(Sides nanos) const { return (nanos >= low) & (nanos <= high); }
};

// What a quote changes, in front what a decision reads. Side index: 0 bid, 1 ask.
//
// `deep_units` is what counts as near behind the touch. The last two bands of a side are kept, so
// that a touch that goes to and fro need not read the deep levels. `depleted_*` is a touch that was
// lost, and since when. The steps of `then_ns` and of the last delay on their grids are kept, since
// they are cheaper to read than to find.
struct alignas(64) Tick {
  Level touch[2];
  std::int64_t quote_ns = 0;
  std::uint64_t quote_seq = 0;
  std::int64_t then_ns = 0;
  RowClock clock;
  double sums[TIME_SUMS] = {};
  std::uint64_t quotes = 0;
  std::int64_t then_step = 0;
  std::int64_t delay_step = 0;
  Moments delay;
  std::int64_t delay_p90_ns = 0;
  std::int64_t delay_min_ns = kInt64Max;
  // Of the half-life before.
  std::int64_t delay_before_ns = kInt64Max;
  Sides deep_units = both(0);
  NearBand near[2];
  Sides depleted_nanos = both(0);
  Sides depleted_ns = both(0);
  std::uint64_t trades = 0;
  Moments refill_ns[2];

  // Rolling minimum of the feed delay: of the half-life of the last tick and the one before.
  std::int64_t least_delay_ns() const { return lesser(delay_min_ns, delay_before_ns); }
  // Displayed size within the settings' ticks of the touch.
  std::int64_t near_units(std::size_t side) const { return touch[side].units + deep_units[side]; }
  // Takes up what is near from the bands; by side, whether they did not know.
  Sides find_near() {
    const Sides nanos = {touch[0].nanos, touch[1].nanos};
    const Sides first = near[0].holds(nanos);
    deep_units = first ? near[0].units : near[1].units;
    return ~(first | near[1].holds(nanos));
  }
  // Keeps a band of a side in the place of the older one, and takes up what is near from it.
  void keep_near(std::size_t side, std::int64_t low, std::int64_t high, std::int64_t units) {
    near[1].low[side] = near[0].low[side];
    near[1].high[side] = near[0].high[side];
    near[1].units[side] = near[0].units[side];
    near[0].low[side] = low;
    near[0].high[side] = high;
    near[0].units[side] = deep_units[side] = units;
  }
  void forget_near() { near[0] = near[1] = NearBand{}; }
};
static_assert(sizeof(Tick) == 576);

// What a decision reads besides: terms of trade and own units in flight in a cache line, and of a
// row that has had children beliefs in another; where those do not stand, what they are found from
// in three more.
struct alignas(64) Terms {
  std::int64_t lot_units = 1;
  std::int64_t min_units = 0;
  std::int64_t take_fixed_nanos = 0;
  std::int64_t take_rate_e9 = 0;
  std::int64_t in_flight[2] = {0, 0};
  std::int64_t tick_nanos = 1;
  std::int64_t ticket_nanos = 0;
  Belief belief;
  Moments fill;
  std::int64_t survival_then_ns = 0;
  Survival survival;
  Moments ack;
  std::uint64_t fills = 0;
  // Filled since the last quote, by our side; buy, sell.
  std::int64_t unreflected[2] = {0, 0};
  // What the row's clock had paused when it stopped.
  std::int64_t paused_ns = 0;
  std::uint8_t status = number(VenueStatus::OPEN);
  std::uint8_t fee_known = 0;

  // Whether beliefs are more than the venue's.
  bool is_taught() const {
    bool taught = fill.weight != 0.0 || fill.total != 0.0 || ack.weight != 0.0 || ack.total != 0.0;
    for (const Survival::Size& size : survival.sizes) taught |= size.trials != 0.0;
    return taught;
  }
  // What a finished child says about the size that could be had.
  void observe_survival(std::int64_t now_ns, std::int64_t sent, std::int64_t executed,
                        std::int64_t lot, const Grid& grid) {
    survival.observe(sent, executed, lot, grid.weight(now_ns, survival_then_ns));
    for (std::size_t size = 0; size < kSurvivalSizes; ++size) {
      if (telling_units(sent, lot, size) > 0) belief.tell(size);
    }
    survival_then_ns = now_ns;
  }
};
static_assert(offsetof(Terms, fill) == 128 && offsetof(Terms, ack) == 320);
static_assert(sizeof(Terms) == 448);

// What reference inputs said and no decision reads.
struct Contract {
  std::int64_t fee_fixed_nanos[kLiquidityCodes] = {};
  std::int64_t fee_rate_e9[kLiquidityCodes] = {};
};

// Levels below the touch, which is level 0; the nearest four of a side share a cache line.
struct alignas(64) Deep {
  static constexpr std::size_t kNear = 4;
  Level near[2][kNear];
  Level far[2][kMaxLevels - 1 - kNear];

  const Level& level(std::size_t side, std::size_t index) const {
    return index <= kNear ? near[side][index - 1] : far[side][index - 1 - kNear];
  }
  Level& level(std::size_t side, std::size_t index) {
    return index <= kNear ? near[side][index - 1] : far[side][index - 1 - kNear];
  }
};

constexpr bool is_two_sided(Level bid, Level ask) {
  return (0 < bid.nanos) & (bid.nanos <= ask.nanos);
}

// What a change of the touch adds: itself, and squares of what sizes and spread moved by.
struct Change {
  double count = 0.0;
  Pair size_squares = {0.0, 0.0};
  double spread_square = 0.0;
};

[[gnu::always_inline]] inline Change change_of(const Level (&before)[2], Level bid, Level ask) {
  const Pair moved = {static_cast<double>(bid.units - before[0].units),
                      static_cast<double>(ask.units - before[1].units)};
  const std::int64_t wider = (ask.nanos - bid.nanos) - (before[1].nanos - before[0].nanos);
  const double spread = only_if(is_two_sided(bid, ask) & is_two_sided(before[0], before[1]),
                                static_cast<double>(wider));
  const std::int64_t differs = (bid.nanos ^ before[0].nanos) | (bid.units ^ before[0].units) |
                               (ask.nanos ^ before[1].nanos) | (ask.units ^ before[1].units);
  return {only_if(differs != 0, 1.0), moved * moved, spread * spread};
}

// Lets the standing quote count until `now_ns`, at `step` of its grid, and adds the change ending
// it; call it before anything about the quote changes. A quote of no duration adds nothing.
[[gnu::always_inline]] inline void advance(Tick& tick, std::int64_t now_ns, std::int64_t step,
                                           bool at_bid, bool at_ask, const Change& change = {}) {
  const bool stood = tick.then_ns != 0;
  const double w = weight((step - tick.then_step) & mask_of(stood));
  const double elapsed = only_if(stood, static_cast<double>(now_ns - tick.then_ns));
  tick.then_ns = now_ns;
  tick.then_step = step;
  const double two_sided = only_if(is_two_sided(tick.touch[0], tick.touch[1]), elapsed);
  const auto spread = static_cast<double>(tick.touch[1].nanos - tick.touch[0].nanos);
  const double spread_time = spread * two_sided;
  const Pair ws = {w, w};
  const Pair lasted = {elapsed, elapsed};
  const Pair units = {static_cast<double>(tick.touch[0].units),
                      static_cast<double>(tick.touch[1].units)};
  const Pair near = {static_cast<double>(tick.near_units(0)),
                     static_cast<double>(tick.near_units(1))};
  fade_pair(&tick.sums[OBSERVED], ws, Pair{elapsed, change.count});
  fade_pair(&tick.sums[BID_TIME], ws, units * lasted);
  fade_pair(&tick.sums[BID_SQUARE_TIME], ws, units * units * lasted);
  fade_pair(&tick.sums[NEAR_BID_TIME], ws, near * lasted);
  fade_pair(&tick.sums[AT_BID_TIME], ws, Pair{only_if(at_bid, elapsed), only_if(at_ask, elapsed)});
  fade_pair(&tick.sums[SPREAD_TIME], ws, Pair{spread_time, spread * spread * two_sided});
  fade_pair(&tick.sums[BID_JUMPS], ws, change.size_squares);
  fade_pair(&tick.sums[TWO_SIDED_TIME], ws, Pair{two_sided, change.spread_square});
}

// Feed delay of one tick, at `step` of its grid; negative where the venue's clock runs ahead of
// ours.
[[gnu::always_inline]] inline void observe_delay(Tick& tick, std::int64_t now_ns,
                                                 std::int64_t step, std::int64_t delay_ns) {
  const std::int64_t windows = (step >> 10) - (tick.delay_step >> 10);
  if (windows != 0) [[unlikely]] {
    tick.delay_before_ns = windows == 1 ? tick.delay_min_ns : kInt64Max;
    tick.delay_min_ns = kInt64Max;
  }
  const double w = weight(step - tick.delay_step);
  tick.delay_step = step;
  tick.delay.fade_and_observe(static_cast<double>(delay_ns), now_ns, w);
  tick.delay_min_ns = lesser(tick.delay_min_ns, delay_ns);
  // A frugal quantile: nine steps up for one of ten above it, one step down for nine below.
  const std::int64_t p90_ns = tick.delay_p90_ns;
  const std::int64_t step_ns = ((p90_ns < 0 ? -p90_ns : p90_ns) >> 10) + 100;
  tick.delay_p90_ns += (10 * step_ns & mask_of(delay_ns > p90_ns)) - step_ns;
}

// Whether a side's price, 0 for none, is worse than another: lower for a bid, higher for an ask.
inline bool is_worse(std::size_t side, std::int64_t nanos, std::int64_t than_nanos) {
  if (nanos == 0) return true;
  return side != 0 ? nanos > than_nanos : nanos < than_nanos;
}

// Prices, 0 for none, as numbers of which the better is the greater and none the least.
inline Sides goodness(Sides nanos) {
  constexpr Sides kAsk = {0, -1};
  constexpr Sides kLeast = {0, std::numeric_limits<std::int64_t>::min()};
  return ((nanos ^ kAsk) - kAsk) ^ kLeast;
}

// Follows touches that are lost until their price is back; ns it took by side, 0 while nothing
// ended. One that is not back after `patience_ns` has moved away with the market, and is given up.
[[gnu::always_inline]] inline Sides observe_touch(Tick& tick, Sides told_nanos,
                                                  std::int64_t now_ns, std::int64_t patience_ns) {
  const Sides old_nanos = {tick.touch[0].nanos, tick.touch[1].nanos};
  const Sides since_ns = now_ns - tick.depleted_ns;
  const Sides good = goodness(told_nanos);
  const Sides is_lost = tick.depleted_nanos != 0;
  const Sides is_away = is_lost & (good < goodness(tick.depleted_nanos));
  const Sides waits = is_away & (since_ns <= patience_ns);
  const Sides is_back = is_lost & ~is_away;
  const Sides is_new = ~(waits | is_back) & (old_nanos != 0) & (good < goodness(old_nanos));
  tick.depleted_nanos = (tick.depleted_nanos & waits) | (old_nanos & is_new);
  tick.depleted_ns = is_new ? both(now_ns) : tick.depleted_ns;
  return since_ns & is_back;
}

// Expected filled share of a child: row shrunk to venue.
inline double fill_ratio(const Terms& terms, std::int64_t now_ns, double venue_ratio,
                         const Tables& tables) {
  return terms.fill.shrunk(now_ns, tables.grids().fill, venue_ratio, tables.priors().fill_weight);
}

// Expected acknowledgement latency: row shrunk to venue.
inline double ack_ns(const Terms& terms, std::int64_t now_ns, double venue_ack_ns,
                     const Tables& tables) {
  return terms.ack.shrunk(now_ns, tables.grids().speed, venue_ack_ns, tables.priors().ack_weight);
}

}  // namespace venuefold
