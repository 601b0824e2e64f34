"""Goes on writing a bulk run: `python -m streams.cli.benchmarks.bulk_writer RUN START RATE S`."""

from __future__ import annotations

import sys
from pathlib import Path

from streams.bulk import goes_on
from streams.clock import SystemClock


def main() -> int:
    """Writes until its time is over."""
    folder, start, per_s, seconds = sys.argv[1:]
    goes_on(Path(folder), int(start), int(per_s), float(seconds), SystemClock())
    return 0


if __name__ == "__main__":
    sys.exit(main())
