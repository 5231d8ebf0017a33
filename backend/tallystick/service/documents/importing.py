"""Import trade documents: what each states becomes evidence of its issuer, each document once.

Rules:

- all files are read before anything is recorded; one that can't be read, or a document that is refused, keeps no other
  from being recorded, and each has an outcome with its reason;
- documents are taken in the order in which they came about, whatever order the files came in;
- importing again records only what was not recorded; a dry run does all the work, and undoes it;
- an import is a job: what became of each document is kept by the transaction that made it so;
- what waits is kept with its file, and a later import that may help takes it up (``waiting.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from tallystick.errors import ChainError, MalformedInput, TallystickError
from tallystick.intake import stating
from tallystick.intake.documents import (
    CreditNote,
    DespatchAdvice,
    Invoice,
    InvoiceResponse,
    Order,
    OrderResponse,
    ReceiptAdvice,
    Remittance,
    Source,
)
from tallystick.intake.files import Unread
from tallystick.intake.readers import Reading
from tallystick.protocol.evidence import kind_name
from tallystick.service.context import Context, Progress, silent
from tallystick.service.documents import waiting
from tallystick.service.documents.answers import state_answer, state_remittance
from tallystick.service.documents.batch import Batch, Sheet, in_order
from tallystick.service.documents.bills import fingerprint, state_credit, state_invoice
from tallystick.service.documents.catalogue import AT_ONCE, bring_up_to_date
from tallystick.service.documents.desk import Desk, Rules
from tallystick.service.documents.jobs import begin, end, kept
from tallystick.service.documents.outcomes import Made, Outcome, Status, Stop
from tallystick.service.documents.trade import state_despatch, state_order, state_order_response, state_receipt
from tallystick.service.index import index
from tallystick.service.ports import Transaction
from tallystick.store.records import EvidenceRecord
from tallystick.store.waiting_records import COMMAND_LINE, WaitingDocument

DOCUMENTS_A_TRANSACTION = 500

_STATE: Mapping[type, Callable[[Desk, Any, Sheet], list[EvidenceRecord]]] = {
    Order: state_order,
    OrderResponse: state_order_response,
    DespatchAdvice: state_despatch,
    ReceiptAdvice: state_receipt,
    Invoice: state_invoice,
    CreditNote: state_credit,
    InvoiceResponse: state_answer,
    Remittance: state_remittance,
}


@dataclass(frozen=True, slots=True)
class DocumentImport:
    """What an import did, or in a dry run would do; ``outcomes`` are in the order of the files.

    Those of documents that waited, and were taken up, follow: ``taken_up`` says how many they are.
    """

    outcomes: tuple[Outcome, ...]
    files: int
    job: str | None
    """The name under which what became of each is kept; None for a dry run."""
    taken_up: int = 0
    tables: tuple[Reading, ...] = ()
    """The files among them that are tables."""

    def counts(self) -> dict[Status, int]:
        """How many documents came how far."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in Status}

    @property
    def evidence(self) -> int:
        """How many evidence were made."""
        made = (outcome.made for outcome in self.outcomes if outcome.status is Status.RECORDED)
        return len({each.evidence for of_document in made for each in of_document})


class _Undo(Exception):
    """The end of a dry run."""


def import_documents(
    context: Context,
    read: Sequence[Reading | Unread],
    rules: Rules | None = None,
    *,
    dry_run: bool = False,
    progress: Progress = silent,
    organisation: str | None = None,
    retry: bool = False,
) -> DocumentImport:
    """Record what the files ``read`` state, by ``rules``; in a ``dry_run`` only say what would become of them.

    ``organisation`` asks over HTTP. What waits of the same owner is taken up where that may help, all of it in a
    ``retry``: then ``rules`` go before those that a document came with, where they say something.
    """
    rules = rules or Rules()
    with suppress(ChainError):  # to record needs no chain: without one, whom it admitted before has to do
        index(context)
    while _catalogued(context):
        pass
    work = _Work(context, read, rules, organisation or COMMAND_LINE, retry=retry)
    tables = tuple(each for each in read if isinstance(each, Reading) and each.rows is not None)
    job = None if dry_run else begin(context, rules, len(read), work.refused(), organisation, tables)
    ordered = in_order(work.sheets)
    size = max(len(ordered), 1) if dry_run else DOCUMENTS_A_TRANSACTION
    for start in range(0, len(ordered), size):
        chunk = ordered[start : start + size]
        with suppress(_Undo), context.store.transaction() as transaction:
            work.take(transaction, chunk, job)
            if job is None:
                raise _Undo
        progress("documents", start + len(chunk), len(ordered))
    if job is not None:
        end(context, job)
    outcomes, taken_up = work.told()
    return DocumentImport(outcomes, len(read), job, taken_up, tables)


def _catalogued(context: Context) -> bool:
    """Bring the catalogue up to date, some at a time, each in a transaction of its own; whether there is more."""
    with context.store.transaction(read_only=True) as transaction:
        if transaction.behind() <= AT_ONCE:  # the import itself does that
            return False
    with context.store.transaction() as transaction:
        return bring_up_to_date(transaction, {})


