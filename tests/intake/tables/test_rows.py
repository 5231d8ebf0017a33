"""Rows of a table: good, or rejected as a whole with the reason, and never half of either."""

from __future__ import annotations

import csv
import datetime
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.tables import table_files as made
from tallystick.errors import MalformedInput, MalformedRow
from tallystick.intake.documents import Invoice, TradeParty
from tallystick.intake.mapping import parse_mapping
from tallystick.intake.readers import Options, read_file
from tallystick.intake.receivables import Receivable, read_receivables
from tallystick.intake.rows import REPORT, ReadRows, rejected_csv


def read(text: str, mapping: str = made.MAPPING, max_rows: int = 100) -> ReadRows[Receivable]:
    return read_receivables(text.encode("cp1252"), parse_mapping(mapping.encode(), "mine.toml"), max_rows)


BAD = [
    (made.row(Customer=""), "Customer", "printable ASCII"),
    (made.row(Customer="客户".encode().decode("latin-1")[:1]), "Customer", "printable ASCII"),
    (made.row(Invoice="6113 65"), "Invoice", "printable ASCII"),
    (made.row(Date="2026-01-02"), "Date", "%d.%m.%Y"),
    (made.row(Date="31.02.2026"), "Date", "%d.%m.%Y"),
    (made.row(Due="01.01.2026"), "Due", "on or after the invoice date 2026-01-02"),
    (made.row(Due=""), "Due", "%d.%m.%Y"),
    (made.row(Paid="soon"), "Paid", "%d.%m.%Y"),
    (made.row(Amount="1250.50"), "Amount", "1.250,00"),
    (made.row(Amount="12.50,00"), "Amount", "1.250,00"),
    (made.row(Amount=".250,00"), "Amount", "1.250,00"),
    (made.row(Amount="1250,"), "Amount", "1.250,00"),
    (made.row(Amount="-1,00"), "Amount", "without sign"),
    (made.row(Amount="1e3"), "Amount", "1.250,00"),
    (made.ROW[:-1], "(line)", "8 columns"),
    ((*made.ROW, "more"), "(line)", "8 columns"),
    (made.ROW, "Invoice", "row 2 has it too"),
]


@pytest.mark.parametrize(("bad", "column", "expected"), BAD)
def test_a_row_that_can_not_be_read_is_rejected_and_the_others_are_good(
    bad: tuple[str, ...], column: str, expected: str
) -> None:
    """Row and column, what was expected, and what was got; the rows around it are read."""
    result = read(made.csv_text(made.ROW, bad, made.row(Invoice="3")))
    (rejected,) = result.rejected
    assert (rejected.error.row, rejected.error.column) == (3, column)
    assert expected in rejected.error.expected
    assert rejected.error.got
    assert [line.row for line in result.good] == [2, 4]
    with pytest.raises(MalformedRow):
        result.or_raise()


