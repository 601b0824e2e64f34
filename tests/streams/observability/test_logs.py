"""Log lines are JSON, and hold no secret."""

from __future__ import annotations

import io
import json

from streams.observability.logs import HIDDEN, logger


def test_secrets_are_hidden_wherever_they_stand() -> None:
    out = io.StringIO()
    log = logger("test", "info", out)
    token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    key = "sor_" + "a" * 40
    log.info(
        "asked with Bearer " + token,
        authorization=f"Bearer {token}",
        api_key=key,
        path=f"/v1/x?key={key}",
        headers={"cookie": key, "accept": "a"},
        lines=[f"bearer {key}"],
        count=3,
    )
    log.debug("not shown")
    (line,) = out.getvalue().splitlines()
    told = json.loads(line)
    assert token not in line
    assert key not in line
    assert told["authorization"] == told["headers"]["cookie"] == HIDDEN
    assert (told["count"], told["process"], told["level"]) == (3, "test", "info")
