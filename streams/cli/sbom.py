"""`python -m streams.cli.sbom FILE`: a CycloneDX bill of materials from the locks.

Every locked package with its hashes, and the native parts, which are our own C++ sources and link
nothing but the compiler's runtime and zlib of the interpreter.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import InputError

LOCKS = ("runtime", "build", "dev")
NAMED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
NATIVE = ("aggregates/core", "streams/log/core", "streams/simulator/core", "streams/sources/core")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def unhashed(lock: str) -> list[str]:
    """Requirements of a lock without a hash."""
    logical = re.sub(r"\\\n\s*", " ", lock)
    return [
        match[1]
        for line in logical.splitlines()
        if (match := NAMED.match(line)) and not HASH.search(line)
    ]


def packages(lock: str) -> dict[str, str]:
    """Name -> version of everything that a lock names."""
    found = (NAMED.match(line) for line in lock.splitlines())
    return {match[1].lower(): match[2] for match in found if match}


def bill(root: Path) -> dict[str, Any]:
    """The bill of the checkout at `root`: the runtime lock's, with the native parts added."""
    lock = root / "deploy" / "requirements" / "runtime.txt"
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(lock)]
    made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode:
        raise InputError(f"{lock}: {made.stderr.decode(errors='replace').strip()[-300:]}")
    found: dict[str, Any] = orjson.loads(made.stdout)
    found["components"] += [native(root, part) for part in NATIVE if (root / part).is_dir()]
    return found


def native(root: Path, part: str) -> dict[str, Any]:
    """One native part by the hash of its sources."""
    digest = hashlib.sha256()
    for path in sorted((root / part).glob("*.[ch]pp")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return {
        "type": "library",
        "name": part.replace("/", "."),
        "bom-ref": part,
        "description": "C++20, compiled from this checkout",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "hashes": [{"alg": "SHA-256", "content": digest.hexdigest()}],
    }


def main(arguments: list[str]) -> int:
    """Writes the bill, after a look whether every requirement is locked by hash."""
    root = Path.cwd()
    for name in LOCKS:
        bare = unhashed((root / "deploy" / "requirements" / f"{name}.txt").read_text())
        if bare:
            raise InputError(f"deploy/requirements/{name}.txt: no hash for {', '.join(bare)}")
    found = bill(root)
    path = Path(arguments[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    sys.stdout.write(f"{path}: {len(found['components'])} components\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
