"""The reference gateway: simulated venues behind the topics of an installation, as one process.

It defines its instruments and venues, writes ticks and execution reports as frames, takes children
once each, keeps what it needs to go on after a crash, and latches kills before the shards do.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import msgspec
import numpy as np

from schemas.codes import ExecType, OutputType
from schemas.control import GatewayLatched, KillRequest, KillSettled, decode_control, encode_control
from schemas.decisions import CHILD
from schemas.errors import InputError
from schemas.json_inputs import encode
from schemas.json_messages import DropCopyMessage
from schemas.topic_envelope import open_envelope
from schemas.topics import (
    CHILD_ORDERS,
    CONTROL,
    CONTROL_ANSWERS,
    DROP_COPIES,
    INPUTS,
    REFERENCE,
    REFERENCE_CHANGES,
    partitions_of,
)
from schemas.units import NS_PER_MS, NS_PER_S
from streams.brokers.frames import seal_frame
from streams.brokers.link import BEGINNING, Link, Said
from streams.brokers.read_side import OnceReader
from streams.brokers.reference_changes import change_frame
from streams.brokers.shard_fold import Outgoing
from streams.clock import Clock
from streams.config.records import config_records
from streams.config.service import ServiceConfig
from streams.gateways.latch import KillLatch
from streams.gateways.venues import ShardVenues, owned_instruments
from streams.runtime_embedded.gateway import Arrivals, Rows
from streams.runtime_embedded.market_gateway import ASKS
from streams.simulator.synthetic.live import live_preset
from streams.simulator.synthetic.market import reference_stream

TO_VENUES = (OutputType.CHILD, *ASKS)
PUMP_S, KEEP_S = 0.01, 2.0
FRAME_ROWS = 256
LATE_NS = 20 * NS_PER_MS


class Begun(msgspec.Struct):
    """Facts of the first start, which every later one goes on from."""

    start_ns: int


class SimulatedVenues:
    """One process; `link` reaches the installation."""

    def __init__(self, settings: ServiceConfig, link: Link, clock: Clock) -> None:
        self.settings, self.link, self.clock = settings, link, clock
        self.folder = Path(settings.gateway.data)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.is_new, start_ns = self._begin()
        asked = settings.market
        self.preset = live_preset(
            asked.preset, start_ns, asked.venues, asked.instruments, asked.records_per_s
        )
        self.latch = KillLatch()
        self.shards = {
            shard: ShardVenues(
                self.preset, owned, asked.seed + shard, self.folder / f"shard-{shard:03d}"
            )
            for shard, owned in owned_instruments(self.preset, link.shards).items()
        }
        self.instruments = {n: terms.key for n, terms in enumerate(self.preset.instruments)}
        self.venues = {n: terms.key for n, terms in enumerate(self.preset.venues)}
        self.sent: dict[int, int] = dict.fromkeys(self.shards, 0)
        self._heard = BEGINNING

    async def run(self) -> None:
        """Works until cancelled."""
        await self.link.create()
        for said in await self.link.history(CONTROL):
            self._control(said)  # what is killed stays so over a restart
            self._heard = said.place
        if self.is_new:
            await self._define()
        await self._wait_for_reference()
        await self._resume()
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._pump(), self._children(), self._controls(), self._keep()):
                    group.create_task(work)
        finally:
            for venues in self.shards.values():
                venues.keep()
                venues.close()
            await self.link.close()

    def _begin(self) -> tuple[bool, int]:
        file = self.folder / "begun.json"
        if file.exists():
            return False, msgspec.json.decode(file.read_bytes(), type=Begun).start_ns
        now_ns = self.clock.now_ns()
        return True, now_ns - now_ns % NS_PER_S

    async def _define(self) -> None:
        """Instruments, venues, fees, policies and limits, as changes of reference data."""
        first, market = b"".join(reference_stream(self.preset).records), self.settings.market
        engine = config_records(
            self.settings.engine, first, stale_ms=market.stale_ms, horizon_ms=market.horizon_ms
        )
        await self.link.send(Outgoing(REFERENCE_CHANGES, 0, 0, b"", change_frame(first + engine)))
        await self.link.flush()
        begun = Begun(start_ns=self.preset.market.start_ns)
        (self.folder / "begun.json").write_bytes(msgspec.json.encode(begun))

    async def _wait_for_reference(self) -> None:
        """Until every shard knows what was defined: a tick before that would be refused."""
        changes = len(await self.link.history(REFERENCE_CHANGES))
        async with aclosing(self.link.follow({(REFERENCE, 0): BEGINNING})) as marks:
            async for said in marks:
                if open_envelope(said.value, REFERENCE).causation >= changes:
                    return

    async def _resume(self) -> None:
        """Every shard from what it kept last; a new one from the start of the market."""
        now_ns = self.clock.now_ns()
        for shard, venues in self.shards.items():
            await self._write(shard, venues.resume(now_ns))

    async def _pump(self) -> None:
        """What the venues say, at the pace of the clock."""
        while True:
            now_ns = self.clock.now_ns()
            for shard, venues in self.shards.items():
                await self._write(shard, venues.poll(now_ns))
            await asyncio.sleep(PUMP_S)

    async def _write(self, shard: int, arrivals: Arrivals) -> None:
        market = arrivals.market
        if len(market):  # what comes late is of the time when it comes
            market = market.copy()
            market["log_ns"] = np.maximum(market["log_ns"], self.clock.now_ns() - LATE_NS)
        for rows in (market, arrivals.reports):
            for first in range(0, len(rows), FRAME_ROWS):
                await self._frame(shard, rows[first : first + FRAME_ROWS])
        if self.settings.gateway.drop_copy and len(arrivals.reports):
            await self._copy(shard, arrivals.reports)

    async def _frame(self, shard: int, rows: Rows) -> None:
        self.sent[shard] += 1
        frame = seal_frame(shard, self.sent[shard], rows.tobytes())
        await self.link.send(Outgoing(INPUTS, shard, 0, b"", frame))

    async def _copy(self, shard: int, reports: Rows) -> None:
        """Each trade once more, as the clearing broker's second feed has it."""
        partition = shard % partitions_of(DROP_COPIES, self.link.shards)
        for report in reports[reports["exec_type"] == int(ExecType.TRADE)]:
            copy = DropCopyMessage(
                instrument=self.instruments[int(report["instrument"])],
                venue=self.venues[int(report["venue"])],
                child_id=int(report["child_id"]),
                trade_id=int(report["trade_id"]),
                last_px_nanos=int(report["last_nanos"]),
                last_qty_units=int(report["last_units"]),
            )
            await self.link.send(Outgoing(DROP_COPIES, partition, 0, b"", encode(copy)))

    async def _children(self) -> None:
        """Children, cancels and questions of every shard, once each."""
        readers = {shard: OnceReader(CHILD_ORDERS) for shard in self.shards}
        for shard, reader in readers.items():
            reader.resume(shard, self.shards[shard].taken_out_seq)
        places = {(CHILD_ORDERS, s): venues.place for s, venues in self.shards.items()}
        async for said in self.link.follow(places):
            venues = self.shards[said.partition]
            envelope = readers[said.partition].take(said.value)
            if envelope is not None:
                self._take(venues, bytes(envelope.payload))
            venues.place = said.place

    def _take(self, venues: ShardVenues, raw: bytes) -> None:
        kind, now_ns = OutputType(raw[4]), self.clock.now_ns()
        if kind not in TO_VENUES:
            return
        if kind == OutputType.CHILD and self._keeps_back(raw, now_ns):
            venues.hold_back(raw, now_ns)
        else:
            venues.send(raw, now_ns)

    def _keeps_back(self, raw: bytes, now_ns: int) -> bool:
        """Whether a child was decided too long ago to be meant still, or a kill covers it."""
        child, late_ns = CHILD.unpack(raw), int(self.settings.gateway.late_child_s * NS_PER_S)
        is_late = 0 < late_ns < now_ns - child.log_ns
        return is_late or self.latch.holds(child, self.instruments, self.venues)

    async def _controls(self) -> None:
        """Latches kills at once, and says so."""
        async for said in self.link.follow({(CONTROL, 0): self._heard}):
            request = self._control(said)
            if request is not None:
                answer = GatewayLatched(id=request.id, gateway=self.settings.gateway.name)
                raw = encode_control(answer)
                await self.link.send(Outgoing(CONTROL_ANSWERS, 0, 0, b"", raw))
                await self.link.flush()

    def _control(self, said: Said) -> KillRequest | None:
        try:
            message = decode_control(said.value)
        except InputError:
            return None  # whoever wrote it hears no answer, and reports this gateway as missing
        if isinstance(message, KillSettled):
            self.latch.settle(message.id)
        if not isinstance(message, KillRequest):
            return None
        self.latch.take(message)
        return message

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_S)
            await self.link.flush()
            for venues in self.shards.values():
                venues.keep()
