"""The projector process: keeps the read models up with the run, configured on stdin."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from projections.api.services import Trace
from projections.views.batch import OutputBatch
from schemas.codes import OutputType
from schemas.errors import VenuefoldError
from streams.clock import Clock, SystemClock
from streams.observability.logs import logger
from streams.observability.traces import make_trace
from streams.projector import Projector
from streams.runtime_embedded.child_process import configured_child
from streams.runtime_embedded.engine_process import Stop
from streams.service.api_process import store_url

NICENESS = 5
"""Rows may wait for a moment: whoever asks, and the engine, have the processor first."""


def tell(trace: Trace, clock: Clock, shard: int, batch: OutputBatch) -> None:
    """A span for each order's first decision: from there until it is in the read models."""
    made, now_ns = batch.records(OutputType.DECISION), clock.now_ns()
    names = ("order_id", "log_ns", "out_seq", "attempt")
    for order, log_ns, out_seq, attempt in zip(*(made[n].tolist() for n in names), strict=True):
        if attempt == 1:
            place = {"shard": shard, "position": order}
            trace("projection.stored", log_ns, now_ns, decision=out_seq, **place)


def main() -> int:
    """Follows until told to stop."""
    config = configured_child()
    log = logger("projector", config.service.log_level)
    stop = Stop()
    os.nice(NICENESS)
    try:
        trace = make_trace(config.telemetry.otlp_endpoint)
        stored = None if trace is None else partial(tell, trace, SystemClock())
        projector = Projector(Path(config.service.run), store_url(config), stored=stored)
        log.info("projecting", store=store_url(config).partition("@")[2] or "sqlite")
        projector.follow(stop)
        projector.close()
    except VenuefoldError as error:
        log.error("failed", error=str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
