"""The read models as a fold: records of both logs and the rows they refer to become rows to write.

The fold keeps what is open (orders, children) and forgets what has ended. A record may refer to a
row that it does not know, after a restart or when a venue speaks late: `needs` names those rows,
and whoever keeps them hands them to `learn` before `apply`. So the rows written do not depend on
where batches end or how often the program was restarted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from projections.views import columns, reference_columns
from projections.views.amendments import Amendments, apply_terms
from projections.views.arrays import Array, Known
from projections.views.batch import OutputBatch, Records
from projections.views.child_rows import create_children, fold_states, of_sent, open_children
from projections.views.decision_rows import decision_rows
from projections.views.inputs import InputRecord, kill_row, new_orders, reference_rows
from projections.views.order_rows import fold_decisions, fold_states_of_orders, open_orders
from projections.views.performance import Performance
from projections.views.quality_rows import quality_rows
from projections.views.rows import Change, Changes
from projections.views.simple_rows import (
    alarm_rows,
    break_rows,
    position_rows,
    refusal_rows,
    request_rows,
)
from projections.views.view import View, global_id, local_id
from schemas.codes import InputType, OutputType
from schemas.errors import InvariantError
from schemas.units import NS_PER_S

HISTORY_NS = 60 * NS_PER_S
FOLDED = (InputType.NEW_ORDER, InputType.AMEND_ORDER, InputType.KILL)
SIMPLE = (
    (columns.ALARMS, alarm_rows),
    (columns.CHILD_REQUESTS, request_rows),
    (columns.BREAKS, break_rows),
    (columns.ACCOUNT_POSITIONS, position_rows),
)
KEPT_CHILDREN = 4096
"""Rows of ended children are forgotten when so many are known: a late fill looks them up again."""


@dataclass(frozen=True)
class Needs:
    """Global ids of rows that a batch refers to and the fold does not know."""

    orders: Array
    decisions: Array
    children: Array

    def __bool__(self) -> bool:
        return bool(len(self.orders) or len(self.decisions) or len(self.children))


@dataclass
class Parts:
    """The records of a batch by type."""

    decisions: Records
    children: Records
    child_states: Records
    order_states: Records

    @classmethod
    def of(cls, batch: OutputBatch) -> Parts:
        """Decodes what the fold joins."""
        return cls(
            batch.records(OutputType.DECISION),
            batch.records(OutputType.CHILD),
            batch.records(OutputType.CHILD_STATE),
            batch.records(OutputType.ORDER_STATE),
        )


@dataclass
class Fold:
    """State of the fold of one shard; `history_ns` is the cadence of the quality history."""

    shard: int
    history_ns: int = HISTORY_NS
    units_per_one: Array = field(default_factory=lambda: np.ones(0, dtype=np.int64))
    orders: Known = field(default_factory=lambda: Known(columns.ORDERS))
    children: Known = field(default_factory=lambda: Known(columns.CHILDREN))
    decisions: Known = field(default_factory=lambda: Known(columns.DECISIONS))
    given: Known = field(default_factory=lambda: Known(columns.ORDERS))
    amendments: Amendments = field(default_factory=lambda: Amendments([]))

    def scale(self, instrument: int, units_per_one: int) -> None:
        """Takes an instrument's smallest units in one."""
        if instrument >= len(self.units_per_one):
            grown = np.ones(max(64, 2 * instrument), dtype=np.int64)
            grown[: len(self.units_per_one)] = self.units_per_one
            self.units_per_one = grown
        self.units_per_one[instrument] = units_per_one

    def take_inputs(
        self, records: list[InputRecord], refused: frozenset[int] = frozenset()
    ) -> list[Change]:
        """Folds inputs, which must come before the outputs that they led to.

        `refused` are positions of inputs that were not applied: what they say is not in force.
        """
        changes = Changes()
        in_force = [record for record in records if record.seq not in refused]
        for record in in_force:
            if record.type == InputType.KILL:
                changes.put(reference_columns.KILLS, kill_row(record, self.shard))
            if record.type in FOLDED:
                continue
            for view, row in reference_rows(record):
                changes.put(view, row)
                if view is reference_columns.INSTRUMENTS:
                    self.scale(row[0], row[3])
        for record in records:
            if record.type == InputType.AMEND_ORDER:
                self.amendments.ask(record, self.shard, changes)
        given = new_orders(records, self.shard)
        self.given.add(given[np.isin(given["id"], self.given.rows["id"], invert=True)])
        return changes.done()

    def needs(self, batch: OutputBatch) -> Needs:
        """Rows to hand to `learn` before `apply`."""
        parts = Parts.of(batch)
        orders = np.concatenate([parts.decisions["order_id"], parts.order_states["order_id"]])
        wanted = self.orders.missing(self.ids(orders))
        made = self.ids(parts.decisions.fields["out_seq"])
        decided = self.decisions.missing(self.ids(parts.children["decision_id"]))
        sent = self.ids(parts.children["child_id"])
        told = self.children.missing(self.ids(parts.child_states["child_id"]))
        asked = self.orders.missing(self.ids(parts.children["order_id"]))
        owners = np.unique(np.concatenate([wanted, asked]))
        return Needs(
            orders=owners[np.isin(owners, self.given.rows["id"], invert=True)],
            decisions=decided[np.isin(decided, made, invert=True)],
            children=told[np.isin(told, sent, invert=True)],
        )

    def learn(self, view: View, rows: Array) -> None:
        """Takes rows that were written before."""
        known = {
            columns.ORDERS.name: self.orders,
            columns.CHILDREN.name: self.children,
            columns.DECISIONS.name: self.decisions,
        }[view.name]
        known.add(rows[known.find(rows["id"]) < 0])

    def ids(self, numbers: Array) -> Array:
        """Global ids of numbers of this shard."""
        found: Array = numbers.astype(np.int64) | global_id(self.shard, 0)
        return found

    def apply(self, batch: OutputBatch) -> list[Change]:
        """The changes that a batch makes; its order is that of the log."""
        parts, changes = Parts.of(batch), Changes()
        figures = Performance()
        new_orders_ids = self._meet_orders(parts)
        made = decision_rows(self, batch, parts.decisions)
        refused = refusal_rows(self, batch)
        self.amendments.refuse(refused, changes)
        amending = partial(apply_terms, self, parts.order_states, made, figures, changes)
        amended = amending(is_before_first=True)
        fold_decisions(self, made, figures)
        amended += amending(is_before_first=False)
        changes.insert(columns.DECISIONS, made)
        self.decisions.add(made[self.decisions.find(made["id"]) < 0])
        created = create_children(self, parts.children)
        parts.child_states = of_sent(self, parts.child_states)
        figures.add_decisions(made, self.units_per_one)
        figures.add_children(created, self.units_per_one)
        fills = fold_states(self, parts.child_states, parts.order_states, figures)
        changes.insert(columns.FILLS, fills)
        changes.evolve(columns.CHILDREN, *self._touched_children(parts, created))
        fold_states_of_orders(self, parts.order_states, figures)
        changes.evolve(columns.ORDERS, *self._touched_orders(parts, new_orders_ids))
        changes.replace(columns.ORDERS, self.orders.rows[self.orders.find(np.unique(amended))])
        changes.insert(columns.REFUSALS, refused)
        for view, rows_of in SIMPLE:
            changes.insert(view, rows_of(self, batch))
        for view, rows in quality_rows(batch, self.history_ns):
            changes.replace(view, rows)
        for view, sums in figures.sums():
            changes.add(view, sums)
        self._forget(batch)
        return changes.done()

    def _meet_orders(self, parts: Parts) -> Array:
        """Makes rows of the orders that are spoken of for the first time; their ids."""
        spoken = np.concatenate([parts.decisions["order_id"], parts.order_states["order_id"]])
        fresh = self.orders.missing(self.ids(spoken))
        at = self.given.find(fresh)
        if (at < 0).any():
            (first, *_) = fresh[at < 0]
            raise InvariantError(
                f"shard {self.shard}: outputs speak of order {local_id(int(first))[1]}, "
                "whose input was not read; rebuild the read models from the whole log"
            )
        self.orders.add(self.given.rows[at])
        return fresh

    def _touched_children(self, parts: Parts, created: Array) -> tuple[Array, Array]:
        """Rows of new children, and of older ones that changed."""
        told = np.unique(self.ids(parts.child_states["child_id"]))
        rows = self.children.rows
        fresh = rows[self.children.find(created["id"])]
        changed = told[np.isin(told, created["id"], invert=True)]
        return fresh, rows[self.children.find(changed)]

    def _touched_orders(self, parts: Parts, fresh: Array) -> tuple[Array, Array]:
        spoken = [parts.decisions["order_id"], parts.order_states["order_id"]]
        touched = np.unique(self.ids(np.concatenate(spoken)))
        old = touched[np.isin(touched, fresh, invert=True)]
        rows = self.orders.rows
        return rows[self.orders.find(fresh)], rows[self.orders.find(old)]

    def _forget(self, batch: OutputBatch) -> None:
        """Drops what has ended, and given orders whose outputs have all been seen."""
        if len(self.children.rows) > KEPT_CHILDREN:
            self.children.keep(open_children(self.children.rows))
        if len(self.orders.rows) > KEPT_CHILDREN:
            self.orders.keep(open_orders(self.orders.rows))
        self.given.keep(self.given.rows["order_id"] > batch.last_seq)
        self.decisions.keep(self.decisions.rows["seq"] >= batch.last_seq)


def fold_of(
    shard: int,
    scales: list[tuple[Any, Any]],
    history_ns: int = HISTORY_NS,
    asked: list[dict[str, Any]] | None = None,
) -> Fold:
    """A fold that goes on from stored rows.

    `scales` are (instrument, units_per_one), `asked` the rows of the shard's open amendments.
    """
    fold = Fold(shard, history_ns, amendments=Amendments(asked or []))
    for instrument, units_per_one in scales:
        fold.scale(instrument, units_per_one)
    return fold
