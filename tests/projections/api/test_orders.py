"""Orders over the API: submitted, decided, repeated, cancelled, refused, explained."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from tests.projections.api.conftest import Running, wait_until

IDS = itertools.count(1)
WAIT = {"prefer": "wait=10"}


def order(**terms: Any) -> dict[str, Any]:
    """An order that fits the market."""
    known = {"cl_ord_id": f"T-{next(IDS)}", "account": "ACC-9", "symbol": "ALFA", "side": "buy"}
    return {**known, "order_units": 300, "policy": "lowest_cost", **terms}


def test_an_order_is_durable_decided_and_found(api: httpx.Client) -> None:
    given = order()
    answer = api.post("/v1/orders", json=given, headers=WAIT)
    told = answer.json()
    assert answer.status_code == 202
    assert told["id"] == told["position"] > 0
    assert not told["is_repeat"]
    assert told["decision_id"] > 0
    wait_until(lambda: api.get(answer.headers["location"]).status_code == 200)
    found = api.get(answer.headers["location"]).json()
    assert (found["cl_ord_id"], found["symbol" if "symbol" in found else "instrument"]) == (
        given["cl_ord_id"],
        "ALFA",
    )
    wait_until(lambda: api.get(f"/v1/decisions/{told['decision_id']}").status_code == 200)
    decision = api.get(f"/v1/decisions/{told['decision_id']}").json()
    assert decision["cl_ord_id"] == given["cl_ord_id"]
    assert decision["order_id"] == told["position"]
    assert len(decision["candidates"]) >= 6
    story = api.get(f"/v1/decisions/{told['decision_id']}/explanation").json()
    assert story["cl_ord_id"] == given["cl_ord_id"]
    assert {row["venue"] for row in story["venues"]} >= {"XNYS", "ARCX"}
    assert story["choice"]


def test_a_repeat_gets_the_first_answer_and_another_order_a_conflict(api: httpx.Client) -> None:
    given = order()
    first = api.post("/v1/orders", json=given).json()
    again = api.post("/v1/orders", json=given).json()
    assert again["is_repeat"]
    assert again["position"] == first["position"]
    other = api.post("/v1/orders", json={**given, "order_units": 301})
    assert other.status_code == 409
    assert other.json()["code"] == "conflicting_repeat"
    assert other.headers["content-type"] == "application/problem+json"


def test_a_refusal_of_the_engine_comes_with_its_reason(api: httpx.Client) -> None:
    given = order(ord_type="limit", limit_price="999999")
    told = api.post("/v1/orders", json=given, headers=WAIT).json()
    assert (told["state"], told["reason"]) == ("refused", "price_collar")


def test_a_working_order_is_cancelled(api: httpx.Client) -> None:
    given = order(ord_type="limit", limit_price="40.00", order_units=100)
    symbol_price = api.get("/v1/decisions?instrument=ALFA&limit=1").json()["items"][0]
    bid = symbol_price["displayed_bid_nanos"]
    given["limit_price"] = f"{bid * 0.98 / 1e9:.2f}"
    told = api.post("/v1/orders", json=given, headers=WAIT).json()
    wait_until(lambda: api.get(f"/v1/orders/{told['id']}").status_code == 200)
    cancel = {"cl_ord_id": f"C-{next(IDS)}"}
    assert api.post(f"/v1/orders/{told['id']}/cancel", json=cancel).status_code == 202
    wait_until(lambda: api.get(f"/v1/orders/{told['id']}").json()["state"] == "canceled")


@pytest.mark.parametrize(
    ("terms", "status", "code", "field"),
    [
        ({"symbol": "NOPE"}, 422, "unknown_instrument", "symbol"),
        ({"policy": "nope"}, 422, "unknown_policy", "policy"),
        ({"venues_banned": ["NOPE"]}, 422, "unknown_venue", "venues_banned"),
        ({"ord_type": "limit"}, 422, "bad_price", "limit_price"),
        ({"limit_price": "1.0"}, 422, "bad_price", "limit_price"),
        ({"ord_type": "limit", "limit_price": "0.0"}, 422, "bad_price", "limit_price"),
        ({"side": "hold"}, 400, "bad_request", "side"),
        ({"order_units": 0}, 400, "bad_request", "order_units"),
        ({"order_units": "many"}, 400, "bad_request", "order_units"),
        ({"unknown": 1}, 400, "bad_request", "unknown"),
        ({"cl_ord_id": "two words"}, 400, "bad_request", "cl_ord_id"),
    ],
)
def test_bad_orders_name_the_field(
    api: httpx.Client, terms: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = api.post("/v1/orders", json=order(**terms))
    told = answer.json()
    assert (answer.status_code, told["code"], told.get("field", "")) == (status, code, field)


def test_a_killed_venue_gets_nothing_and_an_outage_is_seen(api: httpx.Client) -> None:
    kill = {"scope": "venue", "target": "XNYS", "engaged": True}
    assert api.post("/v1/kill-switch", json=kill).status_code == 202
    told = api.post("/v1/orders", json=order(), headers=WAIT).json()
    wait_until(lambda: api.get(f"/v1/decisions/{told['decision_id']}").status_code == 200)
    decision = api.get(f"/v1/decisions/{told['decision_id']}").json()
    reasons = {decision["venue_keys"][str(c["venue"])]: c["reason"] for c in decision["candidates"]}
    assert reasons["XNYS"] == "venue_killed"
    assert api.post("/v1/kill-switch", json={**kill, "engaged": False}).status_code == 202
    assert api.post("/v1/venues/XCHI/outage", json={"is_on": True}).json() == {"is_on": True}
    wait_until(lambda: venue_of(api, "XCHI")["health"] != "up")
    assert venue_of(api, "XCHI")["is_out"]
    assert api.post("/v1/venues/XCHI/outage", json={"is_on": False}).status_code == 200
    wait_until(lambda: venue_of(api, "XCHI")["health"] == "up", 60)
    audit = [line["what"] for line in api.get("/v1/audit?limit=1000").json()]
    assert {"kill venue XNYS", "resume venue XNYS", "outage XCHI"} <= set(audit)


def venue_of(api: httpx.Client, key: str) -> dict[str, Any]:
    """One venue's row."""
    return next(venue for venue in api.get("/v1/venues").json() if venue["key"] == key)


