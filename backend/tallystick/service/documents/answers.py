"""What the buyer says to an invoice, and what it says it pays.

::

    AP ----------------> ACKNOWLEDGEMENT; the buyer's own open disputes of the invoice are withdrawn
    RE, UQ ------------> DISPUTE of the whole amount, for a response does not say how much of it is in question
    AB, IP, CA, PD ----> SIGNAL: seen, in process, accepted under a condition, payment begun; no figure rests on it
    RemittanceAdvice --> PAYMENT by the buyer: a claim, until the seller acknowledges it or states its receipt
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tallystick.credit.content import SAME_PAYMENT, read_payment
from tallystick.intake import stating
from tallystick.intake.documents import InvoiceResponse, Remittance
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, DealId, to_hex
from tallystick.service.bank.claims import DAYS_APART
from tallystick.service.documents.batch import ACCEPTED, Sheet
from tallystick.service.documents.desk import Desk
from tallystick.service.documents.kept import Bill, Kept
from tallystick.service.documents.outcomes import Reason, Status, Stop
from tallystick.store.records import EvidenceRecord, PartyRecord

_DISPUTES = ("RE", "UQ")
_ZERO = Decimal(0)


def state_answer(desk: Desk, answer: InvoiceResponse, sheet: Sheet) -> list[EvidenceRecord]:
    """What ``answer`` states of its invoice, as it is now."""
    buyer, seller = desk.pair(answer.sender, answer.receiver)
    bill, now = _bill(desk, seller, buyer, answer.invoice)
    kinds = (Kind.DISPUTE, Kind.SIGNAL, Kind.ACKNOWLEDGEMENT)
    for kind in kinds:
        for known in desk.books.answers(bill, kind, buyer.party):
            if known.text(stating.RESPONSE_NUMBER) == answer.number and known.text("responseCode") == answer.code:
                return [known.record]
    deal, day, parent = bill.base.record.evidence.deal, answer.issue_date, now.record
    if answer.code == ACCEPTED:
        return _acknowledge(desk, answer, bill, now, (buyer, seller), sheet)
    if answer.code not in _DISPUTES:
        fields = stating.answer_fields(answer, [sheet.source])
        return [desk.state(Kind.SIGNAL, buyer, seller, fields, day, deal=deal, parent=parent)]
    amount, currency = now.text("payableAmount"), now.text("currency")
    if amount is None or currency is None or not Decimal(amount):
        raise Stop(Status.HELD, Reason.NOTHING_OWED, number=answer.invoice)
    fields = stating.dispute_fields(answer, amount, currency, [sheet.source])
    return [desk.state(Kind.DISPUTE, buyer, seller, fields, day, deal=deal, parent=parent)]


def _acknowledge(
    desk: Desk,
    answer: InvoiceResponse,
    bill: Bill,
    now: Kept,
    sides: tuple[PartyRecord, PartyRecord],
    sheet: Sheet,
) -> list[EvidenceRecord]:
    """The ACKNOWLEDGEMENT of the invoice as it is ``now``, and the withdrawal of what the buyer disputed before."""
    buyer, seller = sides
    deal, day = bill.base.record.evidence.deal, answer.issue_date
    given = next(desk.books.answers_to(now, Kind.ACKNOWLEDGEMENT, buyer.party), None)
    if given is None:
        fields = stating.answer_fields(answer, [sheet.source])
        made = [desk.state(Kind.ACKNOWLEDGEMENT, buyer, seller, fields, day, deal=deal, parent=now.record)]
    else:
        made = [given.record]
    for dispute in list(desk.books.answers(bill, Kind.DISPUTE, buyer.party)):
        resolved = [
            *desk.books.answers_to(dispute, Kind.RESOLUTION, buyer.party),
            *desk.books.answers_to(dispute, Kind.RESOLUTION, seller.party),
            *desk.books.answers_to(dispute, Kind.CORRECTION, buyer.party),
        ]
        if not resolved:
            fields = {"outcome": "withdrawn", **stating.answer_fields(answer, [sheet.source])}
            made.append(desk.state(Kind.RESOLUTION, buyer, seller, fields, day, deal=deal, parent=dispute.record))
    return made


def _bill(desk: Desk, seller: PartyRecord, buyer: PartyRecord, number: str) -> tuple[Bill, Kept]:
    """The invoice of ``seller`` to ``buyer`` with that ``number``, and as it is now. Raises ``Stop``."""
    bill = desk.books.bill(seller.party, number)
    if bill is None or (bill.buyer != buyer.party and desk.conceals(seller)):
        raise Stop(Status.WAITS, Reason.NO_INVOICE, number=number, name=seller.name)
    if bill.buyer == ZERO32:
        raise Stop(Status.HELD, Reason.SELF_REPORTED, number=number)
    if bill.buyer != buyer.party:
        raise Stop(Status.HELD, Reason.OTHER_PARTY, name=buyer.name, number=number)
    if bill.current is None:
        raise Stop(Status.HELD, Reason.CANCELLED, number=number)
    return bill, bill.current


def state_remittance(desk: Desk, remittance: Remittance, sheet: Sheet) -> list[EvidenceRecord]:
    """The PAYMENTs that ``remittance`` claims, one for each deal; what is unallocated stands with the first."""
    payer, payee = desk.pair(remittance.payer, remittance.payee)
    by_deal: dict[DealId, list[tuple[str, Decimal]]] = {}
    for number, amount in remittance.allocations:
        bill, now = _bill(desk, payee, payer, number)
        if now.text("currency") != remittance.currency:
            raise Stop(Status.HELD, Reason.OTHER_CURRENCY, number=number, currency=remittance.currency)
        shares = by_deal.setdefault(bill.base.record.evidence.deal, [])
        shares.append((to_hex(bill.base.record.evidence_id), Decimal(amount)))
    if not by_deal:
        by_deal[desk.need_deal(payer, payee, []).record.evidence.deal] = []
    extra = Decimal(remittance.amount) - sum((share for shares in by_deal.values() for _, share in shares), _ZERO)
    made = []
    for at, (deal, shares) in enumerate(by_deal.items()):
        reference = remittance.number + (f"/{at + 1}" if at else "")
        paid = sum((share for _, share in shares), extra)
        extra = _ZERO
        known = desk.books.payment(payer.party, payee.party, reference)
        if known is not None:
            made.append(_same_claim(known, remittance, paid))
            continue
        allocations = [(invoice, f"{share:f}") for invoice, share in shares]
        same = _receipt_of(desk, (payer, payee), remittance, deal, paid, dict(shares))
        fields = stating.claim_fields(remittance, reference, f"{paid:f}", allocations, [sheet.source], same)
        made.append(desk.state(Kind.PAYMENT, payer, payee, fields, remittance.issue_date, deal=deal))
    return made


def _receipt_of(
    desk: Desk,
    sides: tuple[PartyRecord, PartyRecord],
    remittance: Remittance,
    deal: DealId,
    paid: Decimal,
    shares: dict[str, Decimal],
) -> str | None:
    """The payee's own PAYMENT of the same money in ``deal``, where it was recorded first and one alone fits.

    Raises:
        Stop: several do.
    """
    payer, payee = sides
    linked = {kept.text(SAME_PAYMENT) for kept in desk.books.claims(payee.party, payer.party)}
    found = []
    for kept in desk.books.receipts(payee.party, payer.party):
        terms = read_payment(kept.fields)
        name = to_hex(kept.record.evidence_id)
        if isinstance(terms, str) or terms.same_as is not None or name in linked:
            continue
        told = {to_hex(invoice): amount for invoice, amount in terms.allocations}
        is_same = (kept.record.evidence.deal, terms.currency, terms.amount) == (deal, remittance.currency, paid)
        days = abs((terms.value_date - date.fromisoformat(remittance.issue_date)).days)
        if is_same and told == shares and shares and days <= DAYS_APART:
            found.append(name)
    if len(found) > 1:
        facts = {"number": remittance.number, "name": payee.name, "recorded": ", ".join(found)}
        raise Stop(Status.HELD, Reason.SEVERAL_RECEIPTS, **facts)
    return found[0] if found else None


def _same_claim(known: Kept, remittance: Remittance, amount: Decimal) -> EvidenceRecord:
    told = Decimal(known.text("amount") or "-1"), known.text("currency")
    if told != (amount, remittance.currency):
        raise Stop(Status.HELD, Reason.DIFFERS, number=remittance.number, recorded=f"{told[0]} {told[1]}")
    return known.record
