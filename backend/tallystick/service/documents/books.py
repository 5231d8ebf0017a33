"""What is recorded between two parties, found by the numbers that documents refer to.

Rules:

- nothing is read but what a document names: by the catalogue, by what answers it, or by the two parties;
- what an import makes is noted as it goes, and found as if it were recorded already;
- an invoice is found by every number it ever had, and is as its issuer last corrected it;
- only what is accepted counts; a contract that awaits a signature is kept apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count

from tallystick.intake.likeness import Billed, Likeness, compared, cut, likeness
from tallystick.protocol import content
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId
from tallystick.service.accept import ACCEPTED
from tallystick.service.documents.catalogue import (
    KINDS,
    Sort,
    bring_up_to_date,
    likely_names,
    name_of,
    names_of,
)
from tallystick.service.documents.kept import Bill, Kept, Shown
from tallystick.service.ports import Transaction
from tallystick.store.records import EvidenceRecord

_NOT_RECORDED = 2**62
"""From here on are the positions of what is only noted."""
_FEW = 32
"""Of so many invoices with the same values, each is compared with a new one."""


class _SameValues:
    """The invoices of a seller that have the same values: of many, those whose number is nearly another's are found."""

    def __init__(self) -> None:
        self._cut: dict[str, list[Kept]] = defaultdict(list)
        self._cut_of = 0

    def near(self, number: str, all_: Sequence[Kept]) -> Iterable[Kept]:
        """Those of ``all_`` whose number is one off ``number``, or the same as it is compared, and maybe others.

        ``all_`` is what it was the last time, and what was added since.
        """
        if len(all_) <= _FEW:
            return all_
        for kept in all_[self._cut_of :]:
            for piece in cut(compared(kept.text("invoiceNumber") or "")):
                self._cut[piece].append(kept)
        self._cut_of = len(all_)
        return [kept for piece in cut(compared(number)) for kept in self._cut.get(piece, ())]


