#include "streams/simulator/core/fees.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "streams/simulator/core/faults.hpp"

namespace venuefold {
namespace {

using Int128 = __int128;

constexpr std::int64_t kE9 = 1'000'000'000;
constexpr std::int64_t kMaxFixedNanos = 1'000'000'000'000;

Int128 floor_divide(Int128 value, std::int64_t divisor) {
  const Int128 quotient = value / divisor;
  return quotient * divisor > value ? quotient - 1 : quotient;
}

}  // namespace

void FeeTable::put(std::uint32_t instrument, std::uint32_t venue, std::uint32_t liquidity,
                   std::int64_t fixed_nanos, std::int64_t rate_e9) {
  const std::string where = "fee of instrument " + std::to_string(instrument) + " at venue " +
                            std::to_string(venue) + ", liquidity " + std::to_string(liquidity);
  if (instrument >= instruments_ || venue >= venues_ || liquidity >= kLiquidityCodes) {
    throw InputFault(where + ": no such instrument, venue or liquidity code");
  }
  if (fixed_nanos < -kMaxFixedNanos || fixed_nanos > kMaxFixedNanos || rate_e9 <= -kE9 ||
      rate_e9 >= kE9) {
    throw InputFault(where + " is out of range: at most 1000 per one, less than 100 %");
  }
  rates_[(instrument * venues_ + venue) * kLiquidityCodes + liquidity] = {fixed_nanos, rate_e9,
                                                                         true};
}

std::int64_t fee_nanos(const FeeRate& rate, std::int64_t price_nanos, std::int64_t units,
                       std::int64_t units_per_one) {
  const Int128 share = floor_divide(Int128{price_nanos} * rate.rate_e9, kE9);
  const Int128 fee = floor_divide((rate.fixed_nanos + share) * units, units_per_one);
  const Int128 lowest = std::numeric_limits<std::int64_t>::min();
  const Int128 highest = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(fee, lowest, highest));
}

}  // namespace venuefold
