"""Small logs to read, damage and recover."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from schemas import decisions
from schemas.codes import OutputType
from schemas.envelope import SLOT, SLOTS
from streams.log import SegmentWriter

SLOT_COUNTS = {int(kind): count for kind, count in SLOTS.items()}
KINDS = [*sorted(SLOT_COUNTS), 200]
Groups = list[list[bytes]]


class Samples:
    """Records with seeded contents, and logs made of them."""

    @staticmethod
    def inputs(count: int, seed: int = 1) -> list[bytes]:
        """Input records of all types and of one that no table lists."""
        generator = random.Random(seed)
        kinds = [generator.choice(KINDS) for _ in range(count)]
        return [
            bytes([kind]) + generator.randbytes(SLOT * SLOT_COUNTS.get(kind, 1) - 1)
            for kind in kinds
        ]

    @staticmethod
    def outputs(count: int, first_seq: int = 1, input_seq: int = 1) -> list[bytes]:
        """Output records: a decision, its child, then states of order 1, 2, ..."""
        kinds = (OutputType.DECISION, OutputType.CHILD, OutputType.CHILD_STATE, OutputType.QUALITY)
        layouts = (decisions.DECISION, decisions.CHILD, decisions.CHILD_STATE, decisions.QUALITY)
        records = []
        for seq in range(first_seq, first_seq + count):
            place = (seq - 1) % 4
            order = 1 + (seq - 1) // 4
            layout = layouts[place]
            values = {"order_id": order} if place < 3 else {}
            named = {"cl_ord_id": b"C%d" % order, "account": b"A"} if place < 2 else {}
            header = {"size": layout.size, "type": kinds[place], "out_seq": seq, "seq": input_seq}
            records.append(layout.pack(**header, **values, **named))
        return records

    @classmethod
    def of(cls, stream: str, count: int) -> list[bytes]:
        """Records of either stream."""
        return cls.inputs(count) if stream == "inputs" else cls.outputs(count)

    @staticmethod
    def write(directory: Path, stream: str, groups: Iterable[list[bytes]], **options: Any) -> bytes:
        """Write each group as a frame of its own; returns the chain head."""
        writer = SegmentWriter(str(directory), stream, 3, **options)
        for log_ns, records in enumerate(groups):
            seq = writer.append(b"".join(records), len(records), log_ns)
            assert writer.wait_durable(seq + len(records) - 1)
        writer.close()
        return writer.chain_head

    @staticmethod
    def split(records: list[bytes], size: int) -> Groups:
        """Groups of `size` records."""
        return [records[at : at + size] for at in range(0, len(records), size)]

    @staticmethod
    def chain(stream: str, shard: int, records: Iterable[bytes]) -> list[bytes]:
        """Chain values after each record, by hashlib; the origin first."""
        values = [hashlib.sha256(f"venuefold:{stream}:{shard}".encode()).digest()]
        for record in records:
            values.append(hashlib.sha256(values[-1] + record).digest())
        return values


@pytest.fixture(scope="session")
def samples() -> type[Samples]:
    """Return the maker of sample records and logs."""
    return Samples


@pytest.fixture
def make_log(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a log of `groups` x `size` records and names its folder."""

    def make(stream: str, groups: int = 4, size: int = 3, **options: int) -> Path:
        records = Samples.of(stream, groups * size)
        Samples.write(tmp_path, stream, Samples.split(records, size), **options)
        return tmp_path

    return make
