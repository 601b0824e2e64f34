// What a routing policy says about one order: its urgency chooses penalty, horizon and posting.
#pragma once

#include <cstdint>

#include "schemas/core/codes.hpp"
#include "schemas/core/layout.hpp"

namespace venuefold {

constexpr std::uint8_t kUrgencies = 3;
constexpr std::uint8_t kMarkoutHorizons = 4;
constexpr std::int64_t kMaxTicketNanos = 1'000'000'000'000;
constexpr std::uint32_t kMaxDelayUs = 1'000'000;
constexpr std::uint16_t kMaxDarkLots = 1000;

// One of three values by urgency 1 to 3; 0 for any other urgency.
constexpr std::int64_t by_urgency(std::uint8_t urgency, std::int64_t low, std::int64_t medium,
                                  std::int64_t high) {
  if (urgency == 1) return low;
  if (urgency == 2) return medium;
  return urgency == kUrgencies ? high : 0;
}

// Fraction of the price that missing one unit costs an order of this urgency.
inline std::int64_t miss_penalty_e9(const Policy& policy, std::uint8_t urgency) {
  const std::int64_t own = by_urgency(urgency, policy.urgency_miss_e9_1, policy.urgency_miss_e9_2,
                                      policy.urgency_miss_e9_3);
  return own != 0 ? own : policy.miss_penalty_e9;
}

// How long an order of this urgency is worked.
inline std::int64_t horizon_ns(const Policy& policy, std::uint8_t urgency) {
  const std::int64_t own_ms =
      by_urgency(urgency, policy.urgency_horizon_ms_1, policy.urgency_horizon_ms_2,
                 policy.urgency_horizon_ms_3);
  return own_ms != 0 ? own_ms * 1'000'000 : policy.horizon_ns;
}

// Whether what finds no taker of this urgency may rest at a venue.
inline bool may_post(const Policy& policy, std::uint8_t urgency) {
  return urgency <= kUrgencies && (policy.posting >> urgency & 1) != 0;
}

// Whether the policy has an order of venues of its own.
inline bool orders_venues(const Policy& policy) {
  return policy.kind == number(PolicyKind::FASTEST) ||
         policy.kind == number(PolicyKind::PREFERRED);
}

}  // namespace venuefold
