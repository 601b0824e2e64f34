"""What is said on the control topics, as JSON: kill requests, and who has latched them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from schemas.errors import InputError
from schemas.json_inputs import check_depth

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Scope = Literal["all", "instrument", "venue", "client", "account"]


class Control(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"
):
    """Base of every message on `sor.control` and `sor.control-answers`."""


class KillRequest(Control, frozen=True, kw_only=True, tag="kill_request"):
    """Latch a kill, or release it. `id` is the caller's, and named in each answer."""

    id: Name
    scope: Scope = "all"
    target: Annotated[str, msgspec.Meta(max_length=64)] = ""
    engaged: bool = True
    person: Name


class KillSettled(Control, frozen=True, kw_only=True, tag="kill_settled"):
    """Every shard that answers has the kill of this id."""

    id: Name


class GatewayLatched(Control, frozen=True, kw_only=True, tag="gateway_latched"):
    """A gateway holds back what the kill covers, or has let it go."""

    id: Name
    gateway: Name


class ShardLatched(Control, frozen=True, kw_only=True, tag="shard_latched"):
    """The owner of a shard has folded the `number`-th kill, its outputs are published."""

    number: int
    shard: int
    owner: Name


AnyControl = KillRequest | KillSettled | GatewayLatched | ShardLatched
_DECODER: msgspec.json.Decoder[AnyControl] = msgspec.json.Decoder(AnyControl)


def decode_control(raw: bytes) -> AnyControl:
    """One message; InputError says what is wrong."""
    check_depth(raw)
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{error}; see the JSON Schema of schemas.control") from None


def encode_control(message: AnyControl) -> bytes:
    """A message as JSON."""
    return msgspec.json.encode(message)