def test_a_job_verifies_the_running_log(api: httpx.Client, service: Running) -> None:
    job = api.post("/v1/jobs", json={"kind": "verify"})
    assert job.status_code == 202
    wait_until(lambda: api.get(job.headers["location"]).json()["state"] != "running", 60)
    found = api.get(job.headers["location"]).json()
    assert found["state"] == "done", found
    assert found["result"]["mismatches"] == 0
    assert found["progress"]["done"] > 0
    assert found["progress"]["what"]


def test_an_order_can_be_canceled_before_it_is_projected(api: httpx.Client) -> None:
    for _ in range(5):
        given = api.post("/v1/orders", json=order(order_units=100_000)).json()
        asked = {"cl_ord_id": f"{given['id']}-X"}
        told = api.post(f"/v1/orders/{given['id']}/cancel", json=asked, headers=WAIT)
        assert told.status_code == 202, told.text
    other = api.post(f"/v1/orders/{given['position'] + 10**9}/cancel", json={"cl_ord_id": "C"})
    assert other.json()["code"] == "unknown_order"
    not_an_order = api.post("/v1/orders/1/cancel", json={"cl_ord_id": "C"})
    assert not_an_order.status_code == 404


def test_an_amendment_keeps_what_it_does_not_change(api: httpx.Client) -> None:
    terms = {"policy": "", "venues_banned": ["XNYS"], "trader": "T-1", "urgency": 2}
    terms |= {"ord_type": "limit", "limit_price": "1.00", "post_permission": True}
    given = api.post("/v1/orders", json=order(**terms), headers=WAIT).json()
    asked = {"cl_ord_id": f"{given['id']}-A", "order_units": 200}
    told = api.post(f"/v1/orders/{given['id']}/amend", json=asked, headers=WAIT)
    assert told.status_code == 202, told.text
    wait_until(
        lambda: (
            api.get(f"/v1/orders/{given['id']}").json().get("order_units") == 200
            or api.get(f"/v1/amendments?order_id={given['id']}").json()["items"]
        )
    )
    found = api.get(f"/v1/orders/{given['id']}").json()
    assert (found["cl_ord_id"], found["order_units"]) == (asked["cl_ord_id"], 200), api.get(
        "/v1/refusals?limit=3"
    ).json()


def test_a_word_that_there_is_not_is_answered_with_those_that_there_are(api: httpx.Client) -> None:
    answer = api.post("/v1/orders", json=order(cl_ord_id="W-1", side="buyy"))
    problem = answer.json()
    assert (answer.status_code, problem["field"]) == (400, "side")
    assert "buy, sell" in problem["detail"]
    csv = api.get("/v1/fills?limit=1&format=csv")
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"


def test_a_balance_is_told_and_audited(api: httpx.Client) -> None:
    told = {"account": "DESK", "venue": "XNYS", "symbol": "ALFA", "held_units": 700}
    given = api.post("/v1/inventory", json=told)
    assert given.status_code == 202
    lines = api.get("/v1/audit?limit=1000").json()
    line = next(line for line in lines if line["what"] == "inventory DESK XNYS ALFA 700")
    assert line["position"] == given.json()["position"]
    for field, value in (("venue", "NOPE"), ("symbol", "NOPE")):
        answer = api.post("/v1/inventory", json=told | {field: value})
        assert answer.status_code == 422
        assert answer.json()["code"].startswith("unknown_")
    assert api.post("/v1/inventory", json=told | {"held_units": -1}).status_code in (400, 422)
