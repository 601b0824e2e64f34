// What a fill costs: fees by instrument, venue and liquidity code.
#pragma once

#include <cstdint>
#include <vector>

#include "streams/simulator/core/codes.hpp"

namespace venuefold {

struct FeeRate {
  std::int64_t fixed_nanos = 0;
  std::int64_t rate_e9 = 0;
  bool known = false;
};

class FeeTable {
 public:
  FeeTable(std::size_t instruments, std::size_t venues)
      : instruments_(instruments),
        venues_(venues),
        rates_(instruments * venues * static_cast<std::size_t>(kLiquidityCodes)) {}

  void put(std::uint32_t instrument, std::uint32_t venue, std::uint32_t liquidity,
           std::int64_t fixed_nanos, std::int64_t rate_e9);
  const FeeRate& get(std::uint32_t instrument, std::uint32_t venue, std::uint8_t liquidity) const {
    return rates_[(instrument * venues_ + venue) * kLiquidityCodes + liquidity];
  }
  const std::vector<FeeRate>& rates() const { return rates_; }

 private:
  std::size_t instruments_;
  std::size_t venues_;
  std::vector<FeeRate> rates_;
};

// (fixed + floor(price * rate / 1e9)) * units / units_per_one in 128 bits; both divisions round
// toward minus infinity. A result beyond 64 bits stops at the nearest of them.
std::int64_t fee_nanos(const FeeRate& rate, std::int64_t price_nanos, std::int64_t units,
                       std::int64_t units_per_one);

}  // namespace venuefold
