"""Publishes the quality tables on a cadence: what changed, with its read-outs."""

from __future__ import annotations

from math import sqrt
from typing import Any

from aggregates import hazards, quality
from aggregates.book import Book
from aggregates.budgets import publish_budgets
from aggregates.decay import weight
from aggregates.evidence import HORIZONS, SURVIVAL_SIZES
from aggregates.histogram import COUNT_MAX, Histogram
from aggregates.moments import Moments, lag_one
from aggregates.quality import Row
from aggregates.shard import Shard
from aggregates.tables import Venue
from schemas import decisions, shares
from schemas.codes import OutputType
from schemas.units import INSTRUMENT_NONE

PERCENTS = {"p50": 50, "p90": 90, "p99": 99}


def publish(shard: Shard) -> None:
    """Emits changed rows in dense order, then changed venues."""
    for book in shard.books:
        for venue, row in enumerate(book.rows):
            if row.dirty:
                row.dirty = False
                book.advance(venue, shard.log_ns, shard.tables.settings)
                emit_row(shard, book, venue)
            if row.dirty_execution:
                row.dirty_execution = False
                emit_execution(shard, book, venue)
    for venue, entry in enumerate(shard.tables.venues):
        if entry.quality.dirty:
            emit_venue(shard, venue, entry)
            emit_sums(shard, venue, entry)
    publish_budgets(shard)


def publish_changes(shard: Shard) -> None:
    """Emits venues whose health has just changed."""
    for venue, entry in enumerate(shard.tables.venues):
        if entry.quality.changed:
            emit_venue(shard, venue, entry)


def emit_row(shard: Shard, book: Book, venue: int) -> None:
    """Writes one row of the table as of now."""
    row, settings, entry = book.rows[venue], shard.tables.settings, shard.tables.venues[venue]
    now_ns, venue_ns = row.session.at(shard.log_ns), entry.quality.session.at(shard.log_ns)
    liquidity, speed = settings.liquidity_quantum_ns, settings.speed_quantum_ns
    evidence, roll_up = row.evidence, entry.quality
    shard.emit(
        decisions.QUALITY,
        OutputType.QUALITY,
        book.instrument,
        quality_seq=shard.quality_seq,
        quotes=row.quotes,
        trades=row.trades,
        fills=row.fills,
        **_time_weighted(row),
        refill_bid_ns=evidence.refill_bid_ns.mean(),
        refill_bid_n=evidence.refill_bid_ns.effective(now_ns, liquidity),
        refill_ask_ns=evidence.refill_ask_ns.mean(),
        refill_ask_n=evidence.refill_ask_ns.effective(now_ns, liquidity),
        feed_delay_ns=row.delay.mean(),
        feed_delay_se=row.delay.error(now_ns, speed),
        feed_delay_n=row.delay.effective(now_ns, speed),
        feed_delay_min_ns=quality.least_delay_ns(row),
        feed_delay_p90_ns=row.delay_p90_ns,
        fill_ratio=quality.fill_ratio(
            row, now_ns, roll_up.fill, venue_ns, shard.tables.fill_prior(venue), settings
        ),
        fill_ratio_se=row.fill.error(now_ns, settings.fill_quantum_ns),
        fill_ratio_n=row.fill.effective(now_ns, settings.fill_quantum_ns),
        ack_ns=quality.ack_ns(
            row, now_ns, roll_up.ack, venue_ns, shard.tables.ack_prior_ns(venue), settings
        ),
        ack_ns_se=row.ack.error(now_ns, speed),
        ack_n=row.ack.effective(now_ns, speed),
        venue=venue,
    )


def _time_weighted(row: Row) -> dict[str, float]:
    """Time-weighted read-outs; the error treats each change of the touch as one observation, which
    leans on the one before as the jumps between them tell.
    """
    seen, n, both = row.observed, row.changes, row.two_sided_time
    spread = row.spread_time, row.spread_square_time, both
    return {
        "bid_units": ratio(row.bid_time, seen),
        "bid_units_se": _error(row.bid_time, row.bid_square_time, seen, n, row.bid_jumps),
        "ask_units": ratio(row.ask_time, seen),
        "ask_units_se": _error(row.ask_time, row.ask_square_time, seen, n, row.ask_jumps),
        "near_bid_units": ratio(row.near_bid_time, seen),
        "near_ask_units": ratio(row.near_ask_time, seen),
        "spread_nanos": ratio(row.spread_time, row.two_sided_time),
        "spread_nanos_se": _error(*spread, n, row.spread_jumps),
        "share_at_bid": ratio(row.at_bid_time, seen),
        "share_at_ask": ratio(row.at_ask_time, seen),
        "two_sided_share": ratio(row.two_sided_time, seen),
        "observed_ns": seen,
        "touch_changes": n,
    }


