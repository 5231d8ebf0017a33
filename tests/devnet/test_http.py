"""JSON-RPC over HTTP: web3.py and Foundry's cast as clients, malformed requests, and who may connect."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.exceptions import ContractCustomError, Web3RPCError

from devnet.support import (
    BUYER,
    CHAIN_ID,
    ETHER,
    LENDER,
    NOTEBOOK,
    SUPPLIER,
    address_of,
    make_config,
    open_node,
    sign,
)
from hardhat_free_devnet import DevnetError, DevNode, role_account, serve, serve_in_background

REPOSITORY = Path(__file__).parents[2]
EVENT_ABI = [
    {
        "type": "event",
        "name": "Noted",
        "anonymous": False,
        "inputs": [
            {"name": "author", "type": "address", "indexed": True},
            {"name": "word", "type": "uint256", "indexed": False},
        ],
    }
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with open_node(finality_depth=1, role_accounts=(SUPPLIER,)) as node, serve_in_background(node) as served:
        yield served


def ask(url: str, content: bytes, **headers: str) -> httpx.Response:
    return httpx.post(url, content=content, headers={"content-type": "application/json", **headers})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"[]", -32600),
        (b"5", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_nonsense"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":["0x12"]}', -32602),
        (b"[" + b",".join([b"{}"] * 1_001) + b"]", -32005),
    ],
)
def test_a_malformed_request_gets_a_json_rpc_error(url: str, content: bytes, code: int) -> None:
    """Answer with the error object of JSON-RPC 2.0, HTTP status 200."""
    answer = ask(url, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, code)
    assert answer.json()["jsonrpc"] == "2.0"


def test_requests_that_are_not_json_posts_are_refused(url: str) -> None:
    """Refuse other methods and content types, bodies that are too large, and strange Host headers."""
    question = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
    assert httpx.get(url).status_code == 405
    assert ask(url, question, **{"content-type": "text/plain"}).status_code == 415
    assert ask(url, b" " * (8 * 1024 * 1024 + 1)).status_code == 413
    assert ask(url, question, host="attacker.example").status_code == 400
    assert ask(url, question).json() == {"jsonrpc": "2.0", "id": 1, "result": hex(CHAIN_ID)}


def test_a_batch_is_answered_in_order_without_its_notifications(url: str) -> None:
    """Answer each request of a batch on its own, errors included, and no notification."""
    batch = (
        b'[{"jsonrpc":"2.0","id":"a","method":"eth_chainId"},{"jsonrpc":"2.0","method":"eth_chainId"},1,'
        b'{"jsonrpc":"2.0","id":2,"method":"eth_nonsense","params":null}]'
    )
    answers = ask(url, batch).json()
    assert [answer["id"] for answer in answers] == ["a", None, 2]
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32600, -32601]
    alone = ask(url, b'{"jsonrpc":"2.0","method":"eth_chainId"}')
    assert (alone.status_code, alone.content) == (204, b"")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])
def test_only_loopback_is_served_by_default(node: DevNode, host: str) -> None:
    """Refuse an address that other machines could reach."""
    with pytest.raises(DevnetError, match="expected a loopback address"):
        serve(node, host, 0)


def test_a_taken_port_is_refused(node: DevNode, url: str) -> None:
    """Say that the port is taken."""
    with pytest.raises(DevnetError, match=r"cannot listen on 127\.0\.0\.1 port"):
        serve(node, "127.0.0.1", int(url.rpartition(":")[2]))


def test_web3_deploys_calls_and_reads_logs(url: str) -> None:
    """Serve web3.py: chain id, fees, deployment, receipt, event, call, revert data, proof, tags."""
    web3 = Web3(Web3.HTTPProvider(url))
    supplier = Account.from_key(SUPPLIER.private_key)
    assert web3.is_connected()
    assert web3.eth.chain_id == CHAIN_ID
    assert web3.client_version.startswith("hardhat-free-devnet/")

    def execute(**fields: Any) -> Any:
        request = {"from": supplier.address, "nonce": web3.eth.get_transaction_count(supplier.address, "pending")}
        request |= {"chainId": CHAIN_ID, "value": 0, **fields}
        request["gas"] = web3.eth.estimate_gas(request)
        latest = web3.eth.get_block("latest")
        tip = web3.eth.max_priority_fee
        request |= {"maxPriorityFeePerGas": tip, "maxFeePerGas": 2 * latest["baseFeePerGas"] + tip}
        sent = web3.eth.send_raw_transaction(supplier.sign_transaction(request).raw_transaction)
        return web3.eth.wait_for_transaction_receipt(sent, timeout=10)

    notebook = execute(data=NOTEBOOK)["contractAddress"]
    receipt = execute(to=notebook, data=(77).to_bytes(32, "big"))
    assert receipt["status"] == 1
    contract = web3.eth.contract(address=notebook, abi=EVENT_ABI)
    (event,) = contract.events.Noted().get_logs(from_block=0)
    assert (event["args"]["author"], event["args"]["word"]) == (supplier.address, 77)
    assert event["blockHash"] == receipt["blockHash"]
    assert contract.events.Noted().process_receipt(receipt)[0]["args"] == event["args"]
    assert web3.eth.call({"to": notebook}) == (77).to_bytes(32, "big")
    with pytest.raises(ContractCustomError, match="0x12345678"):
        web3.eth.call({"to": notebook, "data": "0x12345678"})
    proof = web3.eth.get_proof(notebook, [0])
    assert proof["storageProof"][0]["value"] == (77).to_bytes(1, "big")
    assert web3.eth.get_block("finalized")["number"] == web3.eth.block_number - 1
    assert web3.eth.get_block("latest", full_transactions=True)["transactions"][0]["to"] == notebook
    assert web3.eth.fee_history(2, "latest", [50])["reward"] == [[10**9], [10**9]]
    with pytest.raises(Web3RPCError, match="nonce too low"):
        web3.eth.send_raw_transaction(sign(SUPPLIER, 0))


def test_role_accounts_are_told_only_where_they_are_published(url: str) -> None:
    """List the keys of a stand-alone devnet's funded roles, and of nobody else."""
    answer = ask(url, b'{"jsonrpc":"2.0","id":1,"method":"devnet_accounts"}').json()["result"]
    expected = {"address": to_checksum_address(SUPPLIER.address), "privateKey": "0x" + SUPPLIER.private_key.hex()}
    assert answer == {"supplier": expected}


