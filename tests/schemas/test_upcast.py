"""Old records become today's, step by step; those of the future are refused."""

from __future__ import annotations

import pytest

from schemas.codes import InputType, OutputType
from schemas.decisions import CHILD
from schemas.errors import InputError
from schemas.upcast import UPCASTERS, VERSIONS, upcast, upcast_output
from schemas.wire import INPUTS, OUTPUTS, SUPPORTED_VERSION, decode_output

KEY = ("outputs", 200)
STEPS = {("outputs", 200, 1): lambda raw: raw + b"-two", ("outputs", 200, 3): bytes.upper}


def test_every_type_has_a_version() -> None:
    assert {kind for stream, kind in VERSIONS if stream == "inputs"} == set(INPUTS)
    assert {kind for stream, kind in VERSIONS if stream == "outputs"} == set(OUTPUTS)
    outputs = {version for (stream, _), version in VERSIONS.items() if stream == "outputs"}
    assert max(outputs) <= SUPPORTED_VERSION


@pytest.mark.parametrize(
    ("version", "found"),
    [(1, b"A-TWO"), (2, b"A"), (3, b"A"), (4, b"a")],
)
def test_steps_follow_each_other(version: int, found: bytes) -> None:
    assert upcast(*KEY, version, b"a", {KEY: 4}, STEPS) == found


def test_a_record_of_today_is_the_same_object() -> None:
    raw = CHILD.pack(size=CHILD.size, type=OutputType.CHILD, version=1)
    assert upcast_output(raw) is raw
    assert upcast("inputs", InputType.QUOTE, 1, raw) is raw


@pytest.mark.parametrize("version", [0, 2, 255])
def test_other_versions_are_refused(version: int) -> None:
    raw = CHILD.pack(size=CHILD.size, type=OutputType.CHILD, version=version)
    with pytest.raises(InputError, match=rf"version {version}, this program reads 1 to 1"):
        upcast_output(raw)


def test_the_decoder_upcasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of version 1 is read as what version 2 calls the same fact."""
    key = ("outputs", int(OutputType.CHILD))

    def renumbered(raw: bytes) -> bytes:
        values = CHILD.unpack(raw)._asdict()
        return CHILD.pack(**{**values, "version": 2, "child_id": values["child_id"] + 100})

    monkeypatch.setitem(VERSIONS, key, 2)
    monkeypatch.setitem(UPCASTERS, (*key, 1), renumbered)
    old = CHILD.pack(size=CHILD.size, type=OutputType.CHILD, version=1, child_id=7)
    new = CHILD.pack(size=CHILD.size, type=OutputType.CHILD, version=2, child_id=7)
    assert decode_output(old).child_id == 107  # type: ignore[union-attr]
    assert decode_output(new).child_id == 7  # type: ignore[union-attr]


def test_unknown_types_are_refused() -> None:
    with pytest.raises(InputError, match="type 127 is not known"):
        upcast("inputs", 127, 1, b"")
