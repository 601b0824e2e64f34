"""What the OpenAPI document says beyond the handlers' types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIMediaType, Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from projections.api.accepting import FORMS
from projections.api.lists import CONTROLS, NUMBERS, Listing
from projections.api.problems import MEDIA_TYPE, Problem
from projections.api.reads import MAX_LIMIT
from projections.api.rows import enum_of
from schemas.units import INT64_MAX

TOLD = {
    400: "A parameter, a header or the body is not what it should be.",
    401: "Nobody identified himself, or not validly.",
    403: "The caller lacks the role.",
    404: "There is no such thing, or it is not projected yet.",
    406: "No such format.",
    409: "It contradicts what was said before.",
    413: "The body is too large.",
    415: "Not JSON.",
    422: "It does not fit this market.",
    429: "Too many requests; wait a second.",
    431: "Too many headers.",
    503: "Not ready: the reason is in `detail`.",
}
ALWAYS = (400, 401, 403, 413, 429, 431, 503)


def problems(*more: int) -> dict[int, ResponseSpec]:
    """The problems that an operation may answer with."""
    return {
        status: ResponseSpec(Problem, description=TOLD[status], media_type=MEDIA_TYPE)
        for status in sorted({*ALWAYS, *more})
    }


def told(status: int, kind: Any, about: str, example: Any = None) -> dict[int, ResponseSpec]:
    """A success, with an example where one is given."""
    examples = None if example is None else [Example(summary=about, value=example)]
    return {
        status: ResponseSpec(kind, generate_examples=False, description=about, examples=examples)
    }


def list_operation(listing: Listing) -> type[Operation]:
    """An operation with the parameters and formats of a list."""
    return exporting(lambda: parameters_of(listing))


def exporting(parameters: Callable[[], list[Parameter]]) -> type[Operation]:
    """An operation whose rows also come as CSV and NDJSON, with these parameters."""

    def begin(operation: Operation, **terms: Any) -> None:
        Operation.__init__(operation, **terms)
        operation.parameters = [*(operation.parameters or []), *parameters()]
        content: Any = operation.responses["200"].content  # type: ignore[index, union-attr]
        text = Schema(type=OpenAPIType.STRING)
        content["text/csv"] = OpenAPIMediaType(schema=text)
        content["application/x-ndjson"] = OpenAPIMediaType(schema=text)

    return type("ListOperation", (Operation,), {"__init__": begin})


def parameters_of(listing: Listing) -> list[Parameter]:
    """Query parameters of a list."""
    return [
        query_parameter(name, *describe(listing, name)) for name in (*CONTROLS, *listing.filters)
    ]


def describe(listing: Listing, name: str) -> tuple[Schema, str]:
    """Schema and meaning of one parameter."""
    number = Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=INT64_MAX)
    controls = {
        "limit": (
            Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_LIMIT, default=100),
            "rows of a page",
        ),
        "cursor": (text_schema(512), "`next_cursor` of the page before"),
        "sort": (
            Schema(
                type=OpenAPIType.STRING,
                enum=[s for sort in listing.sorts for s in (sort, f"-{sort}")],
            ),
            "column to sort by, `-` in front for the other way round",
        ),
        "fields": (text_schema(1_024), "fields to give, parted by commas"),
        "format": (
            Schema(type=OpenAPIType.STRING, enum=list(FORMS)),
            "form of the answer; the Accept header does the same",
        ),
        "since_ns": (number, "from this log time on, ns since 1970"),
        "until_ns": (number, "before this log time, ns since 1970"),
    }
    if name in controls:
        return controls[name]
    if name in NUMBERS:
        return number, f"only this {name}"
    kind = enum_of(listing.view, name)
    if kind is not None:
        names = [code.name.lower() for code in kind]
        return Schema(type=OpenAPIType.STRING, enum=names), f"only this {name}; several by commas"
    return text_schema(96), f"only this {name}"


def performance_parameters() -> list[Parameter]:
    """Query parameters of the performance report."""
    number = Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=INT64_MAX)
    bucket = Schema(type=OpenAPIType.STRING, enum=["hour", "day", "all"], default="day")
    limit = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=10_000, default=1_000)
    form = Schema(type=OpenAPIType.STRING, enum=list(FORMS))
    groups = "instrument, policy, client, venue"
    return [
        query_parameter("by", text_schema(64), f"groups, parted by commas: {groups}"),
        query_parameter("bucket", bucket, "length of a bucket"),
        query_parameter("limit", limit, "rows at most"),
        query_parameter("format", form, "form of the answer; the Accept header does the same"),
        query_parameter("since_ns", number, "hours that begin from this log time on"),
        query_parameter("until_ns", number, "hours that begin before this log time"),
        *(query_parameter(n, text_schema(96), f"only this {n}") for n in groups.split(", ")),
    ]


def text_schema(longest: int) -> Schema:
    """Text up to a length."""
    return Schema(type=OpenAPIType.STRING, min_length=1, max_length=longest)


def query_parameter(name: str, schema: Schema, about: str) -> Parameter:
    """An optional query parameter."""
    return Parameter(name=name, param_in="query", schema=schema, description=about, required=False)


performance_operation = exporting(performance_parameters)
