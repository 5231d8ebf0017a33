"""Invoices, their replacements and credit notes: stated by the seller, each once, none that is like another.

Rules:

- an invoice to a party with a contract names it; to anybody else it is self-reported, as a ledger's lines are;
- the due date is the document's, else the contract's or the user's days to pay are counted from its issue;
- the same invoice in other bytes or another format is known; one that differs from what is recorded, or is nearly
  another, is held back.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from tallystick.errors import MalformedDocument
from tallystick.intake import stating
from tallystick.intake.documents import CreditNote, Invoice
from tallystick.intake.likeness import Billed, Likeness, likeness
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, DealId, to_hex
from tallystick.service.documents.batch import Sheet
from tallystick.service.documents.desk import Desk
from tallystick.service.documents.kept import Bill, Kept
from tallystick.service.documents.naming import spelled
from tallystick.service.documents.outcomes import Reason, Status, Stop
from tallystick.store.records import EvidenceRecord, PartyRecord

_CUSTOMER = "customer"
"""The field of a self-reported invoice that says whom it bills."""


def state_invoice(desk: Desk, invoice: Invoice, sheet: Sheet) -> list[EvidenceRecord]:
    """The INVOICE that ``invoice`` states, or the CORRECTION by which it takes the place of another."""
    seller = desk.issuer(invoice.seller)
    customer = desk.customer(invoice.buyer)
    if customer is not None and customer.party == seller.party:
        raise Stop(Status.HELD, Reason.ONE_PARTY, name=seller.name)
    known = desk.books.bill(seller.party, invoice.number)
    if known is not None:
        same = _same_version(known, invoice, customer)
        if same is not None:
            return [same]
        if not (invoice.replaces and invoice.corrects == invoice.number):
            raise Stop(Status.HELD, Reason.DIFFERS, number=invoice.number, recorded=_shown(known))
    if invoice.replaces:
        return [_replace(desk, seller, customer, invoice, sheet)]
    contract = None if customer is None else desk.deal(seller, customer, [invoice.order, invoice.contract])
    buyer = customer if contract is not None else None
    _refuse_alike(desk, seller, invoice, _billed(invoice, _name_of(buyer, invoice)))
    fields = stating.invoice_fields(invoice, _due_date(desk, invoice, contract), [sheet.source])
    if buyer is None:
        fields[_CUSTOMER] = spelled(invoice.buyer)
    deal = DealId(ZERO32) if contract is None else contract.record.evidence.deal
    return [desk.state(Kind.INVOICE, seller, buyer, fields, invoice.issue_date, deal=deal)]


def fingerprint(desk: Desk, invoice: Invoice) -> str:
    """The name of ``invoice`` in every format; its sides are known by their parties, else by their identifiers."""
    seller, customer = desk.issuer(invoice.seller), desk.customer(invoice.buyer)
    billed = _billed(invoice, _name_of(customer, invoice))
    return billed.fingerprint(desk.fingerprint_key(), to_hex(seller.party))


def _name_of(buyer: PartyRecord | None, invoice: Invoice) -> str:
    return spelled(invoice.buyer) if buyer is None else to_hex(buyer.party)


def _billed(invoice: Invoice, buyer: str) -> Billed:
    return Billed(invoice.number, buyer, invoice.issue_date, invoice.currency, Decimal(invoice.payable))


def _same_version(bill: Bill, invoice: Invoice, customer: PartyRecord | None) -> EvidenceRecord | None:
    """The version of ``bill`` that bills what ``invoice`` does, until the day that it states, or None."""
    is_self_reported = bill.buyer == ZERO32
    for version in (bill.base, *bill.versions):
        past = Bill(bill.base, [version]).billed()
        if past is None:
            continue
        buyer = spelled(invoice.buyer) if is_self_reported else _name_of(customer, invoice)
        if is_self_reported and past.buyer in map(":".join, invoice.buyer.identifiers):
            buyer = past.buyer
        is_same = likeness(past, _billed(invoice, buyer)) is Likeness.SAME
        if is_same and invoice.due_date in (None, version.text("dueDate")):
            return version.record
    return None


def _shown(bill: Bill) -> str:
    billed, now = bill.billed(), bill.current
    if billed is None or now is None:
        return "?"
    return f"{billed.number}: {billed.amount} {billed.currency}, {billed.issue_date} / {now.text('dueDate')}"


def _refuse_alike(desk: Desk, seller: PartyRecord, invoice: Invoice, billed: Billed) -> None:
    found = desk.books.alike(seller.party, billed)
    if found is None:
        return
    other, how = found
    if how is Likeness.NUMBER and desk.rules.allow_similar:
        return
    facts = {"number": invoice.number, "recorded": _shown(other), "how": how.value}
    raise Stop(Status.HELD, Reason.ALIKE, **facts, evidence=to_hex(other.base.record.evidence_id))


def _due_date(desk: Desk, invoice: Invoice, contract: Kept | None) -> str:
    """The day until which ``invoice`` is to be paid."""
    if invoice.due_date is not None:
        if invoice.due_date < invoice.issue_date:
            raise MalformedDocument(
                f"expected on or after the issue date {invoice.issue_date}, got {invoice.due_date}.",
                element=invoice.due_element,
            )
        return invoice.due_date
    agreed = None if contract is None else contract.fields.get("paymentTermsDays")
    days = agreed if isinstance(agreed, int) else desk.rules.terms_days
    if days is None:
        raise Stop(Status.HELD, Reason.NO_DUE_DATE, element=invoice.due_element)
    try:
        return (date.fromisoformat(invoice.issue_date) + timedelta(days=days)).isoformat()
    except OverflowError as error:
        raise MalformedDocument(
            f"expected a due date, got {days} days after {invoice.issue_date}.", element=invoice.due_element
        ) from error


def _replace(
    desk: Desk, seller: PartyRecord, customer: PartyRecord | None, invoice: Invoice, sheet: Sheet
) -> EvidenceRecord:
    bill = _bill_to(desk, seller, customer, invoice.corrects)
    deal = bill.base.record.evidence.deal
    contract = None
    if customer is not None:
        agreed = desk.books.agreed(seller.party, customer.party)
        contract = next((each for each in agreed if each.record.evidence.deal == deal), None)
    fields = stating.replacement_fields(invoice, _due_date(desk, invoice, contract), [sheet.source])
    buyer = None if bill.buyer == ZERO32 else customer
    return desk.state(Kind.CORRECTION, seller, buyer, fields, invoice.issue_date, deal=deal, parent=bill.base.record)


def state_credit(desk: Desk, note: CreditNote, sheet: Sheet) -> list[EvidenceRecord]:
    """The CORRECTION that takes ``note``'s amount back from its invoice."""
    seller = desk.issuer(note.seller)
    customer = desk.customer(note.buyer)
    bill = _bill_to(desk, seller, customer, note.invoice)
    now = bill.current
    if now is not None and now.text("currency") != note.currency:
        raise Stop(Status.HELD, Reason.OTHER_CURRENCY, number=note.invoice, currency=note.currency)
    known = desk.books.credit(seller.party, bill.buyer, note.number)
    if known is not None:
        told = Decimal(known.text("creditAmount") or "-1"), known.text("currency")
        if (
            told != (Decimal(note.amount), note.currency)
            or known.record.evidence.parent != bill.base.record.evidence_id
        ):
            raise Stop(Status.HELD, Reason.DIFFERS, number=note.number, recorded=f"{told[0]} {told[1]}")
        return [known.record]
    fields = stating.credit_fields(note, [sheet.source])
    buyer = None if bill.buyer == ZERO32 else customer
    deal = bill.base.record.evidence.deal
    return [desk.state(Kind.CORRECTION, seller, buyer, fields, note.issue_date, deal=deal, parent=bill.base.record)]


def _bill_to(desk: Desk, seller: PartyRecord, customer: PartyRecord | None, number: str | None) -> Bill:
    """The invoice of ``seller`` to ``customer`` with that ``number``, which is not cancelled. Raises ``Stop``."""
    bill = None if number is None else desk.books.bill(seller.party, number)
    if bill is None or number is None:
        raise Stop(Status.WAITS, Reason.NO_INVOICE, number=number or "?", name=seller.name)
    if bill.buyer != ZERO32 and (customer is None or bill.buyer != customer.party):
        raise Stop(Status.HELD, Reason.OTHER_PARTY, name="?" if customer is None else customer.name, number=number)
    if bill.current is None:
        raise Stop(Status.HELD, Reason.CANCELLED, number=number)
    return bill
