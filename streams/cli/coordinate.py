"""`sor coordinate`: what shards learn from each other, and how they share account-wide limits."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streams.config.load import load_whole
from streams.config.service import ServiceConfig


def coordinate(
    *,
    config: Path,
    assign: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
) -> int:
    """Merge what shards learn of venues, and move their shares of account-wide limits.

    Args:
        config: TOML of an installation, as deploy/config/kafka.toml or pulsar.toml.
        assign: One key of it, as section.key=value; may be given again.
    """
    from streams.brokers.connect import connect
    from streams.brokers.coordinator import Coordinator
    from streams.gateways.run import until_told

    settings = load_whole(ServiceConfig, config, os.environ, assign)
    told = f"priors every {settings.coordination.prior_s:g} s"
    print(f"coordinates the shards of {settings.service.runtime}, {told}", file=sys.stderr)
    return until_told(lambda: Coordinator(settings.coordination, connect(settings)).run())
