"""The OpenAPI document against the service: no 5xx, no answer that it does not describe."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest
import schemathesis  # type: ignore[import-untyped,unused-ignore]
from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]
from schemathesis.checks import CHECKS

from tests.projections.api.conftest import Running

EXAMPLES = int(os.environ.get("SOR_API_EXAMPLES") or (25_000 if os.environ.get("SOR_PROVE") else 3))
"""Requests an operation; some forty operations make a million in full size."""
LEFT_OUT = {
    "positive_data_acceptance",  # a name that fits its pattern need not exist in the market
    "unsupported_method",
    "ensure_resource_availability",
    "use_after_free",
    "ignored_auth",  # this service asks nobody; test_access has the one that does
}


def document(service: Running) -> Any:
    """The document as the service gives it."""
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


@pytest.mark.promise(p=13)
@pytest.mark.parametrize("kind", ["service", "postgres_service"])
def test_answers_are_as_described(request: pytest.FixtureRequest, kind: str) -> None:
    service: Running = request.getfixturevalue(kind)
    checks = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in LEFT_OUT]
    tried = 0
    for result in document(service).get_all_operations():
        operation = result.ok()
        if operation.path in {"/v1/stream", "/v1/jobs", "/v1/kill-switch"}:
            continue  # endless; starts processes; would stop the market under other tests
        tried += 1
        trial(service, operation, checks)()
    assert tried >= 36
    print(f"{kind}: {tried} operations, {tried * EXAMPLES} requests, no 5xx, none undescribed")


def trial(service: Running, operation: Any, checks: Any) -> Any:
    """A test of one operation."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @hypothesis_given(data=st.data())
    def try_it(data: Any) -> None:
        case = data.draw(operation.as_strategy())
        case.call_and_validate(base_url=service.url, checks=checks, timeout=20)

    return try_it


def test_the_document_is_3_1_with_examples(api: httpx.Client) -> None:
    found = api.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    answer = found["paths"]["/v1/orders"]["post"]["responses"]["202"]
    assert answer["content"]["application/json"]["examples"]
    assert "text/csv" in found["paths"]["/v1/fills"]["get"]["responses"]["200"]["content"]


def test_every_example_is_what_its_schema_says(api: httpx.Client) -> None:
    found = api.get("/openapi.json").json()
    tried = 0
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation.get("responses", {}).items():
                for told in answer.get("content", {}).values():
                    for example in (told.get("examples") or {}).values():
                        whole = {**told["schema"], "components": found["components"]}
                        errors = list(Draft202012Validator(whole).iter_errors(example["value"]))
                        assert errors == [], (path, method, status, errors[0].message)
                        tried += 1
    assert tried > 20


def test_health_metrics_and_pages(api: httpx.Client) -> None:
    assert api.get("/healthz").json()["status"] == "ok"
    ready = api.get("/readyz").json()
    assert ready["reasons"] == []
    text = api.get("/metrics").text
    for name in (
        "sor_up 1.0",
        "sor_decision_latency_seconds_bucket",
        "sor_projection_lag_seconds",
        "sor_log_sync_seconds_mean",
        "sor_venue_health",
        "sor_ticks_total",
    ):
        assert name in text
    assert "Venuefold" in api.get("/").text
    assert api.get("/static/page.js").headers["content-type"].startswith("text/javascript")
    assert api.get("/static/app.py").status_code == 404
