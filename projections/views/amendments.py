"""Rows of `amendments`, and the terms that they give their orders once they count.

An amendment is asked for by an input; a refusal at that input ends it. It counts when a state of
its order carries its ClOrdID, at once or after children were cut. What is open is in the table, so
a program that starts again goes on with it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from projections.views import columns
from projections.views.arrays import Array
from projections.views.batch import Records
from projections.views.inputs import InputRecord, clean
from projections.views.order_rows import at_arrival
from projections.views.rows import Changes
from projections.views.view import global_id
from schemas.codes import InputType
from schemas.errors import InvariantError
from schemas.orders import NEW_ORDER

if TYPE_CHECKING:
    from projections.views.fold import Fold
    from projections.views.performance import Performance


class AmendmentState(IntEnum):
    """What became of an amendment."""

    ASKED = 0
    COUNTS = 1
    REFUSED = 2


NAMES = columns.AMENDMENTS.names
TERMS = ("order_units", "limit_nanos", "min_units", "display_units", "expire_ns")
Row = dict[str, Any]


class Amendments:
    """Those that are still open, in the order in which they came."""

    def __init__(self, rows: list[Row]) -> None:
        self.open = {row["id"]: row for row in rows}

    def ask(self, record: InputRecord, shard: int, changes: Changes) -> None:
        """Takes an AMEND_ORDER input."""
        fields = NEW_ORDER.unpack(record.raw)
        row: Row = {name: getattr(fields, name, 0) for name in NAMES}
        row["id"], row["shard"] = global_id(shard, record.seq), shard
        row["seq"], row["order_id"] = record.seq, 0
        for name in ("client", "account", "cl_ord_id", "orig_cl_ord_id"):
            row[name] = clean(row[name])
        row["state"] = int(AmendmentState.ASKED)
        self.open[row["id"]] = row
        put(changes, row)

    def refuse(self, refusals: Array, changes: Changes) -> None:
        """Ends those that a refusal names."""
        for seq in refusals["seq"][refusals["input_type"] == InputType.AMEND_ORDER].tolist():
            shard = int(refusals["shard"][0])
            row = self.open.pop(global_id(shard, seq), None)
            if row is not None:
                put(changes, row | {"state": int(AmendmentState.REFUSED)})

    def count(self, key: tuple[int, str, str], order: int, changes: Changes) -> Row:
        """Takes the one that counts from now on, by instrument, account and ClOrdID."""
        for row in self.open.values():
            if (row["instrument"], row["account"], row["cl_ord_id"]) == key:
                del self.open[row["id"]]
                put(changes, row | {"state": int(AmendmentState.COUNTS), "order_id": order})
                return row
        raise InvariantError(
            f"order {order}: goes on as {key[2]}, whose amendment was not read; rebuild the read "
            "models from the whole log"
        )


def put(changes: Changes, row: Row) -> None:
    """Writes a row."""
    changes.put(columns.AMENDMENTS, tuple(row[name] for name in NAMES))


def renamed(fold: Fold, records: Records) -> list[tuple[int, int]]:
    """(record, place of its order) of states under a ClOrdID that their order had not before."""
    if not len(records):
        return []
    at = fold.orders.find(fold.ids(records["order_id"]))
    found: list[tuple[int, int]] = []
    names: dict[int, bytes] = {}
    told = records["cl_ord_id"]
    differs = fold.orders.rows["cl_ord_id"][at] != told
    for row in differs.nonzero()[0].tolist() if differs.any() else []:
        place = int(at[row])
        if names.get(place, fold.orders.rows["cl_ord_id"][place]) != told[row]:
            names[place] = told[row]
            found.append((row, place))
    return found


def apply_terms(
    fold: Fold,
    records: Records,
    made: Array,
    figures: Performance,
    changes: Changes,
    *,
    is_before_first: bool,
) -> list[int]:
    """Gives amended orders their terms; ids of those that changed.

    `made` are the batch's decisions. An amendment that counts before its order's first decision is
    taken before decisions are folded: the order is ordered as it then is. What a later one adds is
    ordered from then on.
    """
    rows, changed = fold.orders.rows, []
    ids, numbers = made["order_id"][::-1].tolist(), made["out_seq"][::-1].tolist()
    first = dict(zip(ids, numbers, strict=True))
    for record, place in renamed(fold, records):
        order, out_seq = int(rows["id"][place]), int(records["out_seq"][record])
        is_first = not rows["decisions"][place] and first.get(order, out_seq) >= out_seq
        if is_before_first and not is_first:
            continue
        terms = fold.amendments.count(key_of(records, record), order, changes)
        before = int(rows["order_units"][place])
        rows["cl_ord_id"][place] = records["cl_ord_id"][record]
        for name in TERMS:
            rows[name][place] = terms[name]
        if not is_first:
            note_added(fold, place, before, records.fields[record : record + 1], figures)
        changed.append(order)
    return changed


def key_of(records: Records, record: int) -> tuple[int, str, str]:
    """Instrument, account and ClOrdID of a state."""
    account, name = (clean(bytes(records[n][record])) for n in ("account", "cl_ord_id"))
    return int(records["instrument"][record]), account, name


def note_added(fold: Fold, place: int, before: int, state: Array, figures: Performance) -> None:
    """Adds what an amendment added to what was ordered."""
    order = fold.orders.rows[place : place + 1]
    scale = fold.units_per_one[order["instrument"]]
    added = order["order_units"] - before
    figures.add_amended(order, state, at_arrival(order, added, scale))
