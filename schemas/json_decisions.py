"""Decisions as JSON for topics that know their schema: SmartRoutingDecisionEvent in plain types.

Values of over 63 bits are decimal text, since JSON readers of other languages stop there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.events import SmartRoutingDecisionEvent
from schemas.wire import WIDE, to_dict

TEXTS = frozenset((*WIDE, "rows_digest"))
"""Fields that are decimal text."""


def decision_json(event: SmartRoutingDecisionEvent) -> bytes:
    """One decision as a JSON object."""
    fields = to_dict(event)
    fields["rows_digest"] = str(fields["rows_digest"])
    return msgspec.json.encode(fields)


def avro_schema() -> dict[str, Any]:
    """The Avro definition that a Pulsar topic of JSON decisions carries."""
    return _record(SmartRoutingDecisionEvent)


def _record(kind: type[Any]) -> dict[str, Any]:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    fields = [{"name": f.encode_name, "type": _type(f.encode_name, f.type)} for f in info.fields]
    if info.tag_field:
        fields.insert(0, {"name": info.tag_field, "type": "string"})
    return {"type": "record", "name": kind.__name__, "fields": fields}


def _type(name: str, found: Any) -> Any:
    if name in TEXTS:
        return "string"
    if isinstance(found, msgspec.inspect.VarTupleType):
        return {"type": "array", "items": _type("", found.item_type)}
    if isinstance(found, msgspec.inspect.StructType):
        return _record(found.cls)
    return _PLAIN[type(found)]


_PLAIN: dict[Any, str] = {
    msgspec.inspect.IntType: "long",
    msgspec.inspect.FloatType: "double",
    msgspec.inspect.StrType: "string",
    msgspec.inspect.BoolType: "boolean",
}