def test_the_program_prints_its_accounts_and_serves(tmp_path: Path) -> None:
    """Print role accounts with a warning, serve on a free port, stop cleanly, and resume the chain."""
    command = [sys.executable, "-m", "hardhat_free_devnet", "--data", str(tmp_path / "chain.db"), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "hardhat-free-devnet")}
    for run in range(2):
        program = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert program.stdout is not None
        lines = []
        for line in program.stdout:
            lines.append(line)
            if "real network" in line:
                break
        shown = "".join(lines)
        operator = role_account("operator")
        assert to_checksum_address(operator.address) in shown
        assert "PUBLIC" in shown
        web3 = Web3(Web3.HTTPProvider(lines[0].split()[-1]))
        assert web3.eth.block_number == run
        assert web3.eth.get_balance(to_checksum_address(operator.address)) == 10_000 * ETHER
        web3.provider.make_request("evm_mine", [])
        program.send_signal((signal.SIGTERM, signal.SIGINT)[run])
        _, complaints = program.communicate(timeout=30)
        assert (program.returncode, complaints) == (0, "")


def find_cast() -> str:
    local = REPOSITORY / "contracts" / "node_modules" / ".bin" / "cast"
    found = str(local) if local.exists() else shutil.which("cast")
    if found is None:
        pytest.skip("Foundry's cast is neither on PATH nor in contracts/node_modules/.bin: not tested against it")
    return found


def test_cast_sends_calls_and_reads(tmp_path: Path) -> None:
    """Serve Foundry's cast: blocks, deployment, sending, calling, logs, proofs, fees, finality."""
    cast = find_cast()
    with DevNode.open(tmp_path / "chain.db", make_config(finality_depth=1)) as node, serve_in_background(node) as url:

        def run(*arguments: str) -> str:
            command = [cast, arguments[0], "--rpc-url", url, *arguments[1:]]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        key = "0x" + LENDER.private_key.hex()
        assert run("chain-id") == str(CHAIN_ID)
        assert run("balance", address_of(BUYER)) == str(1_000 * ETHER)
        run("send", "--private-key", key, "--create", "0x" + NOTEBOOK.hex())
        notebook = node.request("eth_getBlockReceipts", ["latest"])[0]["contractAddress"]
        run("send", "--private-key", key, notebook, "0x" + "05".rjust(64, "0"))
        run("send", "--private-key", key, "--legacy", address_of(BUYER), "--value", "1")
        assert run("block-number") == "3"
        assert run("call", notebook) == "0x" + "05".rjust(64, "0")
        assert "Noted" not in run("logs", "--from-block", "0", "--address", notebook, "--json")
        assert '"data":"0x' + "05".rjust(64, "0") in run("logs", "--from-block", "0", "--address", notebook, "--json")
        assert run("storage", notebook, "0") == "0x" + "05".rjust(64, "0")
        assert '"value":"0x5"' in run("proof", notebook, "0x0", "--json").replace(" ", "")
        assert run("block", "finalized", "--field", "number") == "2"
        assert int(run("gas-price")) > 10**9
        assert run("rpc", "evm_setNextBlockTimestamp", "1900000000") == '"0x713fb300"'
