"""What a trade document states, as the content of evidence: the fields, and the file they came from.

Rules:

- a field is what the document says, spelled as evidence spells it; what it does not say is left out, unless it is
  an argument here: then it follows from what is recorded, and the caller knows how;
- a document without an identifier for a side, or with the same one for both, states nothing: it raises;
- the file is attached by the hash of its exact bytes.

Example: ``invoice_fields(invoice, "2026-02-14", [source])["payableAmount"]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tallystick.errors import MalformedDocument
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
    Source,
    TradeParty,
)
from tallystick.protocol.entry import Json

CLAIM = "remittance advice (claim)"
"""The ``method`` of a PAYMENT that its payer only announced."""
RESPONSE_NUMBER = "responseNumber"
"""The field by which an answer is known again."""

Fields = dict[str, Json]


def sides(document: Document) -> tuple[TradeParty, TradeParty]:
    """Who states ``document``, and to whom.

    Raises:
        MalformedDocument: a side has no identifier that holds, or both sides have the same one.
    """
    issuer, counterparty = named(document)
    for party in (issuer, counterparty):
        if not party.identifiers:
            raise MalformedDocument(
                "expected an identifier that holds (LEI, USCC, VAT, DUNS, GLN, or one with an ISO 6523 scheme), "
                f"got {'only the name ' + repr(party.name) if party.name else 'none'}.",
                element=party.element or "party",
                todo="A name names nobody: ask for the document with an identifier.",
            )
    if common := next((each for each in issuer.identifiers if each in counterparty.identifiers), None):
        raise MalformedDocument(
            f"expected two parties, got {':'.join(common)} on both sides.", element=counterparty.element or "party"
        )
    return issuer, counterparty


def named(document: Document) -> tuple[TradeParty, TradeParty]:
    """Who states ``document``, and to whom, however they are named."""
    match document:
        case Order() | ReceiptAdvice():
            return document.buyer, document.seller
        case OrderResponse() | DespatchAdvice() | Invoice() | CreditNote():
            return document.seller, document.buyer
        case InvoiceResponse():
            return document.sender, document.receiver
        case Remittance():
            return document.payer, document.payee


def documents(sources: Sequence[Source]) -> list[Json]:
    """The files behind an evidence, as its content names them."""
    return [
        {"sha256": each.sha256, "mediaType": each.media_type, "size": each.size, "name": each.name} for each in sources
    ]


def contract_fields(order: Order, terms_days: int, sources: Sequence[Source]) -> Fields:
    """The CONTRACT that the buyer offers with ``order``, to be paid within ``terms_days``."""
    return _said(
        sources,
        contractNumber=order.number,
        issuerRole="buyer",
        currency=order.currency,
        paymentTermsDays=terms_days,
        totalAmount=order.total,
        effectiveDate=order.issue_date,
        orderedQuantity=order.quantity,
        frameworkContract=order.contract,
    )


def sent_fields(despatch: DespatchAdvice, received_date: str, sources: Sequence[Source]) -> Fields:
    """The DELIVERY that the seller states with ``despatch``, which arrived on ``received_date``."""
    return _said(
        sources,
        deliveryNumber=despatch.number,
        receivedDate=received_date,
        orderNumber=despatch.order,
        **_carriage(despatch),
    )


def received_fields(receipt: ReceiptAdvice, despatch: DespatchAdvice | None, sources: Sequence[Source]) -> Fields:
    """The DELIVERY that the buyer states with ``receipt``, of what ``despatch`` announced."""
    return _said(
        sources,
        deliveryNumber=receipt.number,
        receivedDate=receipt.received_date,
        orderNumber=receipt.order,
        despatchNumber=receipt.despatch,
        receivedQuantity=receipt.received,
        **_counted(receipt),
        **_carriage(despatch),
    )


def accepted_fields(receipt: ReceiptAdvice, sources: Sequence[Source]) -> Fields:
    """The buyer's ACKNOWLEDGEMENT of a DELIVERY: what was received and not rejected."""
    accepted = receipt.received
    if accepted is not None and receipt.rejected is not None:
        left = max(Decimal(accepted) - Decimal(receipt.rejected), Decimal(0))
        accepted = f"{left:f}"
    return _said(
        sources,
        acceptedQuantity=accepted,
        **_counted(receipt),
        receiptNumber=receipt.number,
    )


