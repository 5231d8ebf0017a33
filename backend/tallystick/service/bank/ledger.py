"""What a party's evidence says before a statement is imported: open invoices, payments recorded, and bookings known.

Rules:

- what is open follows the credit definitions (payments that count, credits, write-offs), and a payment dated ahead
  counts at once: its money is spoken for;
- a buyer's own claims are taken off what it may claim, whether or not the supplier acknowledged them;
- accepted evidence counts, sealed or not; what awaits a signature does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tallystick.credit.content import PaymentTerms, read_payment
from tallystick.credit.deals import read_deals
from tallystick.credit.findings import Findings
from tallystick.credit.money import exact_arithmetic
from tallystick.credit.statements import Statements
from tallystick.credit.states import InvoiceState, Role
from tallystick.intake.bank.cases import OpenInvoice
from tallystick.protocol import content
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.types import ZERO32, Address, DealId, EvidenceId, PartyId, to_hex
from tallystick.service.accept import ACCEPTED
from tallystick.service.ports import Transaction
from tallystick.store.records import EvidenceRecord, PartyRecord

BANK_KEYS = "bankKeys"
"""The field of a PAYMENT or CORRECTION that says which bookings it was made of."""

_KINDS = (
    Kind.CONTRACT,
    Kind.INVOICE,
    Kind.PAYMENT,
    Kind.ACKNOWLEDGEMENT,
    Kind.DISPUTE,
    Kind.RESOLUTION,
    Kind.CORRECTION,
    Kind.WRITE_OFF,
)
_NOBODY = Address(bytes(20))
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RecordedPayment:
    """A PAYMENT that the party stated and that still holds, as last corrected. ``parent`` is what corrects it."""

    parent: str
    counterparty: PartyId
    deal: DealId
    fields: Mapping[str, Json]
    terms: PaymentTerms
    keys: frozenset[str]

    def text(self, name: str) -> str | None:
        """The field ``name`` where it is text."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A PAYMENT to the party that its debtor stated, as it holds; ``counts``: the party acknowledged it."""

    payment: RecordedPayment
    counts: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a payment of an invoice belongs."""

    counterparty: PartyId
    deal: DealId
    number: str | None
    has_contract: bool


@dataclass(slots=True)
class Ledger:
    """The bank side of a party's evidence; what an import adds is noted in it as it goes."""

    party: PartyRecord
    invoices: dict[Role, dict[str, OpenInvoice]]
    """By the party's role and the invoice's evidence id in hex."""
    places: dict[str, Place]
    payments: list[RecordedPayment]
    keys: set[str] = field(default_factory=set)
    """Every booking that a payment or its correction was made of, whatever became of it."""
    names: dict[PartyId, str] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    """What others claim to have paid to the party, and no receipt of it is linked to."""

    def acknowledged(self, invoice: str) -> Decimal:
        """What of an invoice is paid by ``claims`` that count, whose money is still to be booked."""
        shares = (share for claim in self.claims if claim.counts for share in claim.payment.terms.allocations)
        return sum((amount for name, amount in shares if to_hex(name) == invoice), _ZERO)


def read_ledger(transaction: Transaction, party: PartyRecord) -> Ledger:
    """The ledger of ``party`` as ``transaction`` has it."""
    records = [
        record for record in transaction.evidence_of_party(party.party, map(int, _KINDS)) if record.state in ACCEPTED
    ]
    entries = [_entry(at, record) for at, record in enumerate(records)]
    fields = {entry.evidence_id: entry.fields for entry in entries}
    with exact_arithmetic():
        deals = read_deals(party.party, entries, date.max, Findings())
        payments = _payments(entries, lambda evidence: evidence.issuer == party.party)
        counting = {to_hex(state.evidence) for state in deals.payments if state.counts}
        received = _payments(entries, lambda evidence: evidence.counterparty == party.party)
        unlinked = {to_hex(s.evidence) for s in deals.payments if s.role is Role.SELLER and not s.confirmed}
        claims = [Claim(payment, key in counting) for payment, key in received if key in unlinked]
        claimed = _claimed(payments, counting)
        others = _others(transaction, deals.invoices)
        contracts = {entry.evidence.deal for entry in entries if entry.evidence.kind == Kind.CONTRACT}
        deal_of = {entry.evidence_id: entry.evidence.deal for entry in entries if entry.evidence.kind == Kind.INVOICE}
        open_to_claims = Ledger(party, {}, {}, [], claims=claims)
        invoices: dict[Role, dict[str, OpenInvoice]] = {Role.SELLER: {}, Role.BUYER: {}}
        places: dict[str, Place] = {}
        for state in deals.invoices:
            key, deal = to_hex(state.evidence), deal_of[state.evidence]
            left = max(_ZERO, state.open_amount - claimed.get(state.evidence, _ZERO))
            # what a claim has paid is open to the booking of the same money, and to nothing else
            left += open_to_claims.acknowledged(key)
            invoices[state.role][key] = _open_invoice(state, left, fields, others)
            places[key] = Place(state.counterparty or PartyId(ZERO32), deal, state.number, deal in contracts)
    own = (entry for entry in entries if entry.evidence.issuer == party.party)
    keys = {key for entry in own for key in bank_keys(entry.fields)}
    ledger = Ledger(party, invoices, places, [payment for payment, _ in payments], keys)
    ledger.claims = claims
    ledger.names = {each: record.name for each, record in others.items()}
    return ledger


