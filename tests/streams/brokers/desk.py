"""An order management system and its execution monitoring, on either broker: the gateway contract.

A worker and the simulated venues' gateway are processes of their own; requests go in as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from schemas.events import (
    ChildEvent,
    ChildStateEvent,
    Event,
    MassCancelReportEvent,
    OrderStateEvent,
    RefusalEvent,
    SmartRoutingDecisionEvent,
)
from schemas.json_inputs import encode
from schemas.json_messages import (
    AmendOrderMessage,
    CancelOrderMessage,
    MassCancelMessage,
    NewOrderMessage,
    OrderStatusMessage,
)
from schemas.topics import ORDERS
from schemas.wire import decode_output
from tests.servers.running import eventually

SHARDS = 2
INSTRUMENT = "ALFA"
FINAL = {"done", "canceled", "expired", "refused"}


@dataclass
class Desk:
    """An order management system and its execution monitoring."""

    install: Any
    outputs: Any
    folder: Path
    settings: Path
    gateway: subprocess.Popen[bytes] | None = None
    sent: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def start_gateway(self) -> None:
        """The reference gateway as a process."""
        command = [sys.executable, "-m", "streams.cli.main", "gateway", "--config"]
        with (self.folder / "gateway.log").open("ab") as log:
            self.gateway = subprocess.Popen(
                [*command, str(self.settings), "--debug"],
                stdout=log,
                stderr=log,
                env=self.environment,
            )

    def stop_gateway(self, number: int = signal.SIGTERM) -> None:
        """Ends it as asked."""
        if self.gateway is not None:
            self.gateway.send_signal(number)
            self.gateway.wait(20)
            self.gateway = None

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Another command of `sor` on the same configuration."""
        line = [sys.executable, "-m", "streams.cli.main", *words, "--config", str(self.settings)]
        return subprocess.run(
            line, capture_output=True, text=True, env=self.environment, check=False, timeout=60
        )

    def send(self, message: Any) -> None:
        """One request."""
        self.install.say(ORDERS, encode(message))

    def new(self, name: str, **terms: Any) -> None:
        """A new order."""
        self.send(order(name, **terms))

    def events(self) -> list[Event]:
        """Everything said so far, in order within a shard."""
        self.outputs.poll()
        records = self.outputs.records.values()
        return [decode_output(found[n]) for found in records for n in sorted(found)]

    def states(self, name: str) -> list[OrderStateEvent]:
        """States of one order, oldest first."""
        found = [e for e in self.events() if isinstance(e, OrderStateEvent)]
        return [e for e in found if e.cl_ord_id == name]

    def refusals(self, name: str) -> list[RefusalEvent]:
        """Refusals of one request."""
        found = [e for e in self.events() if isinstance(e, RefusalEvent)]
        return [e for e in found if e.cl_ord_id == name]

    def ended(self, name: str) -> OrderStateEvent:
        """The last state of an order that ends."""
        try:
            eventually(lambda: [s for s in self.states(name) if s.state in FINAL], 40)
        except AssertionError as error:
            told = [e for e in self.events() if getattr(e, "cl_ord_id", "") == name]
            last = [type(e).__name__ for e in self.events()][-20:]
            raise AssertionError(f"{error}\n{told}\n{last}\n{self.outputs.dead}") from None
        return self.states(name)[-1]

    def of(self, kind: type[Any]) -> list[Any]:
        """Events of one kind."""
        return [event for event in self.events() if isinstance(event, kind)]


def order(name: str, **terms: Any) -> NewOrderMessage:
    """A market order to buy 100 unless told otherwise."""
    values: dict[str, Any] = {
        "instrument": INSTRUMENT,
        "cl_ord_id": name,
        "account": "ACC",
        "side": "buy",
        "order_qty_units": 100,
        "ord_type": "market",
        "transact_time_ns": time.time_ns(),
    }
    return NewOrderMessage(**{**values, **terms})


def desk_on(runtime: str, install: Any, outputs: Any, folder: Path) -> Iterator[Desk]:
    """A worker, venues and a desk on one broker."""
    settings = folder / "service.toml"
    settings.write_text(
        f'[service]\nruntime = "{runtime}"\n'
        + install.file.read_text()
        + f'\n[gateway]\ndata = "{folder / "gateway"}"\npatience_s = 20.0\n'
        + "\n[market]\nvenues = 5\ninstruments = 1\nrecords_per_s = 300\nstale_ms = 20000\n"
        + "horizon_ms = 120000\n"
    )
    made = Desk(install, outputs, folder, settings)
    made.environment = dict(os.environ)
    install.start("one")
    made.start_gateway()
    try:
        eventually(lambda: list(folder.glob("gateway/shard-*/state")), 90)
        yield made
    finally:
        made.stop_gateway()


