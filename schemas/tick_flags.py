"""Flags of market data records; `schemas.codes` has them beside the other codes."""

from __future__ import annotations

from enum import IntFlag


class QuoteFlag(IntFlag):
    """Flags of a QUOTE; the low nibble is the level index, 0 = top of book."""

    LEVEL_MASK = 0x0F
    MORE = 0x10
    MODELLED_BID = 0x20
    MODELLED_ASK = 0x40
    REPAIRED = 0x80


class TradeCondition(IntFlag):
    """What kind of print a TRADE is. Only REGULAR continuous prints can fill resting children."""

    REGULAR = 0x01
    ISO = 0x02
    OFF_EXCHANGE = 0x04
    AUCTION = 0x08
    CROSS = 0x10
    EXTENDED_HOURS = 0x20
    OUT_OF_SEQUENCE = 0x40
    DERIVED_PRICE = 0x80
    SUSPICIOUS = 0x100
    MODELLED = 0x200
