"""Applies batches: rows and position in one transaction, each output exactly once."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from projections.store.held import HeldSums
from projections.store.migrate import migrate
from projections.store.tables import FACTS, POSITIONS, TABLES
from projections.store.writing import read_rows, write
from projections.views import columns
from projections.views.amendments import AmendmentState
from projections.views.batch import OutputBatch
from projections.views.fold import HISTORY_NS, Fold, Needs, fold_of
from projections.views.inputs import InputRecord
from projections.views.rows import Change, array
from schemas.codes import InputType, OutputType
from schemas.errors import InputError, VenuefoldError

FOLD_VERSION = 3
"""Raised when the same log makes other rows: stored ones are rebuilt then."""


UNANSWERED = (InputType.NEW_ORDER, InputType.AMEND_ORDER)


class GapError(VenuefoldError):
    """Outputs are missing between what is stored and what was given."""


class Position:
    """How far a shard is projected."""

    def __init__(self, out_seq: int = 0, seq: int = 0, log_ns: int = 0) -> None:
        self.out_seq, self.seq, self.log_ns = out_seq, seq, log_ns

    def after(self, batch: OutputBatch | None, records: list[InputRecord]) -> Position:
        """The position once these are stored.

        It stays before an order or amendment that nothing has been said of: it is read again.
        """
        if batch is None or not len(batch):
            waiting = [record.seq for record in records if record.type in UNANSWERED]
            seq = min(waiting) - 1 if waiting else max([self.seq, *(r.seq for r in records[-1:])])
            return Position(self.out_seq, max(self.seq, seq), self.log_ns)
        seq = max([self.seq, *(record.seq for record in records[-1:])])
        return Position(batch.last_out_seq, max(seq, batch.last_seq), batch.last_ns)


class StoreWriter:
    """Writes one generation. One writer at a time: a second one fails at its first batch.

    `run` names what is projected; a generation of another run, or of another version of the fold,
    is refused. One that `overlaps` lets PostgreSQL store a batch while the next one is folded:
    `flush` then waits for what was given, and says what went wrong. One that `holds` writes sums
    only when they are released: for a generation that nobody reads yet and that is dropped when
    this ends too early.
    """

    def __init__(
        self,
        engine: Engine,
        run: str,
        history_ns: int = HISTORY_NS,
        *,
        overlaps: bool = False,
        holds: bool = False,
    ) -> None:
        self.engine, self.history_ns = engine, history_ns
        self._held = HeldSums() if holds else None
        is_other_process = engine.dialect.name == "postgresql"
        self._thread = ThreadPoolExecutor(1, "store") if overlaps and is_other_process else None
        self._pending: Future[None] | None = None
        self._folds: dict[int, Fold] = {}
        self._positions: dict[int, Position] = {}
        facts = {"run": run, "fold": str(FOLD_VERSION), "history_ns": str(history_ns)}
        with engine.begin() as connection:
            migrate(connection)
            self._claim(connection, facts)

    def position(self, shard: int) -> Position:
        """How far a shard is stored."""
        if shard not in self._positions:
            self.flush()
            with self.engine.connect() as connection:
                self._positions[shard] = stored_position(connection, shard)
        return self._positions[shard]

    def apply(
        self, shard: int, batch: OutputBatch | None = None, records: list[InputRecord] | None = None
    ) -> int:
        """Stores what a batch of outputs, and the inputs before them, change; how many rows.

        Outputs that are stored already are dropped. Raises GapError when some are missing.
        """
        position, records = self.position(shard), records or []
        fresh = self._fresh(shard, position, batch)
        after = position.after(fresh, records)
        try:
            changes = self._fold(shard, fresh, records)
            if self._held is not None:
                changes = self._held.take(changes)
            if self._thread is None:
                self._store(changes, shard, position, after)
            else:
                self.flush()
                self._pending = self._thread.submit(self._store, changes, shard, position, after)
        except BaseException:
            self.forget()
            raise
        self._positions[shard] = after
        return sum(len(change) for change in changes)

    def flush(self) -> None:
        """Waits until everything given is stored; raises what kept it from being."""
        pending, self._pending = self._pending, None
        try:
            if pending is not None:
                pending.result()
        except BaseException:
            self.forget()
            raise

    def release(self) -> None:
        """Writes the sums that were held back."""
        self.flush()
        if self._held is not None:
            with self.engine.begin() as connection:
                write(connection, self._held.release())

    def forget(self) -> None:
        """Drops what is known: it is read again from what is stored."""
        self._folds.clear()
        self._positions.clear()

    def close(self) -> None:
        """Gives connections back."""
        if self._thread is not None:
            self._thread.shutdown()
        self.engine.dispose()

    def _store(self, changes: list[Change], shard: int, before: Position, after: Position) -> None:
        """Rows and position in one transaction."""
        with self.engine.begin() as connection:
            write(connection, changes)
            move(connection, shard, before, after)

    def _fresh(
        self, shard: int, position: Position, batch: OutputBatch | None
    ) -> OutputBatch | None:
        if batch is None or not len(batch):
            return None
        if batch.first_out_seq > position.out_seq + 1:
            raise GapError(
                f"shard {shard}: outputs {position.out_seq + 1} to {batch.first_out_seq - 1} are "
                "missing; nothing was stored. Rebuild from the whole log"
            )
        fresh = batch.after(position.out_seq)
        return fresh if len(fresh) else None

    def _fold(
        self, shard: int, batch: OutputBatch | None, records: list[InputRecord]
    ) -> list[Change]:
        if shard not in self._folds:
            self.flush()
            with self.engine.connect() as connection:
                asked, scales = stored_amendments(connection, shard), stored_scales(connection)
            self._folds[shard] = fold_of(shard, scales, self.history_ns, asked)
        fold = self._folds[shard]
        changes = fold.take_inputs(records, refusals(batch))
        if batch is None:
            return changes
        needs = fold.needs(batch)
        if needs:
            self._teach(fold, needs)
        return changes + fold.apply(batch)

    def _teach(self, fold: Fold, needs: Needs) -> None:
        """Hands a fold the stored rows that it needs."""
        self.flush()
        with self.engine.connect() as connection:
            for view, ids in (
                (columns.ORDERS, needs.orders),
                (columns.CHILDREN, needs.children),
                (columns.DECISIONS, needs.decisions),
            ):
                if len(ids):
                    found = read_rows(connection, view, ids.tolist())
                    fold.learn(view, array(view, found))

    def _claim(self, connection: Connection, facts: dict[str, str]) -> None:
        stored = {str(row.name): str(row.value) for row in connection.execute(sa.select(FACTS))}
        if not stored:
            rows: list[dict[str, Any]] = [{"name": k, "value": v} for k, v in facts.items()]
            connection.execute(sa.insert(FACTS), rows)
            return
        for name, value in facts.items():
            if stored.get(name) != value:
                raise InputError(
                    f"read models: made with {name} {stored.get(name)}, now it is {value}; "
                    "run `sor projections rebuild`"
                )


def refusals(batch: OutputBatch | None) -> frozenset[int]:
    """Positions of the inputs that a batch refuses."""
    if batch is None:
        return frozenset()
    return frozenset(batch.records(OutputType.REFUSAL)["seq"].tolist())


def stored_position(connection: Connection, shard: int) -> Position:
    """Position of a shard; of one that was never stored, its start."""
    query = sa.select(POSITIONS).where(POSITIONS.c.shard == shard)
    row = connection.execute(query).one_or_none()
    return Position() if row is None else Position(row.out_seq, row.seq, row.log_ns)


def stored_scales(connection: Connection) -> list[tuple[Any, Any]]:
    """(instrument, units_per_one) of all instruments."""
    table = TABLES["instruments"]
    query = sa.select(table.c.instrument, table.c.units_per_one)
    return [(row.instrument, row.units_per_one) for row in connection.execute(query)]


def stored_amendments(connection: Connection, shard: int) -> list[dict[str, Any]]:
    """Amendments that are open, in the order in which they came."""
    table = TABLES["amendments"]
    is_open = sa.and_(table.c.state == int(AmendmentState.ASKED), table.c.shard == shard)
    rows = connection.execute(sa.select(table).where(is_open).order_by(table.c.id))
    return [dict(row._mapping) for row in rows]


def move(connection: Connection, shard: int, before: Position, after: Position) -> None:
    """Moves a shard's position; fails when another writer moved it."""
    values = {"out_seq": after.out_seq, "seq": after.seq, "log_ns": after.log_ns}
    there = sa.and_(
        POSITIONS.c.shard == shard,
        POSITIONS.c.out_seq == before.out_seq,
        POSITIONS.c.seq == before.seq,
    )
    moved = connection.execute(sa.update(POSITIONS).where(there).values(**values)).rowcount
    if moved == 1:
        return
    if before.out_seq or before.seq:
        raise InputError(
            f"read models: shard {shard} was moved by another writer; stop it, or stop this one"
        )
    connection.execute(sa.insert(POSITIONS).values(shard=shard, **values))
