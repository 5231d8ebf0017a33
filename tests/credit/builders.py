"""Builds logs for the tests of ``credit``: one statement a call, by role, with everything else at its usual value.

Example::

    log = Log()
    invoice = log.invoice("100.00", due="2026-01-31")
    log.payment("100.00", "2026-02-07", {invoice: "100.00"})
    assert log.metrics(BUYER)["daysBeyondTermsMean"] == "7.0000"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from tallystick.credit.report import Report, derive, to_json
from tallystick.credit.states import InvoiceState
from tallystick.protocol.entry import Entry, Standing
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.types import ZERO32, Address, BlockRef, DealId, EvidenceId, Hash, PartyId, Timestamp, to_hex


def party(name: str) -> PartyId:
    """The party that plays the role ``name``."""
    return PartyId(sha256(name.encode()).digest())


SUPPLIER, BUYER, OTHER_BUYER, CARRIER = party("supplier"), party("buyer"), party("other buyer"), party("carrier")
NOBODY = PartyId(ZERO32)
AS_OF = "2026-06-30"


def seconds(day: str) -> Timestamp:
    """Noon of ``day`` in UTC."""
    return Timestamp(int(datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC).timestamp()))


def block(day: str) -> BlockRef:
    """A block sealed at noon of ``day``."""
    return BlockRef(1000, Hash(sha256(day.encode()).digest()), seconds(day))


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """``entries`` as a log that holds them in this order."""
    return [replace(entry, seq=seq) for seq, entry in enumerate(entries)]


class Log:
    """The log of everything that the parties of one test state, in the order stated."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(
        self,
        kind: int,
        issuer: PartyId,
        counterparty: PartyId,
        fields: Mapping[str, Any],
        *,
        parent: bytes = ZERO32,
        deal: bytes = ZERO32,
        occurred: str = "2026-01-01",
        delay_seconds: int = 60,
        standing: Standing = Standing.STANDS,
        name: str = "",
    ) -> EvidenceId:
        """State anything; the id depends on the place in the log, or on ``name`` where given."""
        evidence_id = EvidenceId(sha256(f"evidence {name or len(self.entries)}".encode()).digest())
        at = seconds(occurred)
        evidence = Evidence(
            issuer, counterparty, int(kind), DealId(deal), EvidenceId(parent), Hash(ZERO32), at, Timestamp(at + 30)
        )
        self.entries.append(
            Entry(
                seq=len(self.entries),
                evidence_id=evidence_id,
                evidence=evidence,
                anchored_at=Timestamp(at + 30 + delay_seconds),
                operator=Address(bytes(20)),
                batch_id=0,
                fields=fields,
                hidden=0,
                standing=standing,
            )
        )
        return evidence_id

    def contract(self, days: int = 30, *, currency: str = "EUR", deal: bytes = ZERO32, **more: Any) -> EvidenceId:
        """The supplier's contract with the buyer."""
        fields = {
            "contractNumber": "C-1", "issuerRole": "supplier", "currency": currency, "paymentTermsDays": days, **more
        }  # fmt: skip
        return self.add(Kind.CONTRACT, SUPPLIER, BUYER, fields, deal=deal)

    def invoice(
        self,
        amount: str = "100.00",
        *,
        due: str = "2026-01-31",
        issued: str | None = None,
        currency: str = "EUR",
        seller: PartyId = SUPPLIER,
        buyer: PartyId = BUYER,
        number: str | None = None,
        **how: Any,
    ) -> EvidenceId:
        """An invoice, issued 30 days before ``due`` unless said otherwise, under a number of its own."""
        fields = invoice_fields(amount, due=due, issued=issued, currency=currency)
        fields["invoiceNumber"] = number or f"I-{len(self.entries)}"
        return self.add(Kind.INVOICE, seller, buyer, fields, **how)

    def payment(
        self,
        amount: str,
        day: str,
        allocations: Mapping[bytes, str] | None = None,
        *,
        by: PartyId = SUPPLIER,
        to: PartyId | None = None,
        currency: str = "EUR",
        **how: Any,
    ) -> EvidenceId:
        """A payment stated ``by`` a side (the supplier: received; the buyer: claimed), dated ``day``."""
        other = to if to is not None else (BUYER if by == SUPPLIER else SUPPLIER)
        return self.add(Kind.PAYMENT, by, other, payment_fields(amount, day, allocations, currency), **how)

    def pay(self, invoice: bytes, amount: str, day: str, **how: Any) -> EvidenceId:
        """A payment of the whole ``amount`` for one ``invoice``."""
        return self.payment(amount, day, {invoice: amount}, **how)

    def acknowledge(self, of: bytes, by: PartyId = BUYER, **fields: Any) -> EvidenceId:
        """An acknowledgement ``of`` an evidence."""
        return self.add(Kind.ACKNOWLEDGEMENT, by, SUPPLIER if by != SUPPLIER else BUYER, fields, parent=of)

    def dispute(self, of: bytes, by: PartyId = BUYER) -> EvidenceId:
        """A dispute ``of`` an invoice."""
        fields = {"reasonCode": "quality", "disputedAmount": "1.00", "currency": "EUR"}
        return self.add(Kind.DISPUTE, by, SUPPLIER if by != SUPPLIER else BUYER, fields, parent=of)

    def resolve(
        self, dispute: bytes, outcome: str, by: PartyId, *, credit: str = "", currency: str = "EUR", **how: Any
    ) -> EvidenceId:
        """A resolution of a ``dispute``, with a ``credit`` where the outcome is one."""
        fields = {"outcome": outcome, **({"creditAmount": credit, "currency": currency} if credit else {})}
        return self.add(Kind.RESOLUTION, by, BUYER if by == SUPPLIER else SUPPLIER, fields, parent=dispute, **how)

    def correct(
        self, what: bytes, how: str, fields: Mapping[str, Any] | None = None, by: PartyId = SUPPLIER
    ) -> EvidenceId:
        """A correction of ``what``: replaced (by ``fields``), credited or cancelled."""
        return self.add(
            Kind.CORRECTION,
            by,
            BUYER if by == SUPPLIER else SUPPLIER,
            {"correctionType": how, **(fields or {})},
            parent=what,
        )

    def credit_note(self, invoice: bytes, amount: str, day: str = "2026-01-20", currency: str = "EUR") -> EvidenceId:
        """A credit note of the supplier on an ``invoice``."""
        fields = {"creditNoteNumber": "CN", "issueDate": day, "creditAmount": amount, "currency": currency}
        return self.correct(invoice, "credited", fields)

    def write_off(
        self,
        invoice: bytes,
        amount: str,
        *,
        reason: str = "insolvency",
        day: str = "2026-05-01",
        by: PartyId = SUPPLIER,
    ) -> EvidenceId:
        """A write-off of an ``invoice``."""
        fields = {"currency": "EUR", "amount": amount, "reason": reason}
        return self.add(Kind.WRITE_OFF, by, SUPPLIER if by != SUPPLIER else BUYER, fields, parent=invoice, occurred=day)

    def report(self, who: PartyId = SUPPLIER, as_of: str = AS_OF, **how: Any) -> Report:
        """The report of ``who`` over this log."""
        return derive(who, self.entries, block(as_of), **how)

    def json(self, who: PartyId = SUPPLIER, as_of: str = AS_OF) -> dict[str, Any]:
        """The report of ``who`` as JSON."""
        return to_json(self.report(who, as_of))

    def metrics(self, who: PartyId = SUPPLIER, as_of: str = AS_OF, currency: str = "EUR") -> dict[str, Any]:
        """The metrics of ``who`` in one currency: the supplier's as seller, anyone else's as buyer."""
        by_currency: dict[str, dict[str, Any]] = self.json(who, as_of)["asSeller" if who == SUPPLIER else "asBuyer"]
        return by_currency[currency]

    def state(self, invoice: bytes, who: PartyId = SUPPLIER, as_of: str = AS_OF) -> InvoiceState:
        """The state of one ``invoice``."""
        lines = self.report(who, as_of).tradelines
        return next(each for line in lines for each in line.invoices if each.evidence == invoice)

    def codes(self, who: PartyId = SUPPLIER, as_of: str = AS_OF) -> list[str]:
        """The codes of the findings."""
        return [finding.code.value for finding in self.report(who, as_of).findings]


def invoice_fields(
    amount: str, *, due: str = "2026-01-31", issued: str | None = None, currency: str = "EUR"
) -> dict[str, Any]:
    """The content of an invoice or of what replaces it."""
    day = issued or (date.fromisoformat(due) - timedelta(days=30)).isoformat()
    return {"invoiceNumber": "R", "issueDate": day, "dueDate": due, "currency": currency, "payableAmount": amount}


def payment_fields(
    amount: str, day: str, allocations: Mapping[bytes, str] | None, currency: str = "EUR"
) -> dict[str, Any]:
    """The content of a payment."""
    return {
        "paymentReference": "P",
        "valueDate": day,
        "currency": currency,
        "amount": amount,
        "allocations": [{"invoice": to_hex(invoice), "amount": part} for invoice, part in (allocations or {}).items()],
    }
