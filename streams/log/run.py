"""A run's folder: manifest, writer's lock, one folder a shard."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import msgspec

from schemas.errors import CorruptLogError, InputError, NotFoundError
from streams.log.files import replace_durably, sync_directory
from streams.log.seal import SEAL_KEY, sealed
from streams.log.shard_log import DEFAULT_CODEC, DEFAULT_DURABILITY, ShardLog
from streams.log.signing import Signer

FORMAT = "venuefold-run"
FORMAT_VERSION = 1
SIGNING_KEY_VARIABLE = "SOR_SIGNING_KEY"


class RunDirectory:
    """A run on disk. Make one with `create` or `open`; close it, or use it as a context."""

    def __init__(self, path: Path, manifest: dict[str, Any], lock: BinaryIO | None) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = lock
        self._shards: dict[int, ShardLog] = {}

    @classmethod
    def create(
        cls, path: Path | str, manifest: dict[str, Any], force: bool = False
    ) -> RunDirectory:
        """Make a new run and lock it for writing.

        Raises InputError when `path` holds anything; `force` removes a run, and only a run.
        """
        where = Path(path)
        if not is_unused(where):
            require_replaceable(where, force)
        where.mkdir(parents=True, exist_ok=True)
        run = cls(where, {}, lock_for_writing(where))
        try:
            clear(where)
            run.update_manifest(format=FORMAT, format_version=FORMAT_VERSION, **manifest)
            sync_directory(where.resolve().parent)
        except BaseException:
            run.close()
            raise
        return run

    @classmethod
    def open(cls, path: Path | str, writable: bool = False) -> RunDirectory:
        """Open a run; `writable` takes the lock. NotFoundError when there is no run."""
        where = Path(path)
        manifest = read_manifest(where)
        return cls(where, manifest, lock_for_writing(where) if writable else None)

    @property
    def writable(self) -> bool:
        """Whether this process may write to the run."""
        return self._lock is not None

    def update_manifest(self, **values: Any) -> None:
        """Set keys of the manifest, all or nothing."""
        if not self.writable:
            raise InputError(f"{self.path}: open the run with writable=True to change its manifest")
        manifest = {**self.manifest, **values}
        replace_durably(self.path / "manifest.json", sealed(manifest))
        self.manifest = manifest

    def shard(self, shard: int = 0) -> ShardLog:
        """The log of one shard, the same object each time."""
        if shard not in self._shards:
            directory = self.path / f"shard-{shard:03d}"
            if not self.writable and not directory.is_dir():
                raise NotFoundError(f"{self.path}: has no shard {shard}")
            facts = anchored_facts(self.manifest)
            signer = self.signer() if self.writable else None
            log = ShardLog(directory, shard, self.writable, facts, signer)
            log.codec, log.durability = configured_writing(self.manifest)
            self._shards[shard] = log
        return self._shards[shard]

    def signer(self) -> Signer | None:
        """Signs anchors when the environment names a key file."""
        path = os.environ.get(SIGNING_KEY_VARIABLE)
        return Signer(Path(path)) if path else None

    def shards(self) -> list[int]:
        """Numbers of the shards that exist."""
        folders = self.path.glob("shard-[0-9]*")
        return sorted(int(folder.name.removeprefix("shard-")) for folder in folders)

    def close(self) -> None:
        """Close the writers and give the lock back."""
        try:
            for shard in self._shards.values():
                shard.close()
        finally:
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def anchored_facts(manifest: dict[str, Any]) -> dict[str, Any]:
    """What an anchor says about the program and configuration that wrote the log."""
    versions = manifest.get("versions", {})
    return {
        "software": versions.get("venuefold"),
        "engine_generation": versions.get("engine_generation"),
        "core": manifest.get("core"),
        "config_hash": manifest.get("config_hash"),
    }


def configured_writing(manifest: dict[str, Any]) -> tuple[str, str]:
    """Codec and durability of inputs as the run's configuration says (`run.log_codec` and
    `run.log_durability`).
    """
    settings = manifest.get("config", {}).get("run", {})
    codec = settings.get("log_codec", DEFAULT_CODEC)
    return str(codec), str(settings.get("log_durability", DEFAULT_DURABILITY))


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of the run at `path`; NotFoundError when there is none."""
    file = path / "manifest.json"
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"{path}: no run here (no manifest.json); check the path") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptLogError(
            f"{file}: not a manifest ({error}); the segments do not depend on it"
        ) from error
    if manifest.get("format") != FORMAT:
        raise InputError(f"{file}: not the manifest of a run; check the path")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{file}: format version {manifest.get('format_version')}, this program reads "
            f"{FORMAT_VERSION}; use the version of the program that wrote it"
        )
    manifest.pop(SEAL_KEY, None)
    return manifest


def lock_for_writing(path: Path) -> BinaryIO:
    """Take the run's exclusive lock, held until the file is closed or the process ends."""
    lock = (path / "lock").open("a+b")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        owner = lock.read().decode(errors="replace").strip() or "unknown"
        lock.close()
        raise InputError(
            f"{path}: process {owner} is writing to this run; wait for it or stop it"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return lock


def is_unused(path: Path) -> bool:
    """Whether a run may begin at `path`: nothing is there, or what is left of a creation that was
    killed before it had a manifest.
    """
    if not path.is_dir():
        return not path.exists()
    return {child.name for child in path.iterdir()} <= {"lock", "manifest.json.new"}


def require_replaceable(path: Path, force: bool) -> None:
    """InputError unless `path` is a run and may be replaced."""
    try:
        read_manifest(path)
    except NotFoundError:
        raise InputError(
            f"{path}: exists and is not a run, so it is left alone; choose another folder"
        ) from None
    if not force:
        raise InputError(
            f"{path}: already holds a run; pass --force to replace it, or --resume to go on with it"
        )


def clear(path: Path) -> None:
    """Remove everything but the lock, the manifest last: what is half removed is still a run."""
    kept_last = ("manifest.json", "lock")
    for child in path.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child.name not in kept_last:
            child.unlink()
    (path / "manifest.json").unlink(missing_ok=True)
