"""What a block's JSON holds, what block names mean, and how time passes."""

from __future__ import annotations

import time
from typing import Any

import pytest
import rlp
from eth_utils.crypto import keccak
from trie import HexaryTrie

from devnet.support import (
    GENESIS_TIMESTAMP,
    LENDER,
    SUPPLIER,
    address_of,
    block,
    deploy,
    head_number,
    note,
    open_node,
    send,
    sign,
)
from hardhat_free_devnet import DevNode, RpcError

HEADER_ORDER = (
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
)
"""The RLP header of Prague, in order (EIP-1559, 4895, 4844, 4788, 7685)."""
NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"}


def header_rlp(shown: Any) -> bytes:
    """Rebuild the RLP header from a block's JSON, as an outsider would."""
    fields = []
    for name in HEADER_ORDER:
        if name in NUMBERS:
            number = int(shown[name], 16)
            fields.append(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        else:
            fields.append(bytes.fromhex(shown[name][2:]))
    return rlp.encode(fields)


def trie_root(items: list[bytes]) -> bytes:
    trie = HexaryTrie({})
    for position, item in enumerate(items):
        trie[rlp.encode(position)] = item
    return bytes(trie.root_hash)


def test_an_unknown_block_is_null_but_its_state_is_an_error(node: DevNode) -> None:
    """Answer null for a block that is not there, and refuse to read state from it."""
    for missing in ("0x1", "0x7fffffff"):
        assert block(node, missing) is None
    assert node.request("eth_getBlockByHash", ["0x" + "11" * 32, False]) is None
    assert node.request("eth_getBlockReceipts", ["0x5"]) is None
    for selector in ("0x1", {"blockHash": "0x" + "11" * 32}):
        with pytest.raises(RpcError, match="header not found"):
            node.request("eth_getBalance", [address_of(SUPPLIER), selector])


@pytest.mark.parametrize(
    "selector", ["newest", "0x01", "1", 1, True, {"blockNumber": "0x0", "blockHash": "0x" + "0" * 64}, {}]
)
def test_a_malformed_block_name_is_refused(node: DevNode, selector: Any) -> None:
    """Refuse every other spelling of a block."""
    with pytest.raises(RpcError) as refusal:
        node.request("eth_getBalance", [address_of(SUPPLIER), selector])
    assert refusal.value.code == -32602


def test_a_reader_can_rebuild_every_header_and_its_hash(slow_final_node: DevNode) -> None:
    """Make keccak256(rlp(header)) of the JSON equal the block hash, and link each block to its parent."""
    node = slow_final_node
    notebook = deploy(node)
    note(node, SUPPLIER, notebook, 7)
    send(node, LENDER, type=None, gasPrice=3 * 10**9)
    node.request("devnet_reorg", [1, True])
    node.request("evm_mine", [])
    parent = None
    for number in range(head_number(node) + 1):
        shown = block(node, hex(number))
        assert shown["hash"] == "0x" + keccak(header_rlp(shown)).hex()
        assert parent is None or (shown["parentHash"], True) == (
            parent["hash"],
            shown["timestamp"] > parent["timestamp"],
        )
        parent = shown


def test_the_transactions_root_is_that_of_the_raw_transactions(node: DevNode) -> None:
    """Commit in the header to exactly the transactions that were sent, in order, with the right block size."""
    node.request("evm_setAutomine", [False])
    raws = [sign(SUPPLIER, nonce) for nonce in range(3)] + [sign(LENDER, 0, type=None, gasPrice=10**9)]
    for raw in raws:
        node.request("eth_sendRawTransaction", [raw])
    node.request("evm_mine", [])
    shown = node.request("eth_getBlockByNumber", ["latest", True])
    by_hash = {"0x" + keccak(bytes.fromhex(raw[2:])).hex(): bytes.fromhex(raw[2:]) for raw in raws}
    ordered = [by_hash[each["hash"]] for each in shown["transactions"]]
    assert shown["transactionsRoot"] == "0x" + trie_root(ordered).hex()
    body = [rlp.decode(raw) if raw[0] >= 0xC0 else raw for raw in ordered]
    assert int(shown["size"], 16) == len(rlp.encode([rlp.decode(header_rlp(shown)), body, [], []]))
    assert node.request("eth_getBlockTransactionCountByNumber", ["latest"]) == "0x4"
    assert node.request("eth_getTransactionByBlockHashAndIndex", [shown["hash"], "0x1"]) == shown["transactions"][1]


def test_the_receipts_root_is_that_of_the_receipts_json(node: DevNode) -> None:
    """Give a reader all that is needed to rebuild the receipts, their blooms and their root."""
    notebook = deploy(node)
    node.request("evm_setAutomine", [False])
    for word in range(3):
        note(node, SUPPLIER, notebook, word)
    send(node, LENDER, type=None, gasPrice=10**9)
    node.request("evm_mine", [])
    shown, receipts = block(node), node.request("eth_getBlockReceipts", ["latest"])
    encoded = []
    for receipt in receipts:
        logs = [
            [
                bytes.fromhex(log["address"][2:]),
                [bytes.fromhex(topic[2:]) for topic in log["topics"]],
                bytes.fromhex(log["data"][2:]),
            ]
            for log in receipt["logs"]
        ]
        cumulative = int(receipt["cumulativeGasUsed"], 16)
        body = rlp.encode(
            [b"\x01", cumulative.to_bytes(4, "big").lstrip(b"\0"), bytes.fromhex(receipt["logsBloom"][2:]), logs]
        )
        kind = int(receipt["type"], 16)
        encoded.append(body if kind == 0 else bytes([kind]) + body)
    assert shown["receiptsRoot"] == "0x" + trie_root(encoded).hex()
    assert sum(int(receipt["gasUsed"], 16) for receipt in receipts) == int(shown["gasUsed"], 16)
    assert [receipt["transactionHash"] for receipt in receipts] == shown["transactions"]
    assert all(node.request("eth_getTransactionReceipt", [each["transactionHash"]]) == each for each in receipts)


def test_finalized_and_safe_stay_behind_the_head() -> None:
    """Put finalized `finality_depth` blocks behind the head, never before genesis."""
    with open_node(finality_depth=2) as node:
        seen = []
        for _ in range(4):
            seen.append([int(block(node, tag)["number"], 16) for tag in ("finalized", "safe", "earliest", "latest")])
            node.request("evm_mine", [])
        assert seen == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 2], [1, 1, 0, 3]]


