#include "layouts.hpp"

#include "schemas/core/codes.hpp"
#include "schemas/core/decisions.hpp"
#include "schemas/core/layout.hpp"

namespace venuefold {
namespace {

// EACH(M, T, a, b, ...) is M(T, a) M(T, b) ...: fields are named once.
#define PARENS ()
#define EXPAND(...) EXPAND4(EXPAND4(EXPAND4(EXPAND4(__VA_ARGS__))))
#define EXPAND4(...) EXPAND3(EXPAND3(EXPAND3(EXPAND3(__VA_ARGS__))))
#define EXPAND3(...) EXPAND2(EXPAND2(EXPAND2(EXPAND2(__VA_ARGS__))))
#define EXPAND2(...) EXPAND1(EXPAND1(EXPAND1(EXPAND1(__VA_ARGS__))))
#define EXPAND1(...) __VA_ARGS__
#define EACH(M, T, ...) __VA_OPT__(EXPAND(EACH_NEXT(M, T, __VA_ARGS__)))
#define EACH_NEXT(M, T, A, ...) M(T, A) __VA_OPT__(EACH_AGAIN PARENS(M, T, __VA_ARGS__))
#define EACH_AGAIN() EACH_NEXT

// Place of a member, its own or of its header, without offsetof, which knows no inheritance.
template <class Record, class Base, class Member>
FieldPlace place(const char* name, Member Base::* member) {
  static const Record record{};
  const auto* start = reinterpret_cast<const char*>(&record);
  const auto* field = reinterpret_cast<const char*>(&(record.*member));
  return {name, static_cast<std::size_t>(field - start), sizeof(Member)};
}

#define PLACE(T, F) place<T>(#F, &T::F),
#define FIELDS(T, ...) const FieldPlace k##T[] = {EACH(PLACE, T, __VA_ARGS__)};
#define ESTIMATE(F) F, F##_se, F##_n
#define QUANTILES(F) F##_p50_ns, F##_p90_ns, F##_p99_ns, F##_n
#define IN(T, ...) FIELDS(T, type, flags, venue, source, instrument, source_seq, log_ns, \
                          venue_ns __VA_OPT__(, ) __VA_ARGS__)
#define OUT(T, ...) FIELDS(T, size, type, version, shard, instrument, header_reserved, out_seq, \
                           seq, log_ns __VA_OPT__(, ) __VA_ARGS__)

}  // namespace

namespace places {
IN(Header)
IN(Quote, bid_nanos, bid_units, ask_nanos, ask_units)
IN(Trade, price_nanos, units, trade_id, conditions, aggressor, reserved)
IN(Status, status, reserved)
IN(Timer, reserved)
IN(NewOrder, cl_ord_id, orig_cl_ord_id, account, client, trader, locate_id, session,
   self_match_id, symbol, order_units, limit_nanos, min_units, display_units, expire_ns,
   transact_ns, receive_ns, venues_allowed, venues_banned, policy, side, ord_type, time_in_force,
   exec_inst, capacity, urgency, post_permission, reserved)
IN(CancelOrder, cl_ord_id, orig_cl_ord_id, account, transact_ns, reserved)
IN(Kill, scope, engaged, reserved, target, reserved2)
IN(MassCancel, cl_ord_id, target, scope, reserved)
IN(Budget, account, budget_ones, reserved)
IN(Inventory, account, units, reserved)
IN(VenuePriorUpdated, fill_ratio_e9, ack_ns, children, reserved)
IN(EndOfDay, reserved)
IN(Rearm, account, person)
IN(ExecReport, child_id, trade_id, ref_trade_id, report_id, last_nanos, last_units, cum_units,
   leaves_units, fee_nanos, venue_order_id, text, exec_type, ord_status, liquidity,
   reject_reason, report_flags, reserved)
IN(Instrument, key, quote_ccy, units_per_one, tick_nanos, round_lot_units, default_policy,
   asset_class, reserved)
IN(Venue, key, mic, kind, is_protected, modelled, status, name, ack_prior_ns, reserved)
IN(Listing, tick_nanos, lot_units, min_units, ticket_nanos)
IN(Fee, liquidity, reserved, fixed_nanos, rate_e9, reserved2)
IN(FeeTier, account, liquidity, tier, per_order, reserved, volume, fixed_nanos, rate_e9,
   sub_below_nanos, sub_fixed_nanos, sub_rate_e9, min_nanos, max_nanos, reserved2)
IN(Billing, account, period_ns, month_to_date, forecast, prior_tier, basis, reserved, reserved2)
IN(Policy, name, policy, version, kind, split, fee_aware, max_levels, max_children,
   allow_degraded, protection, crossed, max_attempts, equalise_arrival, use_hidden, posting,
   impact_horizon, tolerance_e9, miss_penalty_e9, stale_ns, ack_timeout_ns, retry_ns, horizon_ns,
   preferred, ticket_nanos, latency_e9, risk_e9, toxicity_e9, max_delay_us, urgency_miss_e9_1,
   urgency_miss_e9_2, urgency_miss_e9_3, urgency_horizon_ms_1, urgency_horizon_ms_2,
   urgency_horizon_ms_3, toxicity_horizon, ended, dark_percent, dark_horizon, dark_min_lots,
   dark_toxic_cbps)
IN(Limits, max_order_units, max_notional_ones, collar_e9, restricted, short_restricted,
   self_match, status_requests, max_reports, duplicate_ns, inventory, reserved)
IN(AccountLimits, account, venues_permitted, max_gross_ones, max_net_ones, rate_ns, throttle_ns,
   rate_max, throttle_max, budgeted, reserved)
IN(Posting, policy, enabled, max_urgency, improve, horizon, rest_ns, min_life_ns, check_ns,
   max_posts, reserved)
IN(Settings, liquidity_half_life_ns, speed_half_life_ns, fill_half_life_ns, publish_ns,
   identity_window_ns, linger_ns, fill_prior_e9, fill_prior_weight_e9, ack_prior_weight_e9,
   cost_half_life_ns, impact_half_life_ns, horizon_1_ns, horizon_2_ns, horizon_3_ns, horizon_4_ns,
   resolution_ns, mid_age_ns, control_ns, health_ns, stale_floor_ns, fee_tolerance_nanos,
   stale_multiple, reject_burst, timeout_burst, clean_run, clean_run_max, near_ticks,
   mid_crossed_e9, fill_prior_dark_e9, fill_prior_wholesaler_e9, probes_per_minute,
   open_window_ns, open_half_life_days, probe_children, conflate_ms)
IN(EngineActivated, version_hash)
}  // namespace places

