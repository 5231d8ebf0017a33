"""The ledger on a node of somebody else's: reached by URL, checked at every start, and never trusted blindly."""

from __future__ import annotations

import re
from pathlib import Path

from end_to_end.conftest import Shell, devnet
from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, INVOICE, SUPPLIER


def use_url(shell: Shell, url: str) -> None:
    """Let the home use the node at ``url``."""
    settings = shell.home / "tallystick.toml"
    settings.write_text(re.sub(r'rpc_url = "[^"]*"', f'rpc_url = "{url}"', settings.read_text()))


def test_a_trade_on_a_node_over_http(shell: Shell, tmp_path: Path) -> None:
    """Everything works on a node given by URL; a bundle verifies against the node, and against several that agree."""
    with devnet(tmp_path / "chain.db") as url:
        shell.ok("init", "--rpc", url)
        shell.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
        shell.ok("party", "add", "Buyer AG", "--id", BUYER)
        shell.ok("record", shell.write("trade.json", [CONTRACT, INVOICE, ACKNOWLEDGEMENT]))
        shell.ok("seal")
        shell.ok("bundle", BUYER, "-o", "buyer.tally.json")
        ledger = shell.json("status")["ledger"]
        verdict = shell.json("verify", "buyer.tally.json", "--rpc", url, "--rpc", url, "--ledger", ledger)
        assert (verdict["verdict"], verdict["caveats"]) == ("valid", [])
        other = "--block-hash", "0x" + "11" * 32
        assert shell.run("verify", "buyer.tally.json", "--rpc", url, *other).returncode == 3

    said = shell.refused("status")
    assert "no connection" in said or "no answer" in said
    assert "nothing was lost" in said

    with devnet(tmp_path / "chain.db") as url:
        use_url(shell, url)
        assert shell.json("status")["evidence"]["final"] == 3


def test_a_wiped_chain_is_refused(shell: Shell, tmp_path: Path) -> None:
    """A chain that was made anew under the same id is another chain: nothing is read from it or written to it."""
    with devnet(tmp_path / "first.db") as url:
        shell.ok("init", "--rpc", url)
    with devnet(tmp_path / "second.db", "--genesis-timestamp", "1700000000") as url:
        use_url(shell, url)
        assert "genesis block: expected 0x" in shell.refused("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    with devnet(tmp_path / "third.db", "--chain-id", "4711") as url:
        use_url(shell, url)
        assert "4711" in shell.refused("status")


def test_contracts_that_are_not_final_yet_are_waited_for(shell: Shell, tmp_path: Path) -> None:
    """On a chain whose finality lags, a new ledger can't be used at once, and the message says what is missing."""
    with devnet(tmp_path / "chain.db", "--finality-depth", "40") as url:
        shell.ok("init", "--rpc", url)
        assert "to be final" in shell.refused("party", "add", "Supplier GmbH", "--id", SUPPLIER)


def test_nodes_that_disagree_leave_a_bundle_unchecked(shell: Shell, tmp_path: Path) -> None:
    """Two trusted nodes with different blocks at one height: nobody knows which is right, so nothing is valid."""
    shell.ok("init")
    shell.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    shell.ok("bundle", SUPPLIER, "-o", "supplier.tally.json")
    with devnet(shell.home / "chain.sqlite3") as own, devnet(tmp_path / "stranger.db") as stranger:
        assert shell.run("verify", "supplier.tally.json", "--rpc", own).returncode == 0
        assert shell.run("verify", "supplier.tally.json", "--rpc", own, "--rpc", stranger).returncode == 3


def test_a_home_whose_contracts_are_not_where_it_says_is_refused(shell: Shell, tmp_path: Path) -> None:
    """A ledger address without the published code is refused before anything is written."""
    import sqlite3

    shell.ok("init")
    with sqlite3.connect(shell.home / "ledger.sqlite3") as database:
        database.execute("UPDATE deployment SET ledger = registry")
    message = shell.refused("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    assert "EvidenceLedger" in message