def test_an_identifier_with_check_digits_has_to_hold() -> None:
    """A customer named by its LEI, USCC, VAT, DUNS or GLN is that one, or nobody."""
    mapping = made.MAPPING.replace("[values]", '[values]\ncustomerScheme = "USCC"')
    wrong, right = made.row(Customer="91350211M000100Y43"), made.row(Customer="91110000600037341L")
    result = read(made.csv_text(wrong, right), mapping)
    assert [each.error.column for each in result.rejected] == ["Customer"]
    assert [line.customer for line in result.good] == ["91110000600037341L"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (made.csv_text().replace("Amount", "Betrag"), "the column 'Amount' once"),
        (made.csv_text().replace("Name", "Name;Amount"), "the column 'Amount' once"),
        (made.csv_text(*[made.row(Invoice=str(at)) for at in range(101)]), "at most 100 rows"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_as_a_whole(text: str, says: str) -> None:
    """A column that is missing or there twice, and too many rows."""
    with pytest.raises(MalformedInput, match=says):
        read(text)


def test_a_ledger_has_to_say_what_is_overdue() -> None:
    """A mapping without the due date does for invoices, not for a ledger."""
    with pytest.raises(MalformedInput, match="dueDate"):
        read(made.csv_text(made.ROW), made.MAPPING.replace('dueDate = "Due"', ""))


def test_a_row_is_read_as_its_mapping_says() -> None:
    """Marks of thousands and decimals, dates, and what is disputed or paid."""
    paid = made.row(Invoice="2", Amount="7", Disputed="yes", Paid="15.01.2026")
    result = read(made.csv_text(made.ROW, paid))
    day = datetime.date
    assert result.good == (
        Receivable(2, "C1", "611365", day(2026, 1, 2), day(2026, 2, 1), "1250.50", "EUR", False, None),
        Receivable(3, "C1", "2", day(2026, 1, 2), day(2026, 2, 1), "7", "EUR", True, day(2026, 1, 15)),
    )
    assert result.read_as == "Windows-1252, semicolon"


def test_a_corrected_report_of_rejected_rows_is_imported_with_the_same_mapping() -> None:
    """It has the columns of the file behind the reasons, in UTF-8; reporting again reports no reasons of reasons."""
    first = read(made.csv_text(made.ROW, made.row(Invoice="2", Amount="?"), made.ROW[:-1]))
    report = rejected_csv(first.header, first.rejected)
    rows = list(csv.reader(io.StringIO(report.decode("utf-8-sig"))))
    assert rows[0] == [*REPORT, *made.HEADER]
    assert rows[1][:2] == ["3", "Amount"]
    assert rows[1][5:] == list(made.row(Invoice="2", Amount="?"))
    assert rows[2][:4] == ["4", "(line)", "8 columns", "7"]
    corrected = report.replace(b",?,", b',"12,50",')
    mapping = parse_mapping(made.MAPPING.replace("[values]", '[values]\nencoding = "GB18030"').encode(), "m")
    second = read_receivables(corrected, mapping, 100)
    assert [(line.invoice_number, line.amount) for line in second.good] == [("2", "12.50"), ("611365", "1250.50")]
    second = read_receivables(report, mapping, 100)
    again = list(csv.reader(io.StringIO(rejected_csv(second.header, second.rejected).decode("utf-8-sig"))))
    assert again[0] == [*REPORT, *made.HEADER]
    assert [row[:2] + row[5:] for row in again[1:]] == [["2", "Amount", *made.row(Invoice="2", Amount="?")]]


def test_a_report_of_rejected_rows_keeps_a_column_that_is_called_like_one_of_its_own() -> None:
    """Only where all of its columns come first, the file is a report itself."""
    header, row = (*made.HEADER, "expected", "todo"), (*made.row(Amount="?"), "01.03.2026", "call them")
    rejected = read("".join(";".join(each) + "\r\n" for each in (header, row)))
    report = list(csv.reader(io.StringIO(rejected_csv(rejected.header, rejected.rejected).decode("utf-8-sig"))))
    assert report[0] == [*REPORT, *header]
    assert report[1][5:] == list(row)


@given(st.decimals(0, 10**12, places=2, allow_nan=False))
def test_an_amount_is_exact_however_it_is_spelled(value: Decimal) -> None:
    """With and without marks of thousands, to the cent."""
    grouped = f"{value:,.2f}".replace(",", "x").replace(".", ",").replace("x", ".")
    for spelled in (grouped, f"{value:.2f}".replace(".", ",")):
        (line,) = read(made.csv_text(made.row(Amount=spelled))).or_raise()
        assert Decimal(line.amount) == value


def invoices(text: str, mapping: str = made.MAPPING) -> tuple[object, ...]:
    return read_file("ledger.csv", text.encode(), Options(mapping.encode())).items


def test_a_table_without_a_supplier_bills_for_nobody() -> None:
    """The sentence says where to name it, and that a ledger is imported otherwise."""
    with pytest.raises(MalformedInput, match="says who bills") as caught:
        invoices(made.csv_text(made.ROW), made.MAPPING.replace(f'supplier = "VAT:{made.SELLER_VAT}"', ""))
    assert "tallystick import receivables" in caught.value.todo


def test_each_row_of_a_table_is_an_invoice_or_says_why_not() -> None:
    """As any other document says it; without a due date there is none."""
    good, late, bad = invoices(made.csv_text(made.ROW, made.row(Invoice="2", Due=""), made.row(Invoice="3", Date="x")))
    assert good == Invoice(
        number="611365",
        issue_date="2026-01-02",
        due_date="2026-02-01",
        seller=TradeParty((("VAT", made.SELLER_VAT),), None, "supplier"),
        buyer=TradeParty((("ERP", "C1"),), "Größe GmbH", "Customer"),
        currency="EUR",
        payable="1250.50",
        tax=None,
        order=None,
        contract=None,
        despatch=None,
        corrects=None,
        replaces=False,
        payment_reference=None,
        due_element="row 2, column 'Due'",
    )
    assert isinstance(late, Invoice)
    assert late.due_date is None
    assert isinstance(bad, MalformedRow)


def test_one_table_may_hold_the_invoices_of_several_suppliers() -> None:
    """A column names them; the same number of two suppliers is two invoices."""
    mapping = (
        made.MAPPING.replace(f'supplier = "VAT:{made.SELLER_VAT}"', 'supplierScheme = "VAT"')
        .replace("[columns]", '[columns]\nsupplier = "Disputed"')
        .replace('disputed = "Disputed"', "")
    )
    rows = [made.row(Disputed="DE136695976"), made.row(Disputed="ATU13585627"), made.row(Disputed="nobody!")]
    one, other, bad = invoices(made.csv_text(*rows), mapping)
    assert isinstance(one, Invoice)
    assert isinstance(other, Invoice)
    assert one.seller != other.seller
    assert isinstance(bad, MalformedRow)
