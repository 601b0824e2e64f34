"""Who asks, and what he may do.

Tokens are JWTs signed with one pinned Ed25519 key: no other algorithm, no key from the token, no
critical header that we do not know. API keys are kept as SHA-256 hashes of 32 random bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

from projections.api.problems import ProblemError
from schemas.units import NS_PER_S

MAX_TOKEN_BYTES = 4_096
KEY_PREFIX = "sor_"
CHALLENGE = {"www-authenticate": 'Bearer realm="venuefold"'}


class Role(Enum):
    """What a caller may do. Everybody may read; orders, switches and audit are apart."""

    VIEWER = "viewer"
    TRADER = "trader"
    OPERATOR = "operator"
    AUDITOR = "auditor"


ANYBODY = frozenset(Role)
TRADERS = frozenset({Role.TRADER})
OPERATORS = frozenset({Role.OPERATOR})
KILLERS = frozenset({Role.TRADER, Role.OPERATOR})
"""Whoever trades may stop trading; only an operator starts it again."""
AUDITORS = frozenset({Role.AUDITOR, Role.OPERATOR})


@dataclass(frozen=True)
class Caller:
    """Somebody who identified himself. `expires_ns` 0 means never."""

    name: str
    roles: frozenset[Role]
    expires_ns: int = 0


LOCAL = Caller("local", ANYBODY)
"""Whoever reaches a loopback port that asks nobody."""


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the file of API keys."""

    name: str
    roles: list[Role]
    sha256: str


@dataclass(frozen=True)
class AccessRules:
    """How callers identify themselves. `public_key` is PEM; nobody is asked unless required."""

    is_required: bool = False
    public_key: bytes = b""
    audience: str = "venuefold"
    issuer: str = ""
    keys: Mapping[str, ApiKey] = field(default_factory=dict)


class Gate:
    """Turns an Authorization header into a caller."""

    def __init__(self, rules: AccessRules, now_ns: Callable[[], int]) -> None:
        self.rules, self.now_ns = rules, now_ns

    def caller(self, authorization: str | None) -> Caller:
        """Who asks; ProblemError 401 when that is not known."""
        if not self.rules.is_required:
            return LOCAL
        scheme, _, credential = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not credential or len(credential) > MAX_TOKEN_BYTES:
            raise unknown("send `Authorization: Bearer TOKEN`")
        if credential.startswith(KEY_PREFIX):
            return self._by_key(credential)
        return self._by_token(credential)

    def _by_key(self, credential: str) -> Caller:
        digest = key_hash(credential)
        for stored, key in self.rules.keys.items():
            if hmac.compare_digest(stored, digest):
                return Caller(key.name, frozenset(key.roles))
        raise unknown("this API key is not known")

    def _by_token(self, token: str) -> Caller:
        import jwt

        if not self.rules.public_key:
            raise unknown("tokens are not accepted here; send an API key")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "EdDSA" or "crit" in header or "b64" in header:
                raise unknown("sign tokens with EdDSA and without critical headers")
            claims = self._claims(jwt, token)
            roles = frozenset(Role(role) for role in claims["roles"])
            return Caller(str(claims["sub"])[:64], roles, int(claims["exp"]) * NS_PER_S)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise unknown(f"the token is not valid ({type(error).__name__})") from None

    def _claims(self, jwt: Any, token: str) -> dict[str, Any]:
        """Verified claims; the clock is the service's own."""
        claims: dict[str, Any] = jwt.decode(
            token,
            self.rules.public_key,
            algorithms=["EdDSA"],
            audience=self.rules.audience,
            issuer=self.rules.issuer or None,
            options={
                "require": ["exp", "sub", "aud", "roles"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        now_s = self.now_ns() / NS_PER_S
        if float(claims["exp"]) <= now_s or float(claims.get("nbf", 0)) > now_s:
            raise unknown("the token is not valid now; get a new one")
        return claims


def require(caller: Caller, roles: frozenset[Role]) -> None:
    """ProblemError 403 unless the caller has one of the roles."""
    if not caller.roles & roles:
        needed = " or ".join(sorted(role.value for role in roles))
        raise ProblemError(403, "forbidden", f"this needs the role {needed}")


def key_hash(key: str) -> str:
    """How an API key is kept."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_keys(content: bytes) -> dict[str, ApiKey]:
    """API keys by hash, from a JSON array of them; ValueError when it is none."""
    return {key.sha256: key for key in msgspec.json.decode(content, type=list[ApiKey])}


def unknown(detail: str) -> ProblemError:
    """The problem of a caller who is not known."""
    return ProblemError(401, "unauthorized", detail, "Authorization", CHALLENGE)
