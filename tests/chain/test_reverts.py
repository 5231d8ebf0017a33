"""Every way in which the contracts refuse is told as a sentence."""

from __future__ import annotations

import string

from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chain.abi import custom_errors, selector
from tallystick.chain.reverts import SENTENCES, explain_revert


@given(st.binary(max_size=200))
def test_unknown_revert_data_is_shown(data: bytes) -> None:
    """Whatever a contract returns, there is a sentence and something to do."""
    message, todo = explain_revert(data)
    assert message
    assert todo


def test_a_reason_given_as_text_is_quoted() -> None:
    """Error(string) and Panic(uint256), which the compiler itself raises, are understood."""
    reason = selector("Error(string)") + encode(["string"], ["no luck"])
    assert explain_revert(reason)[0] == "The contract refused: 'no luck'."
    panic = selector("Panic(uint256)") + encode(["uint256"], [0x11])
    assert explain_revert(panic)[0] == "The contract panicked with code 0x11."


def test_every_custom_error_has_a_sentence() -> None:
    """Each error of the ABI has a sentence that uses its own values only, and there are no others."""
    assert set(SENTENCES) == {error.name for error in custom_errors()}
    for error in custom_errors():
        message, todo = SENTENCES[error.name]
        fields = {field for _, field, _, _ in string.Formatter().parse(message) if field}
        assert fields <= {name for name, _ in error.parameters}
        assert todo.endswith(".")


def test_the_values_of_an_error_are_filled_in() -> None:
    """Addresses and ids are shown in hex, numbers in decimal."""
    values = [b"\x11" * 20, 5, 7]
    data = selector("UnexpectedBatchId(address,uint64,uint64)") + encode(["address", "uint64", "uint64"], values)
    assert explain_revert(data)[0] == f"The next batch of operator 0x{'11' * 20} is 5, not 7."
