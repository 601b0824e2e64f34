// C++ mirror of schemas/decisions.py and of the output header. A test compares every offset.
#pragma once

#include <cstdint>

// Named apart from the input records and from what the engine holds in memory.
namespace venuefold::out {

struct OutHeader {
  std::uint32_t size;
  std::uint8_t type;
  std::uint8_t version;
  std::uint16_t shard;
  std::uint32_t instrument;
  std::uint32_t header_reserved;
  std::uint64_t out_seq;
  std::uint64_t seq;
  std::int64_t log_ns;
};
static_assert(sizeof(OutHeader) == 40);

struct Decision : OutHeader {
  std::uint64_t order_id;
  std::uint64_t reference_version;
  std::uint64_t quality_seq;
  std::uint64_t rows_digest;
  std::uint64_t first_child_id;
  std::uint32_t attempt;
  std::uint32_t policy;
  std::uint32_t policy_version;
  std::uint8_t side;
  std::uint8_t outcome;
  std::uint8_t candidates;
  std::uint8_t children;
  std::int64_t remaining_units;
  std::int64_t limit_nanos;
  std::int64_t allocated_units;
  std::int64_t arrival_bid_nanos;
  std::int64_t arrival_ask_nanos;
  std::int64_t protected_bid_nanos;
  std::int64_t protected_ask_nanos;
  std::int64_t displayed_bid_nanos;
  std::int64_t displayed_ask_nanos;
  std::uint64_t expected_cost_lo;
  std::int64_t expected_cost_hi;
  std::int64_t best_price_units;
  std::uint64_t best_price_cost_lo;
  std::int64_t best_price_cost_hi;
  std::int64_t sweep_units;
  std::uint64_t sweep_cost_lo;
  std::int64_t sweep_cost_hi;
  char cl_ord_id[32];
  char account[16];
  std::uint8_t flags;
  std::uint8_t time_in_force;
  std::uint8_t protection;
  char reserved[1];
  std::uint32_t remainder_e9;
  std::int64_t penalty_nanos;
  std::uint64_t added_cost_lo;
  std::int64_t added_cost_hi;
  std::int64_t ticket_nanos;
  std::int64_t cap_nanos;
};
static_assert(sizeof(Decision) == 328);

struct Candidate {
  std::uint8_t venue;
  std::uint8_t reason;
  std::uint8_t levels;
  std::uint8_t flags;
  std::uint32_t quote_age_us;
  std::int64_t value;
};
static_assert(sizeof(Candidate) == 16);

struct Row {
  std::int64_t fee_nanos;
  std::uint16_t miss_0;
  std::uint16_t miss_1;
  std::uint16_t miss_2;
  std::uint16_t miss_3;
  std::uint16_t miss_4;
  std::uint16_t miss_5;
  std::uint16_t miss_6;
  std::uint16_t miss_7;
  std::uint32_t ack_ns;
  std::uint32_t impact_nanos;
};
static_assert(sizeof(Row) == 32);

struct Allocation {
  std::uint8_t venue;
  std::uint8_t levels;
  std::uint8_t time_in_force;
  std::uint8_t flags;
  std::uint32_t send_delay_ns;
  std::int64_t units;
  std::int64_t limit_nanos;
};
static_assert(sizeof(Allocation) == 24);

struct Child : OutHeader {
  std::uint64_t child_id;
  std::uint64_t order_id;
  std::uint64_t decision_id;
  std::int64_t units;
  std::int64_t limit_nanos;
  std::int64_t min_units;
  std::int64_t send_delay_ns;
  std::int64_t expire_ns;
  std::uint8_t venue;
  std::uint8_t side;
  std::uint8_t ord_type;
  std::uint8_t time_in_force;
  std::uint8_t exec_inst;
  std::uint8_t capacity;
  char reserved[2];
  char cl_ord_id[32];
  char account[16];
};
static_assert(sizeof(Child) == 160);

struct CancelChild : OutHeader {
  std::uint64_t child_id;
  std::uint64_t order_id;
  std::uint8_t venue;
  char reserved[7];
};
static_assert(sizeof(CancelChild) == 64);

struct OrderState : OutHeader {
  std::uint64_t order_id;
  std::uint64_t decision_id;
  std::int64_t order_units;
  std::int64_t cum_units;
  std::int64_t outstanding_units;
  std::uint64_t notional_lo;
  std::int64_t notional_hi;
  std::int64_t fee_nanos;
  std::int64_t horizon_units;
  std::uint64_t horizon_cost_lo;
  std::int64_t horizon_cost_hi;
  std::uint8_t state;
  std::uint8_t reason;
  std::uint8_t side;
  char reserved[5];
  char cl_ord_id[32];
  char account[16];
};
static_assert(sizeof(OrderState) == 184);

struct ChildState : OutHeader {
  std::uint64_t child_id;
  std::uint64_t order_id;
  std::uint64_t trade_id;
  std::int64_t units;
  std::int64_t cum_units;
  std::int64_t last_units;
  std::int64_t last_nanos;
  std::int64_t fee_nanos;
  std::uint8_t state;
  std::uint8_t exec_type;
  std::uint8_t liquidity;
  std::uint8_t venue;
  std::uint8_t report_flags;
  std::uint8_t reason;
  char reserved[2];
};
static_assert(sizeof(ChildState) == 112);

struct StatusRequest : OutHeader {
  std::uint64_t child_id;
  std::uint64_t order_id;
  std::uint8_t venue;
  std::uint8_t attempt;
  char reserved[6];
};
static_assert(sizeof(StatusRequest) == 64);

struct ReplaceChild : OutHeader {
  std::uint64_t child_id;
  std::uint64_t order_id;
  std::int64_t units;
  std::int64_t limit_nanos;
  std::uint8_t venue;
  char reserved[7];
};
static_assert(sizeof(ReplaceChild) == 80);

struct Break : OutHeader {
  std::uint64_t child_id;
  std::uint64_t order_id;
  std::uint64_t trade_id;
  std::int64_t our_units;
  std::int64_t their_units;
  std::int64_t our_nanos;
  std::int64_t their_nanos;
  std::uint8_t kind;
  std::uint8_t venue;
  char reserved[6];
};
static_assert(sizeof(Break) == 104);

struct Position : OutHeader {
  std::int64_t net_units;
  std::int64_t bought_units;
  std::int64_t sold_units;
  std::int64_t open_buy_units;
  std::int64_t open_sell_units;
  std::uint64_t notional_lo;
  std::int64_t notional_hi;
  std::int64_t fee_nanos;
  char account[16];
};
static_assert(sizeof(Position) == 120);

struct VenueSums : OutHeader {
  std::uint64_t quality_seq;
  double fill_weight;
  double fill_total;
  double ack_weight;
  double ack_total;
  std::uint8_t venue;
  char reserved[7];
};
static_assert(sizeof(VenueSums) == 88);

struct BudgetState : OutHeader {
  std::uint64_t number;
  std::int64_t budget_ones;
  std::int64_t used_ones;
  std::int64_t wanted_ones;
  char account[16];
};
static_assert(sizeof(BudgetState) == 88);

struct MassCancelReport : OutHeader {
  std::uint64_t source_seq;
  std::uint64_t affected;
  char cl_ord_id[32];
  char target[16];
  std::uint8_t scope;
  std::uint8_t source;
  char reserved[6];
};
static_assert(sizeof(MassCancelReport) == 112);

struct Refusal : OutHeader {
  std::uint64_t source_seq;
  std::int64_t value;
  std::uint64_t order_id;
  std::uint8_t reason;
  std::uint8_t input_type;
  std::uint8_t source;
  std::uint8_t venue;
  char reserved[4];
  char cl_ord_id[32];
  char account[16];
};
static_assert(sizeof(Refusal) == 120);

struct Quality : OutHeader {
  std::uint64_t quality_seq;
  std::uint64_t quotes;
  std::uint64_t trades;
  std::uint64_t fills;
  double bid_units;
  double bid_units_se;
  double ask_units;
  double ask_units_se;
  double near_bid_units;
  double near_ask_units;
  double spread_nanos;
  double spread_nanos_se;
  double share_at_bid;
  double share_at_ask;
  double two_sided_share;
  double observed_ns;
  double touch_changes;
  double refill_bid_ns;
  double refill_bid_n;
  double refill_ask_ns;
  double refill_ask_n;
  double feed_delay_ns;
  double feed_delay_se;
  double feed_delay_n;
  std::int64_t feed_delay_min_ns;
  std::int64_t feed_delay_p90_ns;
  double fill_ratio;
  double fill_ratio_se;
  double fill_ratio_n;
  double ack_ns;
  double ack_ns_se;
  double ack_n;
  std::uint8_t venue;
  char reserved[7];
};
static_assert(sizeof(Quality) == 304);

// An estimate with its standard error and its effective sample size.
#define VENUEFOLD_ESTIMATE(NAME) \
  double NAME;                    \
  double NAME##_se;               \
  double NAME##_n;

struct ExecutionQuality : OutHeader {
  std::uint64_t quality_seq;
  std::uint64_t fee_mismatches;
  std::int64_t fee_expected_nanos;
  std::int64_t fee_charged_nanos;
  VENUEFOLD_ESTIMATE(first_fill_ns)
  VENUEFOLD_ESTIMATE(reject_rate)
  VENUEFOLD_ESTIMATE(hidden_units)
  VENUEFOLD_ESTIMATE(effective_bps)
  VENUEFOLD_ESTIMATE(improvement_bps)
  VENUEFOLD_ESTIMATE(all_in_bps)
  VENUEFOLD_ESTIMATE(adverse_1_bps)
  VENUEFOLD_ESTIMATE(adverse_2_bps)
  VENUEFOLD_ESTIMATE(adverse_3_bps)
  VENUEFOLD_ESTIMATE(adverse_4_bps)
  VENUEFOLD_ESTIMATE(realised_1_bps)
  VENUEFOLD_ESTIMATE(realised_2_bps)
  VENUEFOLD_ESTIMATE(realised_3_bps)
  VENUEFOLD_ESTIMATE(realised_4_bps)
  VENUEFOLD_ESTIMATE(impact_1_bps)
  VENUEFOLD_ESTIMATE(impact_2_bps)
  VENUEFOLD_ESTIMATE(impact_3_bps)
  VENUEFOLD_ESTIMATE(impact_4_bps)
  VENUEFOLD_ESTIMATE(mid_adverse_1_bps)
  VENUEFOLD_ESTIMATE(mid_adverse_2_bps)
  VENUEFOLD_ESTIMATE(mid_adverse_3_bps)
  VENUEFOLD_ESTIMATE(mid_adverse_4_bps)
  VENUEFOLD_ESTIMATE(passive_fill_0)
  VENUEFOLD_ESTIMATE(passive_fill_1)
  VENUEFOLD_ESTIMATE(passive_fill_2)
  VENUEFOLD_ESTIMATE(passive_fill_3)
  double available_0;
  double available_1;
  double available_2;
  double available_3;
  double available_4;
  double available_5;
  double available_6;
  double available_7;
  double available_0_n;
  double available_1_n;
  double available_2_n;
  double available_3_n;
  double available_4_n;
  double available_5_n;
  double available_6_n;
  double available_7_n;
  std::uint8_t venue;
  char reserved[7];
};
static_assert(sizeof(ExecutionQuality) == 832);

#undef VENUEFOLD_ESTIMATE

struct VenueQuality : OutHeader {
  std::uint64_t quality_seq;
  std::int64_t since_ns;
  std::int64_t quote_ns;
  std::int64_t feed_p50_ns;
  std::int64_t feed_p90_ns;
  std::int64_t feed_p99_ns;
  std::int64_t ack_p50_ns;
  std::int64_t ack_p90_ns;
  std::int64_t ack_p99_ns;
  std::int64_t fill_p50_ns;
  std::int64_t fill_p90_ns;
  std::int64_t fill_p99_ns;
  std::uint64_t feed_n;
  std::uint64_t ack_n;
  std::uint64_t fill_n;
  std::int64_t feed_other_p50_ns;
  std::int64_t feed_other_p90_ns;
  std::int64_t feed_other_p99_ns;
  std::uint64_t feed_other_n;
  std::int64_t feed_equity_p50_ns;
  std::int64_t feed_equity_p90_ns;
  std::int64_t feed_equity_p99_ns;
  std::uint64_t feed_equity_n;
  std::int64_t feed_crypto_p50_ns;
  std::int64_t feed_crypto_p90_ns;
  std::int64_t feed_crypto_p99_ns;
  std::uint64_t feed_crypto_n;
  std::int64_t feed_event_p50_ns;
  std::int64_t feed_event_p90_ns;
  std::int64_t feed_event_p99_ns;
  std::uint64_t feed_event_n;
  double fill_ratio;
  double fill_ratio_se;
  double fill_ratio_n;
  double reject_rate;
  double reject_rate_se;
  double reject_rate_n;
  double usual_gap_ns;
  std::uint32_t relapses;
  std::uint32_t rejects_in_row;
  std::uint32_t timeouts_in_row;
  std::uint32_t cancel_timeouts_in_row;
  std::uint32_t dropped_no_mid_buy;
  std::uint32_t dropped_no_mid_sell;
  std::uint32_t dropped_stale_mid_buy;
  std::uint32_t dropped_stale_mid_sell;
  std::uint32_t dropped_not_trading_buy;
  std::uint32_t dropped_not_trading_sell;
  std::uint32_t dropped_table_full_buy;
  std::uint32_t dropped_table_full_sell;
  std::uint32_t clean;
  std::uint32_t clean_needed;
  std::uint32_t probes;
  std::uint8_t venue;
  std::uint8_t health;
  char reserved[2];
};
static_assert(sizeof(VenueQuality) == 408);

struct Alarm : OutHeader {
  std::uint64_t child_id;
  std::uint64_t order_id;
  std::int64_t value;
  std::uint8_t kind;
  std::uint8_t venue;
  std::uint8_t source;
  char reserved[5];
};
static_assert(sizeof(Alarm) == 72);

}  // namespace venuefold::out
