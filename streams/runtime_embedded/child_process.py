"""What each process of the service does first: read its configuration, be tied to its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import msgspec

from streams.config.service import ServiceConfig

PR_SET_PDEATHSIG = 1
"""Linux: prctl(2) delivers a signal to the caller when the thread that created it ends."""


def configured_child() -> ServiceConfig:
    """The configuration, read from stdin until it is closed.

    From here on the process gets SIGTERM when its parent dies, whatever it dies of: an engine that
    nobody watches must not trade on. Elsewhere than on Linux it lives on.
    """
    parent = os.getppid()
    config = msgspec.json.decode(sys.stdin.buffer.read(), type=ServiceConfig)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the line above
            os.kill(os.getpid(), signal.SIGTERM)
    return config
