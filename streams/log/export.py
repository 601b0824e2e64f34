"""Writes a run's records as JSON lines or Parquet, typed as `schemas.wire` names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from schemas.codes import InputType, OutputType
from schemas.errors import InputError
from schemas.upcast import upcast_output
from schemas.wire import decode_output, input_dict, iter_inputs, iter_raw_outputs, to_dict
from streams.log.facts import Watch, unwatched
from streams.log.files import sync_directory
from streams.log.run import RunDirectory
from streams.log.segment import STREAMS
from streams.log.segments import Frame

FORMATS = ("jsonl", "parquet")
ROWS_PER_PIECE = 50_000
EXPORTED_TYPES = sorted({code.name.lower() for code in (*InputType, *OutputType)})
Row = dict[str, Any]


def export_run(
    run: RunDirectory,
    out: Path,
    form: str,
    stream: str = "outputs",
    force: bool = False,
    watch: Watch = unwatched,
) -> list[Path]:
    """Writes one stream of every shard; the files made.

    JSON lines go to the file `out`. Parquet goes to the folder `out`, a file a record type, since
    each type has its own columns; lists and nested values are JSON text there.
    """
    if form not in FORMATS:
        raise InputError(f"--format {form}: use {' or '.join(FORMATS)}")
    if stream not in STREAMS:
        raise InputError(f"--stream {stream}: use {' or '.join(STREAMS)}")
    if out.exists() and not force:
        raise InputError(f"{out}: exists; choose another name or pass -f to write over it")
    rows = watched(run_rows(run, stream), stream, watch)
    return write_lines(out, rows) if form == "jsonl" else ParquetFolder(out).write(rows)


def run_rows(run: RunDirectory, stream: str) -> Iterator[Row]:
    """Every record of a stream, shard by shard, in log order, its chain proven on the way."""
    for number in run.shards():
        yield from frame_rows(number, stream, run.shard(number).reader(stream))


def frame_rows(number: int, stream: str, frames: Iterable[Frame]) -> Iterator[Row]:
    """The records of frames of one shard."""
    for frame in frames:
        if stream == "outputs":
            yield from (
                to_dict(decode_output(upcast_output(raw)))
                for _, raw in iter_raw_outputs(frame.payload)
            )
        else:
            for seq, (_, raw) in enumerate(iter_inputs(frame.payload), frame.first_seq):
                yield {"shard": number, "seq": seq, **input_dict(raw)}


def watched(rows: Iterator[Row], stream: str, watch: Watch) -> Iterator[Row]:
    """The same rows, counted aloud."""
    for done, row in enumerate(rows, 1):
        yield row
        if done % 4096 == 0:
            watch(f"exporting {stream}", done)


def write_lines(out: Path, rows: Iterator[Row]) -> list[Path]:
    """A JSON object a line; the file appears whole."""
    out.parent.mkdir(parents=True, exist_ok=True)

    def fill(file: BinaryIO) -> None:
        file.writelines(orjson.dumps(row) + b"\n" for row in rows)

    write_whole(out, fill)
    return [out]


def write_whole(out: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Writes beside `out` and renames, so that nobody takes half a file for a whole one."""
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            fill(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.rename(out)
    sync_directory(out.parent)


class ParquetFolder:
    """One Parquet file a record type, in pieces of bounded size: TYPE-00000.parquet, ..."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.made: list[Path] = []
        self._waiting: dict[str, list[Row]] = {}
        self._pieces: dict[str, int] = {}

    def write(self, rows: Iterator[Row]) -> list[Path]:
        """Writes all rows; the files made."""
        self.out.mkdir(parents=True, exist_ok=True)
        for kind in EXPORTED_TYPES:
            for stale in self.out.glob(f"{kind}-{'[0-9]' * 5}.parquet"):
                stale.unlink()
        for row in rows:
            waiting = self._waiting.setdefault(row["type"], [])
            waiting.append(row)
            if len(waiting) >= ROWS_PER_PIECE:
                self._flush(row["type"])
        for kind in sorted(self._waiting):
            self._flush(kind)
        return self.made

    def _flush(self, kind: str) -> None:
        import polars as pl

        rows, self._waiting[kind] = self._waiting[kind], []
        if not rows:
            return
        piece = self._pieces.get(kind, 0)
        self._pieces[kind] = piece + 1
        path = self.out / f"{kind}-{piece:05d}.parquet"
        frame = pl.DataFrame([flat(row) for row in rows], infer_schema_length=None)
        write_whole(path, frame.write_parquet)
        self.made.append(path)


def flat(row: Row) -> Row:
    """A row whose lists and nested values are JSON text."""
    return {
        name: orjson.dumps(value).decode() if isinstance(value, list | tuple | dict) else value
        for name, value in row.items()
    }
