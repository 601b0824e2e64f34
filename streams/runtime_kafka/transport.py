"""Faust's transport for Kafka, for partitions of which nothing was committed yet.

While a rebalance holds the flow back, Faust drops what it fetches and seeks to the committed
offsets (`Consumer.perform_seek`). aiokafka leaves a partition where it stands if nothing, or 0, was
committed, so that what was dropped would never be read. Here such a partition is read from its
beginning.
"""

from __future__ import annotations

from collections.abc import Mapping

import faust
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.transports import TransportT


class Consumer(driver.Consumer):
    """Seeks every assigned partition, also one without a committed offset."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Committed offset by partition, None where there is none; each is read from there."""
        committed = await super().seek_to_committed()
        fresh = [tp for tp, offset in committed.items() if not offset]
        if fresh:
            try:
                await self._thread.seek_to_beginning(*fresh)
            except IllegalStateError:  # assigned anew meanwhile: that assignment seeks too
                self.log.info("partitions left while they were sought: %r", fresh)
        return committed


class Transport(driver.Transport):
    """Kafka by aiokafka, with that consumer."""

    Consumer = Consumer


class App(faust.App):
    """A Faust app on that transport."""

    def _new_transport(self) -> TransportT:
        return Transport(self.conf.broker_consumer, self)
