"""The tables of an evaluation as a page keeps them, between two marks."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import InputError
from streams.evaluation.report import Report

MARK = "sor evaluate --page"
FACTS_MARK = "sor evaluate --facts --page"


def write_page(page: Path, made: list[Report], told: str, mark: str = MARK) -> None:
    """Replaces what stands between the marks of `page`; `told` says what printed it."""
    begin, end = f"<!-- tables: {mark} -->", f"<!-- end of tables: {mark} -->"
    if not page.exists():
        raise InputError(f"{page}: no such page; name one with the marks {begin} and {end}")
    text = page.read_text(encoding="utf-8")
    before, has_begin, rest = text.partition(begin)
    _, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        raise InputError(f"{page}: has no marks; put {begin} and {end} where the tables belong")
    parts = "\n\n".join([*([told] if told else []), *(markdown(report) for report in made)])
    page.write_text(f"{before}{begin}\n{parts}\n{end}{after}", encoding="utf-8")


def markdown(report: Report) -> str:
    """A table below its title, and what is said of it."""
    lines = [report.heads, ["---"] * len(report.heads), *report.rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    parts = [f"*{report.title[0].upper()}{report.title[1:]}.*", table, report.said]
    return "\n\n".join(part for part in parts if part)
