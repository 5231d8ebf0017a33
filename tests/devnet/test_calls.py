"""Trying calls: results, reverts with their data, gas estimates, and state of past blocks."""

from __future__ import annotations

import pytest

from devnet.support import (
    BUYER,
    ETHER,
    GWEI,
    LENDER,
    NOTEBOOK,
    SUPPLIER,
    address_of,
    deploy,
    head_number,
    note,
    send,
)
from hardhat_free_devnet import DevNode, RpcError

ERROR_STRING = "0x08c379a0" + f"{32:064x}" + f"{5:064x}" + b"no, 7".hex().ljust(64, "0")


def test_a_revert_is_error_3_with_its_data(node: DevNode) -> None:
    """Hand the revert data over, in eth_call and in eth_estimateGas."""
    notebook = deploy(node)
    for method in ("eth_call", "eth_estimateGas"):
        with pytest.raises(RpcError) as refusal:
            node.request(method, [{"to": notebook, "data": "0x123456"}])
        assert (refusal.value.code, refusal.value.message, refusal.value.data) == (3, "execution reverted", "0x123456")


def test_the_reason_of_a_solidity_revert_is_in_the_message(node: DevNode) -> None:
    """Decode Error(string) for the reader, and keep the data for the program."""
    with pytest.raises(RpcError) as refusal:
        node.request("eth_call", [{"to": deploy(node), "data": ERROR_STRING}])
    assert refusal.value.message == "execution reverted: no, 7"
    assert refusal.value.data == ERROR_STRING


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"to": "0x12"}, "to: expected 20 bytes"),
        ({"to": 5}, "to: expected 0x"),
        ({"sender": "0x" + "11" * 20}, "unknown field 'sender'"),
        ({"data": "0x1"}, "data: expected 0x and an even number"),
        ({"data": "0x11", "input": "0x22"}, "expected data and input to be the same"),
        ({"gasPrice": "0x1", "maxFeePerGas": "0x1"}, "expected either gasPrice or"),
        ("0x", "expected an object"),
    ],
)
def test_a_malformed_call_is_refused(node: DevNode, call: object, message: str) -> None:
    """Say which field is wrong."""
    with pytest.raises(RpcError, match=message) as refusal:
        node.request("eth_call", [call])
    assert refusal.value.code == -32602


def test_a_call_that_runs_out_of_gas_says_so(node: DevNode) -> None:
    """Tell running out of gas apart from a revert."""
    word = "0x" + "11" * 32
    with pytest.raises(RpcError, match="out of gas") as refusal:
        node.request("eth_call", [{"to": deploy(node), "data": word, "gas": hex(23_000)}])
    assert refusal.value.code == -32000


def test_a_call_may_not_send_what_the_sender_does_not_have(node: DevNode) -> None:
    """Check value and stated fees against the balance; without a fee gas costs nothing."""
    empty = "0x" + "77" * 20
    assert node.request("eth_call", [{"from": empty, "to": address_of(BUYER)}]) == "0x"
    for fields in ({"value": "0x1"}, {"gasPrice": hex(3 * GWEI)}):
        with pytest.raises(RpcError, match="cannot be executed"):
            node.request("eth_call", [{"from": empty, "to": address_of(BUYER), **fields}])


def test_a_call_changes_nothing(node: DevNode) -> None:
    """Throw the state of a call away."""
    notebook = deploy(node)
    root = node.request("eth_getBlockByNumber", ["latest", False])["stateRoot"]
    assert node.request("eth_call", [{"to": notebook, "data": "0x" + "22" * 32}]) == "0x"
    assert node.request("eth_call", [{"to": notebook}]) == "0x" + "00" * 32
    node.request("evm_mine", [])
    assert node.request("eth_getBlockByNumber", ["latest", False])["stateRoot"] == root


def test_state_of_every_past_block_stays_readable(node: DevNode) -> None:
    """Answer for the block that is named, by number, by hash, and by tag."""
    notebook = deploy(node)
    for word in range(1, 4):
        note(node, SUPPLIER, notebook, word)
    for word in range(4):
        number = hex(1 + word)
        by_hash = {"blockHash": node.request("eth_getBlockByNumber", [number, False])["hash"], "requireCanonical": True}
        for selector in (number, by_hash, {"blockNumber": number}):
            assert node.request("eth_call", [{"to": notebook}, selector]) == f"0x{word:064x}"
            assert node.request("eth_getStorageAt", [notebook, "0x0", selector]) == f"0x{word:064x}"
            assert node.request("eth_getTransactionCount", [address_of(SUPPLIER), selector]) == hex(word)
    assert node.request("eth_getCode", [notebook, "0x0"]) == "0x"
    assert node.request("eth_getCode", [notebook, "latest"]) == "0x" + NOTEBOOK[11:].hex()
    assert node.request("eth_getBalance", [address_of(SUPPLIER), "earliest"]) == hex(1_000 * ETHER)


def test_an_estimate_is_enough_and_not_far_too_much(node: DevNode) -> None:
    """Estimate what the transaction then succeeds with, within 1.5 % of what it uses."""
    notebook = deploy(node)
    for fields in (
        {"to": notebook, "data": "0x" + "33" * 32},
        {"to": address_of(BUYER), "value": "0x1"},
        {"data": "0x" + NOTEBOOK.hex()},
        {"to": address_of(BUYER), "data": "0x" + "ff" * 500},
    ):
        gas = int(node.request("eth_estimateGas", [{"from": address_of(LENDER), **fields}]), 16)
        sent = send(
            node,
            LENDER,
            to=fields.get("to"),
            value=int(fields.get("value", "0x0"), 16),
            data=fields.get("data", "0x"),
            gas=gas,
        )
        receipt = node.request("eth_getTransactionReceipt", [sent])
        assert receipt["status"] == "0x1"
        assert int(receipt["gasUsed"], 16) <= gas <= int(receipt["gasUsed"], 16) * 1.015


def test_a_call_sees_the_block_it_is_made_in(node: DevNode) -> None:
    """Run in the head block for `latest` and in the next one for `pending` (NUMBER, TIMESTAMP opcodes)."""
    node.request("evm_mine", [])
    node.request("evm_setNextBlockTimestamp", [1_800_000_000])
    clock = "0x4360005242602052" + "60406000f3"
    for selector, number in (("latest", 1), ("pending", 2), ("0x0", 0)):
        answer = node.request("eth_call", [{"data": clock}, selector])
        assert int(answer[2:66], 16) == number
    assert int(node.request("eth_call", [{"data": clock}, "pending"])[66:], 16) == 1_800_000_000
    assert head_number(node) == 1
