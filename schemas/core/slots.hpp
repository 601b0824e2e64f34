// Record type -> number of 64-byte slots of an input record; mirror of schemas.envelope.SLOTS.
#pragma once

#include <array>
#include <cstdint>

namespace venuefold {

// A type that is not listed takes one slot and is refused by the engine.
constexpr std::array<std::uint8_t, 256> kSlots = [] {
  std::array<std::uint8_t, 256> slots{};
  slots.fill(1);
  slots[16] = 5;  // NEW_ORDER
  slots[17] = 2;  // CANCEL_ORDER
  slots[18] = 5;  // AMEND_ORDER
  slots[32] = 3;  // EXEC_REPORT
  slots[33] = 3;  // DROP_COPY
  slots[34] = 2;  // ACCOUNT
  slots[35] = 2;  // POSTING
  slots[48] = 3;  // INSTRUMENT
  slots[49] = 3;  // VENUE
  slots[52] = 4;  // POLICY
  slots[53] = 2;  // LIMITS
  slots[54] = 4;  // SETTINGS
  slots[56] = 2;  // FEE_TIER
  slots[57] = 2;  // BILLING
  slots[99] = 2;  // ORDER_STATUS
  slots[100] = 2;  // MASS_CANCEL
  return slots;
}();

}  // namespace venuefold
