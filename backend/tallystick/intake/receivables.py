"""Accounts receivable from a table: one row an invoice, and whether it is disputed or paid.

Rules:

- the whole file is read and checked before anything is recorded; a row is good or rejected as a whole;
- an invoice number stands once in a file.

Example: ``read_receivables(data, None, 1_000_000).or_raise()[0].amount``.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from tallystick.errors import MalformedInput
from tallystick.intake.mapping import ColumnMapping
from tallystick.intake.rows import Cells, ReadRows, read_rows


@dataclass(frozen=True, slots=True)
class Receivable:
    """One invoice of the ledger; ``settled`` is the day it was paid in full, ``row`` its row in the file."""

    row: int
    customer: str
    invoice_number: str
    issue_date: datetime.date
    due_date: datetime.date
    amount: str
    currency: str
    disputed: bool
    settled: datetime.date | None


def read_receivables(data: bytes, mapping: ColumnMapping | None, max_rows: int) -> ReadRows[Receivable]:
    """The invoices of the table ``data``, through ``mapping`` or the ready-made one that fits the header.

    Raises:
        MalformedInput: no table, a missing column, or more than ``max_rows`` rows.
    """
    if mapping is not None and "dueDate" not in mapping.columns:
        raise MalformedInput(f"mapping {mapping.title}: expected [columns] dueDate, for a ledger says what is overdue.")
    return read_rows(data, mapping, max_rows, _read_row, lambda line: line.invoice_number)


def _read_row(cells: Cells) -> Receivable:
    _, customer = cells.identifier("customer", cells.mapping.customer_scheme)
    number = cells.name("invoiceNumber")
    amount = cells.amount("payableAmount")
    issued, due = cells.date("issueDate"), cells.date("dueDate")
    if due < issued:
        raise cells.error("dueDate", f"a date on or after the invoice date {issued}")
    settled = cells.date("settledDate") if cells.text("settledDate") else None
    return Receivable(
        row=cells.row,
        customer=customer,
        invoice_number=number,
        issue_date=issued,
        due_date=due,
        amount=amount,
        currency=cells.currency(),
        disputed=cells.text("disputed") in cells.mapping.disputed_values,
        settled=settled,
    )
