"""The catalogue: recorded evidence by the names that trade documents have for it, so that none is read to find one.

Rules:

- a name says whose evidence it is, of what sort, and the number or values that a document tells; it is kept as a
  digest, which has one length however long a number is;
- the catalogue follows the evidence: whoever looks something up brings it up to date first, in the same transaction;
- what is erased has no name any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum

from tallystick.intake.documents import (
    CreditNote,
    DespatchAdvice,
    Document,
    Invoice,
    InvoiceResponse,
    Order,
    OrderResponse,
    ReceiptAdvice,
    Remittance,
)
from tallystick.intake.likeness import Billed, compared
from tallystick.protocol import content
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId, to_hex
from tallystick.service.documents.kept import Bill, Kept
from tallystick.service.documents.naming import spelled
from tallystick.service.ports import Transaction

KINDS = (
    Kind.CONTRACT,
    Kind.DELIVERY,
    Kind.INVOICE,
    Kind.PAYMENT,
    Kind.ACKNOWLEDGEMENT,
    Kind.DISPUTE,
    Kind.RESOLUTION,
    Kind.CORRECTION,
    Kind.SIGNAL,
)
AT_ONCE = 1_000
_NAME_BYTES = 16


class Sort(StrEnum):
    """Of what sort a name is: by what a document finds an evidence."""

    CONTRACT = "contract"
    DELIVERY = "delivery"
    ARRIVAL = "arrival"
    """The DELIVERY that answers a despatch advice, by the number of that."""
    BILL = "bill"
    """A version of an invoice, by its number."""
    SPELLED = "spelled"
    """The same, by its number as numbers are compared."""
    VALUES = "values"
    """The same, by all that it bills but its number."""
    CREDIT = "credit"
    PAYMENT = "payment"


_NUMBERS: Mapping[Kind, tuple[tuple[Sort, str], ...]] = {
    Kind.CONTRACT: ((Sort.CONTRACT, "contractNumber"),),
    Kind.DELIVERY: ((Sort.DELIVERY, "deliveryNumber"), (Sort.ARRIVAL, "despatchNumber")),
    Kind.INVOICE: ((Sort.BILL, "invoiceNumber"),),
    Kind.CORRECTION: ((Sort.BILL, "invoiceNumber"), (Sort.CREDIT, "creditNoteNumber")),
    Kind.PAYMENT: ((Sort.PAYMENT, "paymentReference"),),
}


def name_of(issuer: PartyId, sort: Sort, *told: str) -> bytes:
    """The name of evidence of ``issuer``: 16 bytes."""
    text = "\x1f".join((sort.value, *told)).encode()
    return hashlib.sha256(issuer + text).digest()[:_NAME_BYTES]


def likely_names(seller: PartyId, billed: Billed) -> tuple[bytes, bytes]:
    """The names of invoices that may be like ``billed``: by its number as compared, and by its values."""
    buyer, issued, currency, amount = billed.values
    values = (buyer, issued, currency, f"{amount.normalize():f}")
    return name_of(seller, Sort.SPELLED, compared(billed.number)), name_of(seller, Sort.VALUES, *values)


def names_of(kept: Kept, bill: Bill | None) -> Iterator[bytes]:
    """The names of ``kept``, which is a version of ``bill`` if of any."""
    evidence = kept.record.evidence
    for sort, field in _NUMBERS.get(Kind(evidence.kind), ()):
        if (number := kept.text(field)) is not None:
            yield name_of(evidence.issuer, sort, number)
    if bill is not None and kept.text("invoiceNumber") is not None:
        billed = bill.billed_by(kept)
        if billed is not None:
            yield from likely_names(evidence.issuer, billed)


def names_asked(document: Document, issuer: PartyId | None, other: PartyId | None) -> Iterator[bytes]:
    """The names that a ``document`` from ``issuer`` to ``other`` is going to ask for, as far as they can be told."""
    for party, sort, number in _asked(document, issuer, other):
        if party is not None and number is not None:
            yield name_of(party, sort, number)
    if isinstance(document, Invoice) and issuer is not None and document.buyer.identifiers:
        for buyer in {spelled(document.buyer)} | (set() if other is None else {to_hex(other)}):
            values = (document.issue_date, document.currency, Decimal(document.payable))
            yield from likely_names(issuer, Billed(document.number, buyer, *values))


def _asked(
    document: Document, issuer: PartyId | None, other: PartyId | None
) -> Iterator[tuple[PartyId | None, Sort, str | None]]:
    contracts: tuple[str | None, ...] = ()
    match document:
        case Order():
            contracts = (document.number,)
        case OrderResponse():
            contracts = (document.order,)
        case DespatchAdvice():
            contracts = (document.order,)
            yield issuer, Sort.DELIVERY, document.number
            yield other, Sort.ARRIVAL, document.number
        case ReceiptAdvice():
            contracts = (document.order,)
            yield issuer, Sort.DELIVERY, document.number
            yield other, Sort.DELIVERY, document.despatch
        case Invoice():
            contracts = document.order, document.contract
            yield issuer, Sort.BILL, document.number
            yield issuer, Sort.BILL, document.corrects
        case CreditNote():
            yield issuer, Sort.BILL, document.invoice
            yield issuer, Sort.CREDIT, document.number
        case InvoiceResponse():
            yield other, Sort.BILL, document.invoice
        case Remittance():
            yield issuer, Sort.PAYMENT, document.number
            for invoice, _ in document.allocations:
                yield other, Sort.BILL, invoice
    for number in contracts:
        yield issuer, Sort.CONTRACT, number
        yield other, Sort.CONTRACT, number


def bring_up_to_date(transaction: Transaction, known: Mapping[EvidenceId, frozenset[bytes]]) -> bool:
    """Put some evidence into the catalogue that is not in it yet; whether there may be more.

    ``known`` has the names of some of it.
    """
    placed, to = transaction.uncatalogued(map(int, KINDS), AT_ONCE)
    if to is None:
        return False
    names: list[tuple[bytes, int]] = []
    for at, record in placed:
        own = known.get(record.evidence_id)
        if own is None:
            kept = Kept(record, content.parse_all(record.disclosures), at)
            own = frozenset(names_of(kept, _bill_of(transaction, kept)))
        names += ((name, at) for name in own)
    transaction.add_names(names, to)
    return len(placed) == AT_ONCE


def _bill_of(transaction: Transaction, kept: Kept) -> Bill | None:
    """The invoice that ``kept`` is, or corrects in its issuer's name, however many corrections are between."""
    above, seller = kept, kept.record.evidence.issuer
    while above.record.evidence.kind == Kind.CORRECTION:
        parent = above.record.evidence.parent
        found = transaction.evidence([parent]).get(parent)
        if parent == ZERO32 or found is None:
            return None
        above = Kept(found, content.parse_all(found.disclosures), 0)
    evidence = above.record.evidence
    return Bill(above, [above]) if evidence.kind == Kind.INVOICE and evidence.issuer == seller else None
