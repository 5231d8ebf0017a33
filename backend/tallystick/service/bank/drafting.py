"""Drafts of payments and of their corrections, kept in step with the ledger that the next booking is held against.

Rules:

- a payment belongs to the deal of its invoices; one that pays invoices of several deals is stated once a deal, what is
  unallocated with the first;
- a return of all of a payment cancels it; of a part, it is replaced by what is left, where it is clear which invoice
  is open again;
- ``bankKeys`` in the content are digests by which the bookings are known again; no account number is stated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tallystick.credit.content import SAME_PAYMENT, PaymentTerms
from tallystick.credit.dates import start_of
from tallystick.credit.money import format_amount
from tallystick.credit.states import Role
from tallystick.intake.bank.bookings import VAGUE, Booking
from tallystick.intake.bank.cases import Match, Reason
from tallystick.intake.bank.returns import Original, find_original
from tallystick.intake.drafts import Draft
from tallystick.intake.stating import documents
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, DealId, EvidenceId, Timestamp, to_hex
from tallystick.service.bank.claims import CONFIDENCE, Link, find_claim
from tallystick.service.bank.ledger import BANK_KEYS, Ledger, RecordedPayment

ALIKE_DAYS = 7
"""Two payments of one sum for one invoice within so many days may be one, where the bank gives no reference."""
_ZERO = Decimal(0)
_DIGITS_OF_KEY = 8


@dataclass(frozen=True, slots=True)
class Returned:
    """The corrections that a return makes."""

    drafts: tuple[Draft, ...]


class Taken:
    """What bookings become, one after the other; each changes what is open and what can be taken back."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    # ---- payments -------------------------------------------------------------------------------------------------

    def alike(self, booking: Booking, found: Match) -> str | None:
        """The id of a payment that may be the same one, recorded by hand or told without a reference."""
        invoices = {allocation.invoice for allocation in found.allocations}
        for payment in self._ledger.payments:
            is_vague = booking.is_vague or all(key.startswith(VAGUE) for key in payment.keys)
            if (
                is_vague
                and payment.terms.currency == found.amount.currency
                and payment.terms.amount == found.amount.value
                and abs((payment.terms.value_date - booking.day).days) <= ALIKE_DAYS
                and invoices & {to_hex(name) for name, _ in payment.terms.allocations}
            ):
                return payment.parent
        return None

    def links(self, booking: Booking, found: Match) -> dict[DealId, Link]:
        """By deal of the invoices that ``booking`` pays, what claim is the same money."""
        shares: dict[DealId, list[tuple[str, Decimal]]] = {}
        for allocation in found.allocations:
            shares.setdefault(self._ledger.places[allocation.invoice].deal, []).append(
                (allocation.invoice, allocation.amount)
            )
        extra, linked = found.unallocated, {}
        for deal, parts in shares.items():
            total = sum((part for _, part in parts), extra)
            linked[deal] = find_claim(self._ledger, booking, deal, found.amount.currency, parts, total)
            extra = _ZERO
        return linked

    def spoken_for(self, found: Match, links: Mapping[DealId, Link]) -> str | None:
        """The id of an acknowledged claim that paid what ``found`` allocates, where it is not linked to that one."""
        for allocation in found.allocations:
            link = links[self._ledger.places[allocation.invoice].deal]
            paid = self._ledger.acknowledged(allocation.invoice)
            if link.claim is not None and link.claim.counts:
                own = {to_hex(name): part for name, part in link.claim.payment.terms.allocations}
                paid -= own.get(allocation.invoice, _ZERO)
            left = self._ledger.invoices[Role.SELLER][allocation.invoice].open_amount
            if paid and allocation.amount > left - paid:
                claims = (claim.payment for claim in self._ledger.claims if claim.counts)
                return next(
                    each.parent for each in claims if allocation.invoice in map(to_hex, dict(each.terms.allocations))
                )
        return None

    def pay(
        self, booking: Booking, found: Match, role: Role, links: Mapping[DealId, Link] | None = None
    ) -> tuple[Draft, ...]:
        """The PAYMENTs of ``booking``, one for each deal; their invoices are less open from now on.

        ``links`` are the claims of the same money: each is linked once.
        """
        links = links or {}
        by_deal: dict[DealId, list[tuple[str, Decimal]]] = {}
        for allocation in found.allocations:
            deal = self._ledger.places[allocation.invoice].deal
            by_deal.setdefault(deal, []).append((allocation.invoice, allocation.amount))
            invoice = self._ledger.invoices[role][allocation.invoice]
            left = replace(invoice, open_amount=invoice.open_amount - allocation.amount)
            self._ledger.invoices[role][allocation.invoice] = left
        drafts = []
        extra = found.unallocated
        for number, (deal, allocations) in enumerate(by_deal.items()):
            amount = sum((part for _, part in allocations), extra)
            extra = _ZERO
            link = links.get(deal, Link(None))
            drafts.append(self._payment(booking, found, number, deal, amount, allocations, link))
            if link.claim is not None:
                self._ledger.claims.remove(link.claim)
        self._ledger.keys |= booking.keys
        return tuple(drafts)

    def _payment(
        self,
        booking: Booking,
        found: Match,
        number: int,
        deal: DealId,
        amount: Decimal,
        allocations: Sequence[tuple[str, Decimal]],
        link: Link,
    ) -> Draft:
        currency, place = found.amount.currency, self._ledger.places[allocations[0][0]]
        references = booking.transaction.references
        digits = booking.name.partition(":")[2][:_DIGITS_OF_KEY]
        reference = f"{booking.reference} {digits}" + (f"/{number + 1}" if number else "")
        content: dict[str, Json] = {
            "paymentReference": reference,
            "valueDate": booking.day.isoformat(),
            "currency": currency,
            "amount": format_amount(amount, currency),
            "allocations": [
                {"invoice": invoice, "amount": format_amount(part, currency)} for invoice, part in allocations
            ],
            "bankReference": booking.reference,
            "matchedBy": ", ".join(sorted({allocation.rule.value for allocation in found.allocations})),
            "matchConfidence": found.confidence,
            BANK_KEYS: sorted(booking.keys),
        }
        if references.end_to_end is not None:
            content["endToEndId"] = references.end_to_end
        if references.uetr is not None:
            content["uetr"] = references.uetr
        if link.claim is not None:
            content[SAME_PAYMENT] = link.claim.payment.parent
            content["sameMatchedBy"], content["sameConfidence"] = link.rule, CONFIDENCE[link.rule]
        content |= _attached(booking)
        booked = booking.transaction.amount
        if booked.currency != currency:
            content["bookedAmount"], content["bookedCurrency"] = f"{booked.value:f}", booked.currency
        label = f"{booking.name}/{number}"
        terms = PaymentTerms(
            booking.day,
            currency,
            amount,
            tuple((EvidenceId(bytes.fromhex(invoice[2:])), part) for invoice, part in allocations),
        )
        self._ledger.payments.append(
            RecordedPayment(f"@{label}", place.counterparty, deal, content, terms, booking.keys)
        )
        is_self_reported = place.counterparty == ZERO32
        return Draft(
            kind=Kind.PAYMENT,
            issuer=to_hex(self._ledger.party.party),
            counterparty=None if is_self_reported else to_hex(place.counterparty),
            deal=None if is_self_reported else to_hex(deal),
            # what a consent let into the other side's history is founded by its parents
            parent=None if is_self_reported or place.has_contract else allocations[0][0],
            content=content,
            occurred_at=None,
            label=label,
            countersigned=False,
        )

    # ---- returns --------------------------------------------------------------------------------------------------

    def give_back(self, booking: Booking, role: Role) -> Returned | Reason:
        """The corrections that the return ``booking`` makes to what it takes back, or why there are none."""
        groups = self._groups(role)
        originals = [_original(key, payments) for key, payments in groups.items()]
        found = find_original(booking, originals)
        if isinstance(found, Reason):
            return found
        payments = groups[found.key]
        returned = booking.transaction.amount.value
        if returned == found.amount:
            drafts = [self._correction(booking, payment, None) for payment in payments]
        elif len(payments) > 1:
            return Reason.SHORT_FOR_SEVERAL
        else:
            cut = _cut(payments[0].terms, returned)
            if cut is None:
                return Reason.SHORT_FOR_SEVERAL
            drafts = [self._correction(booking, payments[0], cut)]
        self._ledger.keys |= booking.keys
        return Returned(tuple(drafts))

    def _groups(self, role: Role) -> dict[str, list[RecordedPayment]]:
        """The payments of the party in ``role``; those that one booking was split into together."""
        invoices = self._ledger.invoices[role]
        groups: dict[str, list[RecordedPayment]] = {}
        for payment in self._ledger.payments:
            allocated = [to_hex(name) for name, _ in payment.terms.allocations]
            if allocated and allocated[0] in invoices:
                key = min(payment.keys) if payment.keys else payment.parent
                groups.setdefault(key, []).append(payment)
        return groups

    def _correction(self, booking: Booking, payment: RecordedPayment, left: PaymentTerms | None) -> Draft:
        """What is ``left`` of ``payment`` takes its place, or nothing does; the invoices are open again."""
        self._reopen(payment.terms, left)
        position = next(at for at, each in enumerate(self._ledger.payments) if each is payment)
        if left is None:
            del self._ledger.payments[position]
        else:
            self._ledger.payments[position] = replace(payment, terms=left)
        reason = booking.transaction.return_reason
        content: dict[str, Json] = {
            "correctionType": "cancelled" if left is None else "replaced",
            "reason": "returned by the bank" + (f": {reason}" if reason else ""),
            "bankReference": booking.reference,
            "returnDate": booking.day.isoformat(),
            BANK_KEYS: sorted(booking.keys),
            **_attached(booking),
        }
        if left is not None:
            content |= {
                "paymentReference": payment.fields["paymentReference"],
                "valueDate": left.value_date.isoformat(),
                "currency": left.currency,
                "amount": format_amount(left.amount, left.currency),
                "allocations": [
                    {"invoice": to_hex(invoice), "amount": format_amount(part, left.currency)}
                    for invoice, part in left.allocations
                ],
                "returnedAmount": f"{booking.transaction.amount.value:f}",
            }
            content |= {
                name: value
                for name in ("endToEndId", "uetr", SAME_PAYMENT)
                if (value := payment.text(name)) is not None
            }
        return Draft(
            kind=Kind.CORRECTION,
            issuer=to_hex(self._ledger.party.party),
            counterparty=None if payment.counterparty == ZERO32 else to_hex(payment.counterparty),
            deal=None,
            parent=payment.parent,
            content=content,
            occurred_at=Timestamp(start_of(booking.day)),
            label=None,
            countersigned=False,
        )

    def _reopen(self, before: PaymentTerms, after: PaymentTerms | None) -> None:
        kept: Mapping[EvidenceId, Decimal] = {} if after is None else dict(after.allocations)
        for name, amount in before.allocations:
            key = to_hex(name)
            for invoices in self._ledger.invoices.values():
                if key in invoices:
                    back = amount - kept.get(name, _ZERO)
                    invoices[key] = replace(invoices[key], open_amount=invoices[key].open_amount + back)


def _attached(booking: Booking) -> dict[str, Json]:
    """The bank's file as a document of the evidence."""
    return {} if booking.source is None else {"documents": documents([booking.source])}


def _original(key: str, payments: Sequence[RecordedPayment]) -> Original:
    first = payments[0]
    return Original(
        key=key,
        day=first.terms.value_date,
        amount=sum((payment.terms.amount for payment in payments), _ZERO),
        currency=first.terms.currency,
        end_to_end=first.text("endToEndId"),
        uetr=first.text("uetr"),
        reference=first.text("bankReference"),
    )


def _cut(terms: PaymentTerms, returned: Decimal) -> PaymentTerms | None:
    """``terms`` less what was ``returned``: of what is unallocated first, then of the invoice, if it is only one."""
    amount = terms.amount - returned
    allocated = sum((part for _, part in terms.allocations), _ZERO)
    if allocated <= amount:
        return replace(terms, amount=amount)
    if len(terms.allocations) != 1:
        return None
    return replace(terms, amount=amount, allocations=((terms.allocations[0][0], amount),))
