"""Which core is loaded, and what is said where one cannot be."""

from __future__ import annotations

import sys

import pytest

from aggregates import kernel
from schemas.errors import InputError


def test_there_is_no_silent_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aggregates._core", None)
    with pytest.raises(InputError, match="the native core cannot be loaded"):
        kernel.load("native")
    assert kernel.load("reference").seq == 0


def test_other_cores_are_unknown() -> None:
    with pytest.raises(InputError, match="use native or reference"):
        kernel.load("fast")
