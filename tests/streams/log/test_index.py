"""The index against a plain scan of the records it was built from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import decisions
from schemas.codes import OutputType
from schemas.errors import NotFoundError
from streams.log import DamagedLogError, DecisionIndex, SegmentReader, recover

MakeLog = Callable[..., Path]
RECORDS = 60


@pytest.fixture
def directory(make_log: MakeLog) -> Path:
    """Return a folder with 60 outputs of 15 orders in several segments."""
    return make_log("outputs", groups=20, size=3, segment_bytes=3000)


@pytest.fixture
def index(directory: Path) -> Iterator[DecisionIndex]:
    """Yield the index of the 60 outputs."""
    index = DecisionIndex(directory / "index")
    assert index.rebuild() == RECORDS
    yield index
    index.close()


def extend(directory: Path, samples: Any, records: list[bytes]) -> None:
    """Append outputs as one frame."""
    end = recover(directory, "outputs")
    samples.write(
        directory, "outputs", [records], next_seq=end.last_seq + 1, chain_head=end.chain_head
    )


def test_every_record_of_every_order(index: DecisionIndex, samples: Any) -> None:
    records = samples.outputs(RECORDS)
    for order in range(1, 16):
        first = (order - 1) * 4 + 1
        places = index.lookup_order(order)
        assert [place.out_seq for place in places] == [first, first + 1, first + 2]
        kinds = [OutputType.DECISION, OutputType.CHILD, OutputType.CHILD_STATE]
        assert [place.type for place in places] == kinds
        assert [place.order_id for place in places] == [order] * 3
        assert [index.read(place) for place in places] == records[first - 1 : first + 2]
        assert index.find(f"C{order}", "A") == index.find(f"C{order}") == places
        assert index.lookup_decision(first) == places[0]


def test_what_is_not_there(index: DecisionIndex) -> None:
    assert index.lookup_order(16) == []
    assert index.find("C1", "B") == index.find("C") == []
    for not_a_decision in (2, 61, 2**40):
        with pytest.raises(NotFoundError, match=f"decision {not_a_decision}"):
            index.lookup_decision(not_a_decision)


def refusal(out_seq: int, **values: Any) -> bytes:
    """A refused input."""
    layout = decisions.REFUSAL
    header = {"size": layout.size, "type": OutputType.REFUSAL, "out_seq": out_seq}
    return layout.pack(**header, **values)


def test_update_adds_what_is_new(index: DecisionIndex, directory: Path, samples: Any) -> None:
    assert (index.update(), index.last_seq) == (0, RECORDS)
    fresh = [
        refusal(61, cl_ord_id=b"C3", account=b"A", order_id=3),
        refusal(62, cl_ord_id=b"NEVER", account=b"B"),
        *samples.outputs(2, 63),
    ]
    extend(directory, samples, fresh)
    assert (index.update(), index.last_seq) == (4, 64)
    assert [place.out_seq for place in index.find("C3")] == [9, 10, 11, 61]
    assert [place.out_seq for place in index.find("NEVER", "B")] == [62]
    assert index.read(index.find("NEVER")[0]) == fresh[1]


def test_update_inside_a_frame_continues_after_the_last_record(
    index: DecisionIndex, directory: Path, samples: Any
) -> None:
    twin = DecisionIndex(directory / "twin")
    twin.rebuild()
    for first in (61, 65):
        extend(directory, samples, samples.outputs(4, first))
    assert (index.update(), twin.rebuild()) == (8, 68)
    for order in (16, 17):
        assert index.lookup_order(order) == twin.lookup_order(order)


def test_a_log_that_was_replaced_is_indexed_anew(
    index: DecisionIndex, directory: Path, samples: Any
) -> None:
    for path in directory.glob("*.seg"):
        path.unlink()
    other = [refusal(seq, cl_ord_id=b"X", account=b"A") for seq in range(1, 71)]
    samples.write(directory, "outputs", [other])
    assert index.update() == 70
    assert index.find("C1") == []
    assert len(index.find("X")) == 70


def test_a_log_that_was_cut_is_indexed_anew(index: DecisionIndex, directory: Path) -> None:
    max(directory.glob("*.seg")).unlink()
    left = sum(frame.count for frame in SegmentReader(directory, "outputs"))
    assert (index.update(), index.last_seq) == (left, left)
    assert left < RECORDS


def test_an_empty_log(tmp_path: Path) -> None:
    index = DecisionIndex(tmp_path / "index")
    assert (index.update(), index.last_seq) == (0, 0)


def test_reading_a_record_checks_its_frame(index: DecisionIndex) -> None:
    place = index.lookup_decision(1)
    data = bytearray(place.segment.read_bytes())
    data[place.frame_offset + place.record_offset + 100] ^= 1
    place.segment.write_bytes(data)
    with pytest.raises(DamagedLogError, match=r"bad frame \(crc\)"):
        index.read(place)