namespace out::places {
OUT(OutHeader)
OUT(Decision, order_id, reference_version, quality_seq, rows_digest, first_child_id, attempt,
    policy, policy_version, side, outcome, candidates, children, remaining_units, limit_nanos,
    allocated_units, arrival_bid_nanos, arrival_ask_nanos, protected_bid_nanos,
    protected_ask_nanos, displayed_bid_nanos, displayed_ask_nanos, expected_cost_lo,
    expected_cost_hi, best_price_units, best_price_cost_lo, best_price_cost_hi, sweep_units,
    sweep_cost_lo, sweep_cost_hi, cl_ord_id, account, flags, time_in_force, protection, reserved,
    remainder_e9, penalty_nanos, added_cost_lo, added_cost_hi, ticket_nanos, cap_nanos)
FIELDS(Candidate, venue, reason, levels, flags, quote_age_us, value)
FIELDS(Row, fee_nanos, miss_0, miss_1, miss_2, miss_3, miss_4, miss_5, miss_6, miss_7, ack_ns,
       impact_nanos)
FIELDS(Allocation, venue, levels, time_in_force, flags, send_delay_ns, units, limit_nanos)
OUT(Child, child_id, order_id, decision_id, units, limit_nanos, min_units, send_delay_ns,
    expire_ns, venue, side, ord_type, time_in_force, exec_inst, capacity, reserved, cl_ord_id,
    account)
OUT(CancelChild, child_id, order_id, venue, reserved)
OUT(OrderState, order_id, decision_id, order_units, cum_units, outstanding_units, notional_lo,
    notional_hi, fee_nanos, horizon_units, horizon_cost_lo, horizon_cost_hi, state, reason, side,
    reserved, cl_ord_id, account)
OUT(ChildState, child_id, order_id, trade_id, units, cum_units, last_units, last_nanos,
    fee_nanos, state, exec_type, liquidity, venue, report_flags, reason, reserved)
OUT(StatusRequest, child_id, order_id, venue, attempt, reserved)
OUT(ReplaceChild, child_id, order_id, units, limit_nanos, venue, reserved)
OUT(Break, child_id, order_id, trade_id, our_units, their_units, our_nanos, their_nanos, kind,
    venue, reserved)
OUT(Position, net_units, bought_units, sold_units, open_buy_units, open_sell_units, notional_lo,
    notional_hi, fee_nanos, account)
OUT(VenueSums, quality_seq, fill_weight, fill_total, ack_weight, ack_total, venue, reserved)
OUT(BudgetState, number, budget_ones, used_ones, wanted_ones, account)
OUT(MassCancelReport, source_seq, affected, cl_ord_id, target, scope, source, reserved)
OUT(Refusal, source_seq, value, order_id, reason, input_type, source, venue, reserved, cl_ord_id,
    account)
OUT(Quality, quality_seq, quotes, trades, fills, bid_units, bid_units_se, ask_units, ask_units_se,
    near_bid_units, near_ask_units, spread_nanos, spread_nanos_se, share_at_bid, share_at_ask,
    two_sided_share, observed_ns, touch_changes, refill_bid_ns, refill_bid_n, refill_ask_ns,
    refill_ask_n, feed_delay_ns, feed_delay_se, feed_delay_n, feed_delay_min_ns,
    feed_delay_p90_ns, fill_ratio, fill_ratio_se, fill_ratio_n, ack_ns, ack_ns_se, ack_n, venue,
    reserved)
OUT(ExecutionQuality, quality_seq, fee_mismatches, fee_expected_nanos, fee_charged_nanos,
    ESTIMATE(first_fill_ns), ESTIMATE(reject_rate),
    ESTIMATE(hidden_units), ESTIMATE(effective_bps), ESTIMATE(improvement_bps),
    ESTIMATE(all_in_bps), ESTIMATE(adverse_1_bps), ESTIMATE(adverse_2_bps),
    ESTIMATE(adverse_3_bps), ESTIMATE(adverse_4_bps), ESTIMATE(realised_1_bps),
    ESTIMATE(realised_2_bps), ESTIMATE(realised_3_bps), ESTIMATE(realised_4_bps),
    ESTIMATE(impact_1_bps), ESTIMATE(impact_2_bps), ESTIMATE(impact_3_bps),
    ESTIMATE(impact_4_bps), ESTIMATE(mid_adverse_1_bps), ESTIMATE(mid_adverse_2_bps),
    ESTIMATE(mid_adverse_3_bps), ESTIMATE(mid_adverse_4_bps),
    ESTIMATE(passive_fill_0), ESTIMATE(passive_fill_1), ESTIMATE(passive_fill_2),
    ESTIMATE(passive_fill_3), available_0, available_1,
    available_2, available_3, available_4, available_5, available_6, available_7, available_0_n,
    available_1_n, available_2_n, available_3_n, available_4_n, available_5_n, available_6_n,
    available_7_n, venue, reserved)
OUT(VenueQuality, quality_seq, since_ns, quote_ns, feed_p50_ns, feed_p90_ns, feed_p99_ns,
    ack_p50_ns,
    ack_p90_ns, ack_p99_ns, fill_p50_ns, fill_p90_ns, fill_p99_ns, feed_n, ack_n, fill_n,
    QUANTILES(feed_other), QUANTILES(feed_equity), QUANTILES(feed_crypto),
    QUANTILES(feed_event), fill_ratio, fill_ratio_se, fill_ratio_n, reject_rate, reject_rate_se,
    reject_rate_n, usual_gap_ns, relapses, rejects_in_row, timeouts_in_row,
    cancel_timeouts_in_row, dropped_no_mid_buy, dropped_no_mid_sell, dropped_stale_mid_buy,
    dropped_stale_mid_sell, dropped_not_trading_buy, dropped_not_trading_sell,
    dropped_table_full_buy, dropped_table_full_sell, clean, clean_needed, probes, venue, health,
    reserved)
OUT(Alarm, child_id, order_id, value, kind, venue, source, reserved)
}  // namespace out::places

