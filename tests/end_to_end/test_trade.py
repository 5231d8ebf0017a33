"""Two companies trade, and a lender checks: the whole path through the command line, and what it refuses on the way."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from end_to_end.conftest import Shell
from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, INVOICE, PAYMENT, SUPPLIER, changed
from tallystick.config import Home


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home with a supplier and a buyer, who have a contract and one acknowledged invoice."""
    base = tmp_path_factory.mktemp("trading")
    (base / "desk").mkdir()
    shell = Shell(base / "home", base / "desk")
    shell.ok("init")
    shell.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    shell.ok("party", "add", "Buyer AG", "--id", BUYER)
    shell.ok("record", shell.write("start.json", [CONTRACT, INVOICE, ACKNOWLEDGEMENT]))
    return shell


def test_a_bad_draft_refuses_the_whole_file_and_says_why(trading: Shell) -> None:
    """All drafts of a file are accepted, or none; the message names the draft's fault and what to do."""
    before = trading.json("status")["evidence"]
    drafts = [changed(INVOICE, invoiceNumber="good"), changed(INVOICE, invoiceNumber="bad", payableAmount="12,50")]
    message = trading.refused("record", trading.write("mixed.json", drafts))
    assert "payableAmount" in message
    assert "decimal string" in message
    assert trading.json("status")["evidence"] == before


def test_a_file_that_is_no_json_is_refused(trading: Shell) -> None:
    """Text that is no JSON, a missing file and a folder each end in a clear message."""
    (trading.folder / "broken.json").write_text("{")
    assert "expected JSON" in trading.refused("record", "broken.json")
    assert "can't be read" in trading.refused("record", "missing.json")
    assert "can't be read" in trading.refused("record", ".")


def test_another_passphrase_opens_nothing(trading: Shell) -> None:
    """A wrong passphrase is an error that says so."""
    stranger = Shell(trading.home, trading.folder, passphrase="wrong")
    assert "passphrase" in stranger.refused("status").lower()


def test_a_command_without_a_home_says_how_to_make_one(shell: Shell) -> None:
    """Nothing works before ``tallystick init``, and the message says so."""
    assert "tallystick init" in shell.refused("status")


def test_status_answers_while_another_process_works_in_the_home(trading: Shell) -> None:
    """Whoever looks while a server or an import works sees the figures, and who holds the home; writing waits."""
    with Home(trading.home).lock(1.0):
        seen = trading.json("status")
        assert (seen["finalBlock"], seen["parties"]) == (None, 2)
        assert f"process {os.getpid()}" in seen["inUse"]
        assert f"process {os.getpid()}" in trading.refused("seal")
    assert trading.json("status")["inUse"] is None


def test_a_home_is_made_once(trading: Shell) -> None:
    """``init`` never overwrites a home."""
    assert "home already" in trading.refused("init")


def test_a_contract_waits_for_its_countersignature(shell: Shell) -> None:
    """A contract is accepted with its counterparty's signature, once."""
    shell.ok("init")
    shell.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    shell.ok("party", "add", "Buyer AG", "--id", BUYER)
    made = shell.lines("record", shell.write("contract.json", {**CONTRACT, "countersigned": False}))[0]
    assert made["status"] == "awaitingCountersignature"
    shell.ok("countersign", made["evidence"])
    assert "expected one that awaits" in shell.refused("countersign", made["evidence"])


def test_the_lender_verifies_what_the_supplier_exports(trading: Shell, tmp_path: Path) -> None:
    """From record to verdict: sealed, reported, exported, verified elsewhere from file and block hash alone."""
    invoice = changed(INVOICE, invoiceNumber="4713")
    trading.ok("record", trading.write("paid.json", [invoice, ACKNOWLEDGEMENT, PAYMENT]))
    assert "sealed and final" in trading.ok("seal")
    assert trading.ok("seal").strip() == "nothing to seal"

    [report] = trading.lines("history", "Buyer AG")
    metrics = report["asBuyer"]["EUR"]
    assert report["complete"] is True
    assert metrics["settledCount"] == 1
    assert metrics["openAmount"] != "0.00"
    assert metrics["paymentIndex"] is None or "paymentIndex" not in metrics["reasons"]

    said = trading.ok("bundle", BUYER, "-o", str(tmp_path / "buyer.tally.json"))
    block_hash = report["asOf"]["blockHash"]
    assert block_hash in said.replace("\n", "")

    lender = Shell(tmp_path / "no-home", tmp_path, passphrase="")
    verdict = lender.json("verify", "buyer.tally.json", "--block-hash", block_hash)
    assert (verdict["verdict"], verdict["failed"], verdict["entries"]) == ("valid", None, report["entryCount"])
    assert not (tmp_path / "no-home").exists()

    assert lender.run("verify", "buyer.tally.json").returncode == 3
    assert lender.run("verify", "buyer.tally.json", "--rpc", "http://127.0.0.1:9").returncode == 3
    assert lender.run("verify", "buyer.tally.json", "--block-hash", "0x" + "00" * 32).returncode == 1
    assert (
        lender.run("verify", "buyer.tally.json", "--block-hash", block_hash, "--ledger", "0x" + "11" * 20).returncode
        == 1
    )
    assert lender.run("verify", "--no-such-option").returncode == 2

    forged = json.loads((tmp_path / "buyer.tally.json").read_text())
    forged["report"]["asBuyer"]["EUR"]["openAmount"] = "0.00"
    text = json.dumps(forged, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (tmp_path / "forged.tally.json").write_text(text)
    done = lender.run("verify", "forged.tally.json", "--block-hash", block_hash, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed"] == "report"


def test_a_rotated_key_keeps_what_it_signed_and_signs_no_more(trading: Shell, tmp_path: Path) -> None:
    """Revoking a key harms nothing that was anchored before; the party signs on with its new key."""
    trading.ok("seal")
    said = trading.ok("party", "rotate", "Supplier GmbH")
    assert "revoked" in said
    later = changed(INVOICE, invoiceNumber="after rotation", payableAmount="9.00")
    trading.ok("record", trading.write("rotated.json", later))
    trading.ok("seal")
    trading.ok("bundle", SUPPLIER, "-o", str(tmp_path / "s.tally.json"))
    [report] = trading.lines("history", SUPPLIER)
    verdict = trading.json("verify", str(tmp_path / "s.tally.json"), "--block-hash", report["asOf"]["blockHash"])
    assert verdict["verdict"] == "valid"
    assert verdict["standings"] == {"stands": report["entryCount"]}


def test_every_command_has_help() -> None:
    """Each command, and each group of commands, says what it does; so does each of its options."""
    from tallystick.cli.app import program

    def walk(command: Any, name: str) -> None:
        assert command.help, f"{name} has no help"
        for parameter in command.params:
            if parameter.name != "help":
                assert getattr(parameter, "help", None), f"{name} {parameter.name} has no help"
        for child, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{name} {child}")

    walk(program(), "tallystick")
