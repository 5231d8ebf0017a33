"""A bank statement at the command line: invoices recorded, money booked, sealed, and the history shows them paid."""

from __future__ import annotations

from pathlib import Path

import pytest

from end_to_end.conftest import Shell
from intake.bank.camt_files import entry, notification, statement, transaction
from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, changed

SECOND = changed({**INVOICE, "label": "second"}, invoiceNumber="4712-B", payableAmount="80.00")


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home on the embedded chain with two open invoices, and the files of a bank."""
    base = tmp_path_factory.mktemp("bank")
    (base / "desk").mkdir()
    shell = Shell(base / "home", base / "desk")
    shell.ok("init")
    shell.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    shell.ok("party", "add", "Buyer AG", "--id", BUYER)
    shell.ok("record", shell.write("start.json", [CONTRACT, INVOICE, SECOND]))
    batch = entry(
        "1330.00",
        transaction("1250.00", servicer="B1", end_to_end="E2E-1", documents=(("4711", None),), debtor="Buyer AG"),
        transaction("80.00", servicer="B2", text=("Rechnung 4712-B",), debtor="Buyer AG"),
        servicer="BATCH",
    )
    stray = entry("42.00", transaction("42.00", debtor="Nobody [red] Ltd", text=("hello",)), servicer="STRAY")
    returned = entry(
        "1250.00",
        transaction("1250.00", end_to_end="E2E-1", returned="AC04"),
        direction="DBIT",
        day="2026-02-12",
        servicer="BACK",
    )
    write(shell, "statement.xml", statement(batch, stray))
    write(shell, "notification.xml", notification(batch))
    write(shell, "returned.xml", statement(returned, name="S-2"))
    return shell


def write(shell: Shell, name: str, data: bytes) -> Path:
    file = shell.folder / name
    file.write_bytes(data)
    return file


def figures(shell: Shell) -> tuple[str, str]:
    """What is paid and what is open of the supplier's invoices, by its sealed history."""
    euros = shell.json("history", SUPPLIER)["asSeller"]["EUR"]
    return euros["paidAmount"], euros["openAmount"]


def test_a_file_that_is_no_statement_refuses_the_call_and_is_named(trading: Shell) -> None:
    """Of several files one is cut short: nothing is recorded, and the message says which and what to do."""
    write(trading, "torn.xml", statement(entry("5.00"))[:-20])
    message = trading.refused("bank", "statement.xml", "torn.xml", "--party", SUPPLIER)
    assert "torn.xml" in message
    assert "what to do" in message
    assert trading.json("status")["evidence"]["pending"] == 3
    trading.refused("bank", "missing.xml", "--party", SUPPLIER, code=2)
    assert "not known" in trading.refused("bank", "statement.xml", "--party", "Nobody")


def test_money_comes_and_goes_back(trading: Shell) -> None:
    """Dry run, import, sealed: paid. Imported again, and notified of: nothing. Returned: open again."""
    dry = trading.ok("bank", "statement.xml", "--party", SUPPLIER, "--dry-run")
    assert "payments that would be recorded" in dry
    assert "Nobody [red] Ltd" in dry
    assert "record the invoice and import the statement again" in " ".join(dry.split())
    assert trading.json("status")["evidence"]["pending"] == 3

    done = trading.json("bank", "statement.xml", "--party", SUPPLIER)
    rules = {made["allocations"][0]["number"]: made["allocations"][0]["rule"] for made in done["recorded"]}
    assert rules == {"4711": "documentNumber", "4712-B": "numberInText"}
    assert [(line["reason"], line["recorded"]) for line in done["work"]] == [("noInvoice", False)]
    trading.ok("seal")
    assert figures(trading) == ("1330.00", "0.00")

    again = trading.json("bank", "notification.xml", "statement.xml", "--party", SUPPLIER)
    assert (again["recorded"], again["known"]) == ([], 2)
    assert "待处理 1" in trading.ok("bank", "statement.xml", "--party", SUPPLIER, "--lang", "zh")

    back = trading.json("bank", "returned.xml", "statement.xml", "--party", SUPPLIER)
    assert [made["kinds"] for made in back["recorded"]] == [["CORRECTION"]]
    trading.ok("seal")
    assert figures(trading) == ("80.00", "1250.00")
