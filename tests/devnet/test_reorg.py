"""Abandoning blocks on request: what disappears, what may come back, and what finality forbids."""

from __future__ import annotations

from typing import Any

import pytest

from devnet.support import (
    SUPPLIER,
    address_of,
    block,
    deploy,
    head_number,
    note,
    open_node,
    send,
)
from hardhat_free_devnet import DevNode, RpcError


@pytest.mark.parametrize("depth", [0, 1, 3, 99])
def test_a_finalized_block_is_never_abandoned(node: DevNode, depth: int) -> None:
    """Refuse any reorganisation when the head is final, and name the allowed depths."""
    send(node, SUPPLIER)
    with pytest.raises(RpcError, match=r"reorganisation depth: expected 1 to 0 \(head 1, finalized 1\)"):
        node.request("devnet_reorg", [depth])


@pytest.mark.parametrize("depth", [3, "0x3"])
def test_a_reorganisation_stops_at_the_finalized_block(depth: Any) -> None:
    """Allow exactly the blocks above finalized, and keep finalized from moving back."""
    with open_node(finality_depth=2) as node:
        node.request("evm_mine", [{"blocks": 5}])
        finalized = block(node, "finalized")
        with pytest.raises(RpcError, match="expected 1 to 2"):
            node.request("devnet_reorg", [depth])
        node.request("devnet_reorg", [2])
        assert block(node, "0x3") == finalized
        assert int(block(node, "finalized")["number"], 16) >= 3


def test_abandoned_blocks_transactions_and_logs_are_gone(slow_final_node: DevNode) -> None:
    """Find nothing of the abandoned blocks any more, and state as it was before them."""
    node = slow_final_node
    notebook = deploy(node)
    kept = note(node, SUPPLIER, notebook, 1)
    gone = [note(node, SUPPLIER, notebook, word) for word in (2, 3)]
    old = [block(node, number) for number in ("0x3", "0x4")]
    answer = node.request("devnet_reorg", [2])
    assert answer["abandoned"] == [each["hash"] for each in old]
    assert answer["canonical"] == [block(node, hex(number))["hash"] for number in (3, 4, 5)]
    assert answer["resubmitted"] == []
    assert head_number(node) == 5
    for transaction in gone:
        assert node.request("eth_getTransactionByHash", [transaction]) is None
        assert node.request("eth_getTransactionReceipt", [transaction]) is None
    for each in old:
        assert node.request("eth_getBlockByHash", [each["hash"], False]) is None
        with pytest.raises(RpcError, match="unknown block"):
            node.request("eth_getLogs", [{"blockHash": each["hash"]}])
    assert [log["transactionHash"] for log in node.request("eth_getLogs", [{"fromBlock": "0x0"}])] == [kept]
    assert int(node.request("eth_call", [{"to": notebook}]), 16) == 1
    assert node.request("eth_getTransactionCount", [address_of(SUPPLIER), "pending"]) == "0x1"


def test_the_new_blocks_are_empty_and_differ_every_time(slow_final_node: DevNode) -> None:
    """Make one block more than was abandoned, all empty, and never the same block twice."""
    node = slow_final_node
    node.request("evm_mine", [{"blocks": 3}])
    seen = {block(node, hex(number))["hash"] for number in range(1, 4)}
    for rounds in range(1, 4):
        fresh = node.request("devnet_reorg", [2])["canonical"]
        assert head_number(node) == 3 + rounds
        assert not seen & set(fresh)
        seen |= set(fresh)
        assert all(block(node, hex(number))["transactions"] == [] for number in range(head_number(node) + 1))


def test_transactions_come_back_only_when_asked(slow_final_node: DevNode) -> None:
    """Seal the abandoned transactions again, under the same hashes, when the second parameter is true."""
    node = slow_final_node
    notebook = deploy(node)
    sent = [note(node, SUPPLIER, notebook, word) for word in (5, 6)]
    before = node.request("eth_getTransactionReceipt", [sent[1]])
    answer = node.request("devnet_reorg", [2, True])
    assert answer["resubmitted"] == sent
    after = node.request("eth_getTransactionReceipt", [sent[1]])
    assert after["status"] == "0x1"
    assert after["blockHash"] != before["blockHash"]
    assert int(node.request("eth_call", [{"to": notebook}]), 16) == 6


def test_resubmitted_transactions_wait_when_sealing_is_manual(slow_final_node: DevNode) -> None:
    """Let them wait in the pool when sealing is not automatic."""
    node = slow_final_node
    sent = [send(node, SUPPLIER), send(node, SUPPLIER)]
    node.request("evm_setAutomine", [False])
    node.request("devnet_reorg", [2, True])
    assert [node.request("eth_getTransactionByHash", [each])["blockHash"] for each in sent] == [None, None]
    assert node.request("eth_getTransactionCount", [address_of(SUPPLIER), "pending"]) == "0x2"
    node.request("evm_mine", [])
    assert block(node)["transactions"] == sent
