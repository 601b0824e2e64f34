"""Lists: filters against plain Python, pages under inserts, forms, tags."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.projections.api.conftest import Running, wait_until

PATHS = (
    "decisions orders children fills refusals alarms amendments child-requests breaks positions "
    "instruments policies kill-switches quality "
    "quality/execution performance/venues performance/orders"
).split()


@pytest.fixture(params=["service", "postgres_service"])
def api(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """Return a client of a service over each database."""
    running: Running = request.getfixturevalue(request.param)
    with running.client() as client:
        yield client


def everything(api: httpx.Client, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """All rows of a list, page by page."""
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(f"/v1/{path}", params={"limit": 7, **parameters, **cursor}).json()
        rows += page["items"]
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("path", PATHS)
def test_every_list_answers_in_every_form(api: httpx.Client, path: str) -> None:
    page = api.get(f"/v1/{path}?limit=5")
    assert page.status_code == 200
    assert set(page.json()) == {"items", "next_cursor", "position"}
    lines = api.get(f"/v1/{path}?limit=5&format=ndjson").text.splitlines()
    assert all(isinstance(orjson.loads(line), dict) for line in lines)
    text = api.get(f"/v1/{path}?limit=5", headers={"accept": "text/csv"})
    assert text.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(text.text)))
    assert all(len(row) == len(rows[0]) for row in rows)


def test_pages_neither_skip_nor_repeat_while_rows_are_added(api: httpx.Client) -> None:
    before = [row["id"] for row in api.get("/v1/decisions?limit=60&fields=id").json()["items"]]
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while len(seen) < len(before):
        page = api.get("/v1/decisions", params={"limit": 3, "fields": "id", **cursor}).json()
        seen += [row["id"] for row in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen, reverse=True)
    assert set(before) - set(seen) == {i for i in before if i < min(seen)}


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    side=st.sampled_from(["", "buy", "sell", "buy,sell"]),
    policy=st.sampled_from(["", "lowest_cost", "best_price"]),
    venue=st.sampled_from(["", "XNYS", "ARCX"]),
    instrument=st.sampled_from(["", "ALFA", "BRAVO"]),
    share=st.floats(0, 1),
)
def test_filters_equal_plain_python(
    api: httpx.Client, side: str, policy: str, venue: str, instrument: str, share: float
) -> None:
    until_ns = api.get("/v1/fills?limit=1").json()["items"][0]["log_ns"]
    rows = everything(api, "fills", until_ns=until_ns, limit=1000)
    since_ns = rows[int(share * (len(rows) - 1))]["log_ns"]
    asked = {"side": side, "policy": policy, "venue": venue, "instrument": instrument}
    chosen = {name: value for name, value in asked.items() if value}
    found = everything(api, "fills", until_ns=until_ns, since_ns=since_ns, limit=1000, **chosen)
    expected = [
        row
        for row in rows
        if row["log_ns"] >= since_ns
        and all(row[name] in value.split(",") for name, value in chosen.items())
    ]
    assert found == expected


def test_decisions_by_venue_are_those_that_sent_a_child_there(api: httpx.Client) -> None:
    rows = api.get("/v1/decisions?venue=XNYS&limit=5").json()["items"]
    assert rows
    for row in rows:
        decision = api.get(f"/v1/decisions/{row['id']}").json()
        keys = {decision["venue_keys"][str(child["venue"])] for child in decision["children"]}
        assert "XNYS" in keys


def test_what_has_not_moved_is_not_sent_again(api: httpx.Client) -> None:
    def is_unchanged() -> bool:
        first = api.get("/v1/instruments")
        tags = f'"other", {first.headers["etag"]}'
        again = api.get("/v1/instruments", headers={"if-none-match": tags})
        return again.status_code == 304 and not again.content

    wait_until(is_unchanged)


def test_large_answers_are_packed(api: httpx.Client) -> None:
    answer = api.get("/v1/fills?limit=200", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("limit=0", "bad_value", "limit"),
        ("limit=1001", "bad_value", "limit"),
        ("limit=ten", "bad_value", "limit"),
        ("sort=fee", "bad_sort", "sort"),
        ("fields=id,nope", "unknown_field", "fields"),
        ("cursor=abc", "bad_cursor", "cursor"),
        ("nope=1", "unknown_parameter", "nope"),
        ("side=hold", "bad_value", "side"),
        ("venue=NOPE", "unknown_venue", "venue"),
        ("instrument=NOPE", "unknown_instrument", "instrument"),
        ("policy=nope", "unknown_policy", "policy"),
        ("since_ns=99999999999999999999", "bad_value", "since_ns"),
        ("account=a%00b", "bad_value", "account"),
        ("format=xml", "bad_value", "format"),
        ("limit=1&limit=2", "repeated_parameter", ""),
    ],
)
def test_bad_queries_name_the_parameter(
    api: httpx.Client, query: str, code: str, field: str
) -> None:
    answer = api.get(f"/v1/fills?{query}")
    told = answer.json()
    assert (answer.status_code, told["code"], told.get("field", "")) == (400, code, field)


def test_a_cursor_belongs_to_its_list(api: httpx.Client) -> None:
    cursor = api.get("/v1/fills?limit=1").json()["next_cursor"]
    assert api.get(f"/v1/fills?limit=1&side=buy&cursor={cursor}").json()["code"] == "bad_cursor"
    assert api.get(f"/v1/children?limit=1&cursor={cursor}").json()["code"] == "bad_cursor"


def test_quality_over_time_and_side_by_side(api: httpx.Client) -> None:
    both = api.get("/v1/quality/compare?instrument=ALFA").json()
    assert both["XNYS"]["quality"]["quotes"] > 0
    history = api.get("/v1/quality/history?instrument=ALFA&venue=XNYS")
    assert history.status_code == 200
    assert api.get("/v1/quality/history?instrument=ALFA&venue=NO").json()["field"] == "venue"


def test_reference_and_missing_things(api: httpx.Client) -> None:
    kinds = {row["input_type"] for row in api.get("/v1/reference").json()}
    assert {"instrument", "venue", "fee", "policy", "limits", "settings", "engine"} <= kinds
    for path in ("decisions/1", "orders/1", "decisions/1/explanation", "jobs/77"):
        answer = api.get(f"/v1/{path}")
        assert answer.status_code == 404
        assert answer.json()["code"].startswith("unknown_")
    assert api.get("/v1/nothing").json()["code"] == "not_found"
    assert api.delete("/v1/orders").json()["code"] == "method_not_allowed"


def test_performance_by_group_and_bucket(api: httpx.Client) -> None:
    rows = api.get("/v1/performance?by=venue&bucket=hour").json()["items"]
    assert {"XNYS", "ARCX"} <= {row["venue"] for row in rows}
    assert all(row["bucket_ns"] % 3_600_000_000_000 == 0 for row in rows)
    (whole,) = api.get("/v1/performance?bucket=all").json()["items"]
    for name in (
        "fills fill_ratio all_in_bps effective_spread_bps price_improvement_bps shortfall_bps "
        "saved_against_sweep_bps saved_against_best_price_bps ack_p99_ns fill_p50_ns"
    ).split():
        assert whole[name] is not None, name
    for by in ("instrument", "policy", "client", "venue,policy"):
        grouped = api.get(f"/v1/performance?by={by}&bucket=all").json()["items"]
        assert sum(row["fills"] for row in grouped) >= whole["fills"]
    text = api.get("/v1/performance?by=policy&bucket=day&format=csv").text
    assert text.startswith("bucket_ns,policy,")
    assert api.get("/v1/performance?bucket=all&client=nobody").json()["items"] == []
    assert api.get("/v1/performance?bucket=week").json()["field"] == "bucket"
    assert api.get("/v1/performance?by=venue&by=client").json()["code"] == "repeated_parameter"


def test_quality_history_has_kinds_and_times(api: httpx.Client) -> None:
    rows = api.get("/v1/quality/history?venue=XNYS&kind=venue_quality").json()
    assert rows
    assert rows[0]["log_ns"] >= rows[-1]["log_ns"]
    none = api.get("/v1/quality/history?venue=XNYS&kind=venue_quality&until_ns=1").json()
    assert none == []
    missing = api.get("/v1/quality/history?venue=XNYS").json()
    assert (missing["code"], missing["field"]) == ("bad_value", "instrument")


def test_the_form_is_what_the_caller_likes_best(api: httpx.Client) -> None:
    forms = {
        "text/html,application/xml;q=0.9,*/*;q=0.8": "application/json",
        "application/json;q=0.1, text/csv;q=0.9": "text/csv",
        "application/json;q=0, application/x-ndjson": "application/x-ndjson",
        "": "application/json",
    }
    for accept, kind in forms.items():
        answer = api.get("/v1/instruments?limit=1", headers={"accept": accept})
        assert answer.headers["content-type"].startswith(kind), accept
    for accept in ("image/png", "application/json;q=0", "text/csv;q=none"):
        answer = api.get("/v1/instruments?limit=1", headers={"accept": accept})
        assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def test_gzip_is_for_those_who_take_it(api: httpx.Client) -> None:
    for accept, coding in (("br, gzip;q=0.1", "gzip"), ("gzip;q=0, *", None), ("", None)):
        answer = api.get("/v1/decisions?limit=200", headers={"accept-encoding": accept})
        assert answer.headers.get("content-encoding") == coding, accept


def test_a_head_is_that_of_the_get(api: httpx.Client) -> None:
    answer = api.head("/v1/instruments?limit=1")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0
    assert api.head("/v1/stream").status_code == 405