namespace {

#define LISTED(SPACE, T) {#T, sizeof(SPACE::T), SPACE::places::k##T},
#define LIST(SPACE, ...) EACH(LISTED, SPACE, __VA_ARGS__)

const LayoutPlaces kLayouts[] = {
    LIST(venuefold, Header, Quote, Trade, Status, Timer, NewOrder, CancelOrder, Kill, EndOfDay,
         Rearm, ExecReport, Instrument, Venue, Listing, Fee, FeeTier, Billing, Policy, Limits,
         AccountLimits, Posting, Settings, EngineActivated, MassCancel, Budget, VenuePriorUpdated)
    LIST(out, OutHeader, Decision, Candidate, Row, Allocation, Child, CancelChild, OrderState,
         ChildState, StatusRequest, ReplaceChild, Refusal, Quality, ExecutionQuality,
         VenueQuality, Alarm, Break, Position, VenueSums, BudgetState, MassCancelReport)};

#define CODE_VALUE(NAME, VALUE) {#NAME, VALUE},
#define CODE_VALUES(NAME, TYPE, CODES) const CodeValue k##NAME[] = {CODES(CODE_VALUE)};
#define CODE_LIST(NAME, TYPE, CODES) {#NAME, code_values::k##NAME},

namespace code_values {
VENUEFOLD_ENUMS(CODE_VALUES)
}  // namespace code_values

const CodeList kCodeLists[] = {VENUEFOLD_ENUMS(CODE_LIST)};

}  // namespace

std::span<const LayoutPlaces> layouts() { return kLayouts; }
std::span<const CodeList> code_lists() { return kCodeLists; }

}  // namespace venuefold
