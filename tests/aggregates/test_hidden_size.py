"""Hidden size is seen only by a child that was sent for more than was displayed."""

from __future__ import annotations

import pytest

from aggregates import kernel
from aggregates.engine import ReferenceEngine
from schemas.codes import ExecType, OutputType
from tests.builders import S, Tape, children, of_type, set_up


@pytest.mark.parametrize(
    ("displayed", "filled", "hidden", "count"),
    [(20, 35, 15.0, 1.0), (20, 10, 0.0, 1.0), (20, 20, 0.0, 1.0), (50, 50, 0.0, 0.0)],
)
def test_hidden_size(core: str, displayed: int, filled: int, hidden: float, count: float) -> None:
    """A child of 50, as if so much had been displayed when it was sent."""
    planner, tape = ReferenceEngine(0, kernel.GENERATION), Tape()
    set_up(tape)
    tape.settings(publish_ns=S, fill_half_life_ns=2**50)
    tape.quote(0, 0, ("9.99", 100), ("10.00", 100))
    tape.order(0, "A", 1, 50, limit="10.00", venues_allowed=1)
    (child,) = children(planner.step(bytes(tape.data))[1])
    planner.state.children[child.child_id].displayed_units = displayed
    engine = kernel.load(core)
    engine.restore(planner.state_bytes())
    sent = len(tape.data)
    tape.fill(child.child_id, filled, "10.00", 1)
    tape.report(child.child_id, ExecType.CANCELED)
    tape.wait(S)
    tape.timer()
    (told,) = of_type(engine.step(bytes(tape.data[sent:]))[1], OutputType.EXECUTION_QUALITY)
    assert (told.hidden_units, told.hidden_units_n) == (hidden, count)
    assert told.available_0 == 1.0
