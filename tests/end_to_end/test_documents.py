"""A whole trade in UBL files at the command line: imported, sealed, and its history says what became of it."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from end_to_end.conftest import Shell
from intake.ubl import ubl_files as ubl

SELLER, BUYER = f"GLN:{ubl.SELLER_GLN}", f"GLN:{ubl.BUYER_GLN}"
DUE = "<cac:PaymentMeans><cbc:PaymentDueDate>2026-02-14</cbc:PaymentDueDate></cac:PaymentMeans>"
INVOICE = ubl.invoice(version="2.0", type_code="SalesInvoice", due=None, extra=DUE)
SAME_INVOICE = {
    "invoice.xml": INVOICE,
    "invoice-spaced.xml": INVOICE.replace(b"><", b">\n  <"),
    "invoice-prefixes.xml": INVOICE.replace(b"cbc:", b"Harry:").replace(b":cbc=", b":Harry="),
    "invoice-utf16.xml": INVOICE.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    "invoice-peppol.xml": ubl.invoice(version=None),
}
OTHERS = {
    "order.xml": ubl.order(terms=""),
    "response.xml": ubl.simple_response(),
    "despatch.xml": ubl.despatch(),
    "receipt.xml": ubl.receipt(),
    "remittance.xml": ubl.remittance(),
}
CREDIT = {"credit.xml": ubl.credit_note(amount="10.75")}
STRAY = {"change.xml": ubl.document("OrderChange", ""), "notes.txt": b"call them", "torn.xml": INVOICE[:-9]}


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home on the embedded chain with two parties; a folder of files, one of which is a ZIP file of the rest."""
    base = tmp_path_factory.mktemp("documents")
    (base / "desk" / "inbox" / "january").mkdir(parents=True)
    shell = Shell(base / "home", base / "desk")
    shell.ok("init")
    shell.ok("party", "add", "Supplier GmbH", "--id", SELLER, "--id", f"VAT:{ubl.SELLER_VAT}")
    shell.ok("party", "add", "Buyer AG", "--id", BUYER)
    inbox = base / "desk" / "inbox"
    for name, data in {**SAME_INVOICE, **STRAY}.items():
        (inbox / "january" / name).write_bytes(data)
    (inbox / "rest.zip").write_bytes(packed(OTHERS))
    (inbox / ".hidden.xml").write_bytes(INVOICE)
    (base / "desk" / "credit.xml").write_bytes(CREDIT["credit.xml"])
    return shell


def by_file(told: Any) -> dict[str, str]:
    return {Path(each["file"]).name: each["status"] for each in told["documents"]}


def test_a_file_that_is_not_there_is_wrong_usage(trading: Shell) -> None:
    """Before anything is opened: which, and what to do."""
    assert "nothing.xml: can't be read" in trading.refused("import", "nothing.xml", code=2)
    assert "--lang" in trading.refused("import", "inbox", "--lang", "fr", code=2)


def test_a_dry_run_says_what_would_become_of_each(trading: Shell) -> None:
    """As JSON and as a table, in English and Chinese; nothing is recorded."""
    told = trading.json("import", "inbox", "--dry-run")
    assert (told["dryRun"], told["files"], told["evidence"]) == (True, 13, 4)
    assert told["counts"] == {"recorded": 6, "known": 4, "waits": 0, "held": 0, "refused": 3}
    table = trading.ok("import", "inbox", "--dry-run")
    assert "receipt advice" in table
    assert "this was a dry run" in table
    assert "of this kind no evidence is made" in " ".join(table.split())
    chinese = trading.ok("import", "inbox", "--dry-run", "--lang", "zh")
    assert "收货通知" in chinese
    assert "此为试运行" in chinese
    assert trading.ok("seal") == "nothing to seal\n"


