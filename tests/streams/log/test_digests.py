"""SHA-256 and CRC-32C against the library and published vectors, on both code paths."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.log import _journal

CRC_VECTORS = [  # RFC 3720 B.4, and the check value of the polynomial
    (b"", 0x00000000),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
]


@pytest.mark.parametrize(("data", "expected"), CRC_VECTORS)
def test_crc_vectors(data: bytes, expected: int) -> None:
    assert _journal.crc32c(data) == _journal.crc32c_table(data) == expected


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1), st.integers(0, 300))
def test_crc_paths_agree_and_continue(data: bytes, start: int, cut: int) -> None:
    whole = _journal.crc32c(data, start)
    assert whole == _journal.crc32c_table(data, start)
    assert whole == _journal.crc32c(data[cut:], _journal.crc32c(data[:cut], start))


@pytest.mark.parametrize("size", [*range(130), 1000, 4096, 65_537])
def test_sha256_is_hashlibs(size: int) -> None:
    data = random.Random(size).randbytes(size)
    expected = hashlib.sha256(data).digest()
    assert _journal.sha256(data) == expected
    assert _journal.sha256_scalar(data) == expected


def test_instructions_are_those_of_the_machine() -> None:
    with open("/proc/cpuinfo", encoding="ascii") as file:  # noqa: PTH123
        flags = set(file.read().split())
    assert _journal.instructions() == ("sha_ni" in flags, "sse4_2" in flags)
