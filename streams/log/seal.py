"""Small JSON files that carry the SHA-256 of their own bytes, so that no byte changes unnoticed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

SEAL_KEY = "file_sha256"
BLANK = b"0" * 64
SEAL = re.compile(rb'"file_sha256": ?"([0-9a-f]{64})"\s*}\s*\Z')


def sealed(values: Mapping[str, Any]) -> bytes:
    """`values` as indented JSON whose last key is the hash of the file with that hash blanked."""
    blanked = {**values, SEAL_KEY: BLANK.decode()}
    content = msgspec.json.format(msgspec.json.encode(blanked), indent=2) + b"\n"
    before, _, after = content.rpartition(BLANK)
    return before + hashlib.sha256(content).hexdigest().encode() + after


def seal_fault(content: bytes) -> str | None:
    """Why `content` is not what was written, None when it is."""
    found = SEAL.search(content)
    if found is None:
        return f"it carries no {SEAL_KEY}, so nothing proves its bytes"
    blanked = content[: found.start(1)] + BLANK + content[found.end(1) :]
    if hashlib.sha256(blanked).hexdigest().encode() != found[1]:
        return f"its bytes are not those of its {SEAL_KEY}; it was changed after it was written"
    return None
