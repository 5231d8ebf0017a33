"""Allocations: a payment never allocates to an invoice more than it bills, whatever was corrected in between.

Rules: a whole replacement of a PAYMENT or INVOICE takes its place, a cancelled replacement gives it back; what the
other side states leaves the room untouched, for a debtor's claim must not keep the creditor from booking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TypeAlias

from tallystick.errors import Misfit, NotFound
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import DealId, EvidenceId, PartyId
from tallystick.service.known import Known
from tallystick.service.ports import Transaction
from tallystick.store.records import EvidenceRecord

Payments: TypeAlias = dict[tuple[PartyId, EvidenceId], dict[str, Decimal]]
"""By issuer and PAYMENT, what it allocates to each invoice as last corrected."""


def _sums(shown: dict[str, Json]) -> dict[str, Decimal]:
    """What a payment, the form of whose fields was checked, allocates to each invoice in all; erased, nothing."""
    allocations = shown.get("allocations", [])
    assert isinstance(allocations, list), "the form of the field was checked"
    sums: dict[str, Decimal] = {}
    for item in allocations:
        sums[item["invoice"]] = sums.get(item["invoice"], Decimal(0)) + Decimal(item["amount"])
    return sums


class Allocations:
    """What payments allocate to the invoices of ``known`` evidence, kept and new."""

    def __init__(self, transaction: Transaction, known: Known) -> None:
        self._transaction = transaction
        self._known = known
        self._by_deal: dict[DealId, Payments] = {}
        self._new: Payments = {}

    def concerns(self, record: EvidenceRecord, shown: Mapping[str, Json]) -> bool:
        """Whether ``record`` is a PAYMENT or a whole replacement of one: whether its ``allocations`` mean anything."""
        if record.evidence.kind == Kind.CORRECTION and shown.get("correctionType") == "replaced":
            paid = self._known.find(self._origin(record))
            return paid is not None and paid.evidence.kind == Kind.PAYMENT
        return record.evidence.kind == Kind.PAYMENT

    def check(self, record: EvidenceRecord, shown: dict[str, Json]) -> None:
        """Each allocation names an INVOICE of the deal in the same currency, and none goes beyond what it bills.

        What the other side states leaves the room untouched: a debtor's claim must not keep the creditor from booking.
        """
        amount, total = Decimal(str(shown["amount"])), Decimal(0)
        replaced = self._key(record)
        for name, share in _sums(shown).items():
            invoice = self._known.find(EvidenceId(bytes.fromhex(name[2:])))
            if invoice is None or invoice.evidence.kind != Kind.INVOICE:
                raise NotFound(f"allocations: invoice {name} is not known here.", todo="Record the invoice first.")
            if invoice.evidence.deal != record.evidence.deal:
                raise Misfit(f"allocations: invoice {name} belongs to another deal.", todo="Record a payment per deal.")
            payments = self._payments(record.evidence.deal, invoice)
            billed = self._billed(invoice)
            if not {"currency", "payableAmount"} <= billed.keys():
                total += share  # what it bills was erased: nobody can tell
                continue
            if billed["currency"] != shown["currency"]:
                raise Misfit(
                    f"allocations: invoice {name} is in {billed['currency']}, the payment in {shown['currency']}.",
                    todo="State the payment in the invoice's currency.",
                )
            payable = Decimal(str(billed["payableAmount"]))
            own = (part for of, part in payments.items() if of[0] == replaced[0] and of != replaced)
            before = sum((part.get(name, Decimal(0)) for part in own), Decimal(0))
            if before + share > payable:
                raise Misfit(
                    f"allocations: invoice {name} bills {payable}, {before} of it is allocated already, "
                    f"this payment allocates {share} more.",
                    todo=f"Allocate at most {payable - before}; leave the rest of the payment unallocated.",
                )
            total += share
        if total > amount:
            raise Misfit(f"allocations: they add to {total}, the payment is {amount}.", todo="Allocate at most that.")
        self._note(record, _sums(shown))

    def cancel(self, cancellation: EvidenceRecord) -> None:
        """Note that ``cancellation``, which stands now, takes back a version of what it corrects."""
        self._note(cancellation, self._restored(cancellation))

    def _note(self, record: EvidenceRecord, sums: dict[str, Decimal]) -> None:
        """Keep in mind what the payment that ``record`` states or corrects allocates from now on."""
        key = self._key(record)
        self._new[key] = sums
        if (known := self._by_deal.get(record.evidence.deal)) is not None:
            known[key] = sums

    def _payments(self, deal: DealId, invoice: EvidenceRecord) -> Payments:
        """What each payment of ``deal``, as last corrected, allocates; nothing kept can pay a new ``invoice``."""
        if invoice.evidence_id in self._known.added:
            return self._new
        if deal not in self._by_deal:
            known: Payments = {}
            for record in self._transaction.evidence_of_deal(deal, (Kind.PAYMENT, Kind.CORRECTION)):
                shown = self._known.shown(record)
                if self.concerns(record, shown):
                    known[self._key(record)] = _sums(shown)
                elif shown.get("correctionType") == "cancelled":
                    known[self._key(record)] = self._restored(record)
            self._by_deal[deal] = {**known, **self._new}
        return self._by_deal[deal]

    def _origin(self, record: EvidenceRecord) -> EvidenceId:
        """The evidence that ``record`` corrects in the end; itself where it corrects nothing."""
        found: EvidenceRecord | None = record
        while found is not None and found.evidence.kind == Kind.CORRECTION:
            record, found = found, self._known.find(found.evidence.parent)
        return record.evidence_id if found is None else found.evidence_id

    def _key(self, record: EvidenceRecord) -> tuple[PartyId, EvidenceId]:
        """Whose payment ``record`` states or corrects, and which."""
        return record.evidence.issuer, self._origin(record)

    def _restored(self, cancellation: EvidenceRecord) -> dict[str, Decimal]:
        """What a payment allocates once ``cancellation`` made its last version void: as before that, if anything."""
        earlier = self._replaced_by(cancellation)
        return (
            {}
            if earlier is None or not self.concerns(earlier, self._known.shown(earlier))
            else _sums(self._known.shown(earlier))
        )

    def _replaced_by(self, cancellation: EvidenceRecord) -> EvidenceRecord | None:
        """The version that holds again where ``cancellation`` voids a replacement; None where it voids the whole."""
        void = self._known.find(cancellation.evidence.parent)
        if void is None or void.evidence.kind != Kind.CORRECTION:
            return None
        return self._known.find(void.evidence.parent)

    def _billed(self, invoice: EvidenceRecord) -> dict[str, Json]:
        """What ``invoice`` bills, as its last whole replacement that is not taken back has it."""
        billed = self._known.shown(invoice)
        for correction in sorted(self._corrections(invoice), key=lambda each: each.recorded_at):
            version: EvidenceRecord | None = correction
            if self._known.shown(correction).get("correctionType") == "cancelled":
                version = self._replaced_by(correction)
            if version is not None and "payableAmount" in self._known.shown(version):
                billed = self._known.shown(version)
        return billed

    def _corrections(self, record: EvidenceRecord) -> Iterator[EvidenceRecord]:
        """The corrections of ``record`` and of those, each before its own."""
        for answer in self._known.answers(record.evidence_id):
            if answer.evidence.kind == Kind.CORRECTION:
                yield answer
                yield from self._corrections(answer)
