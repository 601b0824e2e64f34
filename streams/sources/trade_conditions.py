"""Tape conditions of US equity prints (hexadecimal bit flags) as TradeCondition bits."""

from __future__ import annotations

from schemas.codes import TradeCondition

REGULAR_BIT = 0x1
ISO_BIT = 0x20

CONDITIONS = {
    0x40: TradeCondition.AUCTION,  # opening
    0x80: TradeCondition.AUCTION,  # closing
    0x100: TradeCondition.AUCTION,  # reopening
    0x200: TradeCondition.DERIVED_PRICE,  # derivatively priced
    0x400: TradeCondition.EXTENDED_HOURS,  # form T
    0x1000: TradeCondition.DERIVED_PRICE,  # stopped stock: priced when it was stopped
    0x2000: TradeCondition.EXTENDED_HOURS,
    0x4000: TradeCondition.OUT_OF_SEQUENCE,
    0x100000: TradeCondition.DERIVED_PRICE,  # average price
    0x200000: TradeCondition.CROSS,
    0x2000000: TradeCondition.DERIVED_PRICE,  # prior reference price
}
"""Bits that make a print something else than a continuous trade at the market."""


def trade_conditions(hex_text: str, is_off_exchange: bool) -> int:
    """TradeCondition bits; REGULAR only for a continuous print of an exchange, ISO or not.

    ValueError where `hex_text` is not hexadecimal.
    """
    bits = int(hex_text or "0", 16)
    found = TradeCondition(0)
    for bit, condition in CONDITIONS.items():
        if bits & bit:
            found |= condition
    if is_off_exchange:
        found |= TradeCondition.OFF_EXCHANGE
    if not found and bits & (REGULAR_BIT | ISO_BIT):
        found |= TradeCondition.REGULAR
    return int(found | TradeCondition.ISO if bits & ISO_BIT else found)
