"""Rows of a receivables ledger as spreadsheets write them, and the ones that are refused."""

from __future__ import annotations

import pytest

from tallystick.errors import MalformedInput, MalformedRow
from tallystick.intake.drafts import parse_drafts
from tallystick.intake.receivables import Receivable, read_receivables

HEADER = (
    "countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate,"
    "PaperlessBill,DaysToSettle,DaysLate"
)
ROW = "391,0379-NEVHP,4/6/2013,611365,1/2/2013,2/1/2013,55.94,No,1/15/2013,Paper,13,0"


def read(text: str) -> list[Receivable]:
    return list(read_receivables(text.encode(), None, max_rows=100).or_raise())


@pytest.mark.parametrize(
    ("was", "now", "column"),
    [
        ("611365", "6113\x0065", "invoiceNumber"),
        ("611365", "6113 65", "invoiceNumber"),
        ("0379-NEVHP", "客户", "customerID"),
        ("55.94", "-55.94", "InvoiceAmount"),
    ],
)
def test_an_unreadable_value_names_its_row_and_column(was: str, now: str, column: str) -> None:
    """Control characters, blanks, other scripts and signs are refused where they stand."""
    with pytest.raises(MalformedRow) as refused:
        read(f"{HEADER}\n{ROW.replace('611365', '611364')}\n{ROW.replace(was, now)}\n")
    assert "row 3" in str(refused.value)
    assert column in str(refused.value)


def test_a_spreadsheets_file_reads_like_a_plain_one() -> None:
    """A byte order mark, line ends of two characters, and blank lines change nothing."""
    assert read(f"\ufeff{HEADER}\r\n\r\n{ROW}\r\n")[0].invoice_number == read(f"{HEADER}\n{ROW}\n")[0].invoice_number


@pytest.mark.parametrize("kind", ["[1]", "{}", "null", "7"])
def test_a_kind_that_is_no_text_is_refused(kind: str) -> None:
    """The kind of a draft is a name; any other JSON value is refused as such."""
    with pytest.raises(MalformedInput, match="kind: expected one of CONTRACT"):
        parse_drafts(f'{{"kind": {kind}, "issuer": "Supplier", "content": {{}}}}'.encode())
