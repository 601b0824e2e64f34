"""Read models beside the workers: the quality table on Faust, the mirror from Kafka to Pulsar."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pulsar
import pytest

from schemas.events import SmartRoutingDecisionEvent
from schemas.json_decisions import avro_schema, decision_json
from schemas.topic_envelope import Envelope, MessageKind, seal
from schemas.topics import DECISIONS, DECISIONS_JSON, INPUTS, REFERENCE
from schemas.wire import decode_output, iter_inputs, iter_raw_outputs
from streams.brokers.read_side import OnceReader
from streams.runtime_pulsar.admin import Admin
from streams.runtime_pulsar.config import PulsarConfig
from tests.builders import MS, Tape, set_up
from tests.servers.running import RunningServer, eventually
from tests.streams.brokers.flows import VENUES, embedded, frames, tape_of
from tests.streams.brokers.json_flow import reference
from tests.streams.brokers.kafka_harness import Installation, KafkaOutputs, installed
from tests.streams.brokers.pulsar_harness import client_of

pytestmark = pytest.mark.servers
SHARDS = 2


def toml(name: str, config: Any) -> str:
    """A section of a configuration file."""
    values = msgspec.to_builtins(config)
    lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in values.items()]
    return f"[{name}]\n" + "\n".join(lines) + "\n"


@contextmanager
def serving(settings: Path, log: Path, *assign: str, module: bool = False) -> Iterator[None]:
    """`sor serve` with a configuration, or Faust's own command on the module-level app."""
    command = [sys.executable, "-m", "streams.cli.main", "serve", "--config", str(settings)]
    command += [f"--set={each}" for each in assign]
    if module:
        command = [sys.executable, "-m", "faust", "-A", "streams.runtime_kafka.app", "worker"]
        command += ["--without-web", "-l", "warn"]
    environment = {**os.environ, "SOR_CONFIG": str(settings)}
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def install(kafka_server: RunningServer, tmp_path: Path) -> Iterator[Installation]:
    yield from installed(kafka_server.url, tmp_path, shards=SHARDS)


def published_tape() -> bytes:
    """Quotes of four venues while quality is published each 50 ms."""
    tape = Tape()
    set_up(tape, VENUES)
    tape.settings(publish_ns=50 * MS)
    for number in range(200):
        tape.wait(2 * MS)
        tape.quote(0, number % len(VENUES), ("100.00", 100 + number), ("100.02", 100))
    return bytes(tape.data)


def rows_at(port: int, **wanted: str) -> list[dict[str, Any]]:
    """What a worker of the quality table answers, nothing while it is not up."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/quality/", params=wanted, timeout=5)
    except httpx.HTTPError:
        return []
    return list(answer.json()) if answer.status_code == 200 else []


def test_venue_quality_is_a_table_that_any_worker_answers_for(
    install: Installation, tmp_path: Path
) -> None:
    """Two workers of the table, each asked for all shards; the router is Faust's own command."""
    settings = tmp_path / "service.toml"
    settings.write_text('[service]\nruntime = "kafka"\n' + toml("kafka", install.config))
    mark = Envelope(
        kind=MessageKind.FRAME, topic=REFERENCE, shard=0, id=20, payload=reference(), causation=1
    )
    install.write_raw(REFERENCE, 0, seal(mark))
    log = tmp_path / "serve.log"
    ports = free_port(), free_port()
    tables = [
        ("kafka.role=quality", f"kafka.web_port={port}", f"kafka.data={tmp_path / str(port)}")
        for port in ports
    ]
    tapes = {shard: published_tape() for shard in range(SHARDS)}
    with (
        serving(settings, log, module=True),
        serving(settings, log, *tables[0]),
        serving(settings, log, *tables[1]),
    ):
        for shard, data in tapes.items():
            for frame in frames(data, 2_000, shard):
                install.write(shard, frame)
        install.producer.flush(30)
        for port in ports:
            eventually(lambda: {row["shard"] for row in rows_at(port)} == {0, 1}, 60, 0.5)  # noqa: B023
            rows = rows_at(port, venue="XAAA")
            assert {row["venue"] for row in rows} == {"XAAA"}
            assert "quality" in {row["type"] for row in rows}
    outputs = KafkaOutputs(install.config)
    outputs.until(dict.fromkeys(range(SHARDS), 1), 20, install)
    # Faust tells of a recovery that a rebalance cut short with a traceback; of no other.
    told = log.read_text()
    cut_short = told.count("\nfaust.tables.recovery.ServiceStopped")
    assert told.count("Traceback (most recent call last)") == cut_short
    assert "CRITICAL" not in told


