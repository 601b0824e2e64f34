// What a synthetic market is made from. The lists of fields are the only description: Python builds
// its records from `fields_of`, so nothing is mirrored by hand. 'q' is int64, 'd' is double.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "streams/simulator/core/faults.hpp"

namespace venuefold::synthetic {

using FieldList = std::vector<std::pair<const char*, const char*>>;

#define VENUEFOLD_GLOBALS(F)                                                                   \
  F(q, seed) F(q, start_ns) F(q, family) F(q, cleanup_ns) F(q, report_source) F(q, checks)     \
  F(d, burst_per_hour) F(q, burst_ns) F(d, burst_factor) F(q, regime_ns) F(q, regime_shift)    \
  F(d, halt_per_hour) F(q, halt_ns) F(q, auction_ns) F(d, informed_orders) F(d, alpha_ticks)   \
  F(q, alpha_ns) F(q, react_ns) F(q, heartbeat_ns) F(d, leak_ticks)   \
  F(q, child_stream)

#define VENUEFOLD_INSTRUMENT(F)                                                                \
  F(q, asset_class) F(q, start_nanos) F(q, tick_nanos) F(q, units_per_one) F(q, lot_units)     \
  F(q, depth_units) F(d, move_hz) F(d, move_ticks) F(d, jump_hz) F(d, jump_ticks)              \
  F(d, trade_hz) F(d, sign_persistence) F(d, impact_ticks)

#define VENUEFOLD_VENUE(F)                                                                     \
  F(q, kind) F(q, out_ns) F(q, jitter_ns) F(d, spike) F(q, spike_ns) F(q, back_ns)             \
  F(q, feed_ns) F(q, lag_ns) F(q, lot_units) F(q, min_units) F(q, tick_multiple)               \
  F(q, take_nanos) F(q, take_e9) F(q, add_nanos) F(q, add_e9) F(d, update_hz)                  \
  F(d, half_spread_ticks) F(d, depth) F(q, levels) F(d, hidden) F(d, hidden_depth) F(d, fade)  \
  F(d, fade_keep) F(d, sweep_fade) F(d, reject) F(d, leak) F(d, toxicity) F(d, flow)           \
  F(d, dark_zero) F(d, dark_alpha) F(q, open_after_ns) F(q, closed_after_ns)

#define VENUEFOLD_FAULT(F) F(q, kind) F(q, venue) F(q, since_ns) F(q, until_ns) F(d, chance)

#define VENUEFOLD_RESULT(F)                                                                    \
  F(q, parent) F(q, instrument) F(q, sign) F(q, units) F(q, arrival_ns) F(q, mid_x2)           \
  F(q, touch_units) F(q, filled_units) F(d, notional) F(d, fees) F(q, children) F(q, fills)    \
  F(q, clean_units) F(d, clean_notional) F(d, clean_fees) F(q, flags) F(d, ideal_notional)     \
  F(d, ideal_fees) F(q, ideal_units) F(q, last_fill_ns)

#define VENUEFOLD_TYPE_q std::int64_t
#define VENUEFOLD_TYPE_d double
#define VENUEFOLD_MEMBER(type, name) VENUEFOLD_TYPE_##type name = 0;
#define VENUEFOLD_NAMED(type, name) {#name, #type},
#define VENUEFOLD_RECORD(Name, LIST)               \
  struct Name {                                    \
    LIST(VENUEFOLD_MEMBER)                         \
    static FieldList fields() { return {LIST(VENUEFOLD_NAMED)}; } \
  };
VENUEFOLD_RECORD(Globals, VENUEFOLD_GLOBALS)
VENUEFOLD_RECORD(InstrumentTerms, VENUEFOLD_INSTRUMENT)
VENUEFOLD_RECORD(VenueTerms, VENUEFOLD_VENUE)
VENUEFOLD_RECORD(Fault, VENUEFOLD_FAULT)
VENUEFOLD_RECORD(ParentResult, VENUEFOLD_RESULT)
#undef VENUEFOLD_RECORD
#undef VENUEFOLD_NAMED
#undef VENUEFOLD_MEMBER

constexpr std::int64_t kLit = 1;
constexpr std::int64_t kDark = 2;

// Tails of sizes and jumps, and how quotes fade: the families an evaluation holds out.
enum Family : std::int64_t { kGeometric = 0, kHeavyTail = 1, kClustered = 2, kUniformFade = 3 };

// Everything that can go wrong at a venue. Codes are those of streams.simulator.synthetic.faults.
enum FaultKind : std::int64_t {
  kAccept = 1, kPartialFill, kFullFill, kCancelAck, kReplaceAck, kReject, kCancelRefused,
  kReplaceRefused, kCancelRace, kDuplicate, kOutOfOrder, kDisconnect, kReconnect, kResend,
  kSequenceReset, kRestatement, kSlow, kMalformed, kTotalOutage, kSubmitOnly, kCancelOnly,
  kDegrading, kStaleBook, kWrongSide, kAckLost, kLateFill, kTradeIdReused, kRateLimit, kDeadFeed,
  kClockSkew, kPartialBatch, kRevoked, kTradeCancelled, kTradeCorrected, kUnsolicited, kOverfill,
  kFillAfterDone, kFaultKinds
};

// ExecType and Liquidity codes of schemas/codes.py beyond those of the fill simulator.
constexpr std::uint8_t kReplacedNow = 7;
constexpr std::uint8_t kReplaceRejected = 8;
constexpr std::uint8_t kTradeCancelNow = 9;
constexpr std::uint8_t kTradeCorrectNow = 10;
constexpr std::uint8_t kDoneForDayNow = 11;
constexpr std::uint8_t kRestatedNow = 12;
constexpr std::uint8_t kOrderStatusNow = 13;
constexpr std::uint8_t kMid = 4;

template <typename Row>
std::vector<Row> rows_from(const std::byte* from, std::size_t size, const char* what) {
  if (size % sizeof(Row) != 0) {
    throw InputFault(std::string(what) + ": not whole records of " + std::to_string(sizeof(Row)));
  }
  std::vector<Row> rows(size / sizeof(Row));
  if (size != 0) std::memcpy(rows.data(), from, size);
  return rows;
}

}  // namespace venuefold::synthetic
