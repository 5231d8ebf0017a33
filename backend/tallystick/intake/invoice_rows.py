"""Invoices from a table: one row an invoice, as any other document says it.

Rules:

- who bills is named by the mapping for all rows, or by a column of each;
- a due date may be missing: it follows from the terms, or holds the invoice back;
- what a ledger says beyond the invoice (disputes, payments) is not the invoice's: see ``intake/receivables.py``.
"""

from __future__ import annotations

from tallystick.errors import MalformedInput
from tallystick.intake.documents import Invoice, TradeParty
from tallystick.intake.mapping import ColumnMapping, parse_mapping
from tallystick.intake.rows import Cells, ReadRows, read_rows

MAX_ROWS = 1_000_000


def read_invoice_rows(data: bytes, mapping: bytes | None) -> ReadRows[Invoice]:
    """The invoices of the table ``data``, through the TOML text ``mapping`` or the ready-made one that fits the header.

    Raises:
        MalformedInput: no table or no mapping, a missing column, or too many rows.
    """
    chosen = None if mapping is None else parse_mapping(mapping, "--mapping")
    return read_rows(data, chosen, MAX_ROWS, _read_row, lambda made: (made.seller.identifiers, made.number))


def _read_row(cells: Cells) -> Invoice:
    mapping = cells.mapping
    due_column = mapping.columns.get("dueDate", "dueDate")
    issued = cells.date("issueDate")
    due = cells.date("dueDate") if cells.text("dueDate") else None
    if due is not None and due < issued:
        raise cells.error("dueDate", f"a date on or after the invoice date {issued}")
    customer = cells.identifier("customer", mapping.customer_scheme)
    return Invoice(
        number=cells.name("invoiceNumber"),
        issue_date=issued.isoformat(),
        due_date=None if due is None else due.isoformat(),
        seller=TradeParty((_seller(cells, mapping),), None, mapping.columns.get("supplier", "supplier")),
        buyer=TradeParty((customer,), cells.text("customerName") or None, mapping.columns["customer"]),
        currency=cells.currency(),
        payable=cells.amount("payableAmount"),
        tax=None,
        order=cells.text("orderNumber") or None,
        contract=None,
        despatch=None,
        corrects=None,
        replaces=False,
        payment_reference=cells.text("paymentReference") or None,
        due_element=f"row {cells.row}, column {due_column!r}",
    )


def _seller(cells: Cells, mapping: ColumnMapping) -> tuple[str, str]:
    if "supplier" in mapping.columns:
        return cells.identifier("supplier", mapping.supplier_scheme)
    if mapping.supplier is None:
        raise MalformedInput(
            f"mapping {mapping.title}: expected [values] supplier or [columns] supplier, which says who bills.",
            todo="Add it; or import a whole ledger with `tallystick import receivables`.",
        )
    return mapping.supplier
