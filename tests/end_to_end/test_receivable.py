"""One holder per receivable, through the command line on the embedded chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from end_to_end.conftest import Shell
from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, INVOICE, SUPPLIER, changed

FINANCIER, OTHER_FINANCIER = "LEI:FIRSTBANK", "LEI:SECONDBANK"


@pytest.fixture(scope="module")
def financed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str, str]:
    """A home with two financiers, an acknowledged invoice and one that is not acknowledged, both sealed."""
    base: Path = tmp_path_factory.mktemp("financed")
    (base / "desk").mkdir()
    shell = Shell(base / "home", base / "desk")
    shell.ok("init")
    for name, identifier in (
        ("Supplier GmbH", SUPPLIER),
        ("Buyer AG", BUYER),
        ("First Bank", FINANCIER),
        ("Second Bank", OTHER_FINANCIER),
    ):
        shell.ok("party", "add", name, "--id", identifier)
    second = {**changed(INVOICE, invoiceNumber="4712"), "label": "second"}
    made = shell.lines("record", shell.write("trade.json", [CONTRACT, INVOICE, ACKNOWLEDGEMENT, second]))
    shell.ok("seal")
    return shell, made[1]["evidence"], made[3]["evidence"]


def test_bad_input_is_refused_with_what_to_do(financed: tuple[Shell, str, str]) -> None:
    """A wrong id, an unknown financier, a day that is none and a call without financier each say what was expected."""
    shell, invoice, _ = financed
    assert "64 lower-case hex digits" in shell.refused("receivable", "status", "0x12")
    assert "not known here" in shell.refused("receivable", "pledge", invoice, "--to", "Nobody's Bank")
    assert "YYYY-MM-DD" in shell.refused(
        "receivable", "pledge", invoice, "--to", FINANCIER, "--until", "31.12.2027", code=2
    )
    assert "--to" in shell.refused("receivable", "pledge", invoice, code=2)


def test_what_no_buyer_acknowledged_is_not_financed(financed: tuple[Shell, str, str]) -> None:
    """The financier's check names the obstacle, and status does too."""
    shell, _, unacknowledged = financed
    assert "its buyer has not acknowledged it" in shell.refused(
        "receivable", "pledge", unacknowledged, "--to", FINANCIER
    )
    assert shell.json("receivable", "status", unacknowledged)["obstacles"] == ["notAcknowledged"]


def test_one_holder_at_a_time(financed: tuple[Shell, str, str]) -> None:
    """Pledged, refused to a second financier, transferred, released, pledged again: the chain tells each step."""
    shell, invoice, _ = financed
    assert shell.json("receivable", "status", invoice)["takenSince"] is None
    pledged = shell.json("receivable", "pledge", invoice, "--to", FINANCIER, "--until", "2099-12-31")
    assert pledged["pledged"]["active"]
    refusal = shell.refused("receivable", "pledge", invoice, "--to", OTHER_FINANCIER)
    assert f"Receivable {invoice} is pledged since 20" in refusal
    assert pledged["pledged"]["financier"] not in refusal
    assert "First Bank" in shell.ok("receivable", "status", invoice)
    assert "transferred to Second Bank" in shell.ok("receivable", "transfer", invoice, "--to", OTHER_FINANCIER)
    assert "pledged to Second Bank since" in shell.ok("receivable", "status", invoice)
    assert "released" in shell.ok("receivable", "release", invoice)
    assert "was released at" in shell.refused("receivable", "release", invoice)
    shell.ok("receivable", "pledge", invoice, "--to", OTHER_FINANCIER)
    shown = shell.json("receivable", "status", invoice)
    assert [change["event"] for change in shown["changes"]] == ["Pledged", "Transferred", "Released", "Pledged"]
    assert shown["takenSince"] == shown["changes"][-1]["at"]


def test_a_signer_that_was_rotated_out_does_not_pledge(financed: tuple[Shell, str, str]) -> None:
    """After a rotation the newest key signs, and the release is good."""
    shell, invoice, _ = financed
    shell.ok("party", "rotate", OTHER_FINANCIER)
    assert "released" in shell.ok("receivable", "release", invoice)


def test_a_lender_checks_a_receivable_offline(financed: tuple[Shell, str, str]) -> None:
    """With the supplier's bundle alone a lender sees whether an invoice is acknowledged and open, or why not."""
    shell, invoice, unacknowledged = financed
    shell.ok("bundle", SUPPLIER, "-o", "supplier.tally.json")
    block_hash = json.loads((shell.folder / "supplier.tally.json").read_text())["asOf"]["blockHash"]
    check = ("verify", "supplier.tally.json", "--block-hash", block_hash, "--receivable")
    assert shell.json(*check, invoice)["obstacles"] == []
    assert "its buyer has not acknowledged it" in shell.ok(*check, unacknowledged)
    assert shell.json(*check, "0x" + "77" * 32)["obstacles"] == ["notAnInvoice"]
    unchecked = shell.run("verify", "supplier.tally.json", "--receivable", invoice, "--json")
    assert json.loads(unchecked.stdout)["obstacles"] is None
    assert "--receivable" in shell.refused(*check, "4711", code=2)
