"""Topic names: every output has one, and a name is safe on every broker."""

from __future__ import annotations

import re

from schemas import topics
from schemas.codes import OutputType

NAME = re.compile(r"sor\.[a-z]+(-[a-z]+)*")


def test_every_output_has_a_topic() -> None:
    assert set(topics.OUTPUT_TOPICS) == set(OutputType)


def test_names_are_plain_and_inputs_never_meet_outputs() -> None:
    published = {*topics.OUTPUT_TOPICS.values(), topics.DEAD_LETTERS}
    read = {topics.INPUTS, *topics.CONTRACT_IN}
    assert len(read) == 1 + len(topics.CONTRACT_IN)
    assert not published & read
    assert all(NAME.fullmatch(name) for name in published | read)
