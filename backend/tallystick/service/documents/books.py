"""What is recorded between two parties, found by the numbers that documents refer to.

Rules:

- a party's evidence is read once, when the first document of it comes; what an import adds is noted as it goes;
- an invoice is found by every number it ever had, and is as its issuer last corrected it;
- only what is accepted counts; a contract that awaits a signature is kept apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain

from tallystick.intake.likeness import Billed, Likeness, compared, cut, likeness
from tallystick.protocol import content
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId, to_hex
from tallystick.service.accept import ACCEPTED
from tallystick.service.ports import Transaction
from tallystick.store.records import EvidenceRecord

_KINDS = (
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

_FEW = 32
"""Of so many invoices with the same values, each is compared with a new one."""

Shown = Mapping[str, Json]
Pair = frozenset[PartyId]


@dataclass(slots=True)
class Kept:
    """One evidence with what its content shows."""

    record: EvidenceRecord
    fields: Shown

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
        if now is None:
            return None
        told = [now.text(name) for name in ("invoiceNumber", "issueDate", "currency", "payableAmount")]
        buyer = self.base.text("customer") if self.buyer == ZERO32 else to_hex(self.buyer)
        if buyer is None or None in told:
            return None
        number, issued, currency, amount = map(str, told)
        return Billed(number, buyer, issued, currency, Decimal(amount))


class _SameValues:
    """The invoices of a seller that have the same values: of many, those whose number is nearly another's are found."""

    def __init__(self) -> None:
        self._bills: list[tuple[str, Bill]] = []
        self._cut: dict[str, list[Bill]] = {}
        self._cut_of = 0

    def add(self, number: str, bill: Bill) -> None:
        """Take in the ``bill`` of that ``number``."""
        self._bills.append((number, bill))

    def near(self, number: str) -> Iterable[Bill]:
        """All whose number is one off ``number``, or the same as it is compared, and maybe others."""
        if len(self._bills) <= _FEW:
            return [bill for _, bill in self._bills]
        for other, bill in self._bills[self._cut_of :]:
            for piece in cut(compared(other)):
                self._cut.setdefault(piece, []).append(bill)
        self._cut_of = len(self._bills)
        return [bill for piece in cut(compared(number)) for bill in self._cut.get(piece, ())]


@dataclass(slots=True)
class _OfParty:
    """The evidence of one party, by what documents call it."""

    contracts: dict[tuple[Pair, str], Kept] = field(default_factory=dict)
    agreed: dict[Pair, list[Kept]] = field(default_factory=lambda: defaultdict(list))
    deliveries: dict[tuple[PartyId, PartyId, str], Kept] = field(default_factory=dict)
    arrivals: dict[tuple[PartyId, PartyId, str], Kept] = field(default_factory=dict)
    bills: dict[tuple[PartyId, str], Bill] = field(default_factory=dict)
    bill_of: dict[EvidenceId, Bill] = field(default_factory=dict)
    by_compared: dict[tuple[PartyId, str], list[Bill]] = field(default_factory=lambda: defaultdict(list))
    by_values: dict[tuple[PartyId, object], _SameValues] = field(default_factory=lambda: defaultdict(_SameValues))
    credits: dict[tuple[PartyId, PartyId, str], Kept] = field(default_factory=dict)
    payments: dict[tuple[PartyId, PartyId, str], Kept] = field(default_factory=dict)
    answers: dict[EvidenceId, list[Kept]] = field(default_factory=lambda: defaultdict(list))


