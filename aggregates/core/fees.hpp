// Fee schedules of billing accounts: which line is in force, and what it charges.
//
// The nearest line counts: the account's own before everybody's, the instrument's before the
// venue's. The tier follows from a BILLING input alone, so that no order chases a jump.
#pragma once

#include <array>
#include <compare>
#include <cstring>
#include <map>

#include "arithmetic.hpp"
#include "schemas/core/codes.hpp"
#include "schemas/core/layout.hpp"

namespace venuefold {

constexpr std::size_t kMaxFeeLines = 65'536;
constexpr std::size_t kMaxBillings = 4096;
constexpr std::uint8_t kMaxFeeTiers = 32;

// A billing account by its bytes; all zero is everybody.
struct Account {
  std::array<std::uint8_t, 16> name{};

  Account() = default;
  explicit Account(const char (&text)[16]) { std::memcpy(name.data(), text, sizeof text); }
  auto operator<=>(const Account&) const = default;
};

struct FeeKey {
  std::uint8_t venue;
  Account account;
  std::uint32_t instrument;
  std::uint8_t liquidity;
  std::uint8_t tier;
  auto operator<=>(const FeeKey&) const = default;
};

struct BillingKey {
  std::uint8_t venue;
  Account account;
  auto operator<=>(const BillingKey&) const = default;
};

// What one whole one costs: a fixed part, and a share of the price.
struct FeeTerms {
  std::int64_t fixed_nanos;
  std::int64_t rate_e9;

  // Negative for a rebate.
  std::int64_t per_one(std::int64_t price_nanos) const {
    return fixed_nanos + (rate_e9 != 0 ? scale_e9(price_nanos, rate_e9) : 0);
  }
};

// The terms of a line at a price.
inline FeeTerms terms_at(const FeeTier& line, std::int64_t price_nanos) {
  if (price_nanos < line.sub_below_nanos) return {line.sub_fixed_nanos, line.sub_rate_e9};
  return {line.fixed_nanos, line.rate_e9};
}

// Units traded at a price.
struct Fill {
  std::int64_t units;
  std::int64_t nanos;
};

// What a line charges for a fill before its bounds; `one` is the instrument's units per one.
int128 plain_charge(const FeeTier& line, const Fill& fill, std::int64_t one);
// Minimum and maximum bound what is charged; 0 is none, and a rebate has no minimum. The charge is
// in nanos / `one`.
int128 bounded_charge(const FeeTier& line, int128 charge, std::int64_t one = 1);
// A line that bounds what it charges; null without a line or bounds.
inline const FeeTier* bounds_of(const FeeTier* line) {
  return line != nullptr && (line->min_nanos | line->max_nanos) != 0 ? line : nullptr;
}

// What a line charges for a fill after a child's earlier ones, which a line per order adds up.
template <class Trades>
int128 charge_nanos(const FeeTier& line, const Trades& before, const Fill& fill,
                    std::int64_t one) {
  const int128 charge = plain_charge(line, fill, one);
  if (line.per_order == 0) return bounded_charge(line, charge);
  int128 total = 0;
  for (const auto& trade : before) total += plain_charge(line, {trade.units, trade.nanos}, one);
  const int128 charged = before.empty() ? 0 : bounded_charge(line, total);
  return bounded_charge(line, total + charge) - charged;
}

class Fees {
 public:
  const std::map<FeeKey, FeeTier>& lines() const { return lines_; }
  const std::map<BillingKey, Billing>& billings() const { return billings_; }

  // Each defines or replaces what the record names, or says why not.
  Reason put_line(const FeeTier& record);
  Reason put_billing(const Billing& record);
  // The line in force; null where no schedule says anything.
  const FeeTier* find(std::uint8_t venue, const Account& account, std::uint32_t instrument,
                      std::uint8_t liquidity) const {
    return (venues_ >> venue & 1) == 0 ? nullptr : search(venue, account, instrument, liquidity);
  }
  // Whether any line of a venue is known; a bit for each dense id.
  std::uint64_t venues() const { return venues_; }

 private:
  std::map<FeeKey, FeeTier> lines_;
  std::map<BillingKey, Billing> billings_;
  std::uint64_t venues_ = 0;

  const FeeTier* search(std::uint8_t venue, const Account& account, std::uint32_t instrument,
                        std::uint8_t liquidity) const;
  const Billing* billing(std::uint8_t venue, const Account& account) const;
  const FeeTier* in_force(const FeeKey& first, const Billing* billing) const;
};

// Whether a record's numbers can be believed.
bool is_valid(const FeeTier& record);
bool is_valid(const Billing& record);

}  // namespace venuefold
