"""Canonical JSON: equal to an independent RFC 8785 implementation on what the protocol allows, strict on the rest."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from protocol.strategies import values
from tallystick.errors import MalformedInput
from tallystick.protocol import canonical


@pytest.mark.parametrize(
    "value",
    [1.0, 0.5, float("nan"), float("inf"), {"a": [1.5]}, b"bytes", {1, 2}, object()],
    ids=["1.0", "0.5", "nan", "inf", "nested", "bytes", "set", "object"],
)
def test_a_value_that_is_no_json_of_this_protocol_is_refused(value: Any) -> None:
    with pytest.raises(MalformedInput, match="expected text, integer"):
        canonical.encode(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), 2**64, {"a": [2**53]}])
def test_an_integer_that_a_double_can_not_hold_is_refused(value: Any) -> None:
    with pytest.raises(MalformedInput, match=r"below 2\*\*53"):
        canonical.encode(value)


@pytest.mark.parametrize("value", [{"ä": 1}, {"a": {"\u4e2d": 1}}, {1: "a"}], ids=["umlaut", "nested", "number"])
def test_a_name_that_is_not_ascii_text_is_refused(value: Any) -> None:
    with pytest.raises(MalformedInput, match="name: expected ASCII"):
        canonical.encode(value)


@pytest.mark.parametrize("value", ["\ud800", ["a\udfff"]], ids=["high", "low"])
def test_half_a_surrogate_pair_is_refused(value: Any) -> None:
    with pytest.raises(MalformedInput, match="expected Unicode text"):
        canonical.encode(value)


def test_more_than_sixteen_levels_are_refused() -> None:
    value: Any = "x"
    for _ in range(16):
        value = [value]
    assert canonical.parse(canonical.encode(value), "value") == value
    with pytest.raises(MalformedInput, match="16 levels"):
        canonical.encode([value])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nul",
        b'{"a":1}x',
        b"\xff",
        b'"\\ud800"',
        b"NaN",
        b"\xef\xbb\xbf1",
        b"01",
        b"+1",
        b"'a'",
    ],
    ids=repr,
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedInput, match="expected canonical JSON"):
        canonical.parse(data, "value")


def test_brackets_without_end_are_refused() -> None:
    with pytest.raises(MalformedInput, match="expected canonical JSON"):
        canonical.parse(b"[" * 10**6, "value")


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{ "a":1}',
        b'{"a":1}\n',
        b'{"\\u0061":1}',
        b'"\\/"',
        b'"\\u00e9"',
        b'"\\u001F"',
        b"-0",
    ],
    ids=repr,
)
def test_a_second_spelling_of_a_value_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedInput, match="another spelling of the same value"):
        canonical.parse(data, "value")


@pytest.mark.parametrize("data", [b"1.0", b"1e2", b"1E400", b"9007199254740992", b"18446744073709551616"], ids=repr)
def test_a_number_that_is_no_safe_integer_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        canonical.parse(data, "value")


@given(values)
def test_the_encoding_is_that_of_rfc8785(value: Any) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"])))
def test_every_control_character_is_escaped_as_rfc8785_says(text: str) -> None:
    assert canonical.encode(text) == rfc8785.dumps(text)


@given(values)
def test_a_value_survives_its_encoding(value: Any) -> None:
    assert canonical.parse(canonical.encode(value), "value") == value
