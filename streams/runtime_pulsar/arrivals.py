"""Messages of one consumer in their order, some of them asked for before they are wanted."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from pulsar.asyncio import Consumer

AHEAD = 64
"""Asked for at once: the client's thread then hands over what has come in one turn, where one at a
time costs a change of threads each, which on a crowded machine is most of the way."""


class Arrivals:
    """What the broker gives; closed, it leaves what nobody took to the next consumer."""

    def __init__(self, consumer: Consumer, ahead: int = AHEAD) -> None:
        self.consumer = consumer
        self._asked = deque(self._ask() for _ in range(ahead))

    async def next(self, timeout_s: float | None) -> Any:
        """The next message, or None where none comes in time; raises what the client raises."""
        first = self._asked[0]
        if first.done():
            await asyncio.sleep(0)  # who always has a message still lets the others have their turn
        else:
            await asyncio.wait({first}, timeout=timeout_s)
        if not first.done():
            return None
        self._asked.popleft()
        self._asked.append(self._ask())
        return first.result()

    async def close(self) -> None:
        """Takes back what was asked for."""
        for asked in self._asked:
            asked.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)

    def _ask(self) -> asyncio.Future[Any]:
        asked: asyncio.Future[Any] = asyncio.ensure_future(self.consumer.receive())
        return asked
