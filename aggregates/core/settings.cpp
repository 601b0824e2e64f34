#include "settings.hpp"

#include "schemas/core/codes.hpp"

namespace venuefold {
namespace {

constexpr std::int64_t kMillisecondNs = 1'000'000;
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kDayLengthNs = 86'400 * kSecondNs;

double from_e9(std::int64_t value) {
  return static_cast<double>(value) / static_cast<double>(kE9);
}

template <class... Values>
bool are_half_lives(Values... values) {
  return (within(kMinHalfLifeNs, values, kMaxDurationNs) && ...);
}

template <class... Values>
bool are_durations(Values... values) {
  return (within(0, values, kMaxDurationNs) && ...);
}

template <class... Values>
bool are_runs(Values... values) {
  return (within(1, values, kMaxRun) && ...);
}

bool horizons_rise(const Settings& record) {
  return 0 < record.horizon_1_ns && record.horizon_1_ns < record.horizon_2_ns &&
         record.horizon_2_ns < record.horizon_3_ns && record.horizon_3_ns < record.horizon_4_ns &&
         record.horizon_4_ns <= kMaxDurationNs;
}

}  // namespace

Settings default_settings() {
  Settings settings{};
  settings.type = number(InputType::SETTINGS);
  settings.liquidity_half_life_ns = 60 * kSecondNs;
  settings.speed_half_life_ns = 60 * kSecondNs;
  settings.fill_half_life_ns = 600 * kSecondNs;
  settings.publish_ns = 0;
  settings.cost_half_life_ns = 600 * kSecondNs;
  settings.impact_half_life_ns = 600 * kSecondNs;
  settings.horizon_1_ns = 50 * kMillisecondNs;
  settings.horizon_2_ns = kSecondNs;
  settings.horizon_3_ns = 15 * kSecondNs;
  settings.horizon_4_ns = 60 * kSecondNs;
  settings.mid_age_ns = 10 * kSecondNs;
  settings.stale_floor_ns = 5 * kSecondNs;
  settings.fee_tolerance_nanos = 10'000'000;
  settings.stale_multiple = 20;
  settings.reject_burst = 3;
  settings.timeout_burst = 2;
  settings.clean_run = 10;
  settings.clean_run_max = 160;
  settings.near_ticks = 5;
  settings.identity_window_ns = 86'400 * kSecondNs;
  settings.linger_ns = 60 * kSecondNs;
  settings.fill_prior_e9 = 900'000'000;
  settings.fill_prior_weight_e9 = 4 * kE9;
  settings.ack_prior_weight_e9 = 4 * kE9;
  settings.open_window_ns = 1800 * kSecondNs;
  settings.open_half_life_days = 5;
  return settings;
}

Grids grids_of(const Settings& record) {
  return {Grid(record.liquidity_half_life_ns), Grid(record.speed_half_life_ns),
          Grid(record.fill_half_life_ns), Grid(record.cost_half_life_ns),
          Grid(record.impact_half_life_ns), Grid(record.open_half_life_days * kDayLengthNs)};
}

Priors priors_of(const Settings& record) {
  const double fill = from_e9(record.fill_prior_e9);
  const auto own = [fill](std::uint32_t prior_e9) {
    return prior_e9 != 0 ? from_e9(prior_e9) : fill;
  };
  return {{fill, fill, own(record.fill_prior_dark_e9), own(record.fill_prior_wholesaler_e9)},
          from_e9(record.fill_prior_weight_e9),
          from_e9(record.ack_prior_weight_e9)};
}

bool is_valid(const Settings& record) {
  return are_half_lives(record.liquidity_half_life_ns, record.speed_half_life_ns,
                        record.fill_half_life_ns, record.cost_half_life_ns,
                        record.impact_half_life_ns) &&
         are_durations(record.publish_ns, record.identity_window_ns, record.linger_ns,
                       record.resolution_ns, record.mid_age_ns, record.control_ns,
                       record.health_ns, record.stale_floor_ns, record.open_window_ns) &&
         within(0, record.fill_prior_e9, kE9) && record.fill_prior_dark_e9 <= kE9 &&
         record.fill_prior_wholesaler_e9 <= kE9 &&
         within(1, record.fill_prior_weight_e9, kMaxUnits) &&
         within(1, record.ack_prior_weight_e9, kMaxUnits) &&
         are_runs(record.stale_multiple, record.reject_burst, record.timeout_burst,
                  record.clean_run, record.clean_run_max, record.near_ticks) &&
         record.near_ticks <= kMaxNearTicks && record.mid_crossed_e9 <= kE9 &&
         record.probes_per_minute <= kMaxProbes && record.probe_children <= kMaxRun &&
         record.open_half_life_days <= kMaxDays &&
         within(0, record.fee_tolerance_nanos, kMaxUnits) && horizons_rise(record);
}

}  // namespace venuefold