def bank_keys(fields: Mapping[str, Json]) -> frozenset[str]:
    """The bookings that evidence with these ``fields`` was made of; whoever wrote the field by hand may have erred."""
    value = fields.get(BANK_KEYS)
    return frozenset(key for key in value if isinstance(key, str)) if isinstance(value, (list, tuple)) else frozenset()


def _entry(seq: int, record: EvidenceRecord) -> Entry:
    """``record`` as an entry that stands: what is accepted will, and is read in the order of its acceptance."""
    return Entry(
        seq=seq,
        evidence_id=record.evidence_id,
        evidence=record.evidence,
        anchored_at=record.recorded_at,
        operator=_NOBODY,
        batch_id=0,
        fields=content.parse_all(record.disclosures),
        hidden=len(record.hidden),
        standing=Standing.STANDS,
    )


def _payments(entries: Sequence[Entry], is_wanted: Callable[[Evidence], bool]) -> list[tuple[RecordedPayment, str]]:
    """The payments that are wanted and that hold, each with the evidence whose terms hold."""
    statements = Statements(entries, Findings())
    found = []
    for entry in statements.said(Kind.PAYMENT):
        if not is_wanted(entry.evidence):
            continue
        versions = statements.versions(entry, read_payment)
        if (terms := versions.current) is None:
            continue
        current = statements.by_id[versions.current_id].fields
        payment = RecordedPayment(
            parent=to_hex(entry.evidence_id),
            counterparty=entry.evidence.counterparty,
            deal=entry.evidence.deal,
            fields={**entry.fields, **current},
            terms=terms,
            keys=bank_keys(entry.fields),
        )
        found.append((payment, to_hex(versions.current_id)))
    return found


def _claimed(payments: Iterable[tuple[RecordedPayment, str]], counting: set[str]) -> dict[EvidenceId, Decimal]:
    """By invoice, what the party's own payments allocate to it that do not count yet."""
    claimed: dict[EvidenceId, Decimal] = {}
    for payment, current in payments:
        if current not in counting:
            for invoice, amount in payment.terms.allocations:
                claimed[invoice] = claimed.get(invoice, _ZERO) + amount
    return claimed


def _others(transaction: Transaction, invoices: Iterable[InvoiceState]) -> dict[PartyId, PartyRecord]:
    wanted = {state.counterparty for state in invoices if state.counterparty is not None}
    found = {party: transaction.party(party) for party in sorted(wanted)}
    return {party: record for party, record in found.items() if record is not None}


def _open_invoice(
    state: InvoiceState,
    left: Decimal,
    fields: Mapping[EvidenceId, Mapping[str, Json]],
    others: Mapping[PartyId, PartyRecord],
) -> OpenInvoice:
    own = {**fields[state.evidence], **fields.get(state.current_version, {})}
    references = tuple(value for name in ("paymentReference", "endToEndId") if isinstance(value := own.get(name), str))
    customer = own.get("customer")
    other = None if state.counterparty is None else others.get(state.counterparty)
    names: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    if other is not None:
        names, identifiers = (other.name,), tuple(each.value for each in other.identifiers)
    elif isinstance(customer, str):
        identifiers = (customer.partition(":")[2] or customer,)
    payer = to_hex(state.counterparty) if state.counterparty is not None else customer
    return OpenInvoice(
        key=to_hex(state.evidence),
        number=state.number,
        currency=state.currency,
        open_amount=left,
        payer=payer if isinstance(payer, str) else None,
        references=references,
        names=names,
        identifiers=identifiers,
    )
