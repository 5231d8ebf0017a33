"""The operator's word on the command line: kept, late and broken, by the home and by a bundle alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from end_to_end.conftest import Shell
from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, changed
from tallystick import bootstrap
from tallystick.config import Home
from tallystick.limits import Limits
from tallystick.protocol.types import Timestamp
from tallystick.service import parties

WITHIN = Limits().seal_within_seconds
BANK = "LEI:BANK"


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home with a supplier, a buyer and a bank; supplier and buyer have a sealed contract. Its time only goes on."""
    base = tmp_path_factory.mktemp("receipts")
    (base / "desk").mkdir()
    shell = Shell(base / "home", base / "desk")
    shell.ok("init")
    for name, identifier in (("Supplier GmbH", SUPPLIER), ("Buyer AG", BUYER), ("First Bank", BANK)):
        shell.ok("party", "add", name, "--id", identifier)
    shell.ok("record", shell.write("contract.json", CONTRACT))
    shell.ok("seal")
    return shell


def bill(shell: Shell, number: str) -> tuple[dict[str, Any], str]:
    """What ``record`` says of a new invoice, and its receipt in a file."""
    draft = changed(INVOICE, invoiceNumber=number)
    [made] = shell.lines("record", shell.write("invoice.json", draft))
    file = f"{number}.receipt.json"
    assert f"wrote {file}" in shell.ok("receipt", "show", made["evidence"], "-o", file)
    return made, file


def days_pass(shell: Shell, at: int) -> None:
    """The embedded chain comes to a block of time ``at``; its clock goes on from there."""
    environment = {"TALLYSTICK_PASSPHRASE": shell.passphrase}
    with bootstrap.open_home(Home(shell.home), environment=environment) as opened:
        assert opened.embedded is not None
        opened.embedded.set_next_timestamp(Timestamp(at))
        member = parties.NewParty(f"Newcomer {at}", (parties.parse_identifier(f"ERP:{at}"),))
        parties.add_parties(opened.context, [member])


def found(shell: Shell, *arguments: str, code: int) -> dict[str, Any]:
    """The finding that ``receipt check`` prints as JSON, with the exit code ``code``."""
    done = shell.run("receipt", "check", *arguments, "--json")
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    finding: dict[str, Any] = json.loads(done.stdout)
    return finding


def bundle(shell: Shell, party: str) -> tuple[str, ...]:
    """The options that check by a fresh bundle of ``party``."""
    file = f"{party.split(':')[0]}.tally.json"
    shell.ok("bundle", party, "-o", file)
    value = json.loads((shell.folder / file).read_text())
    return "--bundle", file, "--block-hash", value["asOf"]["blockHash"], "--ledger", value["ledger"]


def test_wrong_usage_is_no_verdict(trading: Shell, tmp_path: Path) -> None:
    """A missing file, an option without its partner, a hash that is none, and no home to check by all exit with 2."""
    _, file = bill(trading, "1")
    hash_of_a_block = "0x" + "00" * 32
    assert "can't be read" in trading.refused("receipt", "check", "missing.json", code=2)
    assert "with --bundle" in trading.refused("receipt", "check", file, "--block-hash", hash_of_a_block, code=2)
    assert "--block-hash" in trading.refused("receipt", "check", file, "--bundle", "x.tally.json", code=2)
    assert "--block-hash" in trading.refused(
        "receipt", "check", file, "--bundle", "x.tally.json", "--block-hash", "0x12", code=2
    )
    homeless = Shell(tmp_path / "nowhere", trading.folder)
    assert "expected a home to check by" in homeless.refused("receipt", "check", file, code=2)
    assert "not known here" in trading.refused("receipt", "show", hash_of_a_block)


def test_a_receipt_that_was_changed_is_invalid(trading: Shell) -> None:
    """A later deadline was not signed; text that is no receipt is none."""
    _, file = bill(trading, "2")
    value = json.loads((trading.folder / file).read_text())
    value["sealBy"] += 1
    (trading.folder / file).write_text(json.dumps(value, sort_keys=True, separators=(",", ":")))
    assert found(trading, file, code=1)["verdict"] == "invalid"
    (trading.folder / file).write_text("{}")
    assert "INVALID: receipt: expected exactly its members" in trading.run("receipt", "check", file).stdout


def test_what_can_not_be_checked_is_not_broken(trading: Shell, tmp_path: Path) -> None:
    """Past the deadline, a wrong passphrase and the bundle of somebody else exit with 3, and say why."""
    made, file = bill(trading, "3")
    days_pass(trading, made["receipt"]["sealBy"] + 1)
    stranger = Shell(trading.home, trading.folder, passphrase="wrong")
    assert "passphrase" in found(stranger, file, code=3)["message"]
    reader = Shell(tmp_path / "no-home", trading.folder)
    by_bank = bundle(trading, BANK)
    finding = found(reader, file, *by_bank, code=3)
    assert finding["verdict"] == "unchecked"
    assert "need not stand" in finding["message"]
    shown = reader.run("receipt", "check", file, *by_bank[:4])
    assert shown.returncode == 3
    assert "COULD NOT CHECK" in shown.stdout
    assert "neither good nor bad news" in shown.stdout


def test_a_promise_is_kept(trading: Shell, tmp_path: Path) -> None:
    """Open until it is sealed, then kept: by the home, and with neither home nor network by either side's bundle."""
    made, file = bill(trading, "4")
    receipt = made["receipt"]
    assert receipt["sealBy"] - receipt["receivedAt"] == WITHIN
    assert found(trading, file, code=0)["verdict"] == "open"
    reader = Shell(tmp_path / "no-home", trading.folder)
    assert found(reader, file, *bundle(trading, BUYER), code=0)["verdict"] == "open"
    trading.ok("seal")
    finding = found(trading, file, code=0)
    assert (finding["verdict"], finding["evidence"]) == ("kept", made["evidence"])
    assert finding["sealedAt"] <= finding["sealBy"] == receipt["sealBy"]
    assert "KEPT: sealed at 20" in trading.ok("receipt", "check", file)
    for party in (SUPPLIER, BUYER):
        assert found(reader, file, *bundle(trading, party), code=0)["verdict"] == "kept"


def test_a_promise_is_broken_then_late(trading: Shell, tmp_path: Path) -> None:
    """Two days without sealing prove the operator's fault, to anybody with a bundle; sealing afterwards is late."""
    made, file = bill(trading, "5")
    _, other = bill(trading, "6")
    days_pass(trading, made["receipt"]["sealBy"] + 100)
    reader = Shell(tmp_path / "no-home", trading.folder)
    told = trading.run("receipt", "check", file)
    assert told.returncode == 1
    assert f"proves the fault of operator {made['receipt']['operator']}" in told.stdout
    for party in (SUPPLIER, BUYER):
        finding = found(reader, file, *bundle(trading, party), code=1)
        assert (finding["verdict"], finding["sealedAt"], finding["caveats"]) == ("broken", None, [])
    trading.ok("seal")
    for finding in (found(trading, file, code=1), found(reader, other, *bundle(trading, BUYER), code=1)):
        assert finding["verdict"] == "late"
        assert finding["sealedAt"] > finding["sealBy"]
