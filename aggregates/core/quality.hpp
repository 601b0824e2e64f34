// Venue quality of one instrument at one venue: decayed sufficient statistics and read-outs.
//
// A row is split by who touches it: a tick changes Tick (three cache lines), a decision also reads
// Terms and the deep levels of one side, and Contract holds what neither needs.
#pragma once

#include <algorithm>

#include "decay.hpp"
#include "schemas/core/codes.hpp"
#include "schemas/core/layout.hpp"
#include "tables.hpp"

namespace venuefold {

constexpr std::int64_t kMaxTimeNs = std::int64_t{1} << 62;
constexpr std::int64_t kUnreflectedMax = 1'000'000'000'000'000'000;

struct Level {
  std::int64_t nanos = 0;
  std::int64_t units = 0;
};

// What a quote changes; the first line is all of it that a decision reads. Side index of `touch`:
// 0 bid, 1 ask; of `unreflected`: 0 buy, 1 sell. Each *_step is floor(*_ns / quantum) of its own
// family.
struct alignas(64) Tick {
  Level touch[2];
  std::int64_t quote_ns = 0;
  std::uint64_t quote_seq = 0;
  std::int64_t unreflected[2] = {0, 0};
  std::int64_t then_ns = 0;
  std::int64_t then_step = 0;
  double observed = 0.0;
  double two_sided_time = 0.0;
  double bid_time = 0.0;
  double ask_time = 0.0;
  double at_bid_time = 0.0;
  double at_ask_time = 0.0;
  double spread_time = 0.0;
  double delay_sum = 0.0;
  double delay_weight = 0.0;
  std::int64_t delay_then_ns = 0;
  std::int64_t delay_then_step = 0;
  std::int64_t delay_min_ns = kInt64Max;
  std::uint64_t quotes = 0;
  std::uint64_t trades = 0;
};
static_assert(sizeof(Tick) == 192);

// What a decision reads besides: terms of trade, own units in flight, fill and latency estimates.
struct alignas(64) Terms {
  std::int64_t lot_units = 1;
  std::int64_t min_units = 0;
  std::int64_t take_fixed_nanos = 0;
  std::int64_t take_rate_e9 = 0;
  std::int64_t in_flight[2] = {0, 0};
  std::uint8_t status = number(VenueStatus::OPEN);
  std::uint8_t fee_known = 0;
  std::uint64_t fills = 0;
  std::int64_t fill_then_ns = 0;
  std::int64_t fill_then_step = 0;
  double fill_sum = 0.0;
  double fill_weight = 0.0;
  std::int64_t ack_then_ns = 0;
  std::int64_t ack_then_step = 0;
  double ack_sum = 0.0;
  double ack_weight = 0.0;
};
static_assert(sizeof(Terms) == 128);

// What reference inputs said and no decision reads.
struct Contract {
  std::int64_t tick_nanos = 1;
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

// Lets the standing quote count until `now_ns`; call it before anything about it changes.
inline void advance(Tick& tick, std::int64_t now_ns, std::int64_t now_step, bool at_bid,
                    bool at_ask) {
  const std::int64_t then_ns = tick.then_ns;
  const std::int64_t steps = now_step - tick.then_step;
  tick.then_ns = now_ns;
  tick.then_step = now_step;
  if (then_ns == 0 || then_ns == now_ns) return;
  const double w = weight(steps);
  const auto elapsed = static_cast<double>(now_ns - then_ns);
  const std::int64_t bid = tick.touch[0].nanos;
  const std::int64_t ask = tick.touch[1].nanos;
  const bool two_sided = 0 < bid && bid <= ask;
  const std::int64_t spread = two_sided ? ask - bid : 0;
  tick.observed = tick.observed * w + elapsed;
  tick.two_sided_time = tick.two_sided_time * w + share(two_sided) * elapsed;
  tick.bid_time = tick.bid_time * w + static_cast<double>(tick.touch[0].units) * elapsed;
  tick.ask_time = tick.ask_time * w + static_cast<double>(tick.touch[1].units) * elapsed;
  tick.at_bid_time = tick.at_bid_time * w + share(at_bid) * elapsed;
  tick.at_ask_time = tick.at_ask_time * w + share(at_ask) * elapsed;
  tick.spread_time = tick.spread_time * w + static_cast<double>(spread) * elapsed;
}

// Feed delay of one tick; negative where the venue's clock runs ahead of ours.
inline void observe_delay(Tick& tick, std::int64_t log_ns, std::int64_t log_step,
                          std::int64_t venue_ns) {
  const std::int64_t delay_ns = log_ns - venue_ns;
  const double w = weight(log_step - tick.delay_then_step);
  tick.delay_sum = tick.delay_sum * w + static_cast<double>(delay_ns);
  tick.delay_weight = tick.delay_weight * w + 1.0;
  tick.delay_min_ns = std::min(tick.delay_min_ns, delay_ns);
  tick.delay_then_ns = log_ns;
  tick.delay_then_step = log_step;
}

// Time from sending a child to its first answer.
inline void observe_ack(Terms& terms, std::int64_t now_ns, std::int64_t now_step,
                        std::int64_t latency_ns) {
  const double w = weight(now_step - terms.ack_then_step);
  terms.ack_sum = terms.ack_sum * w + static_cast<double>(latency_ns);
  terms.ack_weight = terms.ack_weight * w + 1.0;
  terms.ack_then_ns = now_ns;
  terms.ack_then_step = now_step;
}

// Share of min(sent, displayed) that a finished child executed (fade is its complement).
inline void observe_fill(Terms& terms, std::int64_t now_ns, std::int64_t now_step,
                         std::int64_t filled, std::int64_t asked) {
  const double w = weight(now_step - terms.fill_then_step);
  terms.fill_sum = terms.fill_sum * w + static_cast<double>(filled) / static_cast<double>(asked);
  terms.fill_weight = terms.fill_weight * w + 1.0;
  terms.fill_then_ns = now_ns;
  terms.fill_then_step = now_step;
}

// Expected filled share of a child, shrunk to the prior.
inline double fill_ratio(const Terms& terms, std::int64_t now_step, const Priors& priors) {
  const double w = weight(now_step - terms.fill_then_step);
  const double prior = priors.fill * priors.fill_weight;
  return (terms.fill_sum * w + prior) / (terms.fill_weight * w + priors.fill_weight);
}

// Expected acknowledgement latency, shrunk to the venue's prior.
inline double ack_ns(const Terms& terms, std::int64_t now_step, std::int64_t prior_ns,
                     const Priors& priors) {
  const double w = weight(now_step - terms.ack_then_step);
  const double prior = static_cast<double>(prior_ns) * priors.ack_weight;
  return (terms.ack_sum * w + prior) / (terms.ack_weight * w + priors.ack_weight);
}

}  // namespace venuefold
