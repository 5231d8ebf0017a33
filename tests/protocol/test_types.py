"""The kinds of bytes and their one spelling as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import MalformedInput
from tallystick.protocol.types import SignerWindow, clip, parse_address, parse_bytes32, parse_hex, to_hex


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0X00",
        "00",
        "0x0",
        "0xAB",
        "0x0g",
        "0x 00",
        "0x00 ",
        "0x00\n",
        "0x\u0660\u0660",
        None,
        5,
        b"0x00",
        ["0x"],
    ],
)
def test_a_second_spelling_of_bytes_is_refused(text: object) -> None:
    with pytest.raises(MalformedInput, match="head: expected"):
        parse_hex(text, "head")


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_an_id_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(MalformedInput, match="64 lower-case hex digits"):
        parse_bytes32(to_hex(bytes(size)), "party")


def test_an_address_has_twenty_bytes() -> None:
    with pytest.raises(MalformedInput, match="40 lower-case hex digits"):
        parse_address(to_hex(bytes(32)), "ledger")
    assert parse_address(to_hex(bytes(20)), "ledger") == bytes(20)


@given(st.binary(max_size=100))
def test_bytes_survive_their_spelling(value: bytes) -> None:
    assert parse_hex(to_hex(value), "value") == value


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, b"x" * 10**6, ["x" * 10**6] * 1000, {"x": ["y"] * 10**5}, 10**5000],
    ids=["text", "bytes", "list", "object", "integer"],
)
def test_an_error_message_never_carries_a_large_value(value: object) -> None:
    assert len(clip(value)) < 400


@pytest.mark.parametrize(
    ("added_at", "revoked_at", "at", "covers"),
    [
        (0, 0, 100, False),
        (0, 200, 100, False),
        (100, 0, 99, False),
        (100, 200, 200, False),
        (100, 100, 100, False),
        (100, 0, 100, True),
        (100, 200, 199, True),
    ],
)
def test_a_signer_is_active_from_its_addition_until_just_before_its_revocation(
    added_at: int, revoked_at: int, at: int, covers: bool
) -> None:
    assert SignerWindow(added_at, revoked_at).covers(at) is covers  # type: ignore[arg-type]
