"""What the verbs share: JSON on stdout, tables, and progress that is quiet off a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from streams.replay.replay import Progress, no_progress

MARKS = str.maketrans("", "", " .,%+-±()/:<=")
"""What stands between the digits of a number, an estimate or a missing one."""


def print_json(value: Any) -> None:
    """Writes one object on stdout and nothing else."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
    sys.stdout.flush()


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], whole: int = 0
) -> None:
    """Writes a table; numbers stand to the right, the first `whole` columns are never broken."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for place, column in enumerate(columns):
        cells = [row[place] for row in rows]
        justify: Any = "right" if all(map(is_number, cells)) else "left"
        table.add_column(column, justify=justify, no_wrap=place < whole)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console().print(table)


def print_lines(title: str, lines: Sequence[str]) -> None:
    """Writes a heading and indented lines."""
    out = console()
    out.print(printable(title), style="bold", markup=False)
    for line in lines:
        out.print(f"  {printable(line)}", markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """Text from outside without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def console() -> Any:
    """A console on stdout, wide where there is no terminal to ask."""
    from rich.console import Console

    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160, highlight=False)


def is_number(cell: str) -> bool:
    """Whether a cell should stand to the right: nothing but digits and the marks between them."""
    digits = cell.translate(MARKS)
    return not digits or digits.isdigit()


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on stderr with rate and time left; silent when stderr is no terminal.

    Under SOR_PROGRESS=json each step is a line of JSON for the program that reads it.
    """
    if os.environ.get("SOR_PROGRESS") == "json":
        yield progress_lines
        return
    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(),
        TextColumn("{task.completed:>12,.0f} records  {task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield reporter(bar)


def progress_lines(what: str, done: int, total: int) -> None:
    """Writes {"what", "done", "total"} on stderr; `total` is 0 when unknown."""
    print(
        orjson.dumps({"what": what, "done": done, "total": total}).decode(),
        file=sys.stderr,
        flush=True,
    )


def reporter(bar: Any) -> Progress:
    """Turns calls of Progress into moves of the bar, one task for each kind of work."""
    tasks: dict[str, Any] = {}

    def report(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total or None, rate="")
        task = bar.tasks[tasks[what]]
        rate = f"{task.speed:,.0f}/s" if task.speed else ""
        bar.update(tasks[what], completed=done, total=total or None, rate=rate)

    return report
