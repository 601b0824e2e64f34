#include "fees.hpp"

#include "settings.hpp"
#include "tables.hpp"

namespace venuefold {
namespace {

constexpr std::int64_t kMaxVolume = 1'000'000'000'000'000'000;
constexpr std::int64_t kMaxChargeNanos = 1'000'000'000'000'000;

bool is_reached(const FeeTier& line, const Billing* billing) {
  if (billing == nullptr) return line.tier == 0;
  switch (static_cast<FeeBasis>(billing->basis)) {
    case FeeBasis::FORECAST:
      return line.volume <= billing->forecast;
    case FeeBasis::MONTH_TO_DATE:
      return line.volume <= billing->month_to_date;
    case FeeBasis::PRIOR_TIER:
      break;
  }
  return line.tier <= billing->prior_tier;
}

bool is_rate(std::int64_t rate_e9) { return within(1 - kE9, rate_e9, kE9 - 1); }

bool is_fixed(std::int64_t nanos) {
  return within(-kMaxFeeFixedNanos, nanos, kMaxFeeFixedNanos);
}

}  // namespace

int128 plain_charge(const FeeTier& line, const Fill& fill, std::int64_t one) {
  // At most 1.01e17 nanos times 1e15 units: inside 128 bits.
  const std::int64_t per_one = terms_at(line, fill.nanos).per_one(fill.nanos);
  return floor_div(int128{per_one} * fill.units, int128{one});
}

int128 bounded_charge(const FeeTier& line, int128 charge, std::int64_t one) {
  const int128 least = int128{line.min_nanos} * one;
  const int128 most = int128{line.max_nanos} * one;
  if (least != 0 && 0 <= charge && charge < least) return least;
  return most != 0 && charge > most ? most : charge;
}

Reason Fees::put_line(const FeeTier& record) {
  const FeeKey key{record.venue, Account(record.account), record.instrument, record.liquidity,
                   record.tier};
  if (lines_.size() >= kMaxFeeLines && !lines_.contains(key)) return Reason::TABLE_FULL;
  lines_.insert_or_assign(key, record);
  venues_ |= std::uint64_t{1} << record.venue;
  return Reason::NONE;
}

Reason Fees::put_billing(const Billing& record) {
  const BillingKey key{record.venue, Account(record.account)};
  if (billings_.size() >= kMaxBillings && !billings_.contains(key)) return Reason::TABLE_FULL;
  billings_.insert_or_assign(key, record);
  return Reason::NONE;
}

const Billing* Fees::billing(std::uint8_t venue, const Account& account) const {
  for (const Account& holder : {account, Account{}}) {
    const auto found = billings_.find({venue, holder});
    if (found != billings_.end()) return &found->second;
  }
  return nullptr;
}

// Tiers lie in rising order; the highest one reached counts.
const FeeTier* Fees::in_force(const FeeKey& first, const Billing* billing) const {
  const FeeTier* found = nullptr;
  for (auto at = lines_.lower_bound(first); at != lines_.end(); ++at) {
    FeeKey key = at->first;
    key.tier = 0;
    if (key != first) break;
    if (is_reached(at->second, billing)) found = &at->second;
  }
  return found;
}

const FeeTier* Fees::search(std::uint8_t venue, const Account& account, std::uint32_t instrument,
                            std::uint8_t liquidity) const {
  const Billing* const known = billing(venue, account);
  for (const Account& holder : {account, Account{}}) {
    for (const std::uint32_t scope : {instrument, kInstrumentNone}) {
      const FeeTier* const line = in_force({venue, holder, scope, liquidity, 0}, known);
      if (line != nullptr) return line;
    }
  }
  return nullptr;
}

bool is_valid(const FeeTier& record) {
  return record.liquidity < kLiquidityCodes && record.tier < kMaxFeeTiers &&
         record.per_order <= 1 && within(0, record.volume, kMaxVolume) &&
         is_fixed(record.fixed_nanos) && is_fixed(record.sub_fixed_nanos) &&
         is_rate(record.rate_e9) && is_rate(record.sub_rate_e9) &&
         within(0, record.sub_below_nanos, kMaxPriceNanos) &&
         within(0, record.min_nanos, kMaxChargeNanos) &&
         within(0, record.max_nanos, kMaxChargeNanos) &&
         (record.max_nanos == 0 || record.min_nanos <= record.max_nanos);
}

bool is_valid(const Billing& record) {
  return record.basis <= number(FeeBasis::MONTH_TO_DATE) && record.prior_tier < kMaxFeeTiers &&
         within(0, record.month_to_date, kMaxVolume) && within(0, record.forecast, kMaxVolume);
}

}  // namespace venuefold