def test_a_trade_in_files_is_one_deal_with_the_right_figures(trading: Shell) -> None:
    """Ordered, received short, invoiced in five files, remitted, credited: each once, and the sums are right."""
    told = trading.json("import", "inbox")
    assert told["counts"] == {"recorded": 6, "known": 4, "waits": 0, "held": 0, "refused": 3}
    invoices = [each for each in told["documents"] if each["document"] == "Invoice"]
    assert len(invoices) == 5
    assert len({each["evidence"][0]["evidence"] for each in invoices}) == 1
    assert len({each["fingerprint"] for each in invoices}) == 1
    assert len({each["sha256"] for each in invoices}) == 5
    trading.ok("seal")
    euros = trading.json("history", SELLER)["asSeller"]["EUR"]
    figures = ("invoiceCount", "invoicedAmount", "claimedAmount", "paidAmount", "creditedAmount", "openAmount")
    assert [euros[name] for name in figures] == [1, "107.50", "107.50", "0.00", "0.00", "107.50"]

    assert by_file(trading.json("import", "credit.xml")) == {"credit.xml": "recorded"}
    trading.ok("seal")
    history = trading.json("history", BUYER)
    (line,) = history["tradelines"]
    euros = history["asBuyer"]["EUR"]
    assert [euros[name] for name in figures] == [1, "107.50", "107.50", "0.00", "10.75", "96.75"]
    assert (line["paymentTermsDays"], line["invoiceCount"], history["complete"]) == (30, 1, True)
    assert (euros["dilutionRate"], euros["disputedCount"]) == ("0.1000", 0)


def test_importing_again_changes_nothing(trading: Shell) -> None:
    """Every document is known, the refused ones are refused again, and there is nothing to seal."""
    told = trading.json("import", "inbox", "credit.xml")
    assert told["counts"] == {"recorded": 0, "known": 11, "waits": 0, "held": 0, "refused": 3}
    assert trading.ok("seal") == "nothing to seal\n"


def test_the_exact_bytes_of_the_file_stand_in_the_evidence(trading: Shell) -> None:
    """The hash that the import tells is that of the file which was recorded."""
    told = trading.json("import", "inbox/rest.zip")
    hashes = {each["file"]: each["sha256"] for each in told["documents"]}
    assert set(hashes) == {f"rest.zip/{name}" for name in OTHERS}
    trading.ok("bundle", SELLER, "-o", "seller.tally.json")
    encoded = re.findall(r"[A-Za-z0-9_-]{40,}", (trading.folder / "seller.tally.json").read_text())
    shown = b"".join(base64.urlsafe_b64decode(each + "=" * (-len(each) % 4)) for each in encoded if len(each) % 4 != 1)
    for name in ("order.xml", "receipt.xml", "despatch.xml", "remittance.xml"):
        assert hashes[f"rest.zip/{name}"].encode() in shown


def test_every_import_is_a_job_that_says_what_it_did(trading: Shell) -> None:
    """Newest first, dry runs left out; of one, what became of each document and why."""
    told = trading.json("import", "inbox/january/torn.xml", "credit.xml")
    listed = trading.lines("import", "jobs")
    assert (listed[0]["job"], listed[0]["files"]) == (told["job"], 2)
    assert listed[0]["counts"] == {"recorded": 0, "known": 1, "waits": 0, "held": 0, "refused": 1}
    assert listed[-1]["counts"]["recorded"] == 6, "the first import, after the dry runs"
    assert all(each["endedAt"] is not None for each in listed)
    one = trading.json("import", "jobs", told["job"])
    assert [(each["file"], each["status"]) for each in one["documents"]] == [
        ("torn.xml", "refused"),
        ("credit.xml", "known"),
    ]
    assert "well-formed" in one["documents"][0]["detail"]
    assert one["documents"][1]["evidence"] == [each["evidence"] for each in told["documents"][1]["evidence"]]
    assert "credit.xml  CN-1  known already  0x" in trading.ok("import", "jobs", told["job"])
    assert told["job"] in trading.ok("import", "jobs")
    assert "not known here" in trading.refused("import", "jobs", "0" * 16)


def test_the_command_for_ledgers_is_still_there(trading: Shell) -> None:
    """`import receivables` means the ledger, also beside files of other kinds."""
    assert "--mapping" in trading.ok("import", "receivables", "--help")
    assert "--terms-days" in trading.ok("import", "documents", "--help")
    assert "receivables" in trading.ok("import", "--help")
