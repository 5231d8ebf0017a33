"""What survives a restart and a kill -9, and what a data file refuses."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devnet.support import (
    BUYER,
    GENESIS_TIMESTAMP,
    SUPPLIER,
    address_of,
    block,
    deploy,
    head_number,
    make_config,
    note,
    open_node,
    send,
    sign,
)
from hardhat_free_devnet import DevnetConfig, DevnetError, DevNode, RpcError

WRITER = Path(__file__).with_name("unstoppable_writer.py")
MODULE_FOLDERS = (WRITER.parents[1], WRITER.parents[2] / "hardhat-free-devnet")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chain.db"


def all_raw(node: DevNode, number: int) -> list[str]:
    rows = node.database.connection.execute("SELECT raw FROM tx WHERE number = ? ORDER BY position", (number,))
    return ["0x" + raw.hex() for (raw,) in rows]


def replayed_head(node: DevNode) -> str:
    """Execute every block of `node` again on a fresh chain in memory and return its head hash."""
    with open_node(auto_seal=False) as fresh:
        for number in range(1, head_number(node) + 1):
            fresh.request("evm_setNextBlockTimestamp", [int(block(node, hex(number))["timestamp"], 16)])
            for raw in all_raw(node, number):
                fresh.request("eth_sendRawTransaction", [raw])
            fresh.request("evm_mine", [])
        return block(fresh)["hash"]


def start_writer(path: Path, notebook: str, first_word: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, MODULE_FOLDERS))}
    return subprocess.Popen(
        [sys.executable, str(WRITER), str(path), notebook, str(first_word)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"chain_id": 5}, "has chain id 4242; expected the same, got 5"),
        ({"gas_limit": 30_000_000}, "has gas limit 60000000; expected the same, got 30000000"),
        ({"genesis_timestamp": 5}, "has genesis timestamp 1700000000; expected the same, got 5"),
        ({"funded": {}}, "has funded accounts .*; expected the same, got none"),
    ],
)
def test_a_chain_is_not_resumed_under_other_settings(path: Path, choices: dict[str, Any], message: str) -> None:
    """Refuse a chain id, gas limit or genesis that is not the file's."""
    DevNode.open(path, make_config()).close()
    with pytest.raises(DevnetError, match=message):
        DevNode.open(path, make_config(**choices))


def test_settings_left_out_are_those_of_the_file(path: Path) -> None:
    """Resume the stored chain when nothing is asked."""
    with DevNode.open(path, make_config()) as node:
        genesis = block(node, "0x0")
    with DevNode.open(path, DevnetConfig()) as node:
        assert block(node, "0x0") == genesis
        assert node.request("eth_chainId", []) == hex(4_242)


@pytest.mark.parametrize(
    "choices",
    [
        {"chain_id": 0},
        {"finality_depth": -1},
        {"genesis_timestamp": -1},
        {"gas_limit": 21_000},
        {"seal_interval_seconds": 0},
        {"funded": {b"short": 1}},
    ],
)
def test_settings_out_of_range_are_refused(choices: dict[str, Any]) -> None:
    """Say which setting is wrong before anything is written."""
    with pytest.raises(DevnetError, match=next(iter(choices))):
        make_config(**choices)


def test_a_file_that_is_no_chain_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Refuse plain files and other programs' databases without changing a byte."""
    text = tmp_path / "notes.txt"
    text.write_bytes(b"not a database, " * 100)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE invoice (id INTEGER)")
    connection.close()
    for path in (text, other):
        before = path.read_bytes()
        with pytest.raises(DevnetError):
            DevNode.open(path, make_config())
        assert path.read_bytes() == before
    with pytest.raises(DevnetError, match="cannot open"):
        DevNode.open(tmp_path / "no folder" / "chain.db", make_config())


def test_a_second_node_on_the_same_file_is_refused(path: Path) -> None:
    """Refuse a second opening, name the holder, and allow it again after close."""
    with (
        DevNode.open(path, make_config()),
        pytest.raises(DevnetError, match=f"is already open in process {os.getpid()}"),
    ):
        DevNode.open(path, make_config())
    DevNode.open(path, make_config()).close()


def test_a_closed_node_refuses_requests(path: Path) -> None:
    """Answer nothing after close; closing again does nothing."""
    node = DevNode.open(path, make_config())
    node.close()
    node.close()
    with pytest.raises(DevnetError, match="the node is closed"):
        node.request("eth_blockNumber", [])


def test_everything_survives_a_restart(path: Path) -> None:
    """Find the same blocks, receipts, logs and balances, and go on from there."""
    with DevNode.open(path, make_config(finality_depth=5)) as node:
        notebook = deploy(node)
        sent = [note(node, SUPPLIER, notebook, word) for word in range(5)]
        node.request("devnet_reorg", [1])

        def observe(observed: DevNode) -> list[Any]:
            logs = observed.request("eth_getLogs", [{"fromBlock": "0x0"}])
            receipts = [observed.request("eth_getTransactionReceipt", [each]) for each in sent]
            headers = [block(observed, hex(number)) for number in range(head_number(observed) + 1)]
            return [logs, receipts, headers, observed.request("eth_getBalance", [address_of(SUPPLIER)])]

        before = observe(node)
    with DevNode.open(path, make_config(finality_depth=5)) as node:
        assert observe(node) == before
        assert before[1][4] is None
        assert node.request("eth_getTransactionReceipt", [note(node, SUPPLIER, notebook, 9)])["status"] == "0x1"


