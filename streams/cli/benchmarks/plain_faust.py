"""The plain way, for the ratio: one message a tick, a Faust table that counts.

`python -m streams.cli.benchmarks.plain_faust BOOTSTRAP FOLDER` is its worker.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.errors import VenuefoldError
from streams.cli.benchmarks.timing import Result, rate

TOPIC, TABLE = "plain-ticks", "plain-counts"
COUNT, REPORT_EVERY = 12_000, 2_000
PATIENCE_S = 90


def make_app(bootstrap: str, folder: str) -> faust.App:
    """An app that adds one to its instrument's count for each tick, and prints when."""
    app = faust.App(
        "plain",
        broker=f"kafka://{bootstrap}",
        datadir=folder,
        store="rocksdb://",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    table = app.Table(
        TABLE,
        default=int,
        partitions=1,
        options={"driver": "rocksdict", "block_cache_size": 1 << 24},
    )
    topic = app.topic(TOPIC, key_serializer="raw", value_serializer="raw", partitions=1)

    @app.agent(topic)
    async def count(stream: Any) -> None:
        seen = 0
        async for value in stream:
            table[value[4:8].hex()] += 1
            seen += 1
            if seen % REPORT_EVERY == 0:
                print(f"{seen} {time.perf_counter()}", flush=True)

    return app


def plain_ticks(bootstrap: str, folder: Path) -> Result:
    """Ticks a second of the plain way."""
    asyncio.run(_load(bootstrap))
    place = folder / "plain"
    place.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "streams.cli.benchmarks.plain_faust", bootstrap, str(place)]
    with (folder / "plain.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    stamps: list[tuple[int, float]] = []
    until = time.monotonic() + PATIENCE_S
    try:
        for line in process.stdout:
            words = line.split()
            if len(words) == 2 and words[0].isdigit():
                stamps.append((int(words[0]), float(words[1])))
            if (stamps and stamps[-1][0] >= COUNT) or time.monotonic() > until:
                break
    finally:
        process.kill()
        process.communicate()
    if len(stamps) < 2:
        raise VenuefoldError(f"the plain way counted nothing; see {folder / 'plain.log'}")
    (first, began), (last, ended) = stamps[0], stamps[-1]
    return rate("kafka.ticks.plain", "ticks/s", last - first, int((ended - began) * 1e9))


async def _load(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics(
        [
            NewTopic(TOPIC, 1, 1),
            NewTopic(f"plain-{TABLE}-changelog", 1, 1, topic_configs={"cleanup.policy": "compact"}),
        ]
    )
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
    await producer.start()
    for number in range(COUNT):
        await producer.send(TOPIC, (number % 500).to_bytes(8, "big") + bytes(56), partition=0)
    await producer.stop()


if __name__ == "__main__":
    worker = faust.Worker(
        make_app(sys.argv[1], sys.argv[2]), loglevel="error", redirect_stdouts=False
    )
    worker.execute_from_commandline()