def check_contract(desk: Desk) -> None:
    """Requests, their answers, repeats, a gateway that dies, and drop copies that agree."""
    desk.new("A1")
    filled = desk.ended("A1")
    assert (filled.state, filled.cum_units) == ("done", 100)
    # A child that took a part and was cancelled counts with its part: the market moves meanwhile.
    children = {e.child_id: e.cum_units for e in desk.of(ChildStateEvent)}
    assert sum(children.values()) == 100
    assert filled.notional > 0

    desk.new("A1", transact_time_ns=time.time_ns())  # possible resend: the same order again
    desk.new("A2", order_qty_units=200)
    assert desk.ended("A2").cum_units == 200
    decided = [e for e in desk.of(SmartRoutingDecisionEvent) if e.cl_ord_id == "A1"]
    assert len({e.order_id for e in decided}) == 1

    far = {"ord_type": "limit", "price_nanos": 50 * 10**9}
    desk.new("B1", **far)
    eventually(lambda: desk.states("B1"), 40)
    cancel = CancelOrderMessage(
        instrument=INSTRUMENT, cl_ord_id="B1-C", orig_cl_ord_id="B1", account="ACC"
    )
    desk.send(cancel)
    assert desk.ended("B1").state == "canceled"
    desk.send(msgspec.structs.replace(cancel, cl_ord_id="NO-C", orig_cl_ord_id="NO"))
    assert eventually(lambda: desk.refusals("NO-C"), 40)[0].reason == "unknown_order"

    desk.new("R1", **far)
    eventually(lambda: desk.states("R1"), 40)
    terms = {name: getattr(order("R2", **far), name) for name in order("R2").__struct_fields__}
    desk.send(AmendOrderMessage(**{**terms, "orig_cl_ord_id": "R1", "order_qty_units": 60}))
    eventually(lambda: desk.states("R2") or desk.states("R1")[-1].order_units == 60, 40)

    check_questions(desk)
    desk.stop_gateway(signal.SIGKILL)
    (state,) = desk.folder.glob("gateway/shard-*/state")
    killed_ns = state.stat().st_mtime_ns
    desk.start_gateway()
    eventually(lambda: state.stat().st_mtime_ns > killed_ns, 90)
    desk.new("A3")
    assert desk.ended("A3").cum_units == 100
    sent = {e.child_id for e in desk.of(ChildEvent)}
    assert len(sent) == len(desk.of(ChildEvent))
    assert not [e for e in desk.events() if type(e).__name__ == "BreakEvent"]
    assert not desk.outputs.dead


def check_questions(desk: Desk) -> None:
    """A status request is answered with the state, a mass cancel with how many it ends."""
    before = len(desk.states("A1"))
    desk.send(OrderStatusMessage(instrument=INSTRUMENT, cl_ord_id="A1", account="ACC"))
    told = eventually(lambda: desk.states("A1")[before:], 40)[0]
    assert (told.state, told.cum_units, told.account) == ("done", 100, "ACC")
    desk.send(OrderStatusMessage(instrument=INSTRUMENT, cl_ord_id="NEVER", account="ACC"))
    assert eventually(lambda: desk.refusals("NEVER"), 40)[0].reason == "unknown_order"

    far = {"ord_type": "limit", "price_nanos": 50 * 10**9}
    for name, trader in (("M1", "ADA"), ("M2", "BOB")):
        desk.new(name, **far, trader=trader)
        eventually(lambda: desk.states(name), 40)  # noqa: B023
    desk.send(MassCancelMessage(cl_ord_id="MC-1", scope="trader", target="ADA"))
    assert desk.ended("M1").state == "canceled"
    assert desk.states("M2")[-1].state == "working"
    desk.send(MassCancelMessage(cl_ord_id="MC-2", scope="instrument", target=INSTRUMENT))
    assert desk.ended("M2").state == "canceled"

    def affected(name: str) -> list[int]:
        reports = [e for e in desk.of(MassCancelReportEvent) if e.cl_ord_id == name]
        return sorted(e.affected for e in reports)

    # A trader may have orders anywhere, so every shard answers; an instrument has one shard.
    eventually(lambda: len(affected("MC-1")) == SHARDS, 40)
    assert affected("MC-1") == [0] * (SHARDS - 1) + [1]
    eventually(lambda: affected("MC-2"), 40)
    assert len(affected("MC-2")) == 1 <= affected("MC-2")[0]


def check_kill(desk: Desk) -> None:
    """The acknowledgement names who has it; nothing leaves afterwards; a release lets it go on."""
    desk.new("K1")
    assert desk.ended("K1").cum_units == 100
    done = desk.command("kill", "all", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["gateways"] == ["venues"]
    assert report["gateways_missing"] == report["shards_without_owner"] == []
    assert report["shards"] == {"0": "one", "1": "one"}
    children = len(desk.of(ChildEvent))
    desk.new("K2")
    assert eventually(lambda: desk.refusals("K2"), 40)[0].reason == "killed"
    assert len(desk.of(ChildEvent)) == children

    released = desk.command("resume", "all")
    assert released.returncode == 0, released.stderr
    desk.new("K3")
    assert desk.ended("K3").cum_units == 100

    desk.stop_gateway()
    desk.install.kill("one")
    short = desk.settings.read_text().replace("patience_s = 20.0", "patience_s = 1.0")
    desk.settings.write_text(short)
    left = desk.command("kill", "all", "--json")
    assert left.returncode == 1
    alone = json.loads(left.stdout)
    assert alone["gateways_missing"] == ["venues"]
    assert alone["shards_without_owner"] == [0, 1]
    assert "1 gateway" in left.stderr
