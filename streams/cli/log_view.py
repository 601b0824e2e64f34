"""Tables and lines of `sor log`."""

from __future__ import annotations

from typing import Any

from streams.cli.terminal import print_lines, print_table
from streams.log.audit import Audit, Finding

MIB = 1 << 20


def print_facts(facts: dict[str, Any]) -> None:
    """What a run's log holds."""
    print_lines("Run", run_lines(facts))
    rows = [
        [
            str(shard["shard"]),
            name,
            f"{stream['segments']:,}",
            f"{stream['frames']:,}",
            f"{stream['records']:,}",
            f"{stream['first_seq']:,}",
            f"{stream['last_seq']:,}",
            f"{stream['record_bytes'] / MIB:,.1f}",
            f"{stream['file_bytes'] / MIB:,.1f}",
        ]
        for shard in facts["shards"]
        for name, stream in shard["streams"].items()
    ]
    sizes = ["plain MiB", "on disk MiB"]
    columns = ["shard", "stream", "segments", "frames", "records", "first", "last", *sizes]
    print_table("Streams", columns, rows)
    print_lines("Proof", [proof_line(shard) for shard in facts["shards"]])


def run_lines(facts: dict[str, Any]) -> list[str]:
    """Size, pace, versions."""
    versions = facts["versions"]
    engine = versions.get("engine_generation", "unknown")[:16]
    wrote = f"venuefold {versions.get('venuefold', 'unknown')}, engine generation {engine}"
    lines = [
        f"{facts['run']} ({facts['kind']}, {'complete' if facts['complete'] else 'not complete'})",
        f"{facts['file_bytes'] / MIB:,.1f} MiB of segments, {facts['ticks']:,} ticks",
        f"format {facts['format_version']}, {wrote}",
    ]
    if facts["bytes_per_tick"] is not None:
        lines.append(f"{facts['bytes_per_tick']:.1f} bytes of input log a tick")
    if facts["gb_per_day"] is not None:
        pace = f"{facts['gb_per_day']:,.3f} GB a day"
        lines.append(f"{pace} at this run's pace ({facts['span_s']:,.0f} s of market time)")
    lines.append(f"retention: {facts['retention']}")
    return lines


def proof_line(shard: dict[str, Any]) -> str:
    """Snapshots, anchors and durability of a shard."""
    modes = shard["durability"] or {}
    durability = ", ".join(f"{name} {mode}" for name, mode in modes.items()) or "unknown"
    return (
        f"shard {shard['shard']}: {len(shard['snapshots'])} snapshots, durability {durability}; "
        f"{shard['anchors']} anchors in the run, {shard['signed_anchors']} signed"
    )


def audit_lines(audit: Audit) -> list[str]:
    """What was checked and found."""
    anchors = f"{audit.anchors:,} anchors ({audit.signed:,} signed)"
    counts = f"{audit.records:,} records, {audit.snapshots:,} snapshots, {anchors}"
    return [counts, *map(finding_line, audit.findings), *audit.notes]


def finding_line(finding: Finding) -> str:
    """One damage with its place."""
    where = "" if finding.offset is None else f", byte {finding.offset}"
    at = "" if finding.seq is None else f", seq {finding.seq}"
    return f"{finding.file}{where}{at}: {finding.what}"
