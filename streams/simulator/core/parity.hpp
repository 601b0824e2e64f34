// What a test compares with schemas/: codes by name and the offsets of a child record.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "streams/simulator/core/child.hpp"

namespace venuefold {

using NamedNumbers = std::vector<std::pair<const char*, std::int64_t>>;

inline const NamedNumbers kCodeNames = {
    {"InputType.QUOTE", kQuote},
    {"InputType.TRADE", kTrade},
    {"InputType.STATUS", kStatus},
    {"InputType.NEW_ORDER", kNewOrder},
    {"InputType.CANCEL_ORDER", kCancelOrder},
    {"InputType.AMEND_ORDER", kAmendOrder},
    {"InputType.EXEC_REPORT", kExecReport},
    {"InputType.INSTRUMENT", kInstrument},
    {"InputType.VENUE", kVenue},
    {"InputType.POLICY", kPolicy},
    {"InputType.LIMITS", kLimits},
    {"InputType.SETTINGS", kSettings},
    {"OutputType.CHILD", kOutputChild},
    {"QuoteFlag.LEVEL_MASK", kLevelMask},
    {"QuoteFlag.MORE", kMore},
    {"TradeCondition.REGULAR", kRegular},
    {"TradeCondition.ISO", kIso},
    {"TradeCondition.OFF_EXCHANGE", kOffExchange},
    {"TradeCondition.AUCTION", kAuctionPrint},
    {"TradeCondition.CROSS", kCross},
    {"TradeCondition.EXTENDED_HOURS", kExtendedHours},
    {"TradeCondition.OUT_OF_SEQUENCE", kOutOfSequence},
    {"TradeCondition.DERIVED_PRICE", kDerivedPrice},
    {"TradeCondition.SUSPICIOUS", kSuspicious},
    {"VenueStatus.OPEN", kOpen},
    {"VenueStatus.HALTED", kHalted},
    {"VenueStatus.AUCTION", kInAuction},
    {"VenueStatus.CLOSED", kClosed},
    {"VenueStatus.DOWN", kDown},
    {"Side.BUY", kBuy},
    {"Side.SELL", kSell},
    {"Side.SELL_SHORT", kSellShort},
    {"Side.SELL_SHORT_EXEMPT", kSellShortExempt},
    {"OrdType.MARKET", kMarket},
    {"OrdType.LIMIT", kLimit},
    {"TimeInForce.DAY", kDay},
    {"TimeInForce.IOC", kIoc},
    {"TimeInForce.FOK", kFok},
    {"ExecInst.ALL_OR_NONE", kAllOrNone},
    {"ExecInst.POST_ONLY", kPostOnly},
    {"ExecType.NEW", kNew},
    {"ExecType.TRADE", kFill},
    {"ExecType.CANCELED", kCanceled},
    {"ExecType.REJECTED", kRejected},
    {"ExecType.EXPIRED", kExpired},
    {"ExecType.CANCEL_REJECT", kCancelReject},
    {"ExecType.REPLACED", kReplaced},
    {"ExecType.REPLACE_REJECT", kReplaceReject},
    {"ExecType.ORDER_STATUS", kOrderStatus},
    {"ChildState.ACKNOWLEDGED", kStateAcknowledged},
    {"ChildState.PARTIAL", kStatePartial},
    {"ChildState.FILLED", kStateFilled},
    {"ChildState.CANCELED", kStateCanceled},
    {"ChildState.REJECTED", kStateRejected},
    {"ChildState.EXPIRED", kStateExpired},
    {"Liquidity.NONE", kNoLiquidity},
    {"Liquidity.TAKE", kTake},
    {"Liquidity.ADD", kAdd},
    {"ReportFlag.MODELLED", kModelled},
    {"Reason.NONE", kNoReason},
    {"Reason.VENUE_NOT_OPEN", kVenueNotOpen},
    {"Reason.FEE_UNKNOWN", kFeeUnknown},
    {"Reason.BAD_PRICE", kBadPrice},
    {"Reason.BAD_SIZE", kBadSize},
    {"Reason.UNKNOWN_VENUE", kUnknownVenue},
    {"Reason.UNKNOWN_INSTRUMENT", kUnknownInstrument},
    {"Reason.UNKNOWN_CHILD", kUnknownChild},
    {"Reason.BAD_SIDE", kBadSide},
    {"Reason.UNSUPPORTED_ORD_TYPE", kUnsupportedOrdType},
    {"Reason.UNSUPPORTED_TIME_IN_FORCE", kUnsupportedTimeInForce},
    {"Reason.UNSUPPORTED_EXEC_INST", kUnsupportedExecInst},
    {"Reason.UNSUPPORTED_MIN_QTY", kUnsupportedMinQty},
};

#define VENUEFOLD_FIELD(name) {#name, offsetof(ChildRecord, name)}
inline const NamedNumbers kChildOffsets = {
    VENUEFOLD_FIELD(size),          VENUEFOLD_FIELD(type),        VENUEFOLD_FIELD(version),
    VENUEFOLD_FIELD(shard),         VENUEFOLD_FIELD(instrument),  VENUEFOLD_FIELD(header_reserved),
    VENUEFOLD_FIELD(out_seq),       VENUEFOLD_FIELD(seq),         VENUEFOLD_FIELD(log_ns),
    VENUEFOLD_FIELD(child_id),      VENUEFOLD_FIELD(order_id),    VENUEFOLD_FIELD(decision_id),
    VENUEFOLD_FIELD(units),         VENUEFOLD_FIELD(limit_nanos), VENUEFOLD_FIELD(min_units),
    VENUEFOLD_FIELD(send_delay_ns), VENUEFOLD_FIELD(expire_ns),   VENUEFOLD_FIELD(venue),
    VENUEFOLD_FIELD(side),          VENUEFOLD_FIELD(ord_type),    VENUEFOLD_FIELD(time_in_force),
    VENUEFOLD_FIELD(exec_inst),     VENUEFOLD_FIELD(capacity),    VENUEFOLD_FIELD(reserved),
    VENUEFOLD_FIELD(cl_ord_id),     VENUEFOLD_FIELD(account),
};
#undef VENUEFOLD_FIELD

}  // namespace venuefold
