"""Anchors: a growing file of positions with the chain heads there, for showing to others.

A line is one JSON object. It carries the hash of the line before it and the hash of itself, and an
Ed25519 signature of that hash when a key is configured. So no line can be changed, removed from
the middle or moved, and with a signature none can be made by somebody without the key. A line
that a crash cut off ends without a newline and is dropped at the next append.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from streams.log.errors import DamagedFileError
from streams.log.files import sync_directory
from streams.log.signing import Signer, Verifier, signature_fault

FILE_NAME = "anchors.jsonl"
ORIGIN = "0" * 64
TAIL_BYTES = 1 << 16
UNSIGNED = ("digest", "signature", "key")


class AnchorLog:
    """The anchors of one run; each entry names its shard."""

    def __init__(self, directory: Path, signer: Signer | None = None) -> None:
        self.path = directory / FILE_NAME
        self.signer = signer

    def entries(self, verifier: Verifier | None = None) -> list[dict[str, Any]]:
        """All anchors, oldest first; DamagedFileError for one that is not what was written."""
        found: list[dict[str, Any]] = []
        previous = ORIGIN
        offset = 0
        *whole, _ = self._content().split(b"\n")
        for line in whole:
            entry = self._entry(line, offset, previous, verifier)
            previous = entry["digest"]
            found.append(entry)
            offset += len(line) + 1
        return found

    def torn_bytes(self) -> int:
        """Bytes of an append that was cut off at the end."""
        content = self._content()
        return len(content) - (content.rfind(b"\n") + 1)

    def append(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Add an anchor with these facts, durable on return; processes take turns."""
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            entry = self._append(descriptor, facts)
        finally:
            os.close(descriptor)
        if is_new:
            sync_directory(self.path.parent)
        return entry

    def _append(self, descriptor: int, facts: Mapping[str, Any]) -> dict[str, Any]:
        last, end = self._last()
        number, previous = (last["number"] + 1, last["digest"]) if last else (1, ORIGIN)
        entry: dict[str, Any] = {"number": number, "previous": previous, **facts}
        entry["digest"] = digest_of(entry)
        if self.signer is not None:
            entry["key"] = self.signer.public_hex
            entry["signature"] = self.signer.sign(bytes.fromhex(entry["digest"])).hex()
        os.ftruncate(descriptor, end)
        os.pwrite(descriptor, msgspec.json.encode(entry) + b"\n", end)
        os.fsync(descriptor)
        return entry

    def _last(self) -> tuple[dict[str, Any] | None, int]:
        """The last whole anchor and where the file ends after it."""
        if not self.path.exists():
            return None, 0
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read()
        *whole, cut_off = tail.split(b"\n")
        if not whole:
            return None, 0
        end = size - len(cut_off)
        return decoded(self.path, whole[-1], end - len(whole[-1]) - 1), end

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def _entry(
        self, line: bytes, offset: int, previous: str, verifier: Verifier | None
    ) -> dict[str, Any]:
        entry = decoded(self.path, line, offset)
        if entry.get("previous") != previous:
            raise DamagedFileError(self.path, offset, "the anchor before this one is missing")
        fault = None if verifier is None else verifier.fault(entry)
        if fault:
            raise DamagedFileError(self.path, offset, fault)
        return entry


def decoded(path: Path, line: bytes, offset: int) -> dict[str, Any]:
    """The anchor of a line. Bytes must be equal too, so that no white space hides a change."""
    try:
        entry = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedFileError(path, offset, f"not an anchor ({error})") from error
    is_same = msgspec.json.encode(entry) == line
    if not is_same or entry.get("digest") != digest_of(entry):
        raise DamagedFileError(path, offset, "the anchor is not what was written")
    if set(entry) & {"key", "signature"} == {"key", "signature"}:
        fault = signature_fault(entry)
        if fault:
            raise DamagedFileError(path, offset, fault)
    elif set(entry) & {"key", "signature"}:
        raise DamagedFileError(path, offset, "half of the anchor's signature is missing")
    return entry


def digest_of(entry: Mapping[str, Any]) -> str:
    """SHA-256 of an anchor's facts, in hex."""
    facts = {name: value for name, value in entry.items() if name not in UNSIGNED}
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()
