"""The three quality tables: what is folded, at which moment, and what counts as missing."""

from __future__ import annotations

from typing import Any

import pytest

from projections.views.quality import QualityTable
from schemas import decisions
from schemas.codes import HealthState, OutputType
from schemas.layout import Layout
from schemas.units import INSTRUMENT_NONE
from streams.cli.quality_tables import feed_cells
from tests.projections.views.stories import names

LAYOUTS: dict[OutputType, Layout] = {
    OutputType.QUALITY: decisions.QUALITY,
    OutputType.EXECUTION_QUALITY: decisions.EXECUTION_QUALITY,
    OutputType.VENUE_QUALITY: decisions.VENUE_QUALITY,
}


def record(kind: OutputType, **values: Any) -> bytes:
    """Bytes of one output record."""
    layout = LAYOUTS[kind]
    return layout.pack(size=layout.size, type=int(kind), version=1, **values)


def liquidity(**values: Any) -> dict[str, Any]:
    """The one row that a QUALITY record becomes."""
    table = QualityTable()
    table.add(record(OutputType.QUALITY, **values))
    (row,) = table.table(names())
    return row


def execution(**values: Any) -> dict[str, Any]:
    """The one row that an EXECUTION_QUALITY record becomes."""
    table = QualityTable()
    table.add(record(OutputType.EXECUTION_QUALITY, **values))
    (row,) = table.execution(names())
    return row


def venue(**values: Any) -> bytes:
    """A VENUE_QUALITY record."""
    return record(OutputType.VENUE_QUALITY, instrument=INSTRUMENT_NONE, **values)


@pytest.mark.parametrize(
    ("samples", "value"),
    [
        ("observed_ns", "bid_units"),
        ("observed_ns", "share_at_ask"),
        ("two_sided_share", "spread_nanos"),
        ("refill_bid_n", "refill_bid_ns"),
        ("refill_ask_n", "refill_ask_ns"),
        ("feed_delay_n", "feed_delay_ns"),
        ("fill_ratio_n", "fill_ratio"),
        ("ack_n", "ack_ns"),
    ],
)
def test_a_value_with_nothing_behind_it_is_missing(samples: str, value: str) -> None:
    assert liquidity(**{value: 7.0})[value] is None
    assert liquidity(**{value: 7.0, samples: 0.5})[value] == 7.0
    assert liquidity(**{value: 0.0, samples: 0.5})[value] == 0.0, "a measured 0 is a value"


def test_one_observation_has_no_error() -> None:
    assert liquidity(ack_ns=5.0, ack_n=1.9, ack_ns_se=0.0)["ack_ns_se"] is None
    assert liquidity(ack_ns=5.0, ack_n=2.0, ack_ns_se=0.25)["ack_ns_se"] == 0.25
    row = execution(all_in_bps=1.5, all_in_bps_n=1.0)
    assert row["all_in_bps"] == {"value": 1.5, "se": None, "n": 1.0}


def test_markouts_are_by_horizon_and_liquidity() -> None:
    row = execution(
        adverse_1_bps=1.0, adverse_1_bps_n=3.0, impact_4_bps=-2.0, impact_4_bps_n=5.0, venue=2
    )
    assert (row["instrument"], row["venue"]) == ("IBM", "CCC")
    assert [part["value"] for part in row["adverse_bps"]] == [1.0, None, None, None]
    assert [part["value"] for part in row["impact_bps"]] == [None, None, None, -2.0]
    assert [part["value"] for part in row["realised_bps"]] == [None] * 4


def test_survival_is_by_round_lots() -> None:
    row = execution(available_0=1.0, available_0_n=4.0, available_2=0.0, available_2_n=2.0)
    assert [part["round_lots"] for part in row["available"]] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert [part["probability"] for part in row["available"][:3]] == [1.0, None, 0.0]


def test_a_venue_shows_its_health_and_only_latencies_it_has() -> None:
    table = QualityTable()
    table.add(venue(venue=1, health=int(HealthState.COOLING), since_ns=9, ack_n=2, ack_p50_ns=80))
    (row,) = table.venues(names())
    assert (row["venue"], row["health"], row["since_ns"]) == ("BBB", "cooling", 9)
    assert (row["ack_p50_ns"], row["ack_p99_ns"]) == (80, 0)
    assert row["feed_p50_ns"] is row["fill_p99_ns"] is None
    assert row["reject_rate"]["value"] is None
    assert "instrument" not in row


def test_feed_delay_is_told_by_class_of_instrument() -> None:
    table = QualityTable()
    seen = {"feed_n": 7, "feed_equity_n": 3, "feed_equity_p50_ns": 80, "feed_event_n": 4}
    table.add(venue(venue=1, probes=2, **seen))
    (row,) = table.venues(names())
    told = {feed["asset_class"]: (feed["p50_ns"], feed["n"]) for feed in row["feed_by_class"]}
    assert told == {"other": (None, 0), "equity": (80, 3), "crypto": (None, 0), "event": (0, 4)}
    assert row["probes"] == 2
    lines = feed_cells(row)
    assert [line[:2] for line in lines] == [["BBB", "equity"], ["BBB", "event"]]
    assert feed_cells({**row, "feed_by_class": row["feed_by_class"][:2]}) == []


def test_each_shard_has_its_own_view_of_a_venue() -> None:
    table = QualityTable()
    table.add(venue(venue=1, shard=1) + venue(venue=1, shard=0) + venue(venue=0, shard=1))
    places = [(row["venue"], row["shard"]) for row in table.venues(names())]
    assert places == [("AAA", 1), ("BBB", 0), ("BBB", 1)]
    assert [row["venue"] for row in table.venues(names(), venue=0)] == ["AAA"]


def test_venues_that_are_known_keep_their_rows() -> None:
    early, late = QualityTable(max_ns=10), QualityTable()
    for table in (early, late):
        table.add(venue(venue=0, log_ns=5) + venue(venue=0, log_ns=50) + venue(venue=2, log_ns=50))
    early.add_unknown_venues(late)
    rows = early.venues(names())
    assert [(row["venue"], row["log_ns"]) for row in rows] == [("AAA", 5), ("CCC", 50)]


@pytest.mark.parametrize("kind", list(LAYOUTS))
def test_the_last_record_before_the_moment_counts(kind: OutputType) -> None:
    raws = record(kind, quality_seq=1, seq=5, log_ns=50) + record(
        kind, quality_seq=2, seq=8, log_ns=80
    )
    for table, wanted in (
        (QualityTable(), [2]),
        (QualityTable(max_seq=7), [1]),
        (QualityTable(max_ns=79), [1]),
        (QualityTable(max_seq=4), []),
    ):
        table.add(raws)
        rows = table.table(names()) + table.execution(names()) + table.venues(names())
        assert [row["quality_seq"] for row in rows] == wanted
