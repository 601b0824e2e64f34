"""The anchors of a run: linked, signed where a key is configured, whole after a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from schemas.errors import InputError, NotFoundError
from streams.log import RunDirectory
from streams.log.anchor_log import AnchorLog, digest_of
from streams.log.audit import audit_run
from streams.log.errors import DamagedFileError
from streams.log.run import SIGNING_KEY_VARIABLE
from streams.log.signing import Signer, Verifier

TICK = bytes([1]) + bytes(63)
MANIFEST = {"core": "native", "config_hash": "c0", "versions": {"venuefold": "0.1.0"}}


def key_pair(folder: Path, name: str = "key") -> tuple[Path, Path]:
    """(private, public) key files."""
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that writes a run of ten inputs, twice anchored, and names its folder."""

    def make(private: Path | None = None) -> Path:
        if private is not None:
            monkeypatch.setenv(SIGNING_KEY_VARIABLE, str(private))
        with RunDirectory.create(tmp_path / "run", MANIFEST) as run:
            shard = run.shard()
            shard.open_writers()
            shard.inputs.wait_durable(shard.inputs.append(TICK * 5, 5, 1) + 4)
            shard.write_anchor()
            shard.inputs.append(TICK * 5, 5, 2)
        return tmp_path / "run"

    return make


def test_an_anchor_says_what_was_running(make_run: Callable[..., Path]) -> None:
    first, last = AnchorLog(make_run()).entries()
    assert (first["reason"], last["reason"]) == ("request", "close")
    assert (first["inputs"]["seq"], last["inputs"]["seq"]) == (5, 10)
    assert last["previous"] == first["digest"]
    assert (last["software"], last["core"], last["config_hash"]) == ("0.1.0", "native", "c0")
    assert last["written_ns"] > 1_700_000_000 * 10**9
    assert "signature" not in last


@pytest.mark.parametrize("durability", ["group", "none"])
def test_the_configuration_says_how_inputs_are_synced(tmp_path: Path, durability: str) -> None:
    manifest = {**MANIFEST, "config": {"run": {"log_durability": durability}}}
    with RunDirectory.create(tmp_path / "run", manifest) as run:
        shard = run.shard()
        shard.open_writers()
        assert shard.inputs.wait_durable(shard.inputs.append(TICK * 5, 5, 1) + 4)
        assert (shard.inputs.stats()["sync_ns"] > 0) == (durability == "group")
    (entry,) = AnchorLog(tmp_path / "run").entries()
    assert entry["durability"]["inputs"] == durability


def test_signed_anchors(make_run: Callable[..., Path], tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    run = make_run(private)
    audit = audit_run(run, Verifier(public))
    assert audit.passed, audit.findings
    assert (audit.anchors, audit.signed) == (2, 2)
    _, other = key_pair(tmp_path, "other")
    (finding,) = audit_run(run, Verifier(other)).findings
    assert "another key" in finding.what
    assert (finding.file, finding.offset) == (str(run / "anchors.jsonl"), 0)


def test_an_unsigned_run_fails_when_a_key_is_asked_for(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    run = make_run()
    assert audit_run(run).passed
    (finding,) = audit_run(run, Verifier(key_pair(tmp_path)[1])).findings
    assert "not signed" in finding.what


def test_a_forged_chain_needs_the_key(make_run: Callable[..., Path], tmp_path: Path) -> None:
    """Whoever rewrites all digests still cannot sign them."""
    private, public = key_pair(tmp_path)
    run = make_run(private)
    path = run / "anchors.jsonl"
    forged, previous = [], "0" * 64
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        entry |= {"config_hash": "c1", "previous": previous}
        entry["digest"] = previous = digest_of(entry)
        forged.append(json.dumps(entry, separators=(",", ":")))
    path.write_text("\n".join(forged) + "\n")
    assert not audit_run(run, Verifier(public)).passed
    assert not audit_run(run).passed


def test_a_torn_anchor_is_dropped_by_the_next_one(tmp_path: Path) -> None:
    log = AnchorLog(tmp_path)
    log.append({"n": 1})
    log.append({"n": 2})
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-10])
    assert [entry["n"] for entry in log.entries()] == [1]
    assert log.torn_bytes() > 0
    log.append({"n": 3})
    assert [(entry["number"], entry["n"]) for entry in log.entries()] == [(1, 1), (2, 3)]
    assert log.torn_bytes() == 0


@pytest.mark.promise(p=3)
def test_every_byte_of_the_anchors_is_proven(tmp_path: Path) -> None:
    log = AnchorLog(tmp_path, Signer(key_pair(tmp_path)[0]))
    for number in range(3):
        log.append({"shard": 0, "n": number, "name": "a"})
    data = log.path.read_bytes()
    for at in range(len(data)):
        log.path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        if at == len(data) - 1:
            assert log.torn_bytes() > 0
            continue
        with pytest.raises(DamagedFileError) as damage:
            log.entries()
        assert damage.value.offset <= at


def test_keys_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("nonsense")
    for kind in (Signer, Verifier):
        with pytest.raises(InputError, match="PEM"):
            kind(tmp_path / "text")
        with pytest.raises(NotFoundError, match="openssl"):
            kind(tmp_path / "absent")


def test_the_last_anchor_cannot_go(make_run: Callable[..., Path]) -> None:
    run = make_run()
    path = run / "anchors.jsonl"
    first, _ = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first)
    finding: Any = audit_run(run).findings[0]
    assert "missing at the end" in finding.what


def test_an_anchor_that_comes_while_a_log_is_checked_is_none_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's anchors were read when its writer adds one; without its line it is still missed."""
    read = AnchorLog.entries
    with RunDirectory.create(tmp_path / "run", MANIFEST) as run:
        shard = run.shard()
        shard.open_writers()

        def more() -> None:
            shard.inputs.wait_durable(shard.inputs.append(TICK * 5, 5, 1) + 4)
            shard.write_anchor()

        def entries(log: AnchorLog, verifier: Verifier | None = None) -> list[dict[str, Any]]:
            found = read(log, verifier)
            if len(found) == 1:
                more()
            return found

        more()
        monkeypatch.setattr(AnchorLog, "entries", entries)
        audit = audit_run(tmp_path / "run")
        assert (audit.findings, audit.anchors) == ([], 1)
        assert len(read(AnchorLog(tmp_path / "run"))) == 2
        monkeypatch.setattr(AnchorLog, "entries", lambda log, verifier=None: read(log)[:1])
        assert "anchor 2 is missing" in audit_run(tmp_path / "run").findings[0].what
