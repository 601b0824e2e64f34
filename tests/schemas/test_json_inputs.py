"""JSON becomes the right input record or a named error, whatever it holds."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import json_messages as messages
from schemas.codes import ExecInst, InputType, KillScope, QuoteFlag, TradeCondition
from schemas.json_inputs import (
    MAX_BYTES,
    BadMessageError,
    Fault,
    Place,
    decode,
    encode,
    json_schema,
    to_record,
)
from schemas.units import INSTRUMENT_NONE, VENUE_NONE
from schemas.wire import INPUTS, input_dict

PLACE = Place(source=9, source_seq=4, log_ns=77)


class Names:
    """One instrument, two venues, one policy."""

    def instrument_id(self, key: str) -> int | None:
        return {"IBM": 3}.get(key)

    def venue_id(self, key: str) -> int | None:
        return {"XNYS": 0, "XNAS": 5}.get(key)

    def policy_id(self, name: str) -> int | None:
        return {"lowest_cost": 2}.get(name)


def record(**fields: Any) -> dict[str, Any]:
    """The input record of a JSON object, decoded."""
    return input_dict(to_record(decode(json.dumps(fields).encode()), Names(), PLACE))


ORDER = {
    "type": "new_order",
    "instrument": "IBM",
    "cl_ord_id": "A1",
    "account": "ACC",
    "side": "sell_short",
    "order_qty_units": 12_000,
    "price_nanos": 100_010_000_000,
}
QUOTE = {
    "type": "quote",
    "instrument": "IBM",
    "venue": "XNAS",
    "bid_px_nanos": 1,
    "bid_size_units": 2,
    "ask_px_nanos": 3,
    "ask_size_units": 4,
}
REPORT = {
    "type": "execution_report",
    "instrument": "IBM",
    "venue": "XNYS",
    "child_id": 8,
    "exec_type": "trade",
}


def test_a_quote() -> None:
    found = record(**QUOTE, level=2, more=True, venue_ns=5)
    assert (found["type"], found["instrument"], found["venue"]) == ("quote", 3, 5)
    assert found["flags"] == 2 | QuoteFlag.MORE
    assert [found[n] for n in ("bid_nanos", "bid_units", "ask_nanos", "ask_units")] == [1, 2, 3, 4]
    assert (found["source"], found["source_seq"], found["log_ns"], found["venue_ns"]) == (
        9,
        4,
        77,
        5,
    )


def test_a_trade() -> None:
    fields = {"type": "trade", "instrument": "IBM", "venue": "XNYS", "last_px_nanos": 7}
    found = record(**fields, last_qty_units=6, aggressor="sell", conditions=["iso", "regular"])
    assert (found["price_nanos"], found["units"], found["aggressor"]) == (7, 6, 2)
    assert set(found["conditions"]) == {"iso", "regular"}
    assert TradeCondition.ISO | TradeCondition.REGULAR == 3


def test_a_status_of_a_venue_and_of_an_instrument() -> None:
    fields = {"type": "status", "venue": "XNYS", "status": "halted"}
    assert record(**fields)["instrument"] == INSTRUMENT_NONE
    assert record(**fields, instrument="IBM")["instrument"] == 3
    assert record(**fields)["status"] == "halted"


def test_a_new_order() -> None:
    more = {"exec_inst": ["post_only", "held"], "policy": "lowest_cost", "venues_banned": ["XNAS"]}
    found = record(**ORDER, **more, locate_id="L", venues_allowed=["XNYS", "XNAS", "XNYS"])
    assert found["type"] == "new_order"
    assert (found["side"], found["order_units"], found["limit_nanos"]) == (
        "sell_short",
        12_000,
        100_010_000_000,
    )
    assert (found["policy"], found["venues_allowed"], found["venues_banned"]) == (2, 33, 32)
    assert ExecInst.POST_ONLY | ExecInst.HELD == 9
    assert set(found["exec_inst"]) == {"post_only", "held"}
    assert (found["cl_ord_id"], found["account"], found["locate_id"]) == ("A1", "ACC", "L")
    assert (found["capacity"], found["venue"]) == (ord("A"), VENUE_NONE)


def test_an_amendment_and_a_cancel_name_the_order() -> None:
    found = record(**{**ORDER, "type": "amend_order"}, orig_cl_ord_id="A0")
    assert (found["type"], found["orig_cl_ord_id"]) == ("amend_order", "A0")
    fields = {"type": "cancel_order", "instrument": "IBM", "cl_ord_id": "C", "account": "ACC"}
    found = record(**fields, orig_cl_ord_id="A1", transact_time_ns=3)
    assert (found["type"], found["orig_cl_ord_id"], found["transact_ns"]) == (
        "cancel_order",
        "A1",
        3,
    )


def test_an_execution_report() -> None:
    more = {"last_px_nanos": 5, "last_qty_units": 4, "last_liquidity_ind": "take", "fee_nanos": -2}
    found = record(**REPORT, **more, trade_id=11, exec_id=12, order_id="V1", poss_resend=True)
    assert (found["child_id"], found["trade_id"], found["report_id"]) == (8, 11, 12)
    assert (found["last_nanos"], found["last_units"], found["fee_nanos"]) == (5, 4, -2)
    assert (found["cum_units"], found["leaves_units"]) == (-1, -1)
    assert (found["liquidity"], found["exec_type"]) == ("take", "trade")
    assert found["report_flags"] == ("poss_resend",)


@pytest.mark.parametrize(
    ("scope", "target", "where"),
    [
        ("all", "", {}),
        ("instrument", "IBM", {"instrument": 3}),
        ("venue", "XNAS", {"venue": 5}),
        ("account", "ACC", {"target": "ACC"}),
    ],
)
def test_a_kill(scope: str, target: str, where: dict[str, Any]) -> None:
    found = record(type="kill", scope=scope, target=target)
    assert found["scope"] == KillScope[scope.upper()].name.lower()
    assert found["engaged"] == 1
    assert where.items() <= found.items()


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", Fault.EMPTY),
        (b" " * (MAX_BYTES + 1), Fault.TOO_LARGE),
        (b"[" * 10_000, Fault.TOO_DEEP),
        (b'{"a":' * 9 + b"1" + b"}" * 9, Fault.TOO_DEEP),
        (b"not json", Fault.NOT_JSON),
        (b'{"type":"quote"', Fault.NOT_JSON),
        (b'{"type":"\xff\xfe"}', Fault.NOT_JSON),
        (b"[]", Fault.BAD_VALUE),
        (b'{"type":"unheard"}', Fault.BAD_VALUE),
        (json.dumps({**ORDER, "order_qty_units": "12000"}).encode(), Fault.BAD_VALUE),
        (json.dumps({**ORDER, "order_qty_units": 1.5}).encode(), Fault.BAD_VALUE),
        (json.dumps({**ORDER, "order_qty_units": -1}).encode(), Fault.BAD_VALUE),
        (json.dumps({**ORDER, "order_qty_units": 10**30}).encode(), Fault.BAD_VALUE),
        (json.dumps({**ORDER, "unheard": 1}).encode(), Fault.BAD_VALUE),
        (json.dumps({**ORDER, "cl_ord_id": ""}).encode(), Fault.BAD_VALUE),
        (json.dumps({**ORDER, "cl_ord_id": "ö" * 20}).encode(), Fault.BAD_VALUE),
        (json.dumps({**ORDER, "cl_ord_id": "a\0b"}).encode(), Fault.BAD_VALUE),
        (json.dumps({**ORDER, "instrument": "NONE"}).encode(), Fault.UNKNOWN_INSTRUMENT),
        (json.dumps({**ORDER, "policy": "none"}).encode(), Fault.UNKNOWN_POLICY),
        (json.dumps({**ORDER, "venues_allowed": ["XXXX"]}).encode(), Fault.UNKNOWN_VENUE),
    ],
)
def test_what_is_wrong_is_named(raw: bytes, fault: Fault) -> None:
    with pytest.raises(BadMessageError) as caught:
        to_record(decode(raw), Names(), PLACE)
    assert caught.value.fault == fault
    assert caught.value.exit_code == 2


def test_brackets_inside_text_are_no_depth() -> None:
    assert record(**{**ORDER, "cl_ord_id": '[[[[[["[[[{{{\\'})["cl_ord_id"].startswith("[[")


@given(st.binary(max_size=300) | st.text(alphabet='{}[]":,\\a1', max_size=200).map(str.encode))
def test_any_bytes_are_a_message_or_a_named_error(raw: bytes) -> None:
    with suppress(BadMessageError):
        assert isinstance(decode(raw), messages.Message)


def test_messages_survive_their_own_json() -> None:
    message = messages.QuoteMessage(**{k: v for k, v in QUOTE.items() if k != "type"})  # type: ignore[arg-type]
    assert decode(encode(message)) == message


def test_the_schema_names_every_message() -> None:
    schema = json_schema()
    tags = set(schema["discriminator"]["mapping"])
    assert {"quote", "new_order", "cancel_order", "execution_report", "kill"} <= tags
    fields = schema["$defs"]["NewOrderMessage"]["properties"]
    assert fields["order_qty_units"]["maximum"] == 10**15
    assert set(INPUTS) >= {InputType.QUOTE, InputType.KILL}


def test_a_balance_at_a_venue() -> None:
    told = {"type": "inventory", "instrument": "IBM", "venue": "XNAS", "account": "ACC"}
    found = record(**told, held_qty_units=250)
    assert (found["type"], found["account"], found["units"]) == ("inventory", "ACC", 250)
    assert (found["instrument"], found["venue"]) == (3, 5)
    for wrong in ({"held_qty_units": -1}, {"held_qty_units": 1, "account": ""}, {}):
        with pytest.raises(BadMessageError) as caught:
            record(**(told | wrong))
        assert caught.value.fault == Fault.BAD_VALUE


def test_a_status_request_and_a_mass_cancel() -> None:
    asked = record(type="order_status", instrument="IBM", cl_ord_id="A1", account="ACC")
    assert (asked["type"], asked["orig_cl_ord_id"], asked["account"]) == (
        "order_status",
        "A1",
        "ACC",
    )
    found = record(type="mass_cancel", cl_ord_id="M", scope="trader", target="ADA")
    assert (found["type"], found["scope"], found["target"]) == ("mass_cancel", "trader", "ADA")
    assert found["instrument"] == INSTRUMENT_NONE
    found = record(type="mass_cancel", cl_ord_id="M", scope="instrument", target="IBM")
    assert (found["instrument"], found["target"]) == (3, "")
    with pytest.raises(BadMessageError, match="no 'X'"):
        record(type="mass_cancel", cl_ord_id="M", scope="instrument", target="X")
