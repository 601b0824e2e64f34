// Venue quality of one instrument at one venue: decayed sufficient statistics and read-outs.
//
// A row is split by who touches it: a tick changes Tick (five cache lines), a decision also reads
// Terms and the deep levels of one side; Evidence is for reports, Contract for neither. All times
// here but `quote_ns` are session times of the row.
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

// What a quote changes, in front what a decision reads. Side index: 0 bid, 1 ask.
//
// `deep_units` is what counts as near behind the touch; it stays so while the touch is one of
// `near_width` prices from `near_low` up, so that a tick need not read the deep levels.
// `depleted_*` is a touch that was lost, and since when. The steps of `then_ns` and of the last
// delay on their grids are kept, since they are cheaper to read than to find.
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
  std::int64_t deep_units[2] = {0, 0};
  std::int64_t near_low[2] = {kInt64Max, kInt64Max};
  std::uint64_t near_width[2] = {0, 0};
  std::int64_t depleted_nanos[2] = {0, 0};
  std::int64_t depleted_ns[2] = {0, 0};
  std::uint64_t trades = 0;
  Moments refill_ns[2];

  // Rolling minimum of the feed delay: of the half-life of the last tick and the one before.
  std::int64_t least_delay_ns() const { return std::min(delay_min_ns, delay_before_ns); }
  // Displayed size within the settings' ticks of the touch.
  std::int64_t near_units(std::size_t side) const { return touch[side].units + deep_units[side]; }
  // Whether what is near has to be summed again.
  bool has_left_near(std::size_t side) const {
    return static_cast<std::uint64_t>(touch[side].nanos - near_low[side]) > near_width[side];
  }
  void forget_near() {
    for (std::size_t side = 0; side < 2; ++side) {
      near_low[side] = kInt64Max;
      near_width[side] = 0;
    }
  }
};
static_assert(sizeof(Tick) == 512);

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

// All of a time or none of it, without a branch: a product with 1 or 0 is exact.
inline double share(bool holds) { return static_cast<double>(static_cast<int>(holds)); }

// Lets the standing quote count until `now_ns`, at `step` of its grid; call it before anything
// about it changes.
[[gnu::always_inline]] inline void advance(Tick& tick, std::int64_t now_ns, std::int64_t step,
                                           bool at_bid, bool at_ask) {
  const std::int64_t then_ns = tick.then_ns;
  const std::int64_t then_step = tick.then_step;
  tick.then_ns = now_ns;
  tick.then_step = step;
  if (then_ns == 0 || then_ns == now_ns) return;
  const double w = weight(step - then_step);
  const auto elapsed = static_cast<double>(now_ns - then_ns);
  const std::int64_t bid = tick.touch[0].nanos;
  const std::int64_t ask = tick.touch[1].nanos;
  const double two_sided = share(0 < bid && bid <= ask) * elapsed;
  const auto spread = static_cast<double>(ask - bid);
  const double spread_time = spread * two_sided;
  const Pair ws = {w, w};
  const Pair lasted = {elapsed, elapsed};
  const Pair units = {static_cast<double>(tick.touch[0].units),
                      static_cast<double>(tick.touch[1].units)};
  const Pair near = {static_cast<double>(tick.near_units(0)),
                     static_cast<double>(tick.near_units(1))};
  const Pair best = {share(at_bid), share(at_ask)};
  fade_pair(&tick.sums[OBSERVED], ws, Pair{elapsed, 0.0});
  fade_pair(&tick.sums[BID_TIME], ws, units * lasted);
  fade_pair(&tick.sums[BID_SQUARE_TIME], ws, units * units * lasted);
  fade_pair(&tick.sums[NEAR_BID_TIME], ws, near * lasted);
  fade_pair(&tick.sums[AT_BID_TIME], ws, best * lasted);
  fade_pair(&tick.sums[SPREAD_TIME], ws, Pair{spread_time, spread * spread * two_sided});
  fade_pair(&tick.sums[BID_JUMPS], ws, Pair{0.0, 0.0});
  fade_pair(&tick.sums[TWO_SIDED_TIME], ws, Pair{two_sided, 0.0});
}

constexpr bool is_two_sided(Level bid, Level ask) {
  return 0 < bid.nanos && bid.nanos <= ask.nanos;
}

// Counts a change of the touch from what it was, and what it moved.
[[gnu::always_inline]] inline void observe_change(Tick& tick, const Level (&before)[2]) {
  const Level bid = tick.touch[0];
  const Level ask = tick.touch[1];
  const Pair moved = {static_cast<double>(bid.units - before[0].units),
                      static_cast<double>(ask.units - before[1].units)};
  const std::int64_t wider = (ask.nanos - bid.nanos) - (before[1].nanos - before[0].nanos);
  const double spread = share(is_two_sided(bid, ask) && is_two_sided(before[0], before[1])) *
                        static_cast<double>(wider);
  tick.sums[CHANGES] += share(bid != before[0] || ask != before[1]);
  fade_pair(&tick.sums[BID_JUMPS], Pair{1.0, 1.0}, moved * moved);
  tick.sums[SPREAD_JUMPS] += spread * spread;
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
  tick.delay_min_ns = std::min(tick.delay_min_ns, delay_ns);
  // A frugal quantile: nine steps up for one of ten above it, one step down for nine below.
  const std::int64_t p90_ns = tick.delay_p90_ns;
  const std::int64_t step_ns = ((p90_ns < 0 ? -p90_ns : p90_ns) >> 10) + 100;
  tick.delay_p90_ns += delay_ns > p90_ns ? 9 * step_ns : -step_ns;
}

// Whether a side's price, 0 for none, is worse than another: lower for a bid, higher for an ask.
inline bool is_worse(std::size_t side, std::int64_t nanos, std::int64_t than_nanos) {
  if (nanos == 0) return true;
  return side != 0 ? nanos > than_nanos : nanos < than_nanos;
}

// Follows a touch that is lost until its price is back; ns it took, 0 while nothing ended. One that
// is not back after `patience_ns` has moved away with the market, and is given up.
inline std::int64_t observe_touch(Tick& tick, std::size_t side, std::int64_t old_nanos,
                                  std::int64_t new_nanos, std::int64_t now_ns,
                                  std::int64_t patience_ns) {
  std::int64_t lost_nanos = tick.depleted_nanos[side];
  if (lost_nanos != 0 && is_worse(side, new_nanos, lost_nanos)) {
    if (now_ns - tick.depleted_ns[side] <= patience_ns) return 0;
    lost_nanos = tick.depleted_nanos[side] = 0;
  }
  if (lost_nanos == 0) {
    if (old_nanos != 0 && is_worse(side, new_nanos, old_nanos)) {
      tick.depleted_nanos[side] = old_nanos;
      tick.depleted_ns[side] = now_ns;
    }
    return 0;
  }
  tick.depleted_nanos[side] = 0;
  return now_ns - tick.depleted_ns[side];
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
