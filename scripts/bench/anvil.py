"""A chain of its own for a benchmark: anvil from npm on a free loopback port, ended with the ``with`` block.

Rules:

- gas is what the receipt says; every transaction must succeed, and is given all the gas that one may have;
- no transaction may have more than 16,777,216 gas (EIP-7825): anvil enforces it only when told to, and only from the
  hard fork osaka on, so a transaction of more is tried first;
- anvil gets a session of its own, so that it and the node process before it end together, and Ctrl-C does not reach it.

Example::

    with running_anvil() as chain:
        registry = chain.deploy(artifact.abi, artifact.bytecode, admin, registrar).contract
        gas = chain.send(registry.functions.addOperator(operator), registrar)
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

ANVIL = Path(__file__).resolve().parents[2] / "contracts" / "node_modules" / ".bin" / "anvil"
HARDFORK = "osaka"
MOST_GAS = 16_777_216
START_SECONDS = 30.0
_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")


class BenchError(Exception):
    """The benchmark can't run: expected and got, and in ``todo`` what to do."""

    def __init__(self, message: str, *, todo: str) -> None:
        super().__init__(f"{message}\n  {todo}")


@dataclass(frozen=True)
class Deployed:
    """A contract on the chain, what its deployment cost, and the size of its code in bytes."""

    contract: Contract
    gas: int
    size: int


class Chain:
    """The chain of a running anvil, with ten funded accounts that it signs for."""

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3
        self.accounts = list(web3.eth.accounts)
        self.client = web3.client_version

    def deploy(self, abi: Any, bytecode: Any, *arguments: Any) -> Deployed:
        """A new contract, constructed with ``arguments`` by the first account."""
        constructor = self.web3.eth.contract(abi=abi, bytecode=bytecode).constructor(*arguments)
        receipt = self._receipt(constructor.transact({"from": self.accounts[0], "gas": MOST_GAS}))
        address = receipt["contractAddress"]
        assert receipt["status"] == 1, "the constructor reverted"
        contract = self.web3.eth.contract(address=address, abi=abi)
        return Deployed(contract, receipt["gasUsed"], len(self.web3.eth.get_code(address)))

    def send(self, call: Any, sender: str) -> int:
        """Mine ``call`` from ``sender`` in a block of its own, which must succeed; the gas it used."""
        gas = self.try_to_send(call, sender)
        assert gas is not None, f"{call} reverted"
        return gas

    def try_to_send(self, call: Any, sender: str) -> int | None:
        """The same, but None when it reverts or runs out of gas."""
        receipt = self._receipt(call.transact({"from": sender, "gas": MOST_GAS}))
        return receipt["gasUsed"] if receipt["status"] == 1 else None

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What is sent in the ``with`` block is undone at its end."""
        snapshot = self._ask("evm_snapshot", [])
        yield
        assert self._ask("evm_revert", [snapshot]) is True, "anvil did not go back to the snapshot"

    def check_limit(self) -> None:
        """Raise ``BenchError`` unless a transaction with more gas than EIP-7825 allows is refused."""
        account = self.accounts[0]
        try:
            self.web3.eth.send_transaction({"from": account, "to": account, "gas": MOST_GAS + 1})
        except Web3Exception:
            return
        raise BenchError(
            f"Expected anvil to refuse a transaction of {MOST_GAS + 1:,} gas (EIP-7825), but it mined it.",
            todo="Install the anvil of contracts/package-lock.json: run `npm ci` in contracts/.",
        )

    def _receipt(self, digest: Any) -> Any:
        return self.web3.eth.wait_for_transaction_receipt(digest, poll_latency=0.01)

    def _ask(self, method: str, parameters: list[Any]) -> Any:
        return self.web3.manager.request_blocking(RPCEndpoint(method), parameters)


@contextmanager
def running_anvil(*options: str) -> Iterator[Chain]:
    """A fresh chain under the rules of ``HARDFORK``, and what more ``options`` say.

    Raises ``BenchError`` when anvil is missing or does not start.
    """
    if shutil.which("node") is None:
        raise BenchError("Expected node to start anvil with, found none on the PATH.", todo="Install node 18 or later.")
    if not ANVIL.exists():
        raise BenchError(f"Expected anvil at {ANVIL}, found none.", todo="Run `npm ci` in contracts/.")
    command = [str(ANVIL), "--port", "0", "--hardfork", HARDFORK, "--enable-tx-gas-limit", *options]
    with tempfile.TemporaryFile("w+") as output, _ended_by_signals():
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            provider = HTTPProvider(f"http://127.0.0.1:{_port(process, output)}", request_kwargs={"timeout": 60})
            chain = Chain(Web3(provider))
            chain.check_limit()
            yield chain
        finally:
            _end(process)


def _port(process: subprocess.Popen[bytes], output: Any) -> int:
    """The port that anvil chose, once it listens."""
    deadline = time.monotonic() + START_SECONDS
    text = ""
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        output.seek(0)
        text = output.read()
        if listening := _LISTENING.search(text):
            return int(listening[1])
        if ended:
            break
        time.sleep(0.05)
    raise BenchError(
        f"Expected anvil to listen within {START_SECONDS:.0f} seconds, got: {text.strip()[-400:] or 'nothing'}",
        todo="Run `npm ci` in contracts/ and try `contracts/node_modules/.bin/anvil --version`.",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End node and the anvil that it started, which share a process group and have nothing to save."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit, as Ctrl-C raises KeyboardInterrupt, so that anvil ends with them too."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
