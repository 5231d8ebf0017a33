"""Nodes of other makes for the tests: anvil from npm and geth built with Go, each with a throw-away chain of its own.

- each is a process of its own that listens on a free loopback port and is killed when the block ends;
- what is not installed raises ``NoNode``, which says how to get it: a test skips with that reason, loudly;
- anvil's program is the real one, not npm's wrapper, which neither passes a signal on nor an exit code back.

::

    with anvil("--block-time", "1", "--slots-in-an-epoch", "1") as url:
        fund(url, {account: 10**20})
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

import build_geth

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 30.0
LATER_FORKS = ("amsterdam", "bogota")


class NoNode(Exception):
    """That make is not installed here; says how to get it."""


@contextmanager
def anvil(*options: str) -> Iterator[str]:
    """The URL of an anvil with an empty chain, started with ``options``. Raises ``NoNode``."""
    found = sorted((ROOT / "contracts" / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))
    program = str(found[0]) if found else shutil.which("anvil")
    if program is None:
        raise NoNode("anvil is not installed: run `npm ci` in contracts/")
    with _running([program, "--silent", *options], "--port") as url:
        yield url


@contextmanager
def geth(*options: str, funded: Mapping[bytes, int]) -> Iterator[str]:
    """The URL of a geth in developer mode that begins with ``funded`` (wei by account). Raises ``NoNode``.

    By a genesis of our own its rules are Osaka's: left alone, developer mode runs forks to come, whose gas differs.
    """
    program = build_geth.program()
    if not os.access(program, os.X_OK):
        raise NoNode(f"geth {build_geth.VERSION} is not built: run `python scripts/build_geth.py`, which needs Go")
    with tempfile.TemporaryDirectory(prefix="tally-geth-") as directory:
        genesis = Path(directory) / "genesis.json"
        genesis.write_text(json.dumps(_genesis(program, funded)))
        made = subprocess.run([program, "init", "--datadir", directory, genesis], capture_output=True, check=False)
        assert made.returncode == 0, made.stderr.decode(errors="replace")[-2000:]
        command = [str(program), "--dev", "--datadir", directory, "--ipcdisable", "--verbosity", "1", "--http"]
        with _running([*command, *options], "--http.port") as url:
            yield url


def _genesis(program: Path, funded: Mapping[bytes, int]) -> dict[str, Any]:
    """Developer mode's own genesis, without the forks after Osaka, and with ``funded``."""
    dumped = subprocess.run([program, "--dev", "dumpgenesis"], capture_output=True, check=True)
    genesis: dict[str, Any] = json.loads(dumped.stdout)
    config = genesis["config"]
    for fork in LATER_FORKS:
        config.pop(f"{fork}Time", None)
    config["blobSchedule"]["osaka"] = config["blobSchedule"]["prague"]
    genesis["alloc"].update({account.hex(): {"balance": hex(wei)} for account, wei in funded.items()})
    return genesis


def ask(url: str, method: str, *parameters: Any) -> Any:
    """The result of ``method``, which must not fail."""
    answer = answered(url, method, *parameters)
    assert "error" not in answer, f"{method}: {answer['error']}"
    return answer["result"]


def answered(url: str, method: str, *parameters: Any) -> Any:
    """The whole JSON-RPC answer to ``method``, an error too."""
    body: Any = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    return requests.post(url, json=body, timeout=60).json()


def fund(url: str, balances: Mapping[bytes, int]) -> None:
    """Let each account of ``balances`` have so many wei on an anvil."""
    for account, wei in balances.items():
        ask(url, "anvil_setBalance", "0x" + account.hex(), hex(wei))


@contextmanager
def _running(command: Sequence[str], port_option: str) -> Iterator[str]:
    """The URL of the node that ``command`` starts, at a free port given by ``port_option``, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            [*command, port_option, str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt from the keyboard is for the tests
        )
        try:
            _wait_until_it_answers(process, url, output)
            yield url
        finally:
            process.kill()
            process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, output: Any) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ask(url, "eth_chainId")
        except requests.RequestException:
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                output.seek(0)
                raise AssertionError(f"{process.args!r}: expected a node, got: {output.read()[-2000:]}") from None
            time.sleep(0.05)
        else:
            return
