"""The read models as the API reads them, without a server."""

from __future__ import annotations

from typing import Any, NamedTuple

from projections.api.lists import LISTINGS, query_of
from projections.api.performance import asked, report
from projections.api.reads import Reads, cursor_text
from projections.api.rows import present
from projections.store.database import open_generations
from projections.views import columns
from projections.views.columns import VIEWS

Row = dict[str, Any]
LISTED = {listing.view.name: listing for listing in LISTINGS}


class Page(NamedTuple):
    """Rows, where the next ones begin, how far the store is."""

    rows: list[Row]
    cursor: str | None
    position: dict[str, int]


class Models:
    """One store."""

    def __init__(self, url: str) -> None:
        self.reads = Reads(open_generations(url))

    def page(self, name: str, **given: Any) -> Page:
        """Return a page, asked for as by request parameters."""
        asked_for = {key: str(value) for key, value in given.items() if value is not None}
        with self.reads.connect() as connection:
            query = query_of(LISTED[name], asked_for, self.reads.names(connection))
        page, names = self.reads.page(query)
        cursor = cursor_text(query, page.last) if page.last is not None else None
        return Page(present(query.view, query.columns, page.rows, names), cursor, page.position)

    def everything(self, name: str, **given: Any) -> list[Row]:
        """Read a list to its end."""
        rows: list[Row] = []
        cursor = None
        while True:
            page = self.page(name, **{"limit": 1000, **given, "cursor": cursor})
            rows += page.rows
            cursor = page.cursor
            if cursor is None:
                return rows

    def performance(self, **given: Any) -> list[Row]:
        """Return a report, asked for as by request parameters."""
        with self.reads.connect() as connection:
            names = self.reads.names(connection)
            question = asked({key: str(value) for key, value in given.items()}, names)
            return report(connection, names, question)

    def table(self, name: str, **where: Any) -> list[Row]:
        """Return whole rows as they are stored."""
        (view,) = [view for view in VIEWS if view.name == name]
        return self.reads.rows(view, where, view.key_names[0], most=100_000)

    def locator(self, decision: int) -> Row:
        """Return a decision's row, which says where its record is."""
        found = self.reads.one(columns.DECISIONS, {"id": decision})
        assert found is not None
        return found[0]

    def close(self) -> None:
        """Give connections back."""
        self.reads.close()
