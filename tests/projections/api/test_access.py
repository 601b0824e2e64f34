"""Who may do what: every route under every role, attacks on tokens, keys, sizes and rates."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from projections.api import bounds
from projections.api.access import AccessRules, ApiKey, Role, key_hash
from projections.api.app import make_app
from projections.api.bounds import MAX_DEPTH, depth_of
from projections.api.services import Services
from schemas.errors import InputError
from streams.clock import SystemClock
from streams.config.load import load_whole
from streams.config.service import Api, ServiceConfig
from streams.service.api_process import access_rules
from tests.projections.api.conftest import Running

SECRET = Ed25519PrivateKey.generate()
PUBLIC = SECRET.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
RULES = AccessRules(True, PUBLIC, "venuefold", "desk")
ORDER = {
    "cl_ord_id": "ROLE-1",
    "account": "ACC-8",
    "symbol": "ALFA",
    "side": "buy",
    "order_units": 100,
}
KILL = {"scope": "client", "target": "NOBODY", "engaged": True}
BALANCE = {"account": "NOBODY", "venue": "XNYS", "symbol": "ALFA", "held_units": 1}
ANY, AUDIT = set(Role), {Role.AUDITOR, Role.OPERATOR}
ROUTES: list[tuple[str, str, Any, set[Role]]] = [
    *(
        ("GET", f"/v1/{path}", None, ANY)
        for path in (
            "decisions orders children fills refusals alarms instruments policies kill-switches "
            "quality quality/execution performance/venues performance/orders venues limits jobs "
            "quality/compare?instrument=ALFA quality/history?instrument=ALFA&venue=XNYS "
            "decisions/1 decisions/1/explanation orders/1 jobs/1 "
            "reference/venue reference/venue/NOPE"
        ).split()
    ),
    ("GET", "/metrics", None, ANY),
    ("GET", "/openapi.json", None, ANY),
    ("GET", "/", None, ANY),
    ("GET", "/docs", None, ANY),
    ("GET", "/static/page.js", None, ANY),
    ("GET", "/v1/reference", None, AUDIT),
    ("GET", "/v1/audit", None, AUDIT),
    ("POST", "/v1/orders", ORDER, {Role.TRADER}),
    ("POST", "/v1/orders/1/cancel", {"cl_ord_id": "R-2"}, {Role.TRADER}),
    ("POST", "/v1/orders/1/amend", {"cl_ord_id": "R-3"}, {Role.TRADER}),
    ("POST", "/v1/kill-switch", KILL, {Role.TRADER, Role.OPERATOR}),
    ("POST", "/v1/kill-switch", {**KILL, "engaged": False}, {Role.OPERATOR}),
    ("POST", "/v1/inventory", BALANCE, {Role.OPERATOR}),
    ("POST", "/v1/venues/NOPE/outage", {"is_on": True}, {Role.OPERATOR}),
    ("POST", "/v1/reference/venue", {"key": "X", "terms": {}, "reason": "r"}, {Role.OPERATOR}),
    (
        "POST",
        "/v1/reference/venue/NOPE/suspend",
        {"version": 1, "reason": "none"},
        {Role.OPERATOR},
    ),
    ("POST", "/v1/jobs", {"kind": "whatif", "policy": "x = 1"}, AUDIT),
]


def claims(**more: Any) -> dict[str, Any]:
    """Claims of a valid token, and what is to be wrong with it."""
    now_s = int(SystemClock().now_ns() / 1e9)
    known = {"sub": "ann", "aud": "venuefold", "iss": "desk", "exp": now_s + 60, "roles": []}
    return {**known, **more}


def token(**more: Any) -> str:
    """A token signed with the right key."""
    return jwt.encode(claims(**more), SECRET, algorithm="EdDSA")


def bearer(credential: str) -> dict[str, str]:
    """The header that carries it."""
    return {"authorization": f"Bearer {credential}"}


@pytest.mark.promise(p=22)
def test_every_route_under_every_role(guarded: Any) -> None:
    with guarded(RULES, requests_per_s=100_000, orders_per_s=100_000) as api:
        for method, path, body, allowed in ROUTES:
            assert api.request(method, path, json=body).status_code == 401, path
            for role in Role:
                headers = bearer(token(roles=[role.value]))
                answer = api.request(method, path, json=body, headers=headers)
                assert answer.status_code < 500, (path, answer.text)
                is_refused = answer.status_code == 403
                assert is_refused == (role not in allowed), (method, path, role, answer.text)


def test_no_route_is_missing_from_the_table(services: Services) -> None:
    tried = {(method, path.partition("?")[0]) for method, path, _, _ in ROUTES}
    for route in make_app(services).routes:
        for method in getattr(route, "http_methods", []):
            pattern = [part if part[0] != "{" else None for part in route.path.split("/") if part]
            if method in {"OPTIONS", "HEAD"} or pattern[:1] == ["openapi"]:
                continue
            is_open = route.path in {"/healthz", "/readyz", "/v1/stream"}
            assert is_open or any(matches(pattern, path) for m, path in tried if m == method), route


def matches(pattern: list[str | None], path: str) -> bool:
    """Whether a path is of a route."""
    parts = [part for part in path.split("/") if part]
    return len(parts) == len(pattern) and all(
        p in {None, part} for p, part in zip(pattern, parts, strict=True)
    )


def part(value: Any) -> str:
    """One part of a token, by hand."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def attacks() -> dict[str, str]:
    """Tokens that must not be accepted."""
    rsa = generate_private_key(65537, 2048)
    good = token(roles=["trader"])
    head, body, signature = good.split(".")
    hmac_head = part({"alg": "HS256", "typ": "JWT"})
    return {
        "empty": "",
        "words": "not a token",
        "none": f"{part({'alg': 'none'})}.{part(claims(roles=['trader']))}.",
        "None": f"{part({'alg': 'None'})}.{part(claims(roles=['trader']))}.{signature}",
        "hmac with the public key": f"{hmac_head}.{body}.{hmac_of(f'{hmac_head}.{body}')}",
        "rsa": jwt.encode(claims(roles=["trader"]), rsa, algorithm="RS256"),
        "another key": jwt.encode(
            claims(roles=["trader"]), Ed25519PrivateKey.generate(), algorithm="EdDSA"
        ),
        "changed body": f"{head}.{part(claims(roles=['operator']))}.{signature}",
        "no signature": f"{head}.{body}.",
        "wrong audience": token(roles=["trader"], aud="other"),
        "no audience": jwt.encode(
            {k: v for k, v in claims(roles=["trader"]).items() if k != "aud"},
            SECRET,
            algorithm="EdDSA",
        ),
        "wrong issuer": token(roles=["trader"], iss="other"),
        "expired": token(roles=["trader"], exp=1_000),
        "no expiry": jwt.encode(
            {k: v for k, v in claims(roles=["trader"]).items() if k != "exp"},
            SECRET,
            algorithm="EdDSA",
        ),
        "not yet": token(roles=["trader"], nbf=2**40),
        "unknown role": token(roles=["root"]),
        "roles as text": token(roles="trader"),
        "unknown crit": jwt.encode(
            claims(roles=["trader"]), SECRET, algorithm="EdDSA", headers={"crit": ["x"], "x": 1}
        ),
        "key in the header": jwt.encode(
            claims(roles=["trader"]),
            Ed25519PrivateKey.generate(),
            algorithm="EdDSA",
            headers={"jwk": {"kty": "OKP"}, "kid": "../../etc/passwd"},
        ),
        "oversized": token(roles=["trader"], pad="x" * 8_000),
    }


