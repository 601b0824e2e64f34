"""Venues, instruments, policies, limits and accounts changed over REST; the router acts on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.projections.api.conftest import Running, wait_until

REASON = "a test of reference data"
VENUE = {
    "name": "Test venue",
    "latency_class": "metro",
    "fees": [{"liquidity": "take", "per_one": "0.003"}, {"liquidity": "add", "per_one": "-0.002"}],
}
POLICY = {"policy": 9, "kind": "lowest_cost", "stale_ms": 2000, "retry_ms": 50, "horizon_ms": 5000}


def change(
    api: httpx.Client, kind: str, key: str, verb: str, version: int, actor: str, **more: Any
) -> httpx.Response:
    body = {"version": version, "reason": REASON, "actor": actor, **more}
    return api.post(f"/v1/reference/{kind}/{key}/{verb}", json=body)


def propose(api: httpx.Client, kind: str, key: str, terms: dict[str, Any]) -> httpx.Response:
    body = {"key": key, "terms": terms, "reason": REASON, "actor": "ann"}
    return api.post(f"/v1/reference/{kind}", json=body)


def agree(api: httpx.Client, kind: str, key: str, terms: dict[str, Any]) -> dict[str, Any]:
    """Propose, approve and activate; the item as it then is."""
    assert propose(api, kind, key, terms).json()["in_log"] is None
    assert change(api, kind, key, "approve", 1, "bob").status_code == 200
    found: dict[str, Any] = change(api, kind, key, "activate", 2, "bob").json()
    return found


def order(api: httpx.Client, name: str, **terms: Any) -> dict[str, Any]:
    """Submit an order and wait for what becomes of it."""
    body = {"cl_ord_id": name, "account": "ACC-R", "symbol": "ALFA", "side": "buy", **terms}
    body = {"order_units": 100, "time_in_force": "ioc", **body}
    answer = api.post("/v1/orders", json=body, headers={"prefer": "wait=5"})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(params=["service", "postgres_service"])
def api(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """Return a client of a service over each database."""
    running: Running = request.getfixturevalue(request.param)
    with running.client() as client:
        yield client


def test_what_the_log_began_with_is_governed(api: httpx.Client) -> None:
    assert len(api.get("/v1/reference/venue").json()) >= 6
    items = {item["key"]: item for item in api.get("/v1/reference/policy").json()}
    assert items["lowest_cost"]["state"] == "active"
    assert items["lowest_cost"]["live"]["miss_penalty_bps"] == 2.0
    item = api.get("/v1/reference/limits/ALFA").json()
    assert [line["what"] for line in item["history"]][:2] == ["proposed", "adopted"]
    assert item["history"][0]["actor"] == "the log"


def test_limits_take_effect_from_the_position_that_is_told(api: httpx.Client) -> None:
    item = api.get("/v1/reference/limits/BRAVO").json()
    terms = {**item["live"], "max_order_units": 50}
    version = item["version"]
    amended = change(api, "limits", "BRAVO", "amend", version, "ann", terms=terms).json()
    assert amended["in_log"] is None
    own = change(api, "limits", "BRAVO", "approve", version + 1, "ann")
    assert (own.status_code, own.json()["code"]) == (422, "bad_reference")
    stale = change(api, "limits", "BRAVO", "approve", version, "bob")
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_edit")
    assert change(api, "limits", "BRAVO", "approve", version + 1, "bob").status_code == 200
    active = change(api, "limits", "BRAVO", "activate", version + 2, "bob").json()
    assert active["in_log"]["position"] > 0
    told = order(api, "R-LIMIT", symbol="BRAVO")
    assert told["position"] > active["in_log"]["position"]
    assert told["reason"] == "max_order_units"
    more = {**terms, "max_order_units": 10**9}
    change(api, "limits", "BRAVO", "amend", version + 3, "ann", terms=more)
    change(api, "limits", "BRAVO", "approve", version + 4, "bob")
    change(api, "limits", "BRAVO", "activate", version + 5, "bob")
    assert "decision_id" in order(api, "R-LIMIT-2", symbol="BRAVO")


def test_a_policy_lives_and_ends(api: httpx.Client) -> None:
    agree(api, "policy", "patient", POLICY)
    wait_until(lambda: "patient" in {p["name"] for p in api.get("/v1/policies").json()["items"]})
    assert "decision_id" in order(api, "R-POLICY", policy="patient")
    retired = change(api, "policy", "patient", "retire", 3, "bob").json()
    assert retired["state"] == "retired"
    assert order(api, "R-POLICY-2", policy="patient")["reason"] == "unknown_policy"
    again = change(api, "policy", "patient", "activate", 4, "bob")
    assert "possible now: nothing" in again.json()["detail"]


def test_an_account_may_trade_only_where_its_terms_say(api: httpx.Client) -> None:
    agree(api, "account", "ACC-V", {"client": "CLIENT-V", "venues": ["XNYS"]})
    told = order(api, "R-ACCOUNT", account="ACC-V")
    decision = api.get(f"/v1/decisions/{told['decision_id']}")
    wait_until(lambda: api.get(f"/v1/decisions/{told['decision_id']}").status_code == 200)
    decision = api.get(f"/v1/decisions/{told['decision_id']}").json()
    left_out = {c["venue"]: c["reason"] for c in decision["candidates"] if c["reason"] != "none"}
    keys = {int(number): key for number, key in decision["venue_keys"].items()}
    assert {keys[v] for v, reason in left_out.items() if reason == "not_permitted"} == (
        set(keys.values()) - {"XNYS"}
    )
    change(api, "account", "ACC-V", "suspend", 3, "eve")
    assert order(api, "R-ACCOUNT-2", account="ACC-V")["reason"] == "killed"
    change(api, "account", "ACC-V", "activate", 4, "bob")
    assert "decision_id" in order(api, "R-ACCOUNT-3", account="ACC-V")


def test_a_venue_and_an_instrument_join_and_are_suspended(api: httpx.Client) -> None:
    assert agree(api, "venue", "XTST", VENUE)["in_log"] is not None
    agree(api, "instrument", "NEWCO", {"quote_ccy": "USD"})
    wait_until(lambda: "XTST" in {venue["key"] for venue in api.get("/v1/venues").json()})
    change(api, "venue", "XTST", "suspend", 3, "eve")

    def is_suspended() -> bool:
        venues = {venue["key"]: venue for venue in api.get("/v1/venues").json()}
        return bool(venues["XTST"]["is_suspended"] and not venues["XTST"]["is_killed"])

    wait_until(is_suspended)
    audit = api.get("/v1/audit?limit=50").json()
    line = next(line for line in audit if line["what"] == "suspend venue XTST")
    assert (line["caller"], line["reason"]) == ("eve", REASON)


@pytest.mark.parametrize(
    ("kind", "key", "terms", "status", "code"),
    [
        ("limits", "NOWHERE", {"max_order_units": 1, "max_notional_ones": 1}, 200, ""),
        ("policy", "bad", {**POLICY, "preferred": ["NOPE"]}, 422, "bad_reference"),
        ("policy", "bad", {**POLICY, "max_levels": 11}, 422, "bad_reference"),
        ("account", "BAD", {"client": "C", "venues": ["NOPE"]}, 422, "bad_reference"),
        ("account", "A" * 17, {"client": "C"}, 422, "bad_reference"),
        ("venue", "XNYS", VENUE, 422, "bad_reference"),
        ("colour", "RED", {}, 400, "bad_request"),
    ],
)
def test_what_does_not_fit_is_refused(
    api: httpx.Client, kind: str, key: str, terms: dict[str, Any], status: int, code: str
) -> None:
    answer = propose(api, kind, key, terms)
    assert (answer.status_code, answer.json().get("code", "")) == (status, code), answer.text
    if kind == "limits":
        change(api, kind, key, "approve", 1, "bob")
        refused = change(api, kind, key, "activate", 2, "bob")
        assert "no such instrument" in refused.json()["detail"]
        assert api.get("/readyz").json()["reasons"] == []


def test_an_actor_and_a_reason_are_needed(api: httpx.Client) -> None:
    body = {"version": 1, "reason": "  ", "actor": "ann"}
    answer = api.post("/v1/reference/venue/XNYS/suspend", json=body)
    assert answer.json()["field"] == "reason"
    assert change(api, "venue", "NOPE", "suspend", 1, "ann").json()["code"] == "unknown_key"
    no_terms = change(api, "venue", "XNYS", "amend", 2, "ann")
    assert no_terms.json()["code"] == "no_terms"
    too_many = change(api, "venue", "XNYS", "suspend", 2, "ann", terms=VENUE)
    assert too_many.json()["field"] == "terms"
