"""The synthetic market: bit-reproducible, conserving, and refusing what cannot be."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from schemas.codes import ExecType, InputType, TimeInForce, VenueStatus
from schemas.errors import InputError
from schemas.market import QUOTE, STATUS
from schemas.orders import NEW_ORDER
from schemas.reports import EXEC_REPORT
from schemas.units import NS_PER_MS, NS_PER_S
from schemas.wire import iter_inputs
from streams.evaluation.arms import EngineArm, Setting, run_engine
from streams.evaluation.worlds import Shape, drawn_preset
from streams.simulator.synthetic.faults import FaultKind, fault
from streams.simulator.synthetic.load import load_preset
from streams.simulator.synthetic.market import RESULT, market_arguments, synthetic_market
from streams.simulator.synthetic.terms import Preset
from tests.streams.simulator.synthetic.script import child
from tests.streams.simulator.synthetic.worlds import run_with, small_preset

PRESETS = sorted(Path("deploy/market").glob("*.toml"))
ALL = 1 << 40


def hours(preset: Preset, seconds: float, seed: int = 1) -> bytes:
    market = synthetic_market(preset, seed)
    return market.pull(preset.market.start_ns + int(seconds * NS_PER_S), ALL)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_is_a_market_of_its_size(path: Path) -> None:
    preset = load_preset(path)
    batch = hours(preset, 3.0)
    kinds = Counter(kind for kind, _ in iter_inputs(batch))
    assert len(preset.venues) == int(path.stem.rpartition("_")[2])
    assert sum(venue.kind == "dark" for venue in preset.venues) >= 4
    quoting = {raw[2] for kind, raw in iter_inputs(batch) if kind == InputType.QUOTE}
    assert len(quoting) == sum(venue.kind == "lit" for venue in preset.venues)
    assert kinds[InputType.TRADE] > 50


def test_time_never_goes_back_and_sources_are_dense() -> None:
    last_ns, seqs = 0, Counter[int]()
    for _, raw in iter_inputs(hours(small_preset(), 3.0)):
        record = QUOTE.unpack(raw[:64])
        assert record.log_ns >= last_ns
        seqs[record.source] += 1
        assert record.source_seq == seqs[record.source]
        last_ns = record.log_ns


def test_the_same_seed_gives_the_same_bytes_in_pieces_of_any_size() -> None:
    preset = small_preset()
    whole = hours(preset, 2.0)
    market = synthetic_market(preset, 1)
    pieces = []
    for step in range(1, 2001):
        until_ns = preset.market.start_ns + step * NS_PER_MS
        while piece := market.pull(until_ns, 64):
            pieces.append(piece)
    assert b"".join(pieces) == whole
    assert hours(preset, 2.0, seed=2) != whole


def test_these_bytes_are_the_same_on_every_machine() -> None:
    digest = hashlib.sha256(hours(small_preset(), 2.0)).hexdigest()
    assert digest == GOLDEN


GOLDEN = "9604bb87b84244e6b61739ec85dd361dcfec8abc96b4d50a1fda7314aa480856"


def test_a_market_goes_on_from_its_bytes() -> None:
    preset = small_preset()
    begun = synthetic_market(preset, 1)
    half_ns = preset.market.start_ns + NS_PER_S
    begun.pull(half_ns, ALL)
    restored = synthetic_market(preset, 1)
    restored.restore(begun.state_bytes())
    end_ns = half_ns + NS_PER_S
    assert restored.pull(end_ns, ALL) == begun.pull(end_ns, ALL)
    assert restored.state_bytes() == begun.state_bytes()
    with pytest.raises(InputError, match="another market"):
        synthetic_market(preset, 2).restore(begun.state_bytes())
    with pytest.raises(InputError):
        synthetic_market(preset, 1).restore(begun.state_bytes()[:-5])


def test_a_venue_says_what_became_of_a_child() -> None:
    preset = small_preset()
    market = synthetic_market(preset, 3)
    start = preset.market.start_ns
    market.pull(start + NS_PER_S, ALL)
    market.submit(child(1, 50, 10**13, TimeInForce.IOC), market.now_ns)
    market.submit(child(2, 50, 10**9, TimeInForce.DAY), market.now_ns)
    market.pull(start + 2 * NS_PER_S, ALL)
    for child_id in (1, 2, 3):
        market.query(child_id, 0, market.now_ns)
    said = {}
    for kind, raw in iter_inputs(market.pull(start + 3 * NS_PER_S, ALL)):
        if kind == InputType.EXEC_REPORT:
            report = EXEC_REPORT.unpack(raw)
            assert report.exec_type == ExecType.ORDER_STATUS
            said[report.child_id] = (report.cum_units, report.leaves_units)
    assert said == {1: (50, 0), 2: (0, 50), 3: (0, 0)}
    with pytest.raises(InputError, match="no venue"):
        market.query(1, 60, 0)


def test_halts_and_auctions_are_said_and_nobody_quotes_in_them() -> None:
    preset = small_preset()
    market = msgspec_replace(preset, halt_per_hour=3000.0, halt_ms=500, auction_ms=200)
    said, halted = Counter[int](), set[int]()
    for kind, raw in iter_inputs(hours(market, 5.0)):
        if kind == InputType.STATUS and (record := STATUS.unpack(raw)).instrument < 10:
            said[record.status] += 1
            where = (record.venue << 8) + record.instrument
            (halted.add if record.status != VenueStatus.OPEN else halted.discard)(where)
        elif kind == InputType.QUOTE:
            quote = QUOTE.unpack(raw)
            assert (quote.venue << 8) + quote.instrument not in halted
    assert all(
        said[status] for status in (VenueStatus.HALTED, VenueStatus.AUCTION, VenueStatus.OPEN)
    )


def msgspec_replace(preset: Preset, **changes: object) -> Preset:
    import msgspec

    return msgspec.structs.replace(preset, market=msgspec.structs.replace(preset.market, **changes))


def test_a_burst_is_ten_times_as_busy() -> None:
    calm = msgspec_replace(small_preset(), burst_per_hour=0.0)
    busy = msgspec_replace(small_preset(), burst_per_hour=100_000.0, burst_ms=60_000)
    assert len(hours(busy, 5.0)) > 4 * len(hours(calm, 5.0))


def test_faster_children_pay_less_where_the_flow_is_informed() -> None:
    """The price moves after those who know: a router far from all venues pays for it."""
    import msgspec

    costs = []
    for extra_us in (0, 100_000):
        means = []
        for seed in range(6):
            preset = drawn_preset(Shape(venues=8), seed)
            venues = tuple(
                msgspec.structs.replace(v, out_us=v.out_us + extra_us) for v in preset.venues
            )
            market = msgspec.structs.replace(
                preset.market, informed_orders=1.0, alpha_ticks=6.0, alpha_ms=400
            )
            slow = msgspec.structs.replace(preset, venues=venues, market=market)
            results = run_engine(Setting(preset=slow, seed=seed, orders=20), EngineArm())
            mid = results["mid_x2"] / 2
            paid = (results["notional"] + results["clean_notional"]) / results["units"]
            means.append(float(np.mean(results["sign"] * (paid - mid) / mid)))
        costs.append(float(np.mean(means)))
    assert costs[1] > costs[0] + 1e-5


def day_of_faults(day: int, seconds: int, gap_ms: int) -> int:
    """A day in which all 37 kinds of fault are on, twice each, at random venues and times; how many
    events were checked. Both sides count on their own.
    """
    start = small_preset(6, day).market.start_ns
    draws = np.random.default_rng(day).integers(0, seconds * 1000, size=(74, 2))
    faults = [
        fault(
            FaultKind(1 + at % 37),
            int(place) % 6,
            start + int(when) * NS_PER_MS,
            start + int(when + 2000) * NS_PER_MS,
            0.5,
        )
        for at, (place, when) in enumerate(draws)
    ]
    orders = seconds * 1000 // gap_ms
    ledger, market = run_with(faults, orders=orders, seed=day, venues=6, gap_ms=gap_ms)
    assert ledger.steps
    return market.checks


@pytest.mark.promise(p=11)
def test_invariants_hold_after_each_event_with_all_faults_on(full_size: bool) -> None:
    """P11: 1,000 simulated hours in full, 40 seconds else."""
    days, seconds, gap_ms = (1_000, 3_600, 5_000) if full_size else (2, 20, 200)
    checks = sum(day_of_faults(day, seconds, gap_ms) for day in range(days))
    hours = days * seconds / 3600
    print(f"simulated {hours:.2f} h, {checks:,} events checked, 37 fault kinds, 0 breaks")
    assert checks > 10_000


BAD = [
    ("out_us = -5", "venues[0].out_us"),
    ("fade = 1.5", "venues[0].fade"),
    ("hidden = -0.1", "venues[0].hidden"),
    ("levels = 0", "venues[0].levels"),
    ('take = "a lot"', "venues[0].take"),
    ("lots = 0", "venues[0].lots"),
    ("half_spread_ticks = 0.0", "venues[0].half_spread_ticks"),
    ("colour = 3", "colour"),
]


@pytest.mark.parametrize(("line", "key"), BAD)
def test_an_impossible_venue_is_refused_by_its_key(tmp_path: Path, line: str, key: str) -> None:
    with pytest.raises(InputError) as caught:
        load_preset(written(tmp_path, venue=line))
    assert key in str(caught.value)


@pytest.mark.parametrize(
    ("tick", "price", "key"),
    [("0", "10", "tick"), ("-0.01", "10", "tick"), ("0.01", "0.5", "price"), ("x", "10", "tick")],
)
def test_an_impossible_instrument_is_refused(
    tmp_path: Path, tick: str, price: str, key: str
) -> None:
    with pytest.raises(InputError, match=rf"instruments\[0\]\.{key}"):
        load_preset(written(tmp_path, tick=tick, price=price))


def test_a_market_without_venues_or_a_lit_one_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().split("[[venues]]")[0])
    with pytest.raises(InputError, match="venues"):
        load_preset(path)
    with pytest.raises(InputError, match="no lit venue"):
        load_preset(written(tmp_path, venue='kind = "dark"', both=True))
    with pytest.raises(InputError, match="twice"):
        load_preset(written(tmp_path, second="A"))
    with pytest.raises(InputError, match="cannot read"):
        load_preset(tmp_path / "none.toml")
    path.write_text("= 3")
    with pytest.raises(InputError, match="not TOML"):
        load_preset(path)


def written(
    folder: Path,
    *,
    venue: str = "",
    tick: str = "0.01",
    price: str = "10",
    second: str = "B",
    both: bool = False,
) -> Path:
    other = venue if both else ""
    path = folder / "market.toml"
    path.write_text(
        f'name = "m"\n[[instruments]]\nkey = "X"\nprice = "{price}"\ntick = "{tick}"\n'
        f'[[venues]]\nkey = "A"\n{venue}\n[[venues]]\nkey = "{second}"\n{other}\n'
    )
    return path


def test_the_native_market_refuses_what_the_loader_would() -> None:
    preset = small_preset()
    head, instruments, venues, _ = market_arguments(preset, 1)
    from streams.simulator.synthetic._synthetic import SyntheticMarket

    with pytest.raises(InputError, match="whole records"):
        SyntheticMarket(head, instruments, venues[:-1], b"")
    with pytest.raises(InputError, match="2 to 64 venues"):
        SyntheticMarket(head, instruments, venues[: len(venues) // 5], b"")
    market = SyntheticMarket(head, instruments, venues, b"")
    with pytest.raises(InputError, match="one CHILD record"):
        market.submit(b"short", 0)
    with pytest.raises(InputError, match="NEW_ORDER"):
        market.add_orders(b"short")
    order = NEW_ORDER.pack(type=16, instrument=99, log_ns=2**62)
    with pytest.raises(InputError, match="no such instrument"):
        market.add_orders(order)
    assert np.frombuffer(market.results(), RESULT.dtype).size == 0