class Books:
    """What an import finds recorded. One serves all of its transactions, one after the other."""

    def __init__(self) -> None:
        self._read: dict[EvidenceId, Kept] = {}
        self._named: dict[bytes, list[Kept]] = {}
        self._answers: dict[EvidenceId, list[Kept]] = {}
        self._between: dict[tuple[PartyId, PartyId, Kind], list[Kept]] = {}
        self._values: dict[bytes, _SameValues] = defaultdict(_SameValues)
        self._bills: dict[EvidenceId, Bill | None] = {}
        """By each evidence that is a version of an invoice, or corrects one; None: it is neither."""
        self._made: dict[EvidenceId, Kept] = {}
        self._made_names: dict[EvidenceId, frozenset[bytes]] = {}
        self._made_named: dict[bytes, list[Kept]] = defaultdict(list)
        self._made_answers: dict[EvidenceId, list[Kept]] = defaultdict(list)
        self._positions = count(_NOT_RECORDED)

    def within(self, transaction: Transaction) -> None:
        """Look things up in ``transaction`` from now on."""
        self._transaction = transaction
        while bring_up_to_date(transaction, self._made_names):
            pass

    def look_up(self, names: Iterable[bytes]) -> None:
        """Read at once what stands under ``names``, and what answers the invoices among it."""
        missing = [name for name in dict.fromkeys(names) if name not in self._named]
        if not missing:
            return
        found: dict[bytes, list[Kept]] = {name: [] for name in missing}
        for name, at, record in self._transaction.evidence_named(missing):
            found[name].append(self._kept(at, record))
        for name, kept in found.items():
            self._named[name] = _merged(kept, self._made_named.get(name, ()))
        bills = {kept.record.evidence_id for several in found.values() for kept in several if _is_bill(kept)}
        self._read_answers(bills)

    # ---- by what documents name -----------------------------------------------------------------------------------

    def contract(self, one: PartyId, other: PartyId, number: str) -> Kept | None:
        """The contract of that ``number`` between the two, whatever its state."""
        found = [
            kept
            for issuer, counterparty in ((one, other), (other, one))
            for kept in self._under(issuer, Sort.CONTRACT, number)
            if kept.record.evidence.counterparty == counterparty
        ]
        return max(found, key=lambda kept: kept.at, default=None)

    def agreed(self, one: PartyId, other: PartyId) -> list[Kept]:
        """The contracts between the two that both signed, oldest first."""
        both = [*self._of_kind(one, other, Kind.CONTRACT), *self._of_kind(other, one, Kind.CONTRACT)]
        return sorted((kept for kept in both if _is_accepted(kept)), key=lambda kept: kept.at)

    def delivery(self, issuer: PartyId, counterparty: PartyId, number: str) -> Kept | None:
        """The DELIVERY of that ``number`` that ``issuer`` stated."""
        return self._last(issuer, counterparty, Sort.DELIVERY, number)

    def arrival(self, issuer: PartyId, counterparty: PartyId, despatch: str) -> Kept | None:
        """The DELIVERY by which ``issuer`` answered the other side's ``despatch``."""
        return self._last(issuer, counterparty, Sort.ARRIVAL, despatch)

    def bill(self, seller: PartyId, number: str) -> Bill | None:
        """The invoice of ``seller`` that has or had that ``number``."""
        for kept in reversed(self._under(seller, Sort.BILL, number)):
            if _is_accepted(kept) and (bill := self._bill_of(kept)) is not None:
                return bill
        return None

    def credit(self, seller: PartyId, buyer: PartyId, number: str) -> Kept | None:
        """The credit note of that ``number``."""
        return self._last(seller, buyer, Sort.CREDIT, number)

    def payment(self, payer: PartyId, payee: PartyId, reference: str) -> Kept | None:
        """The payment of that ``reference`` that ``payer`` stated."""
        return self._last(payer, payee, Sort.PAYMENT, reference)

    def receipts(self, payee: PartyId, payer: PartyId) -> Iterator[Kept]:
        """The payments that ``payee`` says it had from ``payer``, and that nothing corrects."""
        payments = self._payments(payee, payer)
        self._read_answers(kept.record.evidence_id for kept in payments)
        for kept in payments:
            if not any(answer.record.evidence.kind == Kind.CORRECTION for answer in self._answers_to(kept)):
                yield kept

    def claims(self, payee: PartyId, payer: PartyId) -> Iterator[Kept]:
        """The payments that ``payer`` says it made to ``payee``."""
        yield from self._payments(payer, payee)

    def answers(self, bill: Bill, kind: Kind, issuer: PartyId) -> Iterator[Kept]:
        """The answers of ``kind`` by ``issuer`` to any version of ``bill``."""
        for version in {kept.record.evidence_id: kept for kept in (bill.base, *bill.versions)}.values():
            yield from self.answers_to(version, kind, issuer)

    def answers_to(self, kept: Kept, kind: Kind, issuer: PartyId) -> Iterator[Kept]:
        """The answers of ``kind`` by ``issuer`` to ``kept``."""
        for answer in self._answers_to(kept):
            if answer.record.evidence.kind == kind and answer.record.evidence.issuer == issuer:
                yield answer

    def alike(self, seller: PartyId, billed: Billed) -> tuple[Bill, Likeness] | None:
        """An invoice of ``seller`` that is like ``billed``, though not the same."""
        by_number, by_values = likely_names(seller, billed)
        self.look_up((by_number, by_values))
        near = self._values[by_values].near(billed.number, self._named[by_values])
        for kept in chain(self._named[by_number], near):
            bill = self._bill_of(kept)
            other = None if bill is None else bill.billed()
            how = None if other is None else likeness(billed, other)
            if bill is not None and how not in (None, Likeness.SAME):
                return bill, how
        return None

    # ---- what the import makes ------------------------------------------------------------------------------------

    def note(self, record: EvidenceRecord, fields: Shown) -> None:
        """Take in an evidence that was added, or a contract whose signatures are complete now."""
        kept = self._made.get(record.evidence_id)
        if kept is None:
            kept = Kept(record, fields, next(self._positions))
            self._made[record.evidence_id] = kept
            if record.evidence.kind != Kind.CONTRACT:  # which may be older: only its signatures are new
                self._answers.setdefault(record.evidence_id, [])
        kept.record = record
        evidence = record.evidence
        bill = self._bill_of(kept) if evidence.kind in (Kind.INVOICE, Kind.CORRECTION) else None
        if bill is not None and kept is not bill.base:
            bill.correct(kept)
        self._made_names[record.evidence_id] = names = frozenset(names_of(kept, bill))
        for name in names:
            _put(self._made_named[name], kept)
            if name in self._named:
                _put(self._named[name], kept)
        between = evidence.issuer, evidence.counterparty, Kind(evidence.kind)
        if between in self._between:
            _put(self._between[between], kept)
        if evidence.parent != ZERO32:
            _put(self._made_answers[evidence.parent], kept)
            if evidence.parent in self._answers:
                _put(self._answers[evidence.parent], kept)

    # ---- within ---------------------------------------------------------------------------------------------------

    def _kept(self, at: int, record: EvidenceRecord) -> Kept:
        kept = self._read.get(record.evidence_id)
        if kept is None:
            kept = self._read[record.evidence_id] = Kept(record, content.parse_all(record.disclosures), at)
        return kept

    def _under(self, issuer: PartyId, sort: Sort, number: str) -> list[Kept]:
        name = name_of(issuer, sort, number)
        self.look_up((name,))
        return self._named[name]

    def _last(self, issuer: PartyId, counterparty: PartyId, sort: Sort, number: str) -> Kept | None:
        for kept in reversed(self._under(issuer, sort, number)):
            if kept.record.evidence.counterparty == counterparty and _is_accepted(kept):
                return kept
        return None

    def _of_kind(self, issuer: PartyId, counterparty: PartyId, kind: Kind) -> list[Kept]:
        between = issuer, counterparty, kind
        if between not in self._between:
            placed = self._transaction.evidence_between(issuer, counterparty, kind)
            made = (
                kept
                for kept in self._made.values()
                if (kept.record.evidence.issuer, kept.record.evidence.counterparty, kept.record.evidence.kind)
                == between
            )
            self._between[between] = _merged([self._kept(at, record) for at, record in placed], made)
        return self._between[between]

    def _payments(self, issuer: PartyId, counterparty: PartyId) -> list[Kept]:
        """The payments that ``issuer`` stated to ``counterparty``: of several with one reference, the last."""
        found = {kept.text("paymentReference"): kept for kept in self._of_kind(issuer, counterparty, Kind.PAYMENT)}
        return [kept for reference, kept in found.items() if reference is not None and _is_accepted(kept)]

    def _answers_to(self, kept: Kept) -> list[Kept]:
        self._read_answers((kept.record.evidence_id,))
        return self._answers[kept.record.evidence_id]

    def _read_answers(self, parents: Iterable[EvidenceId]) -> None:
        """Read at once what answers ``parents``, and what answers the corrections among that."""
        missing = [parent for parent in parents if parent not in self._answers]
        while missing:
            found: dict[EvidenceId, list[Kept]] = {parent: [] for parent in missing}
            for at, record in self._transaction.answers(missing):
                found[record.evidence.parent].append(self._kept(at, record))
            for parent, answers in found.items():
                both = _merged(answers, self._made_answers.get(parent, ()))
                self._answers[parent] = [
                    kept for kept in both if kept.record.evidence.kind in KINDS and _is_accepted(kept)
                ]
            corrections = (kept for answers in found.values() for kept in answers if _is_bill(kept))
            missing = [kept.record.evidence_id for kept in corrections if kept.record.evidence_id not in self._answers]

    def _bill_of(self, kept: Kept) -> Bill | None:
        """The invoice that ``kept`` is, or corrects in its issuer's name."""
        name, evidence = kept.record.evidence_id, kept.record.evidence
        if name not in self._bills:
            if evidence.kind == Kind.INVOICE:
                self._bills[name] = self._read_bill(kept)
            else:
                above = self._above(kept)
                bill = None if above is None or not _is_bill(above) else self._bill_of(above)
                is_own = bill is not None and bill.base.record.evidence.issuer == evidence.issuer
                self._bills[name] = bill if is_own else None
        return self._bills[name]

    def _above(self, kept: Kept) -> Kept | None:
        """What ``kept`` answers; where it is not at hand, without its place."""
        parent = kept.record.evidence.parent
        known = self._made.get(parent) or self._read.get(parent)
        if known is not None:
            return known
        found = self._transaction.evidence([parent]).get(parent)
        return None if found is None else Kept(found, content.parse_all(found.disclosures), 0)

    def _read_bill(self, base: Kept) -> Bill:
        """The invoice ``base`` with all corrections of its issuer, in the order of their recording."""
        bill, seller = Bill(base, [base]), base.record.evidence.issuer
        corrections, waiting = [], [base]
        while waiting:
            for answer in self._answers_to(waiting.pop()):
                if answer.record.evidence.kind == Kind.CORRECTION and answer.record.evidence.issuer == seller:
                    corrections.append(answer)
                    waiting.append(answer)
        for correction in sorted(corrections, key=lambda kept: kept.at):
            bill.correct(correction)
            self._bills[correction.record.evidence_id] = bill
        return bill


def _is_accepted(kept: Kept) -> bool:
    return kept.record.state in ACCEPTED


def _is_bill(kept: Kept) -> bool:
    return kept.record.evidence.kind in (Kind.INVOICE, Kind.CORRECTION)


def _put(several: list[Kept], kept: Kept) -> None:
    """Add ``kept`` to ``several``; a contract, of which another signature is noted, in its place."""
    if kept.record.evidence.kind == Kind.CONTRACT:
        for at, each in enumerate(several):
            if each.record.evidence_id == kept.record.evidence_id:
                several[at] = kept
                return
    several.append(kept)


def _merged(found: list[Kept], made: Iterable[Kept]) -> list[Kept]:
    """What was ``found`` recorded and what this import ``made``, each once: as it is now."""
    newest = {kept.record.evidence_id: kept for kept in made}
    here = {kept.record.evidence_id for kept in found}
    return [
        *(newest.get(kept.record.evidence_id, kept) for kept in found),
        *(kept for name, kept in newest.items() if name not in here),
    ]
