"""Parent orders from a file of JSON lines with FIX field names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.codes import ExecInst, InputType, OrdType, Side, TimeInForce
from schemas.errors import InputError
from schemas.orders import NEW_ORDER
from schemas.units import INSTRUMENT_NONE, NS_PER_S, VENUE_NONE, price_nanos, units_from_text
from streams.sources.base import DatasetReader
from streams.sources.orders import SOURCE_ORDERS

STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


class OrderLine(msgspec.Struct, forbid_unknown_fields=True, rename="pascal"):
    """One order; prices and sizes are decimal texts, times `2013-10-07T13:30:00.5Z` or ns."""

    cl_ord_id: str = msgspec.field(name="ClOrdID")
    symbol: str
    side: str
    order_qty: str
    transact_time: str | int
    ord_type: str = "LIMIT"
    price: str = "0"
    time_in_force: str = "DAY"
    expire_time: str | int = 0
    account: str = ""
    client: str = ""
    trader: str = ""
    session: str = ""
    locate_id: str = msgspec.field(default="", name="LocateID")
    self_match_id: str = msgspec.field(default="", name="SelfMatchID")
    min_qty: str = "0"
    max_floor: str = "0"
    exec_inst: tuple[str, ...] = ()
    order_capacity: str = "A"
    urgency: int = 0
    post_permission: bool = False
    policy: int = 0
    venues_allowed: tuple[str, ...] = ()
    venues_banned: tuple[str, ...] = ()


TEXTS = {
    "cl_ord_id": 32,
    "account": 16,
    "client": 16,
    "trader": 16,
    "session": 16,
    "locate_id": 16,
    "self_match_id": 16,
    "symbol": 32,
}


def orders_from_file(path: Path, reader: DatasetReader) -> NDArray[np.void]:
    """NEW_ORDER records in time order, shape (n,); InputError names file and line.

    A symbol that the dataset lacks is kept: the engine refuses it by name.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror}); check --orders-file") from None
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append(_record(msgspec.json.decode(line, type=OrderLine), reader))
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            raise InputError(f"{path}:{number}: {_reason(error)}; correct that line") from None
    orders = np.frombuffer(b"".join(records), dtype=NEW_ORDER.dtype).copy()
    orders = orders[np.argsort(orders["log_ns"], kind="stable")]
    orders["source_seq"] = np.arange(1, len(orders) + 1)
    return orders


def _reason(error: Exception) -> str:
    return f"unknown name {error}" if isinstance(error, KeyError) else str(error)


def _record(line: OrderLine, reader: DatasetReader) -> bytes:
    decimals = reader.dataset.instruments.decimals
    keys = reader.instruments()
    venues = [venue.key for venue in reader.dataset.venues]
    transact_ns = time_ns(line.transact_time)
    return NEW_ORDER.pack(
        type=int(InputType.NEW_ORDER),
        venue=VENUE_NONE,
        source=SOURCE_ORDERS,
        instrument=keys.index(line.symbol) if line.symbol in keys else INSTRUMENT_NONE,
        log_ns=transact_ns,
        transact_ns=transact_ns,
        receive_ns=transact_ns,
        expire_ns=time_ns(line.expire_time),
        order_units=units_from_text(line.order_qty, decimals),
        min_units=units_from_text(line.min_qty, decimals),
        display_units=units_from_text(line.max_floor, decimals),
        limit_nanos=price_nanos(line.price),
        side=_code(Side, line.side),
        ord_type=_code(OrdType, line.ord_type),
        time_in_force=_code(TimeInForce, line.time_in_force),
        exec_inst=sum(_code(ExecInst, name) for name in set(line.exec_inst)),
        capacity=_letter(line.order_capacity),
        urgency=_in_byte("Urgency", line.urgency),
        post_permission=int(line.post_permission),
        policy=_in_byte("Policy", line.policy),
        venues_allowed=_venue_mask(line.venues_allowed, venues),
        venues_banned=_venue_mask(line.venues_banned, venues),
        **{name: _text(name, getattr(line, name), size) for name, size in TEXTS.items()},
    )


def time_ns(stamp: str | int) -> int:
    """UTC ns of a stamp; ValueError where it is neither ns nor `YYYY-MM-DDThh:mm:ss[.f]Z`."""
    if isinstance(stamp, int):
        return stamp
    found = STAMP.fullmatch(stamp)
    if not found:
        raise ValueError(f"time {stamp!r} is not like 2013-10-07T13:30:00.000Z")
    second = datetime.fromisoformat(found.group(1)).replace(tzinfo=UTC)
    return int(second.timestamp()) * NS_PER_S + int((found.group(2) or "0").ljust(9, "0"))


def _code(codes: Any, name: str) -> int:
    """A code by its name or its number; KeyError otherwise."""
    return int(codes(int(name))) if name.isdigit() else int(codes[name])


def _letter(text: str) -> int:
    if len(text) != 1 or not text.isascii():
        raise ValueError(f"OrderCapacity {text!r} is not one letter")
    return ord(text)


def _in_byte(name: str, value: int) -> int:
    if not 0 <= value <= 255:
        raise ValueError(f"{name} {value} is not in 0..255")
    return value


def _text(name: str, text: str, size: int) -> bytes:
    raw = text.encode()
    if len(raw) > size:
        raise ValueError(f"{name} {text!r} is over {size} bytes")
    return raw


def _venue_mask(keys: Sequence[str], venues: Sequence[str]) -> int:
    unknown = [key for key in keys if key not in venues]
    if unknown:
        raise ValueError(f"venue {unknown[0]!r} is not one of {', '.join(venues)}")
    return sum(1 << venues.index(key) for key in set(keys))