def hmac_of(signed: str) -> str:
    """An HS256 signature made with the public key."""
    import hashlib
    import hmac

    digest = hmac.new(PUBLIC, signed.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.promise(p=22)
def test_no_attack_on_tokens_is_accepted(guarded: Any) -> None:
    with guarded(RULES) as api:
        assert api.get("/v1/fills", headers=bearer(token(roles=["viewer"]))).status_code == 200
        for name, attack in attacks().items():
            answer = api.get("/v1/fills", headers=bearer(attack))
            assert answer.status_code == 401, name
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert attack == "" or attack not in answer.text
        basic = api.get("/v1/fills", headers={"authorization": "Basic YTpi"})
        assert basic.status_code == 401


def test_a_stream_ends_when_its_token_does(guarded: Any) -> None:
    with guarded(RULES) as api:
        soon = int(SystemClock().now_ns() / 1e9) + 4
        headers = bearer(token(roles=["viewer"], exp=soon))
        with api.stream("GET", "/v1/stream?topics=alarm", headers=headers) as answer:
            text = b"".join(answer.iter_bytes())
    assert text.endswith(b"event: expired\ndata: {}\n\n")


def test_api_keys_are_known_by_their_hash(guarded: Any) -> None:
    key = "sor_" + "k" * 43
    known = ApiKey("robot", [Role.VIEWER], key_hash(key))
    with guarded(AccessRules(True, b"", keys={known.sha256: known})) as api:
        assert api.get("/v1/fills", headers=bearer(key)).status_code == 200
        assert api.post("/v1/orders", json=ORDER, headers=bearer(key)).status_code == 403
        assert api.get("/v1/fills", headers=bearer(key + "x")).status_code == 401
        assert api.get("/v1/fills", headers=bearer(known.sha256)).status_code == 401
        assert api.get("/v1/fills", headers=bearer(token(roles=["viewer"]))).status_code == 401


def test_other_addresses_need_identification() -> None:
    with pytest.raises(InputError, match="not loopback"):
        load_whole(ServiceConfig, None, {}, ["api.host=0.0.0.0"])
    with pytest.raises(InputError, match="identify himself"):
        load_whole(ServiceConfig, None, {}, ["api.auth=required"])
    found = load_whole(
        ServiceConfig, None, {}, ["api.host=0.0.0.0", "api.auth=required", "api.token_key=k.pem"]
    )
    with pytest.raises(InputError, match=r"k\.pem: cannot be read"):
        access_rules(found.api)


def test_key_files_are_read_or_named(tmp_path: Any) -> None:
    pem, keys = tmp_path / "key.pem", tmp_path / "keys.json"
    pem.write_bytes(PUBLIC)
    keys.write_text(json.dumps([{"name": "r", "roles": ["viewer"], "sha256": "0" * 64}]))
    rules = access_rules(Api(auth="required", token_key=str(pem), api_keys=str(keys)))
    assert (rules.public_key, list(rules.keys)) == (PUBLIC, ["0" * 64])
    keys.write_text("[{}]")
    with pytest.raises(InputError, match=r"keys\.json"):
        access_rules(Api(auth="required", api_keys=str(keys)))
    pem.write_text("none")
    with pytest.raises(InputError, match="no public key"):
        access_rules(Api(auth="required", token_key=str(pem)))


def test_rates_are_bounded(guarded: Any) -> None:
    with guarded(AccessRules(), requests_per_s=3) as api:
        codes = [api.get("/v1/policies").status_code for _ in range(8)]
    assert codes[:3] == [200] * 3
    assert 429 in codes
    with guarded(AccessRules(), orders_per_s=1) as api:
        answers = [
            api.post("/v1/orders", json={**ORDER, "cl_ord_id": f"RATE-{n}"}) for n in range(4)
        ]
    assert answers[0].status_code == 202
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"] == "1"


@pytest.mark.promise(p=13)
def test_bodies_and_heads_out_of_bounds(api: httpx.Client) -> None:
    deep = b"[" * 10_000 + b"]" * 10_000
    json_head = {"content-type": "application/json"}
    for content, status, code in (
        (deep, 400, "too_deep"),
        (b"x" * 70_000, 413, "too_large"),
        (b"{", 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b"", 400, "bad_request"),
    ):
        answer = api.post("/v1/orders", content=content, headers=json_head)
        assert (answer.status_code, answer.json()["code"]) == (status, code), content[:9]
    # The answer may come before the body is out, so nothing else goes over that connection.
    alone = {**json_head, "connection": "close"}
    chunks = api.post("/v1/orders", content=(b"x" * 10_000 for _ in range(9)), headers=alone)
    assert chunks.status_code == 413
    assert api.get("/v1/fills", headers={"x-a": "b" * 20_000}).status_code == 431
    assert api.get("/v1/fills", headers={f"x-{n}": "1" for n in range(80)}).status_code == 431
    assert api.get("/v1/fills?limit=" + "1" * 5_000).status_code == 400
    for path in ("/v1/orders/%00", "/static/..%2fapp.py", "/static/%2e%2e/app.py", "/v1/%0d%0aa"):
        assert 400 <= api.get(path).status_code < 500, path


def test_depth_is_counted_outside_of_text() -> None:
    assert depth_of(b'{"a": ["[[[[[[[[[[[["], "b": "\\"[["}') == 2
    assert depth_of(b"[" * 50) == MAX_DEPTH + 1
    assert depth_of(b"]]][") == 0


@pytest.mark.promise(p=22)
def test_slow_heads_are_cut_off(service: Running) -> None:
    with opened(service) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
        assert not slow.recv(1024).startswith(b"HTTP/1.1 200")  # ends by itself, unanswered


@pytest.mark.promise(p=22)
def test_slow_bodies_are_cut_off(guarded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BODY_S", 0.05)
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Any:
        try:
            return next(messages)
        except StopIteration:
            await asyncio.sleep(60)

    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    with guarded(AccessRules()) as api:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/orders",
            "raw_path": b"/v1/orders",
            "query_string": b"",
            "headers": [],
            "client": ("127.0.0.1", 1),
            "state": {},
            "scheme": "http",
            "http_version": "1.1",
            "root_path": "",
            "server": ("a", 1),
        }
        asyncio.run(api.app.asgi_handler(scope, receive, send))
    assert told[0]["status"] == 408


@pytest.mark.promise(p=22)
def test_slow_clients_do_not_keep_others_out(service: Running, api: httpx.Client) -> None:
    slow = [opened(service) for _ in range(60)]
    for connection in slow:
        connection.sendall(b"POST /v1/orders HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n")
    assert api.get("/healthz").status_code == 200
    assert api.get("/v1/fills?limit=1").status_code == 200
    for connection in slow:
        connection.close()


def opened(service: Running) -> socket.socket:
    """A connection to the service."""
    port = int(service.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=60)


@pytest.mark.promise(p=22)
def test_other_names_and_foreign_pages_are_refused(api: httpx.Client) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:8080", ""):
        assert api.get("/v1/fills", headers={"host": host}).json()["code"] == "wrong_host"
    for forwarded in ("x-forwarded-host", "forwarded", "x-forwarded-for", "x-original-url"):
        answer = api.get("/v1/decisions?limit=1", headers={forwarded: "evil.example"})
        assert answer.status_code == 200
        assert "evil" not in answer.text + repr(answer.headers)
    kill = {"scope": "all", "engaged": True}
    for origin in ("http://evil.example", "null", "http://localhost.evil.example"):
        answer = api.post("/v1/kill-switch", json=kill, headers={"origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    own = str(api.base_url).rstrip("/")
    answer = api.post("/v1/kill-switch", json={}, headers={"origin": own})
    assert answer.status_code == 400  # this page may; the body is wrong


def test_headers_keep_browsers_safe(api: httpx.Client) -> None:
    for path in ("/", "/docs", "/v1/fills", "/nothing"):
        headers = api.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
    page = api.get("/").text + api.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    asked = api.options("/v1/orders", headers={"origin": "http://evil"})
    assert "access-control-allow-origin" not in asked.headers


@pytest.mark.promise(p=22)
def test_a_secret_is_never_written_down(service: Running, api: httpx.Client) -> None:
    canary = "sor_CANARYcanaryCANARYcanary0123456789"
    for headers in (bearer(canary), {"x-api-key": canary}, {"cookie": canary}):
        api.get("/v1/fills", headers=headers)
        api.get(f"/v1/nothing/{canary}", headers=headers)
        api.post("/v1/orders", content=b"{", headers=headers)
    assert canary.encode() not in service.log.read_bytes()