def emit_execution(shard: Shard, book: Book, venue: int) -> None:
    """Writes what our children have taught about a row, as of now."""
    row, settings = book.rows[venue], shard.tables.settings
    evidence, now_ns = row.evidence, row.session.at(shard.log_ns)
    values: dict[str, Any] = {}
    speed, fill, cost = (
        settings.speed_quantum_ns,
        settings.fill_quantum_ns,
        settings.cost_quantum_ns,
    )
    _read(values, "first_fill_ns", evidence.first_fill_ns, now_ns, speed)
    _read(values, "reject_rate", evidence.reject, now_ns, fill)
    _read(values, "hidden_units", evidence.hidden_units, now_ns, fill)
    _read(values, "effective_bps", evidence.effective_bps, now_ns, cost)
    _read(values, "improvement_bps", evidence.improvement_bps, now_ns, cost)
    _read(values, "all_in_bps", evidence.all_in_bps, now_ns, cost)
    for index in range(HORIZONS):
        impact, name = settings.impact_quantum_ns, f"{index + 1}_bps"
        _read(values, f"adverse_{name}", evidence.added[index], now_ns, impact)
        _read(values, f"realised_{name}", evidence.realised[index], now_ns, impact)
        _read(values, f"impact_{name}", evidence.removed[index], now_ns, impact)
        _read(values, f"mid_adverse_{name}", evidence.mid[index], now_ns, impact)
    for queue in range(hazards.BUCKETS):
        name = f"passive_fill_{queue}"
        passive = hazards.passive_fill(
            shard, book.instrument, venue, queue, settings.horizons_ns[-1]
        )
        values[name], values[f"{name}_se"], values[f"{name}_n"] = passive
    for index in range(SURVIVAL_SIZES):
        trials = evidence.trials[index]
        values[f"available_{index}"] = ratio(evidence.success[index], trials)
        values[f"available_{index}_n"] = trials
    shard.emit(
        decisions.EXECUTION_QUALITY,
        OutputType.EXECUTION_QUALITY,
        book.instrument,
        quality_seq=shard.quality_seq,
        fee_mismatches=evidence.fee_mismatches,
        fee_expected_nanos=evidence.fee_expected_nanos,
        fee_charged_nanos=evidence.fee_charged_nanos,
        venue=venue,
        **values,
    )


def emit_venue(shard: Shard, venue: int, entry: Venue) -> None:
    """Writes a venue over all instruments, as of now."""
    roll_up, settings = entry.quality, shard.tables.settings
    roll_up.changed = roll_up.dirty = False
    now_ns, quantum_ns = roll_up.session.at(shard.log_ns), settings.fill_quantum_ns
    values: dict[str, Any] = {}
    histograms = {
        "feed": Histogram.merged(roll_up.feed_histograms),
        **{
            f"feed_{name}": histogram
            for name, histogram in zip(decisions.FEED_CLASSES, roll_up.feed_histograms, strict=True)
        },
        "ack": roll_up.ack_histogram,
        "fill": roll_up.fill_histogram,
    }
    for name, histogram in histograms.items():
        values[f"{name}_n"] = histogram.total
        for label, percent in PERCENTS.items():
            values[f"{name}_{label}_ns"] = histogram.quantile_ns(percent)
    _read(values, "fill_ratio", roll_up.fill, now_ns, quantum_ns)
    _read(values, "reject_rate", roll_up.reject, now_ns, quantum_ns)
    shard.emit(
        decisions.VENUE_QUALITY,
        OutputType.VENUE_QUALITY,
        INSTRUMENT_NONE,
        quality_seq=shard.quality_seq,
        since_ns=roll_up.since_ns,
        quote_ns=roll_up.quote_ns,
        usual_gap_ns=roll_up.gap.mean(),
        relapses=roll_up.relapses,
        rejects_in_row=min(roll_up.rejects_in_row, COUNT_MAX),
        timeouts_in_row=min(roll_up.timeouts_in_row, COUNT_MAX),
        cancel_timeouts_in_row=min(roll_up.cancel_timeouts_in_row, COUNT_MAX),
        **dict(zip(decisions.DROPPED, (min(n, COUNT_MAX) for n in roll_up.drops), strict=True)),
        clean=roll_up.clean,
        clean_needed=roll_up.clean_needed,
        probes=min(roll_up.probes, COUNT_MAX),
        venue=venue,
        health=roll_up.health,
        **values,
    )


def emit_sums(shard: Shard, venue: int, entry: Venue) -> None:
    """Writes what other shards may add to their own, where children have taught anything."""
    fill, ack, settings = entry.quality.fill, entry.quality.ack, shard.tables.settings
    if not fill.weight > 0.0 and not ack.weight > 0.0:
        return
    now_ns = entry.quality.session.at(shard.log_ns)
    filled = weight(now_ns, fill.then_ns, settings.fill_quantum_ns)
    acked = weight(now_ns, ack.then_ns, settings.speed_quantum_ns)
    shard.emit(
        shares.VENUE_SUMS,
        OutputType.VENUE_SUMS,
        INSTRUMENT_NONE,
        quality_seq=shard.quality_seq,
        fill_weight=fill.weight * filled,
        fill_total=fill.total * filled,
        ack_weight=ack.weight * acked,
        ack_total=ack.total * acked,
        venue=venue,
    )


def _read(
    values: dict[str, Any], name: str, moments: Moments, now_ns: int, quantum_ns: int
) -> None:
    values[name] = moments.mean()
    values[f"{name}_se"] = moments.error(now_ns, quantum_ns)
    values[f"{name}_n"] = moments.effective(now_ns, quantum_ns)


def ratio(total: float, mass: float) -> float:
    """Mean of a decayed sum; 0 where nothing was observed, which the mass says."""
    return total / mass if mass > 0.0 else 0.0


def _error(total: float, squares: float, mass: float, n: float, jumps: float) -> float:
    """Standard error of a time-weighted mean from n changes; 0 below two."""
    if n < 2.0 or not mass > 0.0:
        return 0.0
    mean = total / mass
    variance = squares / mass - mean * mean
    if not variance > 0.0:
        return 0.0
    r = lag_one(jumps, n, variance)
    return sqrt(variance / (n - 1.0) * ((1.0 + r) / (1.0 - r)))
