"""What a caller takes: forms, codings, copies he has. Source: RFC 9110, sections 12 and 13.1.2."""

from __future__ import annotations

from collections.abc import Iterator

FORMS = {
    "json": "application/json",
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
}
FORM_OF = {kind: form for form, kind in FORMS.items()}
FORM_OF |= {"*/*": "json", "application/*": "json", "text/*": "csv"}


def weighted(header: str) -> Iterator[tuple[str, float]]:
    """(what, weight) of a header's parts; a weight that is no number counts as 0."""
    for part in header.lower().split(","):
        what, *parameters = (word.strip() for word in part.split(";"))
        weight = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        is_number = weight.replace(".", "", 1).isdecimal()
        if what:
            yield what, float(weight) if is_number else 0.0


def form_of(accept: str) -> str | None:
    """The form that an Accept header likes best, the first of equals; None for none of ours."""
    if not accept.strip():
        return "json"
    known = [(FORM_OF[what], weight) for what, weight in weighted(accept) if what in FORM_OF]
    form, weight = max(known, key=lambda pair: pair[1], default=("", 0.0))
    return form if weight > 0 else None


def takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named, and not with a weight of 0."""
    return dict(weighted(accept_encoding)).get("gzip", 0.0) > 0


def has_already(if_none_match: str, tag: str) -> bool:
    """Whether a tag is among those that a caller has; weak ones compare as strong ones."""
    opaque = tag.removeprefix("W/")
    return any(
        given.strip().removeprefix("W/") in {opaque, "*"} for given in if_none_match.split(",")
    )
