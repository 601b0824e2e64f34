"""`sor gateway`: simulated venues behind the topics of a broker."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streams.config.load import load_whole
from streams.config.service import ServiceConfig


def gateway(
    *,
    config: Path,
    assign: Annotated[tuple[str, ...], Parameter(name="--set")] = (),
) -> int:
    """Run simulated venues behind the topics: market data in, children out, reports in.

    Args:
        config: TOML of the service, as deploy/config/kafka.toml; [market] says which venues.
        assign: One key of it, as section.key=value; may be given again.
    """
    from streams.gateways.run import serve

    settings = load_whole(ServiceConfig, config, os.environ, assign)
    market = settings.market
    told = f"{market.venues} simulated venues, {market.instruments} instruments"
    print(f"{told}, behind the topics of {settings.service.runtime}", file=sys.stderr)
    return serve(settings)
