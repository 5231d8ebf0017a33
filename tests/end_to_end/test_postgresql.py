"""The whole path on PostgreSQL through the command line: from ``init`` to a lender's verdict, over a failed server."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.conftest import Shell
from postgresql import Schemas, Server
from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, INVOICE, PAYMENT, SUPPLIER


def test_a_history_on_postgresql_is_verified_elsewhere(shell: Shell, restartable: Server, tmp_path: Path) -> None:
    """What is recorded, sealed and exported on PostgreSQL verifies like any other, also when the server failed."""
    with Schemas(restartable.url).schema() as url:
        # The server asks for no password, and this one must not be shown all the same.
        said = shell.ok("init", "--database", url.replace("postgres@", "postgres:s3cret@"))
        assert not (shell.home / "ledger.sqlite3").exists()
        said += shell.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
        said += shell.ok("party", "add", "Buyer AG", "--id", BUYER)
        said += shell.ok("record", shell.write("trade.json", [CONTRACT, INVOICE, ACKNOWLEDGEMENT, PAYMENT]))

        restartable.stop(immediate=True)
        refused = shell.refused("seal")
        assert "database postgresql" in refused
        assert "what to do" in refused
        restartable.start()

        said += shell.ok("seal")
        [report] = shell.lines("history", "Buyer AG")
        assert (report["complete"], report["entryCount"]) == (True, 4)
        said += shell.ok("status") + shell.ok("bundle", BUYER, "-o", str(tmp_path / "buyer.tally.json"))
        assert "s3cret" not in said + refused
    lender = Shell(tmp_path / "no-home", tmp_path, passphrase="")
    verdict = lender.json("verify", "buyer.tally.json", "--block-hash", report["asOf"]["blockHash"])
    assert (verdict["verdict"], verdict["entries"]) == ("valid", 4)


@pytest.mark.parametrize("place", ["tally:s3cret@127.0.0.1:1/ledger", "127.0.0.1:1/ledger?user=tally&password=s3cret"])
def test_a_database_that_is_not_there_leaves_no_home(shell: Shell, place: str) -> None:
    """``init`` names the database without its password, and leaves nothing behind."""
    refused = shell.refused("init", "--database", f"postgresql://{place}")
    assert "127.0.0.1" in refused
    assert "s3cret" not in refused
    assert not shell.home.exists()