def test_with_depth_zero_the_head_is_final(node: DevNode) -> None:
    """Treat the head as final by default."""
    node.request("evm_mine", [])
    assert block(node, "finalized") == block(node, "latest")


@pytest.mark.parametrize("timestamp", [GENESIS_TIMESTAMP, GENESIS_TIMESTAMP - 1, 0])
def test_a_timestamp_not_after_the_parent_is_refused(node: DevNode, timestamp: int) -> None:
    """Refuse to go back in time, or to stand still."""
    with pytest.raises(RpcError, match="next block timestamp: expected more than the head block's 1700000000"):
        node.request("evm_setNextBlockTimestamp", [timestamp])


def test_the_next_block_has_the_timestamp_that_was_set(node: DevNode) -> None:
    """Use the set timestamp once, let the clock go on from there, and never repeat a timestamp."""
    node.request("evm_setNextBlockTimestamp", [GENESIS_TIMESTAMP + 5_000])
    node.request("evm_mine", [])
    node.request("evm_mine", [])
    first, second = (int(block(node, number)["timestamp"], 16) for number in ("0x1", "0x2"))
    assert first == GENESIS_TIMESTAMP + 5_000
    assert first < second < first + 60
    node.request("evm_increaseTime", [1_000])
    node.request("evm_mine", [])
    assert first + 1_000 <= int(block(node)["timestamp"], 16) < first + 1_060


