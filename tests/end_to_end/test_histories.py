"""A credit clerk looks back, sees what changed and why, and hands out no more of a history than it means to."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from end_to_end.conftest import Shell
from independent.credit import of_bundle
from independent.primitives import canonical, unhex
from independent.verifier import Reader, verify
from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, DISPUTE, INVOICE, PAYMENT, SUPPLIER

CODE_HASHES = Path(__file__).parents[2] / "contracts" / "code-hashes.json"


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, int]:
    """An invoice, acknowledged and sealed; then disputed, the dispute withdrawn, and paid. And the block between."""
    base = tmp_path_factory.mktemp("histories")
    (base / "desk").mkdir()
    shell = Shell(base / "home", base / "desk")
    shell.ok("init")
    shell.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    shell.ok("party", "add", "Buyer AG", "--id", BUYER)
    made = shell.lines("record", shell.write("first.json", [CONTRACT, INVOICE, ACKNOWLEDGEMENT]))
    shell.ok("seal")
    shell.ok("bundle", "Buyer AG", "-o", "early.tally.json.gz")
    block = shell.json("history", "Buyer AG")["asOf"]["blockNumber"]
    invoice = made[1]["evidence"]
    withdrawn = {"kind": "RESOLUTION", "issuer": BUYER, "counterparty": SUPPLIER, "parent": "@dispute"}
    payment = {**PAYMENT, "content": {**PAYMENT["content"], "allocations": [{"invoice": invoice, "amount": "1250.00"}]}}
    later = [
        {**DISPUTE, "parent": invoice, "content": {**DISPUTE["content"], "description": "two pallets arrived wet"}},
        {**withdrawn, "content": {"outcome": "withdrawn", "note": "they were dry inside"}},
        payment,
    ]
    shell.ok("record", shell.write("later.json", later))
    shell.ok("seal")
    return shell, block


def test_what_makes_no_sense_is_refused(traded: tuple[Shell, int]) -> None:
    """A day that is none, a block that is not there yet, a field that nobody has, an order that is the wrong one."""
    shell, block = traded
    assert "expected a block or a day" in shell.refused("history", "Buyer AG", "--as-of", "last week", code=2)
    assert "newest final one" in shell.refused("history", "Buyer AG", "--as-of", "4000000", code=2)
    assert "hides nothing" in shell.refused("bundle", "Buyer AG", "-o", "x", "--hide", "invoicenumber", code=2)
    newest = str(shell.json("history", "Buyer AG")["asOf"]["blockNumber"])
    refused = shell.refused("changes", "Buyer AG", "--since", newest, "--as-of", str(block))
    assert "older history first" in refused
    shell.ok("bundle", "Supplier GmbH", "-o", "other.tally.json")
    assert "one party" in shell.refused("diff", "early.tally.json.gz", "other.tally.json")


def test_the_history_of_a_past_block_is_what_it_was(traded: tuple[Shell, int]) -> None:
    """Nothing that came later shows in it; in the newest, what both sides said does."""
    shell, block = traded
    then = shell.json("history", "Buyer AG", "--as-of", str(block))
    assert (then["entryCount"], then["stories"]) == (3, [])
    assert then["asBuyer"]["EUR"]["openAmount"] == "1250.00"
    now = shell.ok("history", "Buyer AG")
    assert "two pallets arrived wet" in now
    assert "they were dry inside" in now
    assert "争议" in shell.ok("history", "Buyer AG", "--lang", "zh")


def test_changes_name_the_evidence_and_two_bundles_tell_the_same(traded: tuple[Shell, int]) -> None:
    """A dispute, its resolution and a payment settled the invoice; the bundles say what the home says."""
    shell, block = traded
    made = shell.json("changes", "Buyer AG", "--since", str(block))
    (invoice,) = made["invoices"]
    kinds = {entry["evidence"]: entry["kind"] for entry in made["added"]}
    assert [kinds[name] for name in invoice["because"]] == ["DISPUTE", "RESOLUTION", "PAYMENT"]
    assert (invoice["before"]["status"], invoice["after"]["status"]) == ("open", "settled")
    shell.ok("bundle", "Buyer AG", "-o", "late.tally.json")
    told = shell.json("diff", "early.tally.json.gz", "late.tally.json")
    assert told["invoices"] == made["invoices"]
    assert told["figures"] == made["figures"]
    shown = shell.ok("diff", "early.tally.json.gz", "late.tally.json")
    assert "PAYMENT 0x" in shown
    assert "1250.00 → 0.00" in shown
    assert "变动的发票" in shell.ok("changes", "Buyer AG", "--since", str(block), "--lang", "zh")


def test_a_reader_learns_what_is_hidden_and_no_more(traded: tuple[Shell, int]) -> None:
    """The words of the dispute stay with the holder; the verdict says that fields are hidden."""
    shell, _ = traded
    said = shell.ok("bundle", "Buyer AG", "-o", "some.tally.json.gz", "--hide", "description@Supplier GmbH")
    assert "1 fields" in said
    data = gzip.decompress((shell.folder / "some.tally.json.gz").read_bytes())
    assert b"pallets" not in data
    block = json.loads(data)["asOf"]["blockHash"]
    done = shell.run("verify", "some.tally.json.gz", "--block-hash", block, "--jobs", "2")
    assert done.returncode == 3
    assert "1 entries hide fields" in done.stdout
    shell.ok("bundle", "Buyer AG", "-o", "all.tally.json.gz")
    block = json.loads(gzip.decompress((shell.folder / "all.tally.json.gz").read_bytes()))["asOf"]["blockHash"]
    valid = shell.ok("verify", "all.tally.json.gz", "--block-hash", block, "--jobs", "2")
    assert "VALID" in valid
    assert re.search(r"as of .* UTC, (just now|ahead of this computer's clock|\d+ minutes ago): what", valid)


def test_a_verifier_written_from_the_pages_alone_recomputes_the_report(traded: tuple[Shell, int]) -> None:
    """It derives every figure anew from the file, refuses a better one, and says where fields are hidden."""
    shell, _ = traded
    shell.ok("bundle", "Buyer AG", "-o", "checked.tally.json")
    shell.ok("bundle", "Buyer AG", "-o", "less.tally.json", "--hide", "description")
    value = json.loads((shell.folder / "checked.tally.json").read_bytes())
    codes = json.loads(CODE_HASHES.read_bytes())["contracts"]
    reader = Reader(
        block_hash=unhex(value["asOf"]["blockHash"]),
        ledger=unhex(value["ledger"]),
        ledger_code=unhex(codes["EvidenceLedger"]["runtimeCodeHash"]),
        registry_code=unhex(codes["PartyRegistry"]["runtimeCodeHash"]),
        derive=of_bundle,
    )
    assert value["report"]["asBuyer"]["EUR"]["paidAmount"] == "1250.00"
    found = verify((shell.folder / "checked.tally.json").read_bytes(), reader)
    assert (found.outcome, found.failed, found.recomputed) == ("valid", None, True), found.why
    hiding = verify((shell.folder / "less.tally.json").read_bytes(), reader)
    assert (hiding.outcome, hiding.failed) == ("could not check", None), hiding.why
    value["report"]["asBuyer"]["EUR"]["disputedCount"] = 0
    better = canonical(value)
    assert verify(better, reader).failed == "report"
    (shell.folder / "better.tally.json").write_bytes(better)
    refused = shell.refused_output(
        "verify", "better.tally.json", "--block-hash", value["asOf"]["blockHash"], "--ledger", value["ledger"]
    )
    assert "report" in refused
