"""One trade through the command line on every chain that can be had here: embedded, devnet, anvil, and geth."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from chain.rigs import FUNDED, OPERATOR
from end_to_end.conftest import Shell, devnet
from nodes import NoNode, anvil, ask, fund, geth
from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, INVOICE, PAYMENT, SUPPLIER


@dataclass(frozen=True)
class RealChain:
    """A node at ``url`` (None: embedded) that makes a block final when ``depth`` stand on it.

    With ``says_so`` its ``finalized`` tag tells that early enough; else the home has to be told the depth.
    """

    url: str | None
    depth: int = 0
    says_so: bool = True
    development_accounts: bool = False

    def init(self, shell: Shell) -> None:
        """A new home of ``shell`` on this chain, whose contracts are final."""
        options: list[str] = []
        if self.url is not None:
            options += ["--rpc", self.url]
            if not self.development_accounts:
                key = shell.folder / "operator.key"
                key.write_text(f"0x{OPERATOR.private_key.hex()}\n")
                options += ["--key-file", str(key)]
        shell.ok("init", *options)
        if not self.says_so:
            settings = shell.home / "tallystick.toml"
            named = f"[chain]\nfinality_blocks = {self.depth}\n"
            settings.write_text(settings.read_text().replace("[chain]\n", named))
        self.wait()

    def wait(self) -> None:
        """Wait until what is in the newest block now is final."""
        if self.url is None or not self.depth:
            return
        until = self._newest() + self.depth
        deadline = time.monotonic() + 60
        while self._newest() < until:
            assert time.monotonic() < deadline, "the chain stands still"
            time.sleep(0.1)

    def _newest(self) -> int:
        return int(ask(str(self.url), "eth_blockNumber"), 16)


@contextmanager
def _embedded(_: Path) -> Iterator[RealChain]:
    yield RealChain(None)


@contextmanager
def _devnet(directory: Path) -> Iterator[RealChain]:
    with devnet(directory / "chain.db") as url:
        yield RealChain(url, development_accounts=True)


@contextmanager
def _anvil(_: Path) -> Iterator[RealChain]:
    with anvil("--block-time", "0.5", "--slots-in-an-epoch", "2", "--accounts", "1") as url:
        fund(url, FUNDED)
        yield RealChain(url, depth=4)


@contextmanager
def _geth(_: Path) -> Iterator[RealChain]:
    # its finalized block moves every 32 blocks, which here is too slow to wait for
    with geth("--dev.period", "1", funded=FUNDED) as url:
        yield RealChain(url, depth=2, says_so=False)


KINDS = {"embedded": _embedded, "devnet": _devnet, "anvil": _anvil, "geth": _geth}


@pytest.fixture(params=KINDS)
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealChain]:
    """A chain of each kind, without the contracts; skips where its program is not here."""
    try:
        with KINDS[request.param](tmp_path) as made:
            yield made
    except NoNode as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_a_trade_is_sealed_and_checked_on_every_chain(real: RealChain, shell: Shell, tmp_path: Path) -> None:
    """Whatever chain it is: recorded, sealed, reported, exported, verified offline and by the node, receipt kept."""
    real.init(shell)
    shell.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    shell.ok("party", "add", "Buyer AG", "--id", BUYER)
    real.wait()
    made = shell.lines("record", shell.write("trade.json", [CONTRACT, INVOICE, ACKNOWLEDGEMENT, PAYMENT]))
    assert [one["status"] for one in made] == ["pending"] * 4
    assert "sealed and final, batches: 1" in shell.ok("seal")
    assert "nothing to seal" in shell.ok("seal")

    [report] = shell.lines("history", "Buyer AG")
    assert (report["complete"], report["entryCount"]) == (True, 4)
    shell.ok("bundle", BUYER, "-o", str(tmp_path / "buyer.tally.json"))
    bundle = json.loads((tmp_path / "buyer.tally.json").read_text())
    trusted = "--block-hash", bundle["asOf"]["blockHash"], "--ledger", bundle["ledger"]

    lender = Shell(tmp_path / "no-home", tmp_path, passphrase="")
    verdict = lender.json("verify", "buyer.tally.json", *trusted)
    assert (verdict["verdict"], verdict["entries"]) == ("valid", 4)
    if real.url is not None:
        verdict = lender.json("verify", "buyer.tally.json", "--rpc", real.url, "--ledger", bundle["ledger"])
        assert verdict["verdict"] == "valid"

    file = str(tmp_path / "invoice.receipt.json")
    shell.ok("receipt", "show", made[1]["evidence"], "-o", file)
    assert shell.json("receipt", "check", file)["verdict"] == "kept"
    assert lender.json("receipt", "check", file, "--bundle", "buyer.tally.json", *trusted)["verdict"] == "kept"


def test_a_party_can_record_once_its_admission_is_final(shell: Shell, tmp_path: Path) -> None:
    """Until then the message says to wait, and afterwards nothing else has to be run first."""
    with devnet(tmp_path / "chain.db", "--finality-depth", "2") as url:
        shell.ok("init", "--rpc", url)
        ask(url, "evm_mine", {"blocks": 2})
        shell.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
        shell.ok("party", "add", "Buyer AG", "--id", BUYER)
        drafts = shell.write("contract.json", CONTRACT)
        assert re.search("no active key.* wait until the block that holds it is", shell.refused("record", drafts))
        ask(url, "evm_mine", {"blocks": 2})
        assert [one["status"] for one in shell.lines("record", drafts)] == ["pending"]
