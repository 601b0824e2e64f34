"""The API process: `python -m streams.service.api_process`, configured on stdin."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from projections.api.access import AccessRules, Gate, read_keys
from projections.api.app import make_app
from projections.api.hub import Hub
from projections.api.reads import Reads
from projections.api.services import Bounds, Services
from projections.store.database import open_generations
from schemas.errors import InputError, VenuefoldError
from streams.cli.main import version
from streams.clock import Clock, SystemClock
from streams.config.service import Api, ServiceConfig
from streams.log.tail import OutputTail
from streams.observability.logs import Logger, logger
from streams.observability.metrics import render
from streams.observability.traces import make_trace
from streams.runtime_embedded.child_process import configured_child
from streams.runtime_embedded.command_client import CommandClient
from streams.runtime_embedded.engine_process import SHARD, SOCKET
from streams.service.audit import Audit
from streams.service.governed import Governed
from streams.service.jobs import ProcessJobs
from streams.service.records import LogRecords

TAIL_S = 0.005
UNWATCHED_S = 0.05
"""How often the log is looked at: while somebody waits for what comes, and while nobody does."""

TAIL_BYTES = 64 << 10
"""What is taken at once, a frame more or less: requests are answered in between."""
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HEADER_READ_MS = 5_000


def store_url(config: ServiceConfig) -> str:
    """Where the read models are: as configured, else beside the run."""
    return config.api.database or f"sqlite:///{Path(config.service.run) / 'read'}"


def access_rules(api: Api) -> AccessRules:
    """How callers identify themselves; InputError for files that cannot be used."""
    if api.auth == "none":
        return AccessRules()
    key = content(api.token_key) if api.token_key else b""
    if key and b"PUBLIC KEY" not in key:
        raise InputError(f"api.token_key: {api.token_key} is no public key; name one in PEM")
    try:
        keys = read_keys(content(api.api_keys)) if api.api_keys else {}
    except msgspec.DecodeError as error:
        raise InputError(f"api.api_keys: {api.api_keys}: {error}; see `sor keys`") from None
    return AccessRules(True, key, api.token_audience, api.token_issuer, keys)


def content(path: str) -> bytes:
    """Bytes of a file that the configuration names."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name another") from None


def make_services(config: ServiceConfig, clock: Clock, log: Logger) -> Services:
    """Everything that the API's handlers use."""
    run, api = Path(config.service.run), config.api
    audit = Audit(run / "audit.jsonl", clock.now_ns)
    if audit.fault:
        log.error("the audit was changed", fault=audit.fault)
    reads = Reads(open_generations(store_url(config)))

    def close() -> None:
        reads.close()
        audit.close()

    port = CommandClient(run / SOCKET)
    store = config.reference.store or f"sqlite:///{run / 'reference.db'}"
    return Services(
        port=port,
        reference=Governed(store, run, port, reads, log),
        reads=reads,
        hub=Hub(),
        gate=Gate(access_rules(api), clock.now_ns),
        records=LogRecords(run),
        jobs=ProcessJobs(run, clock.now_ns),
        log=log,
        now_ns=clock.now_ns,
        elapsed_ns=clock.elapsed_ns,
        metrics=render,
        audit=audit.note,
        audited=audit.newest,
        audit_fault=audit.fault,
        bounds=Bounds(
            api.max_body_bytes,
            api.requests_per_s,
            api.orders_per_s,
            api.stream_clients,
            api.cors_origins,
            api.hosts or (LOOPBACK if api.auth == "none" else ()),
        ),
        version=version(),
        close=close,
        trace=make_trace(config.telemetry.otlp_endpoint),
    )


async def tail(hub: Hub, directory: Path, log: Logger) -> None:
    """Hands the hub what the output log gets, from its present end on."""
    while not any(directory.glob("outputs-*.seg")):
        await asyncio.sleep(TAIL_S)
    paths = sorted(directory.glob("outputs-*.seg"))
    first = int(paths[-1].stem.rpartition("-")[2])
    outputs = OutputTail(directory, SHARD, first - 1, TAIL_BYTES)
    while True:
        try:
            for batch in outputs.batches():
                hub.take(batch)
                await asyncio.sleep(0)  # whoever asks does not wait for all that is behind
        except VenuefoldError as error:
            log.error("the tail of the output log stopped", error=str(error))
            raise
        await rest(hub)


async def rest(hub: Hub) -> None:
    """Waits for a while, a shorter one as soon as somebody watches."""
    if hub.is_watched:
        await asyncio.sleep(TAIL_S)
        return
    hub.watched.clear()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(hub.watched.wait(), UNWATCHED_S)


async def serve(config: ServiceConfig, services: Services, log: Logger) -> None:
    """Serves until SIGTERM or SIGINT."""
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server

    app = make_app(services)
    server: Any = Server(
        app,
        address=config.api.host,
        port=config.api.port,
        interface=Interfaces.ASGI,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_READ_MS),
        websockets=False,
        log_enabled=False,
    )
    keep_answers_short()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    directory = Path(config.service.run) / f"shard-{SHARD:03d}"
    tailing = loop.create_task(tail(services.hub, directory, log))
    tailing.add_done_callback(lambda _: server.stop())
    governing = loop.create_task(services.reference.follow())
    governing.add_done_callback(lambda _: server.stop())
    log.info("serving", host=config.api.host, port=config.api.port)
    await server.serve()
    for task in (tailing, governing):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    services.close()
    log.info("stopped")


def keep_answers_short() -> None:
    """Bounds how long one piece of work holds up the others of this process.

    A thread that reads the database gives way after 0.5 ms instead of 5, and what was made at the
    start is not walked through again at each full collection.
    """
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)


def main() -> int:
    """Reads the configuration from stdin and serves."""
    config = configured_child()
    log = logger("api", config.service.log_level)
    try:
        services = make_services(config, SystemClock(), log)
        asyncio.run(serve(config, services, log))
    except VenuefoldError as error:
        log.error("failed", error=str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
