"""Goes on writing a bulk run: `python -m streams.cli.benchmarks.bulk_writer RUN RATE S`."""

from __future__ import annotations

import sys
from pathlib import Path

from streams.bulk import goes_on
from streams.clock import SystemClock
from streams.replay.interrupt import Interrupt


def main() -> int:
    """Writes until its time is over or SIGTERM comes; what is written is whole."""
    folder, per_s, seconds = sys.argv[1:]
    with Interrupt() as interrupt:
        goes_on(
            Path(folder), int(per_s), float(seconds), SystemClock(), lambda: interrupt.is_raised
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
