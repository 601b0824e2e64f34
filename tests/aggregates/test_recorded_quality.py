"""The oracle over recorded markets: the first records of each set, published ten times."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregates import kernel
from schemas import reference
from schemas.codes import InputType
from schemas.envelope import HEADER
from streams.sources.open_dataset import open_dataset
from tests.aggregates.parity import split
from tests.aggregates.raw_quality import RawQuality
from tests.builders import SETTINGS_DEFAULTS

SETS = {
    "prediction_2venues": "prediction_2venues_2026",
    "binance_3markets": "binance_3markets_2024",
    "us_equity_2013": "us_equity_nbbo_trades_2013",
}
FIRST = 1500

pytestmark = pytest.mark.data


def recorded(root: Path, data: Path, name: str) -> list[bytes]:
    """Reference inputs, settings that publish ten times over the records, and the records."""
    reader = open_dataset(root / f"deploy/datasets/{name}.toml", data / SETS[name])
    chunk = next(iter(reader.chunks()))[:FIRST]
    start_ns, end_ns = int(chunk["log_ns"][0]), int(chunk["log_ns"][-1])
    known = [raw for raw in split(reader.reference()) if raw[0] != InputType.SETTINGS]
    values = SETTINGS_DEFAULTS | {"publish_ns": max(1, (end_ns - start_ns) // 10)}
    settings = reference.SETTINGS.pack(type=InputType.SETTINGS, **values)
    records = [*known[:-1], settings, known[-1]]
    for index, raw in enumerate(records):
        log_ns = min(HEADER.unpack(known[0]).log_ns, start_ns)
        header = HEADER.unpack(raw)._replace(source_seq=index + 1, log_ns=log_ns)
        records[index] = HEADER.struct.pack(*header) + raw[HEADER.size :]
    return records + split(chunk.tobytes())


@pytest.mark.parametrize("name", SETS)
def test_recorded_markets(core: str, root: Path, shared_data: Path, name: str) -> None:
    raw, engine = RawQuality(), kernel.load(core)
    for record in recorded(root, shared_data, name):
        consumed, outputs = engine.step(record)
        assert consumed == len(record)
        raw.fold(record, outputs)
    assert raw.compared >= 10
    assert raw.venue_reports >= 10