class _Work:
    """One import at work: its documents, those that waited among them, and what became of each."""

    def __init__(
        self, context: Context, read: Sequence[Reading | Unread], rules: Rules, owner: str, *, retry: bool
    ) -> None:
        self.sheets: list[Sheet] = []
        self._context = context
        self._rules = rules
        self._owner = owner
        self._retry = retry
        self._outcomes: list[tuple[int, Outcome]] = []
        self._places: dict[int, int] = {}
        self._readings: dict[int, Reading] = {}
        for at, each in enumerate(read):
            if isinstance(each, Unread):
                self._outcomes.append((at, _refused(each.source, each.error)))
                continue
            for item in each.items:
                if isinstance(item, MalformedInput):
                    self._outcomes.append((at, _refused(each.source, item)))
                else:
                    self.sheets.append(Sheet(each.source, item))
                    self._places[id(self.sheets[-1])] = at
                    self._readings[id(self.sheets[-1])] = each
        with context.store.transaction(read_only=True) as transaction:
            self._names = {each.name for each in transaction.waiting_documents(owner)}
        found = waiting.find(context, owner, self.sheets, rules.parties, everything=retry)
        self._waited = {id(each.sheet): each for each in found}
        for at, waited in enumerate(found):
            self.sheets.append(waited.sheet)
            self._places[id(waited.sheet)] = len(read) + at
        self._first_waited = len(read)
        self._desk = Desk(context, Batch(self.sheets), rules)
        self._kept: set[str] = set()
        """The SHA-256 of files that this import keeps, for something of them waits."""

    def refused(self) -> list[Outcome]:
        """What became of files and rows that hold no document."""
        return [outcome for _, outcome in self._outcomes]

    def take(self, transaction: Transaction, chunk: Sequence[Sheet], job: str | None) -> None:
        """Record ``chunk`` within ``transaction``, and what became of each as part of ``job``; None: a dry run."""
        acceptance = self._desk.within(transaction)
        self._desk.prepare(sheet.document for sheet in chunk)
        made = []
        for sheet in chunk:
            self._desk.rules = self._rules_of(sheet)
            made.append(_outcome(self._desk, sheet))
        acceptance.keep()
        told = [(sheet, outcome) for sheet, outcome in zip(chunk, made, strict=True) if self._is_told(sheet, outcome)]
        self._outcomes += ((self._places[id(sheet)], outcome) for sheet, outcome in told)
        if job is None:
            return
        transaction.add_imported(job, [kept(outcome) for _, outcome in told])
        done = [waiting.name_of(sheet) for sheet, outcome in zip(chunk, made, strict=True) if outcome.is_settled]
        if left := [name for name in done if name in self._names]:
            transaction.take_up(self._owner, left, job)
        waits = [each for each in zip(chunk, made, strict=True) if waiting.waits(each[1])]
        transaction.add_waiting([self._kept_of(transaction, job, *each) for each in waits])

    def told(self) -> tuple[tuple[Outcome, ...], int]:
        """What became of everything, in the order of the files, and how many of it waited before."""
        in_files = sorted(self._outcomes, key=lambda placed: placed[0])
        return tuple(outcome for _, outcome in in_files), sum(at >= self._first_waited for at, _ in in_files)

    def _rules_of(self, sheet: Sheet) -> Rules:
        waited = self._waited.get(id(sheet))
        if waited is None:
            return self._rules
        own, given = waited.rules, self._rules
        if self._retry:
            terms_days = own.terms_days if given.terms_days is None else given.terms_days
            own = replace(own, terms_days=terms_days, allow_similar=own.allow_similar or given.allow_similar)
        return replace(own, conceals=given.conceals)

    def _is_told(self, sheet: Sheet, outcome: Outcome) -> bool:
        """Whether ``outcome`` is news: a document that waits on is told of where somebody asked."""
        return id(sheet) not in self._waited or self._retry or not waiting.waits(outcome)

    def _kept_of(self, transaction: Transaction, job: str, sheet: Sheet, outcome: Outcome) -> WaitingDocument:
        """What is kept of the document of ``sheet``, which waits, once its file is kept."""
        waited = self._waited.get(id(sheet))
        if waited is not None:
            # it came with the rules of an earlier import, which stay its own, and its file is kept
            return waiting.entry(self._owner, waited.kept.job, outcome, waited.kept.since)
        sha256 = sheet.source.sha256
        if sha256 not in self._kept:
            waiting.keep_file(self._context, transaction, self._owner, self._readings[id(sheet)])
            self._kept.add(sha256)
        return waiting.entry(self._owner, job, outcome, self._context.clock.now())


def _outcome(desk: Desk, sheet: Sheet) -> Outcome:
    """What becomes of one document."""
    document, name = sheet.document, type(sheet.document).__name__
    try:
        stating.sides(document)
        made = _STATE[type(document)](desk, document, sheet)
        known_as = fingerprint(desk, document) if isinstance(document, Invoice) else None
    except Stop as stop:
        facts = desk.told(stop.facts, document)
        return Outcome(sheet.source, name, document.number, stop.status, reason=stop.reason, facts=facts)
    except TallystickError as error:
        return _refused(sheet.source, error, name, document.number)
    status = Status.RECORDED if _is_new(desk, made) else Status.KNOWN
    return Outcome(sheet.source, name, document.number, status, _made(made), fingerprint=known_as)


def _is_new(desk: Desk, made: Iterable[EvidenceRecord]) -> bool:
    """Whether this document made some of ``made``: the second of two that say the same did not."""
    fresh = [each.evidence_id for each in made if each.evidence_id in desk.made]
    desk.made.difference_update(fresh)
    return bool(fresh)


def _made(records: Iterable[EvidenceRecord]) -> tuple[Made, ...]:
    return tuple(Made(kind_name(each.evidence.kind), each.evidence_id) for each in records)


def _refused(source: Source, error: TallystickError, document: str | None = None, number: str | None = None) -> Outcome:
    return Outcome(source, document, number, Status.REFUSED, error=error)
