"""Orders and deliveries: a CONTRACT by the buyer that the seller signs too, a DELIVERY that the buyer confirms.

::

    Order ------------> CONTRACT, signed by the buyer        OrderResponse AP ----> signed by the seller too
    DespatchAdvice ---> DELIVERY by the seller, where it says when it arrived; else it waits
    ReceiptAdvice ----> ACKNOWLEDGEMENT of that delivery, or a DELIVERY by the buyer
"""

from __future__ import annotations

from decimal import Decimal

from tallystick.intake import stating
from tallystick.intake.documents import DespatchAdvice, Order, OrderResponse, ReceiptAdvice
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import to_hex
from tallystick.service.accept import ACCEPTED
from tallystick.service.documents.batch import ACCEPTED as ACCEPTS
from tallystick.service.documents.batch import Sheet
from tallystick.service.documents.desk import Desk
from tallystick.service.documents.kept import Kept
from tallystick.service.documents.outcomes import Reason, Status, Stop
from tallystick.store.records import EvidenceRecord


def state_order(desk: Desk, order: Order, sheet: Sheet) -> list[EvidenceRecord]:
    """The CONTRACT that ``order`` offers, with the seller's signature where it was given in the same import."""
    buyer, seller = desk.pair(order.buyer, order.seller)
    known = desk.books.contract(buyer.party, seller.party, order.number)
    if known is not None:
        total = known.text("totalAmount")
        agrees = known.text("currency") == order.currency and _equal(total, order.total)
        if not agrees or order.terms_days not in (None, known.fields.get("paymentTermsDays")):
            recorded = f"{total or '?'} {known.text('currency')}"
            raise Stop(Status.HELD, Reason.DIFFERS, number=order.number, recorded=recorded)
        return [known.record]
    terms_days = order.terms_days
    if terms_days is None:
        terms_days = desk.about.terms_days(order)
    if terms_days is None:
        terms_days = desk.rules.terms_days
    if terms_days is None:
        raise Stop(Status.WAITS, Reason.NO_TERMS, number=order.number)
    fields = stating.contract_fields(order, terms_days, [sheet.source])
    countersigned = desk.signs_for(seller) and desk.about.is_accepted(order)
    made = desk.state(Kind.CONTRACT, buyer, seller, fields, order.issue_date, deal=None, countersigned=countersigned)
    if countersigned:
        desk.shared.add(made.evidence_id)
    return [made]


def state_order_response(desk: Desk, answer: OrderResponse, sheet: Sheet) -> list[EvidenceRecord]:
    """The contract with the seller's signature, where ``answer`` takes the order as it is."""
    seller, buyer = desk.pair(answer.seller, answer.buyer)
    contract = desk.books.contract(seller.party, buyer.party, answer.order)
    if contract is None:
        raise Stop(Status.WAITS, Reason.NO_ORDER, number=answer.order)
    if answer.code != ACCEPTS:
        raise Stop(Status.HELD, Reason.NOT_AGREED, number=answer.order, code=answer.code)
    if contract.record.state in ACCEPTED:
        return desk.share(contract.record)
    if contract.record.evidence.counterparty != seller.party:
        raise Stop(Status.HELD, Reason.OTHER_PARTY, name=seller.name, number=answer.order)
    return [desk.countersign(contract.record)]


def state_despatch(desk: Desk, despatch: DespatchAdvice, sheet: Sheet) -> list[EvidenceRecord]:
    """The DELIVERY that ``despatch`` states, or that the buyer stated in answer to it."""
    seller, buyer = desk.pair(despatch.seller, despatch.buyer)
    for known in (
        desk.books.delivery(seller.party, buyer.party, despatch.number),
        desk.books.arrival(buyer.party, seller.party, despatch.number),
    ):
        if known is not None:
            sent = known.text("despatchedQuantity")
            if sent is not None and not _equal(sent, despatch.quantity):
                raise Stop(Status.HELD, Reason.DIFFERS, number=despatch.number, recorded=sent)
            return desk.share(known.record)
    if despatch.received_date is None:
        raise Stop(Status.WAITS, Reason.NO_RECEIPT, number=despatch.number)
    contract = desk.need_deal(seller, buyer, [despatch.order])
    fields = stating.sent_fields(despatch, despatch.received_date, [sheet.source])
    deal = contract.record.evidence.deal
    return [desk.state(Kind.DELIVERY, seller, buyer, fields, despatch.received_date, deal=deal)]


def state_receipt(desk: Desk, receipt: ReceiptAdvice, sheet: Sheet) -> list[EvidenceRecord]:
    """The buyer's word on what arrived: an answer to the seller's DELIVERY, or one of its own."""
    buyer, seller = desk.pair(receipt.buyer, receipt.seller)
    known = desk.books.delivery(buyer.party, seller.party, receipt.number)
    if known is not None:
        _refuse_other(known, "receivedQuantity", receipt)
        return [known.record]
    sent = None if receipt.despatch is None else desk.books.delivery(seller.party, buyer.party, receipt.despatch)
    if sent is not None:
        name = sent.record.evidence_id
        for answer in desk.books.answers_to(sent, Kind.ACKNOWLEDGEMENT, buyer.party):
            if answer.text("receiptNumber") not in (None, receipt.number):
                raise Stop(Status.HELD, Reason.DIFFERS, number=receipt.number, recorded=to_hex(name))
            _refuse_other(answer, "acceptedQuantity", receipt)
            return [answer.record]
        fields = stating.accepted_fields(receipt, [sheet.source])
        deal = sent.record.evidence.deal
        return [
            desk.state(Kind.ACKNOWLEDGEMENT, buyer, seller, fields, receipt.issue_date, deal=deal, parent=sent.record)
        ]
    contract = desk.need_deal(buyer, seller, [receipt.order])
    announced = desk.about.despatch(receipt)
    despatch = announced.document if announced is not None and isinstance(announced.document, DespatchAdvice) else None
    sources = [sheet.source] if announced is None else [sheet.source, announced.source]
    fields = stating.received_fields(receipt, despatch, sources)
    deal = contract.record.evidence.deal
    made = desk.state(Kind.DELIVERY, buyer, seller, fields, receipt.received_date, deal=deal)
    if announced is not None:
        desk.shared.add(made.evidence_id)
    return [made]


def _refuse_other(known: Kept, name: str, receipt: ReceiptAdvice) -> None:
    """Raise ``Stop`` where what is ``known`` of ``receipt`` says another quantity or shortage than it."""
    told = (
        stating.accepted_fields(receipt, ())
        if name == "acceptedQuantity"
        else stating.received_fields(receipt, None, ())
    )
    for field in (name, "shortQuantity", "rejectedQuantity"):
        said = told.get(field)
        if not _equal(known.text(field), said if isinstance(said, str) else None):
            raise Stop(Status.HELD, Reason.DIFFERS, number=receipt.number, recorded=f"{field} {known.text(field)}")


def _equal(one: str | None, other: str | None) -> bool:
    """Whether two numbers are the same, or neither is stated."""
    return one == other if one is None or other is None else Decimal(one) == Decimal(other)
