"""An independent book-keeper: sums what goes in against what comes out, event by event.

It knows what the records mean and none of the engine's code. A broken rule is an AssertionError
that names the position.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from aggregates.kernel import GENERATION
from schemas import market, orders, reference, reports
from schemas.codes import (
    AlarmKind,
    AllocationFlag,
    ChildState,
    ExecInst,
    ExecType,
    InputType,
    KillScope,
    Liquidity,
    OrderState,
    OutputType,
    Reason,
    Side,
    TimeInForce,
    VenueStatus,
)
from schemas.decisions import CHILD
from schemas.envelope import HEADER, REFERENCE_TYPES
from schemas.units import INSTRUMENT_NONE
from tests.aggregates.decision import Decision, read_decision
from tests.builders import S, records

OPEN = (
    ChildState.SENT,
    ChildState.ACKNOWLEDGED,
    ChildState.PARTIAL,
    ChildState.CANCEL_PENDING,
    ChildState.UNKNOWN,
    ChildState.HELD,
    ChildState.REPLACE_PENDING,
)
AT_VENUE = tuple(state for state in OPEN if state != ChildState.HELD)
ENDED = (OrderState.DONE, OrderState.CANCELED, OrderState.EXPIRED, OrderState.DONE_FOR_DAY)
CHANGES = (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)


@dataclass(slots=True)
class Child:
    """A child as its outputs tell it."""

    sent: Any
    cum_units: int = 0
    state: int = int(ChildState.SENT)
    new_units: int = 0
    busted_units: int = 0
    pending_units: int = 0

    @property
    def units(self) -> int:
        """Its size, as last agreed with the venue."""
        return self.new_units or int(self.sent.units)

    @property
    def rests(self) -> bool:
        """Whether it adds liquidity."""
        return bool(self.sent.time_in_force == TimeInForce.DAY)

    @property
    def outstanding_units(self) -> int:
        """What may still trade: the larger size while a replace is not answered."""
        if self.state not in OPEN:
            return 0
        return max(0, max(self.units, self.pending_units) - self.cum_units - self.busted_units)


@dataclass(slots=True)
class Parent:
    """A parent order and the sums of its fills."""

    order: Any
    children: list[Child] = field(default_factory=list)
    cum_units: int = 0
    notional: int = 0
    fee_nanos: int = 0
    ended: bool = False
    over: bool = False
    amendment: Any = None

    @property
    def outstanding_units(self) -> int:
        """What its children may still trade."""
        return sum(child.outstanding_units for child in self.children)


class Ledger:
    """Folds (input record, outputs) pairs and asserts after each."""

    def __init__(self) -> None:
        self.seq = self.out_seq = self.log_ns = self.next_child_id = 0
        self.parents: dict[int, Parent] = {}
        self.working: dict[int, Parent] = {}
        self.children: dict[int, Child] = {}
        self.trades: dict[tuple[int, int], tuple[int, int, int]] = {}
        self.names: dict[tuple[bytes, bytes, int], int] = {}
        self.permitted: dict[bytes, int] = {}
        self.positions: dict[tuple[bytes, int], int] = defaultdict(int)
        self.waiting: dict[int, Any] = {}
        self.identities: dict[tuple[bytes, bytes, int], int] = {}
        self.window_ns, self.oldest_ns = 86_400 * S, 0
        self.policies: dict[int, Any] = {}
        self.listings: dict[tuple[int, int], Any] = {}
        self.engine = b""
        self.version = self.version_seen = 0
        self.killed: dict[int, set[Any]] = {scope: set() for scope in KillScope}
        self.unreflected: dict[tuple[int, int, bool], int] = defaultdict(int)
        self.closed: set[tuple[int, int]] = set()
        self.probes: dict[int, list[int]] = {}
        self.probes_per_minute = 0
        self.bound: set[int] = set()
        self.held: dict[tuple[bytes, int, int], int] = {}
        self.bought: dict[tuple[bytes, int, int], int] = defaultdict(int)
        self.where = ""

    def fold(self, raw: bytes, outputs: bytes) -> None:
        """Takes one input record and what the engine said to it."""
        self.seq += 1
        header = HEADER.unpack(raw)
        told = list(records(outputs))
        self.where = f"input {self.seq} (type {header.type})"
        refused = any(
            kind == OutputType.REFUSAL and record.log_ns == header.log_ns
            for kind, record, _ in told
        )
        backwards = any(
            kind == OutputType.REFUSAL and record.reason == Reason.TIME_BACKWARDS
            for kind, record, _ in told
        )
        timers = 0
        while timers < len(told) and not _is_own(header, *told[timers][:2]):
            timers += 1
        if not backwards:
            self._outputs(told[:timers])
            self._version(header)
            if header.type in (InputType.NEW_ORDER, InputType.AMEND_ORDER):
                self.oldest_ns = max(self.oldest_ns, header.log_ns - self.window_ns)
            if not refused:
                self._input(header, raw)
        self._outputs(told[0 if backwards else timers :])
        if header.type == InputType.KILL and not (refused or backwards):
            self._check_kill(orders.KILL.unpack(raw), told)
        self._check_parents()

    # inputs that were accepted

    def _version(self, header: Any) -> None:
        known = header.type in set(InputType)
        if header.source == 0 and header.type in REFERENCE_TYPES and known:
            self.version_seen = max(self.version_seen, header.source_seq)
            self.version += header.source_seq == self.version + 1

    def _input(self, header: Any, raw: bytes) -> None:
        if header.type == InputType.NEW_ORDER:
            self._new_order(orders.NEW_ORDER.unpack(raw))
        elif header.type == InputType.AMEND_ORDER:
            self._amend(orders.NEW_ORDER.unpack(raw))
        elif header.type == InputType.SETTINGS:
            settings = reference.SETTINGS.unpack(raw)
            self.window_ns = settings.identity_window_ns
            # What was sent under a higher rate still counts after it fell.
            self.probes_per_minute = max(self.probes_per_minute, settings.probes_per_minute)
        elif header.type == InputType.POLICY:
            policy = reference.POLICY.unpack(raw)
            self.policies[policy.policy] = policy
        elif header.type == InputType.LISTING:
            key = (header.instrument, header.venue)
            self.listings[key] = reference.LISTING.unpack(raw)
        elif header.type == InputType.ENGINE:
            self.engine = raw[HEADER.size :]
        elif header.type == InputType.KILL:
            self._kill(orders.KILL.unpack(raw))
        elif header.type == InputType.EXEC_REPORT:
            self._report(reports.EXEC_REPORT.unpack(raw))
        else:
            self._market(header, raw)

    def _market(self, header: Any, raw: bytes) -> None:
        if header.type == InputType.LIMITS:
            limits = reference.LIMITS.unpack(raw)
            (self.bound.add if limits.inventory else self.bound.discard)(header.instrument)
        elif header.type == InputType.INVENTORY:
            told = orders.INVENTORY.unpack(raw)
            self.held[told.account, header.instrument, header.venue] = told.units
        elif header.type == InputType.ACCOUNT:
            record = reference.ACCOUNT.unpack(raw)
            self.permitted[record.account] = record.venues_permitted
        elif header.type == InputType.QUOTE:
            for sell in (False, True):
                self.unreflected[header.instrument, header.venue, sell] = 0
        elif header.type == InputType.STATUS:
            place = (header.instrument, header.venue)
            is_open = market.STATUS.unpack(raw).status == VenueStatus.OPEN
            (self.closed.discard if is_open else self.closed.add)(place)
        elif header.type == InputType.VENUE:
            is_open = reference.VENUE.unpack(raw).status == VenueStatus.OPEN
            place = (INSTRUMENT_NONE, header.venue)
            (self.closed.discard if is_open else self.closed.add)(place)

    def _new_order(self, order: Any) -> None:
        """One order per ClOrdID for as long as it is remembered."""
        name = (order.account, order.cl_ord_id, order.instrument)
        known_ns = self.identities.get(name, -1)
        assert known_ns != order.transact_ns, f"{self.where}: one order, twice"
        assert known_ns < self.oldest_ns, f"{self.where}: one ClOrdID, two orders"
        self.identities[name] = order.transact_ns
        parent = Parent(order)
        self.names[name] = self.seq
        self.parents[self.seq] = self.working[self.seq] = parent

    def _kill(self, record: Any) -> None:
        target = {
            KillScope.ALL: 0,
            KillScope.INSTRUMENT: record.instrument,
            KillScope.VENUE: record.venue,
            KillScope.SELF_HELP: record.venue,
            KillScope.SUSPENDED_VENUE: record.venue,
            KillScope.SUSPENDED_INSTRUMENT: record.instrument,
        }.get(record.scope, record.target)
        killed = self.killed[record.scope]
        (killed.add if record.engaged else killed.discard)(target)

    def _report(self, report: Any) -> None:
        """An accepted fill is money: it is booked whatever state the child is in."""
        child = self.children[report.child_id]
        parent = self.parents[child.sent.order_id]
        if report.exec_type == ExecType.REPLACED and child.pending_units:
            child.new_units = child.pending_units
        if report.exec_type in (ExecType.REPLACED, ExecType.REPLACE_REJECT):
            child.pending_units = 0
        if report.exec_type in CHANGES:
            self._change(report, child, parent)
        if report.exec_type != ExecType.TRADE:
            return
        trade = (report.child_id, report.trade_id)
        assert trade not in self.trades, f"{self.where}: trade counted twice"
        money = (report.last_units, report.last_nanos, report.fee_nanos)
        self.trades[trade] = money
        late = child.state not in AT_VENUE
        self._book(child, parent, money, 1)
        parent.over |= late or child.cum_units + child.busted_units > child.units
        sell = parent.order.side != Side.BUY
        if report.liquidity != Liquidity.MID:  # no feed shows what trades at the midpoint
            self.unreflected[child.sent.instrument, child.sent.venue, sell] += report.last_units

    def _book(self, child: Child, parent: Parent, money: tuple[int, int, int], sign: int) -> None:
        units, nanos, fee_nanos = money
        child.cum_units += sign * units
        parent.cum_units += sign * units
        parent.notional += sign * nanos * units
        parent.fee_nanos += sign * fee_nanos
        side = 1 if parent.order.side == Side.BUY else -1
        self.positions[parent.order.account, child.sent.instrument] += side * sign * units
        place = (parent.order.account, child.sent.instrument, child.sent.venue)
        if place in self.held:
            self.held[place] += side * sign * units
        self.bought[place] += units if side > 0 else 0

    def _change(self, report: Any, child: Child, parent: Parent) -> None:
        """A trade is taken back, and booked again with what it has become."""
        trade = (report.child_id, report.ref_trade_id)
        old, new = self.trades[trade], (0, 0, 0)
        assert old[0], f"{self.where}: a trade was taken back twice"
        if report.exec_type == ExecType.TRADE_CORRECT:
            new = (report.last_units, report.last_nanos, report.fee_nanos)
        self._book(child, parent, old, -1)
        self._book(child, parent, new, 1)
        child.busted_units += max(0, old[0] - new[0])
        parent.over |= new[0] > old[0]
        self.trades[trade] = new

    def _amend(self, order: Any) -> None:
        """A new name for the same parent; its terms count from the output that shows them."""
        order_id = self.names[order.account, order.orig_cl_ord_id, order.instrument]
        name = (order.account, order.cl_ord_id, order.instrument)
        assert self.identities.get(name, -1) < self.oldest_ns, f"{self.where}: one name, twice"
        self.identities[name] = order.transact_ns
        self.names[name] = order_id
        self.parents[order_id].amendment = order

    # outputs

    def _outputs(self, told: list[Any]) -> None:
        decision: Decision | None = None
        for kind, record, raw in told:
            self.out_seq += 1
            assert (record.out_seq, record.seq) == (self.out_seq, self.seq), self.where
            assert record.log_ns >= self.log_ns, f"{self.where}: time went back"
            self.log_ns = record.log_ns
            if kind == OutputType.DECISION:
                decision = read_decision(raw)
                self._decision(decision)
            elif kind == OutputType.CHILD:
                self._child(record, decision)
            elif kind == OutputType.CHILD_STATE:
                self._child_state(record)
            elif kind == OutputType.ORDER_STATE:
                self._order_state(record)
            elif kind == OutputType.CANCEL_CHILD:
                self._cancel(record)
            elif kind == OutputType.REPLACE_CHILD:
                child = self.children[record.child_id]
                assert child.state in (ChildState.ACKNOWLEDGED, ChildState.PARTIAL), self.where
                child.pending_units = record.units
                child.state = int(ChildState.REPLACE_PENDING)
            elif kind == OutputType.POSITION:
                net = self.positions[record.account, record.instrument]
                assert record.net_units == net, f"{self.where}: a position of {net}"
            elif kind == OutputType.ALARM:
                self._alarm(record)

    def _decision(self, decision: Decision) -> None:
        head = decision.head
        parent = self.parents[head.order_id]
        self._adopt(parent, head)
        policy = self.policies[head.policy]
        free = parent.order.order_units - parent.cum_units - parent.outstanding_units
        assert head.remaining_units == free, f"{self.where}: {head.remaining_units} is not free"
        assert head.first_child_id == self.next_child_id + 1, f"{self.where}: ids are dense"
        self.next_child_id += head.children
        assert head.allocated_units == sum(part.units for part in decision.allocations)
        assert head.children <= (policy.max_children if policy.split else 1), self.where
        blocks = {block.head.venue: block for block in decision.blocks if not block.head.reason}
        sell = parent.order.side != Side.BUY
        for venue, block in blocks.items():
            own = self._own_units(head.instrument, venue, sell)
            if not block.levels:
                own -= self.unreflected[head.instrument, venue, sell]
            assert block.own_units == own, f"{self.where}: own units at venue {venue} are {own}"
        for index, part in enumerate(decision.allocations):
            if part.send_delay_ns:
                self._hold(head, head.first_child_id + index, part)
            if part.flags & AllocationFlag.POST:
                assert len(decision.allocations) == 1, f"{self.where}: posts at one venue"
                continue
            if part.flags & AllocationFlag.PROBE:
                self._probe(decision, index)
                continue
            block = blocks[part.venue]
            if block.inventory_units:
                assert part.units <= block.inventory_units, f"{self.where}: more than is held"
            if part.flags & AllocationFlag.PEG:
                assert part.units <= block.dark_units, f"{self.where}: more than a pool may get"
                assert part.limit_nanos == block.head.value, self.where
                continue
            reach = sum(units for _, units in block.levels[: part.levels]) - block.own_units
            assert part.units <= reach, f"{self.where}: more than is there at {part.venue}"
            assert part.limit_nanos == block.levels[part.levels - 1][0], self.where

    def _probe(self, decision: Decision, index: int) -> None:
        """A lot, never all that is left, inside the limit and the protected price, and bounded."""
        head, part = decision.head, decision.allocations[index]
        order, sign = self.parents[head.order_id].order, 1 if head.side == Side.BUY else -1
        where = f"{self.where}: probe of {part.venue}"
        assert index == len(decision.allocations) - 1, f"{where} is the last child"
        assert 0 < part.units < head.remaining_units, f"{where} is a part of what is left"
        assert sign * part.limit_nanos <= sign * head.limit_nanos, f"{where} is beyond the limit"
        far = head.protected_ask_nanos if sign > 0 else head.protected_bid_nanos
        assert not far or sign * part.limit_nanos <= sign * far, f"{where} trades through"
        assert order.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK), where
        told = next(block.head for block in decision.blocks if block.head.venue == part.venue)
        unwell = told.reason == Reason.VENUE_HEALTH and told.value in (1, 4)
        assert unwell or not told.reason, f"{where}: it is out for {Reason(told.reason).name}"
        times = self.probes.setdefault(part.venue, [])
        times.append(head.log_ns)
        recent = [at for at in times if at > head.log_ns - 60 * 10**9]
        assert len(recent) <= self.probes_per_minute, f"{where}: {len(recent)} within a minute"

    def _adopt(self, parent: Parent, told: Any) -> None:
        """An amendment that had room counts from here on."""
        amended = parent.amendment
        if amended is not None and told.cl_ord_id == amended.cl_ord_id:
            units = max(amended.order_units, parent.cum_units)
            parent.order, parent.amendment = amended._replace(order_units=units), None

    def _hold(self, head: Any, child_id: int, part: Any) -> None:
        """A child that is to wait counts at once; the rest of it is told when it leaves."""
        values = {name: getattr(part, name) for name in ("units", "limit_nanos", "venue")}
        values |= {"time_in_force": part.time_in_force, "side": head.side}
        values |= {"child_id": child_id, "order_id": head.order_id, "instrument": head.instrument}
        self.waiting[child_id] = (part, head)
        child = Child(CHILD.unpack(CHILD.pack(**values)), state=int(ChildState.HELD))
        self.children[child_id] = child
        self.parents[head.order_id].children.append(child)

    def _own_units(self, instrument: int, venue: int, sell: bool) -> int:
        place = (instrument, venue)
        in_flight = sum(
            child.outstanding_units
            for parent in self.working.values()
            for child in parent.children
            if not child.rests
            and (child.sent.instrument, child.sent.venue) == place
            and (child.sent.side != Side.BUY) == sell
        )
        return in_flight + self.unreflected[(*place, sell)]

    def _child(self, sent: Any, decision: Decision | None) -> None:
        if sent.child_id in self.waiting:
            self._release(sent)
            return
        assert decision is not None, f"{self.where}: child without a decision"
        parent = self.parents[sent.order_id]
        order = parent.order
        part = decision.allocations[sent.child_id - decision.head.first_child_id]
        assert (sent.venue, sent.units) == (part.venue, part.units), self.where
        assert sent.limit_nanos == part.limit_nanos, self.where
        assert sent.decision_id == decision.head.out_seq, self.where
        assert sent.child_id not in self.children, f"{self.where}: one child, twice"
        self._check_permission(sent, order)
        self._check_size(sent, parent)
        sign = 1 if order.side == Side.BUY else -1
        limit = order.limit_nanos if order.ord_type == 2 else decision.head.limit_nanos
        assert sign * sent.limit_nanos <= sign * limit, f"{self.where}: beyond the limit"
        child = Child(sent)
        self.children[sent.child_id] = child
        parent.children.append(child)
        committed = parent.cum_units + parent.outstanding_units
        assert committed <= order.order_units, f"{self.where}: sent more than remains"
        self._check_inventory(sent, order)

    def _release(self, sent: Any) -> None:
        """A held child leaves as it was decided, if it still may."""
        part, head = self.waiting.pop(sent.child_id)
        parent, child = self.parents[sent.order_id], self.children[sent.child_id]
        assert child.state == ChildState.HELD, f"{self.where}: released twice"
        assert (sent.venue, sent.units) == (part.venue, part.units), self.where
        assert sent.limit_nanos == part.limit_nanos, self.where
        assert sent.log_ns == head.log_ns + part.send_delay_ns, f"{self.where}: at another time"
        self._check_permission(sent, parent.order)
        assert not parent.ended, f"{self.where}: child of an ended parent"
        child.sent, child.state = sent, int(ChildState.SENT)
        self._check_inventory(sent, parent.order)

    def _check_inventory(self, sent: Any, order: Any) -> None:
        """Open sells of an account at a venue, this one included, are covered by what it holds."""
        if order.side != Side.SELL or sent.instrument not in self.bound:
            return
        place = (order.account, sent.instrument, sent.venue)
        out = sum(
            child.outstanding_units
            for parent in self.working.values()
            for child in parent.children
            if parent.order.account == order.account and parent.order.side != Side.BUY
            if (child.sent.instrument, child.sent.venue) == place[1:]
        )
        held = self.held.get(place, self.bought[place])
        assert out <= held, f"{self.where}: sells {out} at venue {sent.venue}, which holds {held}"

    def _check_permission(self, sent: Any, order: Any) -> None:
        killed = self.killed
        assert self.engine == GENERATION, f"{self.where}: another engine's shard"
        assert self.version == self.version_seen, f"{self.where}: reference gap"
        assert not killed[KillScope.ALL], f"{self.where}: all killed"
        assert sent.instrument not in killed[KillScope.INSTRUMENT], f"{self.where}: killed"
        assert sent.venue not in killed[KillScope.VENUE], f"{self.where}: venue killed"
        assert sent.venue not in killed[KillScope.SELF_HELP], f"{self.where}: self help"
        assert sent.venue not in killed[KillScope.SUSPENDED_VENUE], f"{self.where}: suspended"
        stopped = killed[KillScope.SUSPENDED_INSTRUMENT]
        assert sent.instrument not in stopped, f"{self.where}: suspended"
        assert order.account not in killed[KillScope.SUSPENDED_ACCOUNT], f"{self.where}: suspended"
        assert order.client not in killed[KillScope.CLIENT], f"{self.where}: client killed"
        assert order.account not in killed[KillScope.ACCOUNT], f"{self.where}: account killed"
        assert order.trader not in killed[KillScope.TRADER], f"{self.where}: trader killed"
        allowed = order.venues_allowed or 2**64 - 1
        allowed &= self.permitted.get(order.account, 0) or 2**64 - 1
        assert allowed & ~order.venues_banned & 1 << sent.venue, f"{self.where}: banned venue"
        places = {(sent.instrument, sent.venue), (INSTRUMENT_NONE, sent.venue)}
        assert not places & self.closed, f"{self.where}: venue is not open"

    def _check_size(self, sent: Any, parent: Parent) -> None:
        assert not parent.ended, f"{self.where}: child of an ended parent"
        listing = self.listings[sent.instrument, sent.venue]
        assert sent.units > 0, self.where
        assert sent.units % listing.lot_units == 0, f"{self.where}: not whole lots"
        assert sent.units >= listing.min_units, f"{self.where}: below the venue's minimum"
        if parent.order.time_in_force == TimeInForce.FOK:
            assert sent.units == parent.order.order_units, f"{self.where}: half of a FOK"
            assert not parent.children, f"{self.where}: a FOK split over venues"
        rests = sent.time_in_force == TimeInForce.DAY
        if parent.order.exec_inst & ExecInst.POST_ONLY:
            assert rests, f"{self.where}: post only takes"
        if rests and parent.order.display_units:
            assert sent.units <= parent.order.display_units, f"{self.where}: shows too much"

    def _child_state(self, record: Any) -> None:
        child = self.children[record.child_id]
        child.state = record.state
        assert record.cum_units == child.cum_units, f"{self.where}: fills of a child"
        if record.exec_type == ExecType.RESTATED and record.units != child.units:
            assert record.units < child.units, f"{self.where}: a child grew"
            child.new_units, child.pending_units = record.units, 0
        assert record.units == child.units, self.where

    def _order_state(self, record: Any) -> None:
        parent = self.parents[record.order_id]
        self._adopt(parent, record)
        assert record.order_units == parent.order.order_units, f"{self.where}: a parent's size"
        assert record.cum_units == parent.cum_units, f"{self.where}: fills of a parent"
        assert record.outstanding_units == parent.outstanding_units, f"{self.where}: outstanding"
        notional = (record.notional_hi << 64) | record.notional_lo
        assert notional == parent.notional, f"{self.where}: money"
        assert record.fee_nanos == parent.fee_nanos, f"{self.where}: fees"
        if record.state == OrderState.CANCEL_PENDING:
            parent.amendment = None
        if record.state in ENDED:
            assert parent.outstanding_units == 0, f"{self.where}: ended with children open"
            parent.ended = True
            self.working.pop(record.order_id, None)
        else:
            assert not parent.ended, f"{self.where}: an ended parent came back"

    def _cancel(self, record: Any) -> None:
        child = self.children[record.child_id]
        assert child.state in OPEN, f"{self.where}: cancels what is not open"
        if child.state != ChildState.UNKNOWN:
            child.state = int(ChildState.CANCEL_PENDING)

    def _alarm(self, record: Any) -> None:
        if record.kind in (AlarmKind.OVERFILL, AlarmKind.LATE_FILL):
            assert self.parents[record.order_id].over, f"{self.where}: alarm without a cause"

    # after each input

    def _check_kill(self, record: Any, told: list[Any]) -> None:
        """An engaged kill switch asks for every open child in its scope."""
        if not record.engaged:
            return
        open_children = [c for p in self.working.values() for c in p.children]
        for child in open_children:
            order = self.parents[child.sent.order_id].order
            place = {
                KillScope.ALL: True,
                KillScope.INSTRUMENT: child.sent.instrument == record.instrument,
                KillScope.VENUE: child.sent.venue == record.venue,
                KillScope.CLIENT: order.client == record.target,
                KillScope.ACCOUNT: order.account == record.target,
                KillScope.SELF_HELP: False,
                KillScope.SUSPENDED_VENUE: child.sent.venue == record.venue,
                KillScope.SUSPENDED_INSTRUMENT: child.sent.instrument == record.instrument,
                KillScope.SUSPENDED_ACCOUNT: order.account == record.target,
                KillScope.TRADER: order.trader == record.target,
            }[KillScope(record.scope)]
            assert not place or child.state != ChildState.HELD, f"{self.where}: still held"
            if place and child.state in OPEN:
                asked = any(
                    kind == OutputType.CANCEL_CHILD and said.child_id == child.sent.child_id
                    for kind, said, _ in told
                )
                pending = child.state == ChildState.CANCEL_PENDING
                assert asked or pending, f"{self.where}: a child survived the kill switch"

    def _check_parents(self) -> None:
        for parent in self.working.values():
            if parent.over:
                continue
            committed = parent.cum_units + parent.outstanding_units
            assert committed <= parent.order.order_units, f"{self.where}: more than the parent"


def _is_own(header: Any, kind: OutputType, record: Any) -> bool:
    """Whether an output comes from the input itself, not from a timer that was due before it."""
    if record.log_ns < header.log_ns:
        return False
    alarms: tuple[AlarmKind, ...] = (AlarmKind.SOURCE_GAP,)
    if header.type == InputType.EXEC_REPORT:
        alarms += (AlarmKind.UNKNOWN_FILL, AlarmKind.LATE_FILL, AlarmKind.OVERFILL)
        alarms += (AlarmKind.TRADE_CANCELED, AlarmKind.TRADE_CORRECTED, AlarmKind.TRADE_CONFLICT)
        alarms += (AlarmKind.TOO_MANY_REPORTS, AlarmKind.INVENTORY_SHORT)
        if kind == OutputType.CHILD_STATE:
            return bool(record.exec_type)
    elif header.type > InputType.TIMER or header.type == InputType.STATUS:
        return True  # a place that opens again lets its parents go on
    return kind == OutputType.REFUSAL or (kind == OutputType.ALARM and record.kind in alarms)