class Books:
    """The evidence of the parties that an import is about."""

    def __init__(self) -> None:
        self._parties: dict[PartyId, _OfParty] = {}

    def open(self, transaction: Transaction, party: PartyId) -> None:
        """Read what is recorded of ``party``, unless that was done."""
        if party in self._parties:
            return
        of_party = self._parties[party] = _OfParty()
        for record in transaction.evidence_of_party(party, map(int, _KINDS)):
            _note(of_party, Kept(record, content.parse_all(record.disclosures)))

    def note(self, record: EvidenceRecord, fields: Shown) -> None:
        """Take in an evidence that was added, or a contract whose signatures are complete now."""
        for party in {record.evidence.issuer, record.evidence.counterparty}:
            if party in self._parties:
                _note(self._parties[party], Kept(record, fields))

    def contract(self, one: PartyId, other: PartyId, number: str) -> Kept | None:
        """The contract of that ``number`` between the two, whatever its state."""
        return self._parties[one].contracts.get((frozenset((one, other)), number))

    def agreed(self, one: PartyId, other: PartyId) -> list[Kept]:
        """The contracts between the two that both signed, oldest first."""
        return self._parties[one].agreed.get(frozenset((one, other)), [])

    def delivery(self, issuer: PartyId, counterparty: PartyId, number: str) -> Kept | None:
        """The DELIVERY of that ``number`` that ``issuer`` stated."""
        return self._parties[issuer].deliveries.get((issuer, counterparty, number))

    def arrival(self, issuer: PartyId, counterparty: PartyId, despatch: str) -> Kept | None:
        """The DELIVERY by which ``issuer`` answered the other side's ``despatch``."""
        return self._parties[issuer].arrivals.get((issuer, counterparty, despatch))

    def bill(self, seller: PartyId, number: str) -> Bill | None:
        """The invoice of ``seller`` that has or had that ``number``."""
        return self._parties[seller].bills.get((seller, number))

    def credit(self, seller: PartyId, buyer: PartyId, number: str) -> Kept | None:
        """The credit note of that ``number``."""
        return self._parties[seller].credits.get((seller, buyer, number))

    def payment(self, payer: PartyId, payee: PartyId, reference: str) -> Kept | None:
        """The payment of that ``reference`` that ``payer`` stated."""
        return self._parties[payer].payments.get((payer, payee, reference))

    def receipts(self, payee: PartyId, payer: PartyId) -> Iterator[Kept]:
        """The payments that ``payee`` says it had from ``payer``, and that nothing corrects."""
        books = self._parties[payee]
        for (issuer, counterparty, _), kept in books.payments.items():
            if (issuer, counterparty) == (payee, payer) and not any(
                answer.record.evidence.kind == Kind.CORRECTION
                for answer in books.answers.get(kept.record.evidence_id, ())
            ):
                yield kept

    def claims(self, payee: PartyId, payer: PartyId) -> Iterator[Kept]:
        """The payments that ``payer`` says it made to ``payee``."""
        for (issuer, counterparty, _), kept in self._parties[payee].payments.items():
            if (issuer, counterparty) == (payer, payee):
                yield kept

    def answers(self, seller: PartyId, bill: Bill, kind: Kind, issuer: PartyId) -> Iterator[Kept]:
        """The answers of ``kind`` by ``issuer`` to any version of ``bill``."""
        names = [bill.base.record.evidence_id, *(each.record.evidence_id for each in bill.versions)]
        for name in dict.fromkeys(names):
            yield from self.answers_to(seller, name, kind, issuer)

    def answers_to(self, party: PartyId, name: EvidenceId, kind: Kind, issuer: PartyId) -> Iterator[Kept]:
        """The answers of ``kind`` by ``issuer`` to the evidence ``name``, of which ``party`` is a side."""
        for kept in self._parties[party].answers.get(name, ()):
            if kept.record.evidence.kind == kind and kept.record.evidence.issuer == issuer:
                yield kept

    def alike(self, seller: PartyId, billed: Billed) -> tuple[Bill, Likeness] | None:
        """An invoice of ``seller`` that is like ``billed``, though not the same."""
        of_party = self._parties[seller]
        same_values = of_party.by_values.get((seller, billed.values))
        near = () if same_values is None else same_values.near(billed.number)
        for bill in chain(of_party.by_compared.get((seller, compared(billed.number)), ()), near):
            other = bill.billed()
            how = None if other is None else likeness(billed, other)
            if how not in (None, Likeness.SAME):
                return bill, how
        return None


def _note(books: _OfParty, kept: Kept) -> None:
    evidence, number = kept.record.evidence, kept.text
    between = (evidence.issuer, evidence.counterparty)
    if evidence.kind == Kind.CONTRACT:
        _note_contract(books, kept)
    if kept.record.state not in ACCEPTED:
        return
    if evidence.kind == Kind.DELIVERY:
        if (found := number("deliveryNumber")) is not None:
            books.deliveries[*between, found] = kept
        if (found := number("despatchNumber")) is not None:
            books.arrivals[*between, found] = kept
    elif evidence.kind == Kind.INVOICE:
        _note_bill(books, Bill(kept, [kept]), kept)
    elif evidence.kind == Kind.PAYMENT and (found := number("paymentReference")) is not None:
        books.payments[*between, found] = kept
    elif evidence.kind == Kind.CORRECTION:
        bill = books.bill_of.get(evidence.parent)
        if bill is not None and evidence.issuer == bill.base.record.evidence.issuer:
            bill.correct(kept)
            _note_bill(books, bill, kept)
        if (found := number("creditNoteNumber")) is not None:
            books.credits[*between, found] = kept
    if evidence.parent != ZERO32:
        books.answers[evidence.parent].append(kept)


def _note_contract(books: _OfParty, kept: Kept) -> None:
    pair = frozenset((kept.record.evidence.issuer, kept.record.evidence.counterparty))
    number = kept.text("contractNumber")
    if number is not None:
        books.contracts[pair, number] = kept
    if kept.record.state in ACCEPTED:
        books.agreed[pair].append(kept)


def _note_bill(books: _OfParty, bill: Bill, kept: Kept) -> None:
    """Let ``bill`` be found by its newest version ``kept`` too."""
    seller = bill.base.record.evidence.issuer
    books.bill_of[kept.record.evidence_id] = bill
    if (number := kept.text("invoiceNumber")) is None:
        return
    books.bills[seller, number] = bill
    books.by_compared[seller, compared(number)].append(bill)
    if (billed := bill.billed()) is not None:
        books.by_values[seller, billed.values].add(number, bill)
