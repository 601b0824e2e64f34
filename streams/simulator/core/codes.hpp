// The codes of schemas/codes.py that the simulator reads or writes; a test compares them.
#pragma once

#include <array>
#include <cstdint>

#include "schemas/core/layout.hpp"

namespace venuefold {

enum InputType : std::uint8_t {
  kQuote = 1,
  kTrade = 2,
  kStatus = 3,
  kNewOrder = 16,
  kCancelOrder = 17,
  kAmendOrder = 18,
  kExecReport = 32,
  kInstrument = 48,
  kVenue = 49,
  kPolicy = 52,
  kLimits = 53,
  kSettings = 54,
};

constexpr std::uint8_t kOutputChild = 2;

constexpr std::uint8_t kLevelMask = 0x0F;
constexpr std::uint8_t kMore = 0x10;

enum TradeCondition : std::uint32_t {
  kRegular = 0x01,
  kIso = 0x02,
  kOffExchange = 0x04,
  kAuctionPrint = 0x08,
  kCross = 0x10,
  kExtendedHours = 0x20,
  kOutOfSequence = 0x40,
  kDerivedPrice = 0x80,
  kSuspicious = 0x100,
};

enum VenueStatus : std::uint8_t {
  kOpen = 1,
  kHalted = 2,
  kInAuction = 3,
  kClosed = 4,
  kDown = 5,
};

enum Side : std::uint8_t { kBuy = 1, kSell = 2, kSellShort = 5, kSellShortExempt = 6 };
enum OrdType : std::uint8_t { kMarket = 1, kLimit = 2 };
enum TimeInForce : std::uint8_t { kDay = 0, kIoc = 3, kFok = 4 };
enum ExecInst : std::uint8_t { kAllOrNone = 0x04, kPostOnly = 0x08 };

enum ExecType : std::uint8_t {
  kNew = 1,
  kFill = 2,
  kCanceled = 3,
  kRejected = 4,
  kExpired = 5,
  kCancelReject = 6,
  kReplaced = 7,
  kReplaceReject = 8,
  kOrderStatus = 13,
};

enum OrdStatus : std::uint8_t {  // ChildState codes
  kStateAcknowledged = 2,
  kStatePartial = 3,
  kStateFilled = 5,
  kStateCanceled = 6,
  kStateRejected = 7,
  kStateExpired = 8,
};

enum Liquidity : std::uint8_t { kNoLiquidity = 0, kTake = 1, kAdd = 2 };
constexpr int kLiquidityCodes = 6;
constexpr std::uint8_t kModelled = 0x01;

enum Reason : std::uint8_t {
  kNoReason = 0,
  kVenueNotOpen = 4,
  kFeeUnknown = 12,
  kBadPrice = 36,
  kBadSize = 37,
  kUnknownVenue = 39,
  kUnknownInstrument = 40,
  kUnknownChild = 44,
  kBadSide = 68,
  kUnsupportedOrdType = 69,
  kUnsupportedTimeInForce = 70,
  kUnsupportedExecInst = 71,
  kUnsupportedMinQty = 72,
};

// Slots of a record by type; a type not listed takes one.
constexpr std::array<std::uint8_t, 256> make_slots() {
  std::array<std::uint8_t, 256> slots{};
  slots.fill(1);
  slots[kNewOrder] = slots[kAmendOrder] = sizeof(NewOrder) / kSlot;
  slots[kCancelOrder] = sizeof(CancelOrder) / kSlot;
  slots[kExecReport] = sizeof(ExecReport) / kSlot;
  slots[kInstrument] = sizeof(Instrument) / kSlot;
  slots[kVenue] = sizeof(Venue) / kSlot;
  slots[kPolicy] = sizeof(Policy) / kSlot;
  slots[kLimits] = sizeof(Limits) / kSlot;
  slots[kSettings] = sizeof(Settings) / kSlot;
  return slots;
}
constexpr std::array<std::uint8_t, 256> kSlots = make_slots();

}  // namespace venuefold
