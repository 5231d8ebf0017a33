"""The metrics of 100 real customers equal an independent computation with pandas from the raw CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tallystick.credit.report import derive, to_json
from tallystick.protocol.types import PartyId

from .builders import SUPPLIER, Log, block, in_order, party

CSV = Path(__file__).parents[3] / "shared/data/receivables/WA_Fn-UseC_-Accounts-Receivable.csv"
END = "2014-01-31"
MIDDLE = "2013-06-30"
pytestmark = pytest.mark.skipif(not CSV.exists(), reason=f"the real receivables are not there: {CSV.name}")


@dataclass(frozen=True)
class Real:
    """The raw rows, and the log that states them."""

    rows: pd.DataFrame
    log: Log

    def up_to(self, day: str) -> list[Any]:
        """The entries of everything that had happened by ``day``, as a log."""
        limit = block(day).timestamp
        return in_order(entry for entry in self.log.entries if entry.evidence.occurred_at <= limit)


@pytest.fixture(scope="module")
def real() -> Real:
    """Every row: invoice, acknowledgement or dispute and withdrawal, payment on its settled date."""
    rows = pd.read_csv(CSV, dtype=str)
    for column in ("InvoiceDate", "DueDate", "SettledDate"):
        rows[column] = pd.to_datetime(rows[column], format="%m/%d/%Y")
    rows["amount"] = rows["InvoiceAmount"].map(Fraction)
    rows["late"] = (rows["SettledDate"] - rows["DueDate"]).dt.days
    log = Log()
    for row in rows.itertuples():
        customer = party(row.customerID)
        issued, due, settled = (f"{day:%Y-%m-%d}" for day in (row.InvoiceDate, row.DueDate, row.SettledDate))
        invoice = log.invoice(
            row.InvoiceAmount,
            due=due,
            issued=issued,
            currency="USD",
            buyer=customer,
            number=row.invoiceNumber,
            occurred=issued,
        )
        if row.Disputed == "Yes":
            log.resolve(log.dispute(invoice, by=customer), "withdrawn", customer)
        else:
            log.acknowledge(invoice, by=customer)
        log.pay(invoice, row.InvoiceAmount, settled, to=customer, currency="USD", occurred=settled)
    return Real(rows, log)


def text(value: Fraction | float) -> str:
    """A fraction to four places, half to even."""
    exact = Decimal(Fraction(value).numerator) / Decimal(Fraction(value).denominator)
    return f"{exact.quantize(Decimal('0.0001'), ROUND_HALF_EVEN):f}"


def expected(rows: pd.DataFrame) -> dict[str, Any]:
    """The metrics of paid invoices, computed from the columns in fractions."""
    count, total = len(rows), rows.amount.sum()
    beyond, on_time = rows.late.clip(lower=0), rows.late <= 0
    disputed = rows.Disputed == "Yes"
    changes = pd.concat([rows.set_index("InvoiceDate").amount, -rows.set_index("SettledDate").amount])
    balance = changes.groupby(level=0).sum().sort_index().cumsum()
    high = max(balance)
    return {
        "invoiceCount": count,
        "settledCount": count,
        "invoicedAmount": f"{Decimal(total.numerator) / total.denominator:.2f}",
        "daysBeyondTermsWeighted": text((rows.amount * beyond).sum() / total),
        "daysBeyondTermsMean": text(Fraction(int(beyond.sum()), count)),
        "daysToTermsWeighted": text((rows.amount * rows.late).sum() / total),
        "daysToTermsMean": text(Fraction(int(rows.late.sum()), count)),
        "averageDaysToPay": text(Fraction(int((rows.SettledDate - rows.InvoiceDate).dt.days.sum()), count)),
        "onTimeRateByCount": text(Fraction(int(on_time.sum()), count)),
        "onTimeRateByValue": text(Fraction(rows.amount[on_time].sum()) / total),
        "disputedCount": int(disputed.sum()),
        "disputeRateByCount": text(Fraction(int(disputed.sum()), count)),
        "disputeRateByValue": text(Fraction(rows.amount[disputed].sum()) / total),
        "highCredit": {
            "amount": f"{Decimal(high.numerator) / high.denominator:.2f}",
            "date": f"{balance.index[list(balance).index(high)]:%Y-%m-%d}",
        },
        "paymentIndex": text((rows.amount * rows.late.map(points)).sum() / total),
        "openAmount": "0.00",
    }


def points(late: int) -> Fraction:
    """The index of one invoice, written out line by line; no invoice of the file is later than 45 days."""
    if late <= -30:
        return Fraction(100)
    if late <= -20:
        return Fraction(90) - (late + 20)
    if late <= 0:
        return Fraction(80) - Fraction(late, 2)
    if late <= 15:
        return Fraction(80) - Fraction(2 * late, 3)
    if late <= 22:
        return Fraction(70) - Fraction(10 * (late - 15), 7)
    if late <= 30:
        return Fraction(60) - Fraction(10 * (late - 22), 8)
    return Fraction(50) - Fraction(late - 30, 3)


def customers(real: Real) -> Iterator[tuple[PartyId, pd.DataFrame]]:
    """Each customer with its rows."""
    for name, rows in real.rows.groupby("customerID"):
        yield party(str(name)), rows


def test_each_customers_metrics_equal_the_independent_computation(real: Real) -> None:
    """All 100 customers as buyers, each from its own log, and as tradelines of the supplier."""
    whole: Any = to_json(derive(SUPPLIER, real.log.entries, block(END)))
    lines = {line["counterparty"]: line for line in whole["tradelines"]}
    seen = 0
    for customer, rows in customers(real):
        own = in_order(e for e in real.log.entries if customer in (e.evidence.issuer, e.evidence.counterparty))
        report: Any = to_json(derive(customer, own, block(END)))
        want = expected(rows)
        for metrics in (report["asBuyer"]["USD"], lines["0x" + customer.hex()]):
            assert {key: metrics[key] for key in want} == want
        assert report["findings"] == []
        seen += 1
    assert seen == 100


def test_the_whole_file(real: Real) -> None:
    """On time 0.6444 by count and 0.6347 by value, 3.30 days before terms, 3.57 beyond, all of it mutual."""
    report: Any = to_json(derive(SUPPLIER, real.log.entries, block(END)))
    metrics = report["asSeller"]["USD"]
    want = expected(real.rows)
    assert {key: metrics[key] for key in want} == want
    assert (metrics["onTimeRateByCount"], metrics["onTimeRateByValue"]) == ("0.6444", "0.6347")
    assert (metrics["daysToTermsWeighted"], metrics["daysBeyondTermsWeighted"]) == ("-3.2994", "3.5711")
    assert metrics["evidence"] == {
        "mutual": "1.0000",
        "asserted": "0.0000",
        "disputed": "0.0000",
        "selfReported": "0.0000",
    }


def test_the_middle_of_the_file(real: Real) -> None:
    """On 2013-06-30: DSO 23.1508; open, overdue and ageing as the columns say."""
    report: Any = to_json(derive(SUPPLIER, real.up_to(MIDDLE), block(MIDDLE)))
    metrics = report["asSeller"]["USD"]
    day = pd.Timestamp(MIDDLE)
    rows = real.rows[(real.rows.InvoiceDate <= day) & (real.rows.SettledDate > day)]
    past_due = (day - rows.DueDate).dt.days
    assert date.fromisoformat(MIDDLE) == day.date()
    assert metrics["daysSalesOutstanding"] == "23.1508"
    assert Fraction(metrics["openAmount"]) == rows.amount.sum()
    assert Fraction(metrics["overdueAmount"]) == rows.amount[past_due > 0].sum()
    assert Fraction(metrics["ageing"]["d1to30"]) == rows.amount[(past_due > 0) & (past_due <= 30)].sum()
    assert metrics["experienceCount"] == metrics["settledCount"] + int((past_due > 0).sum())
