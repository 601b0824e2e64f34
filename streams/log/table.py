"""A RocksDB table of bytes that can always be built again from the segments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rocksdict import AccessType, DBRecoveryMode, Options, Rdict, WriteBatch, WriteOptions

from schemas.errors import CorruptLogError, InputError

Row = tuple[bytes, bytes]


class Table:
    """Ordered bytes -> bytes. A read-only table that does not exist is empty."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._rows: Rdict | None = None
        if not read_only or path.exists():
            with self._reported():
                self._rows = Rdict(str(path), options(), access_type=access(read_only))

    def get(self, key: bytes) -> bytes | None:
        """Value of `key`, None when absent."""
        if self._rows is None:
            return None
        with self._reported():
            value = self._rows.get(key)
        return None if value is None else bytes(value)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[Row]:
        """Rows whose key starts with `prefix`, in key order from `prefix` + `start`."""
        if self._rows is None:
            return
        with self._reported():
            cursor = self._rows.iter()
            cursor.seek(prefix + start)
        while cursor.valid() and cursor.key().startswith(prefix):
            yield bytes(cursor.key()), bytes(cursor.value())
            cursor.next()
        with self._reported():
            cursor.status()

    def write(self, rows: Iterable[Row], deleted: Iterable[bytes] = (), sync: bool = False) -> None:
        """Delete keys and put rows, all or nothing; `sync` makes this and all before durable."""
        batch = WriteBatch(raw_mode=True)
        for key in deleted:
            batch.delete(key)
        for key, value in rows:
            batch.put(key, value)
        setting = WriteOptions()
        setting.sync = sync
        rows_on_disk = self._writable()
        with self._reported():
            rows_on_disk.write(batch, setting)

    def delete_range(self, start: bytes, end: bytes) -> None:
        """Delete keys from `start` up to, not including, `end`."""
        rows = self._writable()
        with self._reported():
            rows.delete_range(start, end)

    def flush(self) -> None:
        """Move what is in memory to checksummed files, so that no journal needs replaying."""
        rows = self._writable()
        with self._reported():
            rows.flush()

    def clear(self) -> None:
        """Throw the whole table away and start an empty one."""
        self._writable()
        self.close()
        with self._reported():
            Rdict.destroy(str(self.path), options())
            self._rows = Rdict(str(self.path), options())

    def close(self) -> None:
        """Close the files."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    def _writable(self) -> Rdict:
        if self._rows is None or self.read_only:
            raise InputError(f"{self.path}: is closed or read-only; open the run for writing")
        return self._rows

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """The library raises plain Exception: name the place and the next step."""
        try:
            yield
        except Exception as error:
            raise CorruptLogError(
                f"{self.path}: {error}; delete the folder, it is built again from the segments"
            ) from error


def options() -> Options:
    """Raw bytes; a flipped bit in the journal is an error, not a silent loss of what follows."""
    settings = Options(raw_mode=True)
    settings.create_if_missing(True)
    settings.set_wal_recovery_mode(DBRecoveryMode.tolerate_corrupted_tail_records())
    settings.set_keep_log_file_num(2)
    return settings


def access(read_only: bool) -> AccessType:
    """How to open: alone for writing, or beside a writer."""
    return AccessType.read_only(False) if read_only else AccessType.read_write()