def test_the_clock_follows_the_genesis_timestamp_or_the_wall(node: DevNode) -> None:
    """Start the clock at an explicit genesis timestamp, and at the present without one."""
    node.request("evm_mine", [])
    assert GENESIS_TIMESTAMP < int(block(node)["timestamp"], 16) < GENESIS_TIMESTAMP + 60
    with open_node(genesis_timestamp=None) as present:
        assert abs(int(block(present)["timestamp"], 16) - time.time()) < 60


def test_increase_time_moves_the_clock(node: DevNode) -> None:
    """Add the seconds to the clock."""
    node.request("evm_increaseTime", [86_400])
    node.request("evm_mine", [{"blocks": 2}])
    assert head_number(node) == 2
    assert int(block(node, "0x1")["timestamp"], 16) >= GENESIS_TIMESTAMP + 86_400


def test_blocks_are_sealed_at_intervals() -> None:
    """Seal a block, empty or not, each time the interval has passed."""
    with open_node(auto_seal=False, seal_interval_seconds=0.02) as node:
        sent = send(node, SUPPLIER)
        for _ in range(500):
            if node.request("eth_getTransactionReceipt", [sent]) and head_number(node) >= 3:
                break
            time.sleep(0.02)
        assert node.request("eth_getTransactionReceipt", [sent])["status"] == "0x1"
        assert head_number(node) >= 3


def test_snapshot_and_revert_bring_back_the_block(node: DevNode) -> None:
    """Revert to a snapshot once: blocks, nonces and waiting transactions since then are gone."""
    send(node, SUPPLIER)
    before = block(node)
    snapshot = node.request("evm_snapshot", [])
    send(node, SUPPLIER)
    node.request("eth_sendRawTransaction", [sign(SUPPLIER, 9)])
    assert node.request("evm_revert", [snapshot]) is True
    assert block(node) == before
    assert node.request("eth_getTransactionCount", [address_of(SUPPLIER), "pending"]) == "0x1"
    assert node.request("evm_revert", [snapshot]) is False
    assert int(node.request("eth_getTransactionReceipt", [send(node, SUPPLIER)])["blockNumber"], 16) == 2


def test_blocks_after_a_revert_may_hold_the_same_transactions(node: DevNode) -> None:
    """Put other notes at the height of the reverted ones: their logs replace the old ones."""
    notebook = deploy(node)
    snapshot = node.request("evm_snapshot", [])
    again = note(node, SUPPLIER, notebook, 1)
    assert node.request("evm_revert", [snapshot]) is True
    assert note(node, LENDER, notebook, 2) != again
    assert note(node, SUPPLIER, notebook, 1) == again
    logs = node.request("eth_getLogs", [{"fromBlock": "0x0"}])
    assert [int(log["data"], 16) for log in logs] == [2, 1]
    assert node.request("eth_getTransactionReceipt", [again])["blockNumber"] == "0x3"


def test_fee_history_covers_the_blocks_and_the_next_base_fee(node: DevNode) -> None:
    """Give one base fee more than blocks, and the rewards actually paid."""
    for _ in range(3):
        send(node, SUPPLIER)
    history = node.request("eth_feeHistory", ["0x2", "latest", [0, 50, 100]])
    assert history["oldestBlock"] == "0x2"
    assert history["baseFeePerGas"][:2] == [block(node, number)["baseFeePerGas"] for number in ("0x2", "0x3")]
    assert len(history["baseFeePerGas"]) == 3
    assert history["reward"] == [[hex(10**9)] * 3] * 2
    node.request("evm_mine", [])
    assert block(node)["baseFeePerGas"] == history["baseFeePerGas"][2]


def test_unknown_methods_and_wrong_parameter_counts_are_refused(node: DevNode) -> None:
    """Name the method that is missing, and the number of parameters expected."""
    for method, params, code in (("eth_mining", [], -32601), ("__init__", [], -32601), ("devnet_accounts", [], -32601)):
        with pytest.raises(RpcError) as refusal:
            node.request(method, params)
        assert refusal.value.code == code
    with pytest.raises(RpcError, match="eth_getBalance: expected 1 to 2 parameters, got 0"):
        node.request("eth_getBalance", [])