def invoice_fields(invoice: Invoice, due_date: str, sources: Sequence[Source]) -> Fields:
    """The INVOICE that the seller states, due on ``due_date``."""
    return _said(
        sources,
        invoiceNumber=invoice.number,
        issueDate=invoice.issue_date,
        dueDate=due_date,
        currency=invoice.currency,
        payableAmount=invoice.payable,
        taxAmount=invoice.tax,
        orderNumber=invoice.order,
        contractNumber=invoice.contract,
        despatchNumber=invoice.despatch,
        billingReference=invoice.corrects,
        paymentReference=invoice.payment_reference,
    )


def replacement_fields(invoice: Invoice, due_date: str, sources: Sequence[Source]) -> Fields:
    """The CORRECTION by which ``invoice`` takes the place of the one that it corrects."""
    return {"correctionType": "replaced", **invoice_fields(invoice, due_date, sources)}


def credit_fields(note: CreditNote, sources: Sequence[Source]) -> Fields:
    """The CORRECTION that takes ``note``'s amount back."""
    return _said(
        sources,
        correctionType="credited",
        creditNoteNumber=note.number,
        issueDate=note.issue_date,
        creditAmount=note.amount,
        currency=note.currency,
        reason=note.reason,
    )


def answer_fields(answer: InvoiceResponse, sources: Sequence[Source]) -> Fields:
    """What an ACKNOWLEDGEMENT or SIGNAL says of ``answer``."""
    return _said(
        sources,
        **_answered(answer),
        responseReason=answer.reason_code,
        note=answer.reason,
    )


def dispute_fields(answer: InvoiceResponse, amount: str, currency: str, sources: Sequence[Source]) -> Fields:
    """The DISPUTE of the whole ``amount`` of an invoice: a response does not say how much of it is in question."""
    return _said(
        sources,
        reasonCode=answer.reason_code or answer.code,
        disputedAmount=amount,
        currency=currency,
        description=answer.reason,
        **_answered(answer),
    )


def claim_fields(
    remittance: Remittance,
    reference: str,
    amount: str,
    allocations: Sequence[tuple[str, str]],
    sources: Sequence[Source],
    same_as: str | None = None,
) -> Fields:
    """The PAYMENT of ``amount`` that the payer claims; ``allocations`` are (evidence id of an invoice, amount).

    ``same_as`` is the payee's own PAYMENT of the same money, where it is recorded.
    """
    return _said(
        sources,
        paymentReference=reference,
        valueDate=remittance.issue_date,
        currency=remittance.currency,
        amount=amount,
        allocations=[{"invoice": invoice, "amount": share} for invoice, share in allocations],
        method=CLAIM,
        samePayment=same_as,
    )


def _said(sources: Sequence[Source], **fields: Json) -> Fields:
    """Those of ``fields`` that are said, and the files that say them."""
    return {name: value for name, value in (*fields.items(), ("documents", documents(sources))) if value is not None}


def _carriage(despatch: DespatchAdvice | None) -> Fields:
    """What was sent, by whom; nothing of it where there is no ``despatch`` advice."""
    if despatch is None:
        return {}
    return {
        "despatchedQuantity": despatch.quantity,
        "carrier": despatch.carrier,
        "trackingNumber": despatch.tracking_number,
    }


def _answered(answer: InvoiceResponse) -> Fields:
    """By what an answer is known again."""
    return {"responseCode": answer.code, RESPONSE_NUMBER: answer.number}


def _counted(receipt: ReceiptAdvice) -> Fields:
    """What was wrong with what arrived."""
    return {"shortQuantity": receipt.short, "rejectedQuantity": receipt.rejected, "reason": receipt.reason}