def test_decisions_go_from_kafka_to_pulsar_once_each_and_as_json_with_schema(
    install: Installation, pulsar_server: RunningServer, tmp_path: Path
) -> None:
    """The mirror is stopped and started half-way; its places are lost once: nothing is doubled."""
    target = PulsarConfig(
        url=pulsar_server.url,
        admin_url=pulsar_server.facts["admin_url"],
        namespace=f"mirror{os.getpid()}",
        shards=SHARDS,
    )
    Admin(target).create()
    settings = tmp_path / "mirror.toml"
    head = f'[service]\nruntime = "mirror"\n[mirror]\ndata = "{tmp_path / "mirror"}"\n'
    settings.write_text(head + toml("kafka", install.config) + toml("pulsar", target))
    data = bytes(tape_of(0, 400).data)
    wanted = [
        raw
        for raw in map(decode_output, split(embedded(0, data)))
        if isinstance(raw, SmartRoutingDecisionEvent)
    ]
    pieces = list(frames(data, 2_000))
    half = len(pieces) // 2
    install.start("one")
    reader = OnceReader(DECISIONS, check=True)
    found: list[SmartRoutingDecisionEvent] = []
    as_json: list[dict[str, Any]] = []
    log = tmp_path / "mirror.log"
    client = subscribed(target)
    try:
        for part in (pieces[:half], pieces[half:]):
            for frame in part:
                install.write(0, frame)
            install.producer.flush(30)
            with serving(settings, log):
                count = len(wanted) if found else 1
                eventually(
                    lambda: min(poll(client, reader, found, as_json)) >= count,  # noqa: B023
                    60,
                )
            (tmp_path / "mirror" / "places.json").unlink()
        poll(client, reader, found, as_json)
        assert [e.out_seq for e in found] == [e.out_seq for e in wanted]
        assert as_json == [json.loads(decision_json(event)) for event in wanted]
        assert (reader.repeated, reader.differing) == (0, 0)
        place = f"{target.tenant}/{target.namespace}/{DECISIONS_JSON}"
        schema = httpx.get(f"{target.admin_url}/admin/v2/schemas/{place}/schema", timeout=10).json()
        assert schema["type"] == "JSON"
        assert json.loads(schema["data"]) == avro_schema()
    finally:
        client[0].close()
    assert "Traceback" not in log.read_text()


def split(outputs: bytes) -> list[bytes]:
    """Records of an output log."""
    return [bytes(raw) for _, raw in iter_raw_outputs(outputs)]


def subscribed(config: PulsarConfig) -> tuple[Any, Any]:
    """(client, consumer) of both topics."""
    client = client_of(config)
    names = [config.name(DECISIONS), config.name(DECISIONS_JSON)]
    start = pulsar.InitialPosition.Earliest
    return client, client.subscribe(names, "reader", initial_position=start)


def poll(
    client: Any,
    reader: OnceReader,
    found: list[SmartRoutingDecisionEvent],
    as_json: list[dict[str, Any]],
) -> tuple[int, int]:
    """Takes what has come; how many of each kind there are."""
    try:
        while True:
            message = client[1].receive(500)
            client[1].acknowledge(message)
            if DECISIONS_JSON in message.topic_name():
                as_json.append(json.loads(message.data()))
            elif once := reader.take(message.data()):
                event = decode_output(once.payload)
                assert isinstance(event, SmartRoutingDecisionEvent)
                found.append(event)
    except pulsar.Timeout:
        return len(found), len(as_json)


def test_a_worker_tells_how_far_behind_each_of_its_shards_is(
    kafka_server: RunningServer, tmp_path: Path
) -> None:
    """Prometheus metrics of a real worker; a message that is no frame is counted as set aside."""
    port = free_port()
    data = bytes(tape_of(0, 200).data)
    for install in installed(kafka_server.url, tmp_path, shards=SHARDS, metrics_port=port):
        install.start("one")
        for frame in frames(data, 2_000):
            install.write(0, frame)
        install.write_raw(INPUTS, 0, b"no frame")
        install.producer.flush(30)
        eventually(lambda: metrics_at(port).get('sor_shard_dead_letters_total{shard="0"}'), 60, 0.5)
        found = metrics_at(port)
        assert found['sor_shard_inputs_total{shard="0"}'] == sum(1 for _ in iter_inputs(data))
        assert found['sor_shard_behind_messages{shard="0"}'] == 0
        assert found["sor_worker_shards"] == SHARDS


def metrics_at(port: int) -> dict[str, float]:
    """Samples by name and labels, none while the worker is not up."""
    try:
        lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text.splitlines()
    except httpx.HTTPError:
        return {}
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if x[0] != "#")}
