"""Spelling of JSON-RPC values: one spelling is accepted, and what is written reads back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardhat_free_devnet import RpcError
from hardhat_free_devnet.encoding import (
    format_address,
    format_data,
    format_quantity,
    parse_address,
    parse_data,
    parse_number,
    parse_quantity,
)


@pytest.mark.parametrize(
    "value", ["", "0x", "0x00", "0x01", "1", "0X1", "0xg", " 0x1", "0x1\n", "-0x1", 1, None, True, "0x" + "f" * 65]
)
def test_any_other_spelling_of_a_quantity_is_refused(value: Any) -> None:
    """Refuse leading zeros, missing prefixes, and what is no string."""
    with pytest.raises(RpcError, match="amount: expected a hex quantity"):
        parse_quantity(value, "amount")


@pytest.mark.parametrize("value", ["", "0x1", "12", "0xzz", "0x12 ", 5, None])
def test_any_other_spelling_of_data_is_refused(value: Any) -> None:
    """Refuse odd digits, missing prefixes, and what is no string."""
    with pytest.raises(RpcError, match="blob: expected 0x and an even number"):
        parse_data(value, "blob")


def test_data_beyond_the_limit_is_refused() -> None:
    """Refuse before decoding."""
    with pytest.raises(RpcError, match="expected at most 4 bytes, got 5"):
        parse_data("0x1122334455", "blob", 4)


@pytest.mark.parametrize("value", [-1, 11, True, 1.0, "0xb", "10"])
def test_a_number_out_of_range_is_refused(value: Any) -> None:
    """Refuse numbers beyond the limit, booleans and fractions."""
    with pytest.raises(RpcError, match="depth"):
        parse_number(value, "depth", 10)


@given(st.integers(0, 2**256 - 1))
def test_a_quantity_reads_back(number: int) -> None:
    """parse(format(x)) is x."""
    assert parse_quantity(format_quantity(number), "number") == parse_number(hex(number), "number", 2**256) == number


@given(st.binary(max_size=100), st.binary(min_size=20, max_size=20))
def test_data_and_addresses_read_back(data: bytes, address: bytes) -> None:
    """parse(format(x)) is x."""
    assert parse_data(format_data(data), "data") == data
    assert parse_address(format_address(address)) == address
