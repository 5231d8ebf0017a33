"""A buyer's claim to have paid, and the supplier's booking of the same money: linked where that is sure.

Rules, for claims of one deal, currency and sum that no receipt is linked to:

- 95: the bank's reference, end-to-end id or text holds the claim's reference as a whole, and they share an invoice;
- 85: both allocate the same sums to the same invoices, and are at most 45 days apart;
- the first of these that one claim alone fits decides; where several fit, none is linked, and a person is told.

The receipt names the claim in ``samePayment``, so that the money counts once, by the creditor's word and date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tallystick.intake.bank.bookings import Booking
from tallystick.intake.bank.hints import normal, phrases
from tallystick.intake.bank.paid import to_paid
from tallystick.protocol.types import DealId, to_hex
from tallystick.service.bank.ledger import Claim, Ledger

DAYS_APART = 45
REFERENCE, INVOICES_AND_SUM = "reference", "invoicesAndSum"
CONFIDENCE: Mapping[str, int] = {REFERENCE: 95, INVOICES_AND_SUM: 85}


@dataclass(frozen=True, slots=True)
class Link:
    """The claim that is the same money, by which rule; or ``several`` that may be, and none of them is."""

    claim: Claim | None
    rule: str = ""
    several: tuple[Claim, ...] = ()


def find_claim(
    ledger: Ledger, booking: Booking, deal: DealId, currency: str, shares: Sequence[tuple[str, Decimal]], sum_: Decimal
) -> Link:
    """What claim says that ``sum_`` was paid, of which ``shares`` (invoice, amount) go to invoices of ``deal``."""
    fits = [
        claim
        for claim in ledger.claims
        if (claim.payment.deal, claim.payment.terms.currency, claim.payment.terms.amount) == (deal, currency, sum_)
    ]
    wanted = dict(shares)
    said = _said(booking)
    named = [claim for claim in fits if _is_named(claim, said) and wanted.keys() & _allocated(claim).keys()]
    alike = [claim for claim in fits if _allocated(claim) == wanted and _is_near(claim, booking.day)]
    for rule, found in ((REFERENCE, named), (INVOICES_AND_SUM, alike)):
        if len(found) == 1:
            return Link(found[0], rule)
        if found:
            return Link(None, several=tuple(found))
    return Link(None)


def _allocated(claim: Claim) -> dict[str, Decimal]:
    return {to_hex(invoice): amount for invoice, amount in claim.payment.terms.allocations}


def _is_near(claim: Claim, day: date) -> bool:
    return abs((claim.payment.terms.value_date - day).days) <= DAYS_APART


def _said(booking: Booking) -> set[tuple[str, ...]]:
    """The phrases that the bank passes on with ``booking``, each as its runs of letters and digits."""
    paid = to_paid(booking)
    texts = [*paid.texts, *(share.reference for share in paid.shares if share.reference is not None)]
    texts += [number for share in paid.shares for number in share.numbers]
    if paid.end_to_end is not None:
        texts.append(paid.end_to_end)
    return {*phrases(texts), *((normal(text),) for text in texts)}


def _is_named(claim: Claim, said: set[tuple[str, ...]]) -> bool:
    references = (claim.payment.text(name) for name in ("paymentReference", "endToEndId"))
    spelled = {(normal(each),) for each in references if each is not None and len(normal(each)) > 3}
    return not said.isdisjoint(spelled)
