"""What is recorded, as documents are compared with it: an evidence with its content, and an invoice's versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tallystick.intake.likeness import Billed
from tallystick.protocol.entry import Json
from tallystick.protocol.types import ZERO32, PartyId, to_hex
from tallystick.store.records import EvidenceRecord

Shown = Mapping[str, Json]


@dataclass(slots=True)
class Kept:
    """One evidence with what its content shows; ``at`` is its place in the order of recording."""

    record: EvidenceRecord
    fields: Shown
    at: int

    def text(self, name: str) -> str | None:
        """The field ``name`` where it is text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None


@dataclass(slots=True)
class Bill:
    """An INVOICE through the corrections of its issuer: ``versions`` that hold, the last in force; none: cancelled."""

    base: Kept
    versions: list[Kept]

    @property
    def current(self) -> Kept | None:
        """The version in force, or None where the invoice is cancelled."""
        return self.versions[-1] if self.versions else None

    @property
    def buyer(self) -> PartyId:
        """Whom it bills; zero where it is self-reported."""
        return self.base.record.evidence.counterparty

    def correct(self, kept: Kept) -> None:
        """Take in a CORRECTION of this invoice."""
        if kept.fields.get("correctionType") == "replaced":
            self.versions.append(kept)
        elif kept.fields.get("correctionType") == "cancelled":
            void = kept.record.evidence.parent
            is_base = void == self.base.record.evidence_id
            self.versions = [] if is_base else [each for each in self.versions if each.record.evidence_id != void]

    def billed(self) -> Billed | None:
        """What it bills as compared with other invoices, or None where it is cancelled or hides something."""
        now = self.current
        return None if now is None else self.billed_by(now)

    def billed_by(self, version: Kept) -> Billed | None:
        """What ``version`` of it bills, or None where that hides something."""
        told = [version.text(name) for name in ("invoiceNumber", "issueDate", "currency", "payableAmount")]
        buyer = self.base.text("customer") if self.buyer == ZERO32 else to_hex(self.buyer)
        if buyer is None or None in told:
            return None
        number, issued, currency, amount = map(str, told)
        return Billed(number, buyer, issued, currency, Decimal(amount))
