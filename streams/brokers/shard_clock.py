"""TIMER inputs for a shard that nothing else moves: often while it is used, seldom when idle."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.codes import InputType
from schemas.market import TIMER
from schemas.topics import INPUTS
from schemas.units import INSTRUMENT_NONE, VENUE_NONE
from streams.brokers.frames import CLOCK_SOURCE, seal_frame
from streams.brokers.shard_fold import Outgoing

BUSY_TURNS = 600
"""So many turns after the last input of others a shard counts as idle."""
IDLE_EVERY = 10
"""An idle shard gets its timer every so many turns."""


@dataclass
class ShardClock:
    """Asked once a turn, whether the shard needs a timer now."""

    sent: int = 0
    turns: int = BUSY_TURNS
    _last_inputs: int = 0
    _on_its_way: int = 0

    def is_due(self, inputs: int) -> bool:
        """Whether only our own timers came since the last turn; `inputs` is the count so far."""
        came, self._last_inputs = inputs - self._last_inputs, inputs
        back = min(came, self._on_its_way)
        self._on_its_way -= back
        self.turns = self.turns + 1 if came == back else 0
        if not self.turns:
            return False
        return self.turns < BUSY_TURNS or self.turns % IDLE_EVERY == 0

    def timer(self, shard: int, seen: int) -> Outgoing:
        """The next timer; `seen` is the highest number that the shard's log holds."""
        self.sent = 1 + max(self.sent, seen)
        self._on_its_way += 1
        record = TIMER.pack(
            type=InputType.TIMER,
            source=CLOCK_SOURCE,
            source_seq=self.sent,
            venue=VENUE_NONE,
            instrument=INSTRUMENT_NONE,
        )
        return Outgoing(INPUTS, shard, 0, b"", seal_frame(shard, self.sent, record))
