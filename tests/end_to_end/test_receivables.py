"""A real accounts-receivable ledger goes through the whole system, and every figure is checked against pandas."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from end_to_end.conftest import PROGRAM, RECEIVABLES, Shell

needs_real_file = pytest.mark.skipif(
    not RECEIVABLES.is_file(), reason="the public accounts-receivable sample is not beside the repository"
)
ANCHORS = [(-30, 100), (-20, 90), (0, 80), (15, 70), (22, 60), (30, 50), (60, 40), (90, 30), (120, 20), (180, 1)]
HEADER = "countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate,"
HEADER += "PaperlessBill,DaysToSettle,DaysLate\n"
LINE = "391,0379-NEVHP,4/6/2013,0000611365,1/2/2013,2/1/2013,55.94,No,1/15/2013,Paper,13,0\n"


def index_of(days: int) -> Decimal:
    """The payment index of one experience: straight lines between the published anchors."""
    if days <= ANCHORS[0][0]:
        return Decimal(100)
    for (x0, y0), (x1, y1) in pairwise(ANCHORS):
        if days <= x1:
            return Decimal(y0) + Decimal(y1 - y0) * Decimal(days - x0) / Decimal(x1 - x0)
    return Decimal(1)


def four(value: Decimal) -> str:
    return str(value.quantize(Decimal("0.0001"), rounding=ROUND_HALF_EVEN))


def expected_metrics(rows: pd.DataFrame) -> dict[str, Any]:
    """The metrics of one customer from the raw rows alone, with nothing of the project."""
    amounts = [Decimal(text) for text in rows["InvoiceAmount"]]
    issued, due, paid = (pd.to_datetime(rows[c], format="%m/%d/%Y") for c in ("InvoiceDate", "DueDate", "SettledDate"))
    late = [int(days) for days in (paid - due).dt.days]
    to_pay = [int(days) for days in (paid - issued).dt.days]
    disputed = [amount for amount, flag in zip(amounts, rows["Disputed"], strict=True) if flag == "Yes"]
    total, count = sum(amounts), len(amounts)

    def weighted(values: list[Decimal]) -> str:
        return four(sum(a * v for a, v in zip(amounts, values, strict=True)) / total)

    cents = [int(amount * 100) for amount in amounts]
    changes = pd.concat([pd.Series(cents, index=issued), pd.Series([-c for c in cents], index=paid)])
    balance = changes.groupby(level=0).sum().sort_index().cumsum()
    top = balance.idxmax()
    return {
        "invoiceCount": count,
        "invoicedAmount": str(total),
        "settledCount": count,
        "daysBeyondTermsWeighted": weighted([Decimal(max(0, d)) for d in late]),
        "daysBeyondTermsMean": four(Decimal(sum(max(0, d) for d in late)) / count),
        "daysToTermsWeighted": weighted([Decimal(d) for d in late]),
        "daysToTermsMean": four(Decimal(sum(late)) / count),
        "averageDaysToPay": four(Decimal(sum(to_pay)) / count),
        "onTimeRateByCount": four(Decimal(sum(d <= 0 for d in late)) / count),
        "onTimeRateByValue": weighted([Decimal(d <= 0) for d in late]),
        "disputedCount": len(disputed),
        "disputeRateByCount": four(Decimal(len(disputed)) / count),
        "disputeRateByValue": four(sum(disputed, Decimal(0)) / total),
        "highCredit": {"amount": str(Decimal(int(balance.max())) / 100), "date": top.date().isoformat()},
        "openAmount": "0.00",
        "overdueAmount": "0.00",
        "paymentIndex": weighted([index_of(d) for d in late]) if count >= 3 else None,
    }


def normal(metrics: dict[str, Any]) -> dict[str, Any]:
    """Amounts as numbers, so that 160.10 and 160.1 compare equal."""
    return {
        name: Decimal(value) if name.endswith("Amount") else value if name != "highCredit" else _high(value)
        for name, value in metrics.items()
    }


def _high(value: dict[str, str]) -> tuple[Decimal, str]:
    return Decimal(value["amount"]), value["date"]


@needs_real_file
def test_each_customers_metrics_equal_an_independent_computation(shell: Shell) -> None:
    """2,466 invoices of 100 customers, imported, sealed, indexed: every figure equals pandas on the raw file."""
    shell.ok("init")
    done = shell.json("import", "receivables", str(RECEIVABLES), "--simulate-counterparties")
    assert (done["lines"], done["recorded"], done["customersAdded"]) == (2466, 2466, 100)
    status = shell.json("status")
    assert status["evidence"]["final"] == done["evidence"] + 100
    assert sum(status["evidence"].values()) == status["evidence"]["final"]
    assert shell.json("import", "receivables", str(RECEIVABLES), "--simulate-counterparties")["recorded"] == 0

    rows = pd.read_csv(RECEIVABLES, dtype=str)
    reports = {report["party"]: report for report in shell.lines("history", "--all")}
    parties = {identifier: p["party"] for p in shell.lines("party", "list") for identifier in p["identifiers"]}
    customers = rows.groupby("customerID")
    assert len(customers) == 100
    with localcontext(prec=60):
        for customer, of_customer in customers:
            report = reports[parties[f"ERP:{customer}"]]
            metrics = report["asBuyer"]["USD"]
            expected = expected_metrics(of_customer)
            assert normal({name: metrics[name] for name in expected}) == normal(expected), customer
            assert metrics["evidence"]["mutual"] == "1.0000"
            assert (report["complete"], report["notCounted"], report["findings"]) == (True, [], [])
        owner = reports[parties["ERP:LEDGER-OWNER"]]
        expected = expected_metrics(rows)
        seller = owner["asSeller"]["USD"]
        assert normal({name: seller[name] for name in expected}) == normal(expected)


@pytest.mark.parametrize(
    ("line", "row", "column"),
    [
        (LINE.replace("55.94", "fifty"), 3, "InvoiceAmount"),
        (LINE.replace("55.94", "-1.00"), 3, "InvoiceAmount"),
        (LINE.replace("2/1/2013", "2013-02-01"), 3, "DueDate"),
        (LINE.replace("2/1/2013", "2/30/2013"), 3, "DueDate"),
        (LINE.replace("2/1/2013", "1/1/2013"), 3, "DueDate"),
        (LINE.replace("0379-NEVHP", ""), 3, "customerID"),
        (LINE.replace("0000611365", "7"), 3, "invoiceNumber"),
        (LINE.replace(",13,0", ""), 3, "(line)"),
    ],
)
def test_a_row_that_cant_be_read_is_named_and_nothing_is_recorded(
    tmp_path: Path, line: str, row: int, column: str
) -> None:
    """The whole file is checked first: an error names row and column, and nothing of the file is kept."""
    from tallystick.errors import MalformedRow
    from tallystick.intake.receivables import read_receivables

    data = HEADER + LINE.replace("0000611365", "7") + line
    with pytest.raises(MalformedRow) as refused:
        read_receivables(data.encode(), None, 1000).or_raise()
    assert (refused.value.row, refused.value.column) == (row, column)


def test_a_bad_file_ends_in_a_message(shell: Shell) -> None:
    """A bad row, another file's header, and bytes that are no text: exit 1, a sentence, nothing recorded."""
    shell.ok("init")
    (shell.folder / "row.csv").write_text(HEADER + LINE.replace("55.94", "fifty"))
    (shell.folder / "header.csv").write_text("a,b\n1,2\n")
    (shell.folder / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    message = shell.refused("import", "receivables", "row.csv", "--simulate-counterparties")
    assert "row 2, column 'InvoiceAmount'" in message
    assert "no ready-made mapping fits" in shell.refused("import", "receivables", "header.csv")
    assert "expected UTF-16" in shell.refused("import", "receivables", "bytes.csv")
    assert shell.json("status")["parties"] == 0


def test_a_ledger_of_strangers_is_self_reported(shell: Shell) -> None:
    """Customers who have not joined stay out of it: the supplier's statements enter its own log only."""
    shell.ok("init")
    (shell.folder / "one.csv").write_text(HEADER + LINE.replace(",No,", ",Yes,"))
    done = shell.json("import", "receivables", "one.csv")
    assert (done["recorded"], done["customersAdded"], done["unstatedDisputes"]) == (1, 0, 1)
    [report] = shell.lines("history", "ERP:LEDGER-OWNER")
    assert report["asBuyer"] == {}
    assert report["asSeller"]["USD"]["evidence"]["selfReported"] == "1.0000"


def ledger(lines: int, customers: int) -> str:
    """A made-up ledger in the same columns."""
    rows = (
        f"391,{i % customers:04}-ABCDE,4/6/2013,{i:010},1/2/2013,2/1/2013,{100 + i}.50,"
        f"{'Yes' if i % 5 == 0 else 'No'},{1 + i % 3}/15/2013,Paper,13,0\n"
        for i in range(lines)
    )
    return HEADER + "".join(rows)


def rows_written(shell: Shell) -> int:
    """How far the running import is: rows of evidence and of what the chain sealed."""
    with contextlib.closing(sqlite3.connect(f"file:{shell.home / 'ledger.sqlite3'}?mode=ro", uri=True)) as database:
        [(evidence,)] = database.execute("SELECT count(*) FROM evidence")
        [(batches,)] = database.execute("SELECT count(*) FROM batch")
    return int(evidence) + int(batches)


def test_kill_9_during_an_import_loses_nothing_and_seals_nothing_twice(shell: Shell) -> None:
    """Killed at random moments, restarted, imported again: every line is recorded once, sealed once, and final."""
    lines, customers = 1_500, 6
    disputed = sum(i % 5 == 0 for i in range(lines))
    expected = customers + 3 * lines + 2 * disputed
    shell.ok("init")
    (shell.folder / "ledger.csv").write_text(ledger(lines, customers))
    command = [*PROGRAM, "import", "receivables", "ledger.csv", "--simulate-counterparties", "--json"]
    dice = random.Random(20)
    left_by_the_killed: list[int] = []
    for _ in range(8):
        before = rows_written(shell)
        running = subprocess.Popen(command, cwd=shell.folder, env=shell.environment, stdout=subprocess.DEVNULL)
        while running.poll() is None and rows_written(shell) == before:
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, 0.8))
        if running.poll() is not None:
            break
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        left_by_the_killed.append(sum(shell.json("status")["evidence"].values()))
    assert left_by_the_killed == sorted(left_by_the_killed), "what was acknowledged is still there after each restart"
    assert any(0 < count < expected for count in left_by_the_killed), "at least one import was killed on its way"
    shell.ok("import", "receivables", "ledger.csv", "--simulate-counterparties")
    status = shell.json("status")
    assert {state: count for state, count in status["evidence"].items() if count} == {"final": expected}
    assert status["logEntries"] == 2 * expected
    reports = [json.loads(line) for line in shell.ok("history", "--all", "--json").splitlines()]
    assert sum(report["entryCount"] for report in reports) == 2 * expected
    assert all(report["notCounted"] == [] and report["findings"] == [] for report in reports)
    owner = next(report for report in reports if report["asSeller"])
    assert owner["asSeller"]["USD"]["invoiceCount"] == lines
