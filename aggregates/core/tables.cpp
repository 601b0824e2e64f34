#include "tables.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "policy.hpp"

namespace venuefold {
namespace {

bool is_status(std::uint8_t status) {
  return within(number(VenueStatus::OPEN), status, number(VenueStatus::DOWN));
}

void set_bit(std::uint64_t& mask, std::size_t id, bool value) {
  mask = (mask & ~(std::uint64_t{1} << id)) | std::uint64_t{value} << id;
}

}  // namespace

void Tables::set_status(std::size_t id, std::uint8_t status) {
  venues_[id].status = status;
  set_bit(open_, id, status == number(VenueStatus::OPEN));
}

void Tables::set_killed(std::size_t id, std::uint8_t switches) {
  venues_[id].killed = switches;
  set_bit(killed_, id, switches != 0);
}

void Tables::set_self_help(std::size_t id, bool declared) {
  venues_[id].self_help = declared;
  set_bit(self_help_, id, declared);
}

void Tables::hold(std::size_t id, std::int64_t until_ns) {
  venues_[id].hold_until_ns = until_ns;
  set_bit(held_, id, until_ns != 0);
}

std::uint64_t Tables::held(std::int64_t now_ns) const {
  std::uint64_t held = held_;
  for (std::uint64_t left = held_; left != 0; left &= left - 1) {
    const auto id = static_cast<std::size_t>(std::countr_zero(left));
    if (venues_[id].hold_until_ns <= now_ns) held &= ~(std::uint64_t{1} << id);
  }
  return held;
}

Reason Tables::put_venue(std::uint8_t id, const Venue& record) {
  if (id > venues_.size()) return Reason::UNKNOWN_VENUE;
  if (id >= kMaxVenues) return Reason::TABLE_FULL;
  if (!has_text(record.key) || !is_status(record.status)) return Reason::BAD_VALUE;
  if (!within(0, record.ack_prior_ns, kMaxDurationNs)) return Reason::BAD_VALUE;
  if (id == venues_.size()) {
    venues_.push_back({record, record.status, 0, false});
    ++venues_count_;
    set_status(id, record.status);
  } else {
    // Only the feed says from now on whether it trades.
    venues_[id].record = record;
  }
  set_bit(protected_, id, record.is_protected != 0);
  set_bit(dark_, id, record.kind == number(VenueKind::DARK));
  follow_prior(id);
  rank();
  return Reason::NONE;
}

Reason Tables::put_prior(std::size_t id, std::int64_t fill_ratio_e9, std::int64_t ack_ns) {
  if (!within(kNoPrior, fill_ratio_e9, kE9) || !within(0, ack_ns, kMaxDurationNs)) {
    return Reason::BAD_VALUE;
  }
  venues_[id].wide_fill_e9 = fill_ratio_e9;
  venues_[id].wide_ack_ns = ack_ns;
  follow_prior(id);
  return Reason::NONE;
}

void Tables::follow_prior(std::size_t id) {
  const VenueEntry& entry = venues_[id];
  ack_prior_ns_[id] = entry.wide_ack_ns != 0 ? entry.wide_ack_ns : entry.record.ack_prior_ns;
}

void Tables::rank() {
  rank_order_.resize(venues_.size());
  std::iota(rank_order_.begin(), rank_order_.end(), std::uint8_t{0});
  std::stable_sort(rank_order_.begin(), rank_order_.end(), [&](std::uint8_t a, std::uint8_t b) {
    return std::memcmp(venues_[a].record.key, venues_[b].record.key, sizeof(Venue::key)) < 0;
  });
}

Reason Tables::put_policy(const Policy& record) {
  if (!is_valid(record)) return Reason::BAD_VALUE;
  auto& place = policies_[record.policy];
  policy_count_ += place == nullptr;
  place = std::make_unique<Policy>(record);
  return Reason::NONE;
}

Reason Tables::put_posting(const Posting& record) {
  if (!is_valid(record)) return Reason::BAD_VALUE;
  auto& place = postings_[record.policy];
  posting_count_ += place == nullptr;
  place = std::make_unique<Posting>(record);
  return Reason::NONE;
}

Reason Tables::put_settings(const Settings& record) {
  if (!is_valid(record)) return Reason::BAD_VALUE;
  settings_ = record;
  grids_ = grids_of(record);
  priors_ = priors_of(record);
  return Reason::NONE;
}

bool is_valid(const Instrument& record) {
  return has_text(record.key) && within(1, record.units_per_one, kMaxUnitsPerOne) &&
         within(1, record.tick_nanos, kMaxUnits) && within(1, record.round_lot_units, kMaxUnits);
}

bool is_valid(const Listing& record) {
  return within(1, record.tick_nanos, kMaxUnits) && within(1, record.lot_units, kMaxUnits) &&
         within(0, record.min_units, kMaxUnits) &&
         within(0, record.ticket_nanos, kMaxTicketNanos);
}

bool is_valid(const Fee& record) {
  return record.liquidity < kLiquidityCodes &&
         within(-kMaxFeeFixedNanos, record.fixed_nanos, kMaxFeeFixedNanos) &&
         within(1 - kE9, record.rate_e9, kE9 - 1);
}

bool is_valid(const Limits& record) {
  return within(0, record.max_order_units, kMaxUnits) &&
         within(0, record.max_notional_ones, kMaxNotionalOnes) &&
         within(1, record.collar_e9, kE9 - 1) && record.restricted <= 1 &&
         record.short_restricted <= 1 && record.self_match <= number(SelfMatch::CANCEL_BOTH) &&
         within(0, record.duplicate_ns, kMaxDurationNs);
}

bool is_valid(const Posting& record) {
  constexpr std::int64_t kMinRestNs = 1000;
  constexpr std::uint32_t kMaxPosts = 1000;
  return within(1, record.policy, kMaxPolicies) && record.enabled <= 1 && record.improve == 0 &&
         within(1, record.horizon, 4) && record.max_posts <= kMaxPosts &&
         within(kMinRestNs, record.rest_ns, kMaxDurationNs) &&
         within(kMinRestNs, record.min_life_ns, kMaxDurationNs) &&
         within(kMinRestNs, record.check_ns, kMaxDurationNs);
}

namespace {

// Switches, codes and charges beyond those of every policy.
bool has_valid_extras(const Policy& record) {
  constexpr auto most_e9 = static_cast<std::uint32_t>(kE9);
  return record.equalise_arrival <= 1 && record.use_hidden <= 1 &&
         record.protection <= number(Protection::ISO) &&
         record.crossed <= number(Crossed::WAIT) && record.impact_horizon <= kMarkoutHorizons &&
         record.toxicity_horizon <= kMarkoutHorizons && record.urgency_miss_e9_1 <= most_e9 &&
         record.urgency_miss_e9_2 <= most_e9 && record.urgency_miss_e9_3 <= most_e9 &&
         within(0, record.ticket_nanos, kMaxTicketNanos) && record.max_delay_us <= kMaxDelayUs &&
         record.ended <= 1 && record.dark_percent <= 100 &&
         record.dark_horizon <= kMarkoutHorizons && record.dark_min_lots <= kMaxDarkLots;
}

}  // namespace

bool is_valid(const Policy& record) {
  const auto duration = [](std::int64_t value) { return within(1, value, kMaxDurationNs); };
  return within(1, record.policy, kMaxPolicies) &&
         within(number(PolicyKind::BEST_PRICE), record.kind, number(PolicyKind::BALANCED)) &&
         record.split <= 1 && record.fee_aware <= 1 && record.allow_degraded <= 1 &&
         has_valid_extras(record) && within(1, record.max_levels, kMaxLevels) &&
         within(1, record.max_children, kMaxVenues) && within(1, record.max_attempts, 1000) &&
         within(0, record.tolerance_e9, kE9) && within(0, record.miss_penalty_e9, kE9) &&
         duration(record.stale_ns) && duration(record.ack_timeout_ns) &&
         duration(record.retry_ns) && duration(record.horizon_ns);
}

}  // namespace venuefold
