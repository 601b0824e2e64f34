"""A kill across an installation: first every order gateway, then every shard, and who has it.

The acknowledgement names the gateways that have latched it and those that said nothing, the owner
of each shard that has it and the shards that nobody answered for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from schemas.control import (
    GatewayLatched,
    KillRequest,
    KillSettled,
    Scope,
    ShardLatched,
    decode_control,
    encode_control,
)
from schemas.errors import InputError
from schemas.json_inputs import Place, to_record
from schemas.json_messages import KillMessage
from schemas.topic_envelope import EnvelopeError, open_envelope
from schemas.topics import CONTROL, CONTROL_ANSWERS, INPUTS, REFERENCE
from streams.brokers.connect import connect
from streams.brokers.frames import KILL_SOURCE, seal_frame
from streams.brokers.ingest import Ingest
from streams.brokers.link import BEGINNING, Link
from streams.brokers.shard_fold import Outgoing
from streams.clock import Clock, SystemClock
from streams.config.service import Gateway, ServiceConfig


@dataclass
class KillReport:
    """Who has latched a kill, and how long each half took."""

    id: str
    number: int
    gateways: list[str] = field(default_factory=list)
    gateways_missing: list[str] = field(default_factory=list)
    shards: dict[int, str] = field(default_factory=dict)
    shards_without_owner: list[int] = field(default_factory=list)
    gateways_ms: float = 0.0
    shards_ms: float = 0.0

    def facts(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "shards": {str(s): name for s, name in sorted(self.shards.items())}}

    @property
    def is_whole(self) -> bool:
        """Whether everybody has answered."""
        return not self.gateways_missing and not self.shards_without_owner


class Killer:
    """One kill or release; `settings` name the gateways that must answer."""

    def __init__(self, link: Link, settings: Gateway, clock: Clock) -> None:
        self.link, self.settings, self.clock = link, settings, clock
        self._answered = asyncio.Event()

    async def run(self, request: KillRequest) -> KillReport:
        """Asks gateways, then shards; never waits longer than `patience_s` for either.

        InputError for a target that the reference data lack; nothing has been asked then.
        """
        record = await self._record(request)
        place = BEGINNING
        for said in await self.link.history(CONTROL_ANSWERS):
            place = said.place
        report = KillReport(request.id, 0)
        listening = asyncio.create_task(self._listen(place, report))
        try:
            await self._gateways(request, report)
            await self._shards(record, report)
            if request.engaged and report.is_whole:
                await self._say(KillSettled(id=request.id))
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return report

    async def _gateways(self, request: KillRequest, report: KillReport) -> None:
        start_ns = self.clock.elapsed_ns()
        await self._say(request)
        wanted = set(self.settings.all)
        await self._wait(lambda: wanted <= set(report.gateways))
        report.gateways_missing = sorted(wanted - set(report.gateways))
        report.gateways_ms = (self.clock.elapsed_ns() - start_ns) / 1e6

    async def _shards(self, record: Callable[[int], bytes], report: KillReport) -> None:
        """The number of a kill is its place among all requests, the same in every shard."""
        start_ns, requests = self.clock.elapsed_ns(), []
        for said in await self.link.history(CONTROL):
            try:
                message = decode_control(said.value)
            except InputError:
                continue
            if isinstance(message, KillRequest):
                requests.append(message.id)
        report.number = requests.index(report.id) + 1
        raw = record(report.number)
        for shard in range(self.link.shards):
            frame = seal_frame(shard, report.number, raw)
            await self.link.send(Outgoing(INPUTS, shard, 0, b"", frame))
        await self.link.flush()
        every = set(range(self.link.shards))
        await self._wait(lambda: every <= report.shards.keys())
        report.shards_without_owner = sorted(every - report.shards.keys())
        report.shards_ms = (self.clock.elapsed_ns() - start_ns) / 1e6

    async def _wait(self, is_done: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(self.settings.patience_s):
                while not is_done():
                    self._answered.clear()
                    await self._answered.wait()
        except TimeoutError:
            return

    async def _listen(self, place: str, report: KillReport) -> None:
        async for said in self.link.follow({(CONTROL_ANSWERS, 0): place}):
            try:
                message = decode_control(said.value)
            except InputError:
                continue
            if isinstance(message, GatewayLatched) and message.id == report.id:
                report.gateways.append(message.gateway)
            elif isinstance(message, ShardLatched) and message.number == report.number:
                report.shards[message.shard] = message.owner
            self._answered.set()

    async def _say(self, message: KillRequest | KillSettled) -> None:
        await self.link.send(Outgoing(CONTROL, 0, 0, b"", encode_control(message)))
        await self.link.flush()

    async def _record(self, request: KillRequest) -> Callable[[int], bytes]:
        """The KILL record of a request, given its number."""
        ingest = Ingest(self.link.shards)
        for said in await self.link.history(REFERENCE):
            try:
                ingest.learn(bytes(open_envelope(said.value, REFERENCE).payload))
            except EnvelopeError:
                continue
        message = KillMessage(scope=request.scope, target=request.target, engaged=request.engaged)
        to_record(message, ingest.names, Place(KILL_SOURCE, 1, 0))
        return lambda number: to_record(message, ingest.names, Place(KILL_SOURCE, number, 0))


def kill_everywhere(
    settings: ServiceConfig, scope: Scope, target: str, engaged: bool, person: str
) -> KillReport:
    """The command's work, with a link and a loop of its own."""
    clock = SystemClock()

    async def work() -> KillReport:
        link = connect(settings)
        request = KillRequest(
            id=f"{person}-{clock.now_ns()}",
            scope=scope,
            target=target,
            engaged=engaged,
            person=person,
        )
        try:
            return await Killer(link, settings.gateway, clock).run(request)
        finally:
            await link.close()

    return asyncio.run(work())