def test_waiting_transactions_survive_a_restart(path: Path) -> None:
    """Keep what was acknowledged but not yet sealed, and only the last of two with the same nonce."""
    with DevNode.open(path, make_config(auto_seal=False)) as node:
        replaced = send(node, SUPPLIER)
        kept = node.request(
            "eth_sendRawTransaction", [sign(SUPPLIER, 0, maxFeePerGas=8 * 10**9, maxPriorityFeePerGas=2 * 10**9)]
        )
        behind_gap = node.request("eth_sendRawTransaction", [sign(SUPPLIER, 2)])
    with DevNode.open(path, make_config(auto_seal=False)) as node:
        assert node.request("eth_getTransactionByHash", [replaced]) is None
        node.request("evm_mine", [])
        assert block(node)["transactions"] == [kept]
        assert node.request("eth_getTransactionByHash", [behind_gap])["blockHash"] is None


def test_a_transaction_abandoned_after_sealing_does_not_wait_again(path: Path) -> None:
    """Forget, also across a restart, what waited, was sealed, and was then abandoned."""
    with DevNode.open(path, make_config(auto_seal=False, finality_depth=3)) as node:
        send(node, SUPPLIER)
        node.request("evm_mine", [])
        node.request("devnet_reorg", [1])
    with DevNode.open(path, make_config(auto_seal=False)) as node:
        assert len(node.mempool) == 0


def test_waiting_transactions_are_sealed_when_sealing_becomes_automatic(path: Path) -> None:
    """Seal on opening what a node with manual sealing left waiting."""
    with DevNode.open(path, make_config(auto_seal=False)) as node:
        sent = [send(node, SUPPLIER), send(node, BUYER)]
    with DevNode.open(path, make_config()) as node:
        assert sorted(block(node)["transactions"]) == sorted(sent)


def test_the_clock_survives_a_restart(path: Path) -> None:
    """Go on from the time that was set, not from the present."""
    with DevNode.open(path, make_config()) as node:
        node.request("evm_setNextBlockTimestamp", [GENESIS_TIMESTAMP + 10**6])
        node.request("evm_mine", [])
    with DevNode.open(path, make_config()) as node:
        node.request("evm_increaseTime", [1_000])
        node.request("evm_mine", [])
        assert 1_000 <= int(block(node)["timestamp"], 16) - (GENESIS_TIMESTAMP + 10**6) < 1_060


def test_a_failed_commit_leaves_the_chain_as_it_was(path: Path) -> None:
    """Refuse the transaction when the disk refuses the block, and accept it later as if nothing had been."""
    with DevNode.open(path, make_config()) as node:
        before = block(node)
        raw = sign(SUPPLIER, 0)
        node.database.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(RpcError, match="internal error in eth_sendRawTransaction"):
            node.request("eth_sendRawTransaction", [raw])
        node.database.connection.execute("PRAGMA query_only = OFF")
        assert block(node) == before
        assert node.request("eth_getTransactionCount", [address_of(SUPPLIER), "pending"]) == "0x0"
        sent = node.request("eth_sendRawTransaction", [raw])
        assert node.request("eth_getTransactionReceipt", [sent])["status"] == "0x1"


def test_a_second_process_is_refused(path: Path) -> None:
    """Refuse another process while one has the file open, with a clear error and no traceback."""
    environment = {**os.environ, "PYTHONPATH": str(MODULE_FOLDERS[1])}
    with DevNode.open(path, make_config()):
        done = subprocess.run(
            [sys.executable, "-m", "hardhat_free_devnet", "--data", str(path), "--port", "0"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"is already open in process {os.getpid()}" in done.stderr
    assert "what to do:" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_acknowledged_is_lost_by_kill_9(path: Path) -> None:
    """Kill the writer twice in the middle of its work: every acknowledged note is there, once, in a sound chain."""
    with DevNode.open(path, make_config()) as node:
        notebook = deploy(node)
    acknowledged: dict[int, str] = {}
    for _ in range(2):
        writer = start_writer(path, notebook, len(acknowledged))
        assert writer.stdout is not None
        wanted = len(acknowledged) + 40
        for line in writer.stdout:
            word, sent = line.split()
            acknowledged[int(word)] = sent
            if len(acknowledged) == wanted:
                break
        writer.send_signal(signal.SIGKILL)
        for line in writer.stdout.read().splitlines():
            word, sent = line.split()
            acknowledged[int(word)] = sent
        assert writer.wait() == -signal.SIGKILL
        with DevNode.open(path, make_config()) as node:
            check_after_kill(node, notebook, acknowledged)


def check_after_kill(node: DevNode, notebook: str, acknowledged: dict[int, str]) -> None:
    logs = node.request("eth_getLogs", [{"fromBlock": "0x0", "address": notebook}])
    # At most the one note that was sealed but not yet printed may be there beyond the acknowledged ones.
    assert len(acknowledged) <= len(logs) <= len(acknowledged) + 1
    for log, word in zip(logs, range(len(logs)), strict=True):
        assert int(log["data"], 16) == word
        acknowledged.setdefault(word, log["transactionHash"])
        receipt = node.request("eth_getTransactionReceipt", [acknowledged[word]])
        assert receipt["logs"] == [log]
    nonces = [int(node.request("eth_getTransactionCount", [address_of(each)]), 16) for each in (SUPPLIER, BUYER)]
    assert sum(nonces) == len(logs) == head_number(node) - 1
    assert int(node.request("eth_call", [{"to": notebook}]), 16) == len(logs) - 1
    assert replayed_head(node) == block(node)["hash"]
