// C++ mirror of the record layouts in schemas/*.py. A test compares every offset and size.
#pragma once

#include <cstdint>

namespace venuefold {

constexpr std::size_t kSlot = 64;
constexpr int kMaxLevels = 10;
constexpr int kMaxVenues = 64;
constexpr std::int64_t kMaxPriceNanos = 100'000'000'000'000'000;
constexpr std::int64_t kMaxUnits = 1'000'000'000'000'000;
constexpr std::uint8_t kVenueNone = 255;
constexpr std::uint32_t kInstrumentNone = 0xFFFFFFFFu;
constexpr std::uint8_t kSourceReference = 0;

struct Header {
  std::uint8_t type;
  std::uint8_t flags;
  std::uint8_t venue;
  std::uint8_t source;
  std::uint32_t instrument;
  std::uint64_t source_seq;
  std::int64_t log_ns;
  std::int64_t venue_ns;
};
static_assert(sizeof(Header) == 32);

struct Quote : Header {
  std::int64_t bid_nanos;
  std::int64_t bid_units;
  std::int64_t ask_nanos;
  std::int64_t ask_units;
};
static_assert(sizeof(Quote) == 64);

struct Trade : Header {
  std::int64_t price_nanos;
  std::int64_t units;
  std::uint64_t trade_id;
  std::uint32_t conditions;
  std::uint8_t aggressor;
  char reserved[3];
};
static_assert(sizeof(Trade) == 64);

struct Status : Header {
  std::uint8_t status;
  char reserved[31];
};
static_assert(sizeof(Status) == 64);

struct Timer : Header {
  char reserved[32];
};
static_assert(sizeof(Timer) == 64);

struct NewOrder : Header {
  char cl_ord_id[32];
  char orig_cl_ord_id[32];
  char account[16];
  char client[16];
  char trader[16];
  char locate_id[16];
  char session[16];
  char self_match_id[16];
  char symbol[32];
  std::int64_t order_units;
  std::int64_t limit_nanos;
  std::int64_t min_units;
  std::int64_t display_units;
  std::int64_t expire_ns;
  std::int64_t transact_ns;
  std::int64_t receive_ns;
  std::uint64_t venues_allowed;
  std::uint64_t venues_banned;
  std::uint32_t policy;
  std::uint8_t side;
  std::uint8_t ord_type;
  std::uint8_t time_in_force;
  std::uint8_t exec_inst;
  std::uint8_t capacity;
  std::uint8_t urgency;
  std::uint8_t post_permission;
  char reserved[13];
};
static_assert(sizeof(NewOrder) == 320);

struct CancelOrder : Header {
  char cl_ord_id[32];
  char orig_cl_ord_id[32];
  char account[16];
  std::int64_t transact_ns;
  char reserved[8];
};
static_assert(sizeof(CancelOrder) == 128);

struct Inventory : Header {
  char account[16];
  std::int64_t units;
  char reserved[8];
};
static_assert(sizeof(Inventory) == 64);

struct Kill : Header {
  std::uint8_t scope;
  std::uint8_t engaged;
  char reserved[6];
  char target[16];
  char reserved2[8];
};
static_assert(sizeof(Kill) == 64);

struct MassCancel : Header {
  char cl_ord_id[32];
  char target[16];
  std::uint8_t scope;
  char reserved[47];
};
static_assert(sizeof(MassCancel) == 128);

struct Budget : Header {
  char account[16];
  std::int64_t budget_ones;
  char reserved[8];
};
static_assert(sizeof(Budget) == 64);

struct VenuePriorUpdated : Header {
  std::int64_t fill_ratio_e9;
  std::int64_t ack_ns;
  std::int64_t children;
  char reserved[8];
};
static_assert(sizeof(VenuePriorUpdated) == 64);

struct EndOfDay : Header {
  char reserved[32];
};
static_assert(sizeof(EndOfDay) == 64);

struct Rearm : Header {
  char account[16];
  char person[16];
};
static_assert(sizeof(Rearm) == 64);

struct ExecReport : Header {
  std::uint64_t child_id;
  std::uint64_t trade_id;
  std::uint64_t ref_trade_id;
  std::uint64_t report_id;
  std::int64_t last_nanos;
  std::int64_t last_units;
  std::int64_t cum_units;
  std::int64_t leaves_units;
  std::int64_t fee_nanos;
  char venue_order_id[24];
  char text[32];
  std::uint8_t exec_type;
  std::uint8_t ord_status;
  std::uint8_t liquidity;
  std::uint8_t reject_reason;
  std::uint8_t report_flags;
  char reserved[27];
};
static_assert(sizeof(ExecReport) == 192);

struct Instrument : Header {
  char key[64];
  char quote_ccy[8];
  std::int64_t units_per_one;
  std::int64_t tick_nanos;
  std::int64_t round_lot_units;
  std::uint32_t default_policy;
  std::uint8_t asset_class;
  char reserved[59];
};
static_assert(sizeof(Instrument) == 192);

struct Venue : Header {
  char key[16];
  char mic[4];
  std::uint8_t kind;
  std::uint8_t is_protected;
  std::uint8_t modelled;
  std::uint8_t status;
  char name[32];
  std::int64_t ack_prior_ns;
  char reserved[96];
};
static_assert(sizeof(Venue) == 192);

struct Listing : Header {
  std::int64_t tick_nanos;
  std::int64_t lot_units;
  std::int64_t min_units;
  std::int64_t ticket_nanos;
};
static_assert(sizeof(Listing) == 64);

struct Fee : Header {
  std::uint8_t liquidity;
  char reserved[7];
  std::int64_t fixed_nanos;
  std::int64_t rate_e9;
  char reserved2[8];
};
static_assert(sizeof(Fee) == 64);

struct FeeTier : Header {
  char account[16];
  std::uint8_t liquidity;
  std::uint8_t tier;
  std::uint8_t per_order;
  char reserved[5];
  std::int64_t volume;
  std::int64_t fixed_nanos;
  std::int64_t rate_e9;
  std::int64_t sub_below_nanos;
  std::int64_t sub_fixed_nanos;
  std::int64_t sub_rate_e9;
  std::int64_t min_nanos;
  std::int64_t max_nanos;
  char reserved2[8];
};
static_assert(sizeof(FeeTier) == 128);

struct Billing : Header {
  char account[16];
  std::int64_t period_ns;
  std::int64_t month_to_date;
  std::int64_t forecast;
  std::uint8_t prior_tier;
  std::uint8_t basis;
  char reserved[6];
  char reserved2[48];
};
static_assert(sizeof(Billing) == 128);

struct Policy : Header {
  char name[32];
  std::uint32_t policy;
  std::uint32_t version;
  std::uint8_t kind;
  std::uint8_t split;
  std::uint8_t fee_aware;
  std::uint8_t max_levels;
  std::uint8_t max_children;
  std::uint8_t allow_degraded;
  std::uint8_t protection;
  std::uint8_t crossed;
  std::uint32_t max_attempts;
  std::uint8_t equalise_arrival;
  std::uint8_t use_hidden;
  std::uint8_t posting;
  std::uint8_t impact_horizon;
  std::int64_t tolerance_e9;
  std::int64_t miss_penalty_e9;
  std::int64_t stale_ns;
  std::int64_t ack_timeout_ns;
  std::int64_t retry_ns;
  std::int64_t horizon_ns;
  std::uint8_t preferred[64];
  std::int64_t ticket_nanos;
  std::uint32_t latency_e9;
  std::uint32_t risk_e9;
  std::uint32_t toxicity_e9;
  std::uint32_t max_delay_us;
  std::uint32_t urgency_miss_e9_1;
  std::uint32_t urgency_miss_e9_2;
  std::uint32_t urgency_miss_e9_3;
  std::uint32_t urgency_horizon_ms_1;
  std::uint32_t urgency_horizon_ms_2;
  std::uint32_t urgency_horizon_ms_3;
  std::uint8_t toxicity_horizon;
  std::uint8_t ended;
  std::uint8_t dark_percent;
  std::uint8_t dark_horizon;
  std::uint16_t dark_min_lots;
  std::uint16_t dark_toxic_cbps;
};
static_assert(sizeof(Policy) == 256);

struct Limits : Header {
  std::int64_t max_order_units;
  std::int64_t max_notional_ones;
  std::int64_t collar_e9;
  std::uint8_t restricted;
  std::uint8_t short_restricted;
  std::uint8_t self_match;
  std::uint8_t status_requests;
  std::uint32_t max_reports;
  std::int64_t duplicate_ns;
  std::uint8_t inventory;
  char reserved[55];
};
static_assert(sizeof(Limits) == 128);

struct AccountLimits : Header {
  char account[16];
  std::uint64_t venues_permitted;
  std::int64_t max_gross_ones;
  std::int64_t max_net_ones;
  std::int64_t rate_ns;
  std::int64_t throttle_ns;
  std::uint32_t rate_max;
  std::uint32_t throttle_max;
  std::uint8_t budgeted;
  char reserved[31];
};
static_assert(sizeof(AccountLimits) == 128);

struct Posting : Header {
  std::uint32_t policy;
  std::uint8_t enabled;
  std::uint8_t max_urgency;
  std::uint8_t improve;
  std::uint8_t horizon;
  std::int64_t rest_ns;
  std::int64_t min_life_ns;
  std::int64_t check_ns;
  std::uint32_t max_posts;
  char reserved[60];
};
static_assert(sizeof(Posting) == 128);

struct Settings : Header {
  std::int64_t liquidity_half_life_ns;
  std::int64_t speed_half_life_ns;
  std::int64_t fill_half_life_ns;
  std::int64_t publish_ns;
  std::int64_t identity_window_ns;
  std::int64_t linger_ns;
  std::int64_t fill_prior_e9;
  std::int64_t fill_prior_weight_e9;
  std::int64_t ack_prior_weight_e9;
  std::int64_t cost_half_life_ns;
  std::int64_t impact_half_life_ns;
  std::int64_t horizon_1_ns;
  std::int64_t horizon_2_ns;
  std::int64_t horizon_3_ns;
  std::int64_t horizon_4_ns;
  std::int64_t resolution_ns;
  std::int64_t mid_age_ns;
  std::int64_t control_ns;
  std::int64_t health_ns;
  std::int64_t stale_floor_ns;
  std::int64_t fee_tolerance_nanos;
  std::uint32_t stale_multiple;
  std::uint32_t reject_burst;
  std::uint32_t timeout_burst;
  std::uint32_t clean_run;
  std::uint32_t clean_run_max;
  std::uint32_t near_ticks;
  std::uint32_t mid_crossed_e9;
  std::uint32_t fill_prior_dark_e9;
  std::uint32_t fill_prior_wholesaler_e9;
  std::uint32_t probes_per_minute;
  std::int64_t open_window_ns;
  std::uint16_t open_half_life_days;
  std::uint16_t probe_children;
  std::uint32_t conflate_ms;
};
static_assert(sizeof(Settings) == 256);

struct EngineActivated : Header {
  char version_hash[32];
};
static_assert(sizeof(EngineActivated) == 64);

}  // namespace venuefold
