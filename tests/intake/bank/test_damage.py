"""Bank messages of strangers: whatever the bytes, they are a message or a sentence."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.bank.camt_files import entry, statement, transaction
from tallystick.errors import MalformedInput
from tallystick.intake.bank.camt import read_message


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    """Whatever the bytes, they are a message or a sentence."""
    with pytest.raises(MalformedInput):
        read_message(data)


SOUND = statement(
    entry("30.00", transaction("10.00", end_to_end="E1", text=("a",)), transaction("20.00", documents=(("N", "20"),)))
)


@given(st.integers(0, len(SOUND) - 1), st.integers(0, len(SOUND) - 1), st.binary(max_size=6))
def test_no_damage_to_a_statement_crashes_the_reader(start: int, end: int, instead: bytes) -> None:
    """A statement with any piece of it replaced is read or refused by a sentence."""
    start, end = min(start, end), max(start, end)
    with contextlib.suppress(MalformedInput):
        read_message(SOUND[:start] + instead + SOUND[end:])
