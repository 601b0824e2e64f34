"""The projector process: keeps the read models up with the run, configured on stdin."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from schemas.errors import VenuefoldError
from streams.config.service import ServiceConfig
from streams.observability.logs import logger
from streams.projector import Projector
from streams.runtime_embedded.engine_process import Stop
from streams.service.api_process import store_url


def main() -> int:
    """Follows until told to stop."""
    config = msgspec.json.decode(sys.stdin.buffer.read(), type=ServiceConfig)
    log = logger("projector", config.service.log_level)
    stop = Stop()
    try:
        projector = Projector(Path(config.service.run), store_url(config))
        log.info("projecting", store=store_url(config).partition("@")[2] or "sqlite")
        projector.follow(stop)
        projector.close()
    except VenuefoldError as error:
        log.error("failed", error=str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
