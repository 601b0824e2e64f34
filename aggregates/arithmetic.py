"""Exact integer arithmetic that both cores share."""

from __future__ import annotations

import struct

from schemas.units import E9, INT64_MAX

_MASK = 0xFFFFFFFFFFFFFFFF
_PRIME = 0x9E3779B97F4A7C15
_LANES = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89)


def scale_e9(value: int, rate_e9: int) -> int:
    """floor(value * rate / 1e9); the native core splits `value` to stay inside 64 bits."""
    return value * rate_e9 // E9


def add_clamped(total: int, value: int) -> int:
    """Sum that stays at a bound of 64 bits."""
    return max(-INT64_MAX, min(INT64_MAX, total + value))


def split_128(value: int) -> tuple[int, int]:
    """A signed 128-bit number as (unsigned low, signed high) words."""
    return value & _MASK, value >> 64


def join_128(low: int, high: int) -> int:
    """Inverse of split_128."""
    return (high << 64) | low


def digest64(data: bytes) -> int:
    """64-bit digest of bytes whose length is a multiple of 8; four lanes, word by word."""
    lanes = list(_LANES)
    for index, (word,) in enumerate(struct.iter_unpack("<Q", data)):
        mixed = ((lanes[index & 3] ^ word) * _PRIME) & _MASK
        lanes[index & 3] = mixed ^ (mixed >> 29)
    total = len(data)
    for lane in lanes:
        total = ((total ^ lane) * _PRIME) & _MASK
        total ^= total >> 32
    return total
