"""Import trade documents: what each states becomes evidence of its issuer, each document once.

Rules:

- all files are read before anything is recorded; one that can't be read, or a document that is refused, keeps no other
  from being recorded, and each has an outcome with its reason;
- documents are taken in the order in which they came about, whatever order the files came in;
- importing again records only what was not recorded; a dry run does all the work, and undoes it;
- an import is a job: what became of each document is kept by the transaction that made it so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
from tallystick.service.documents.answers import state_answer, state_remittance
from tallystick.service.documents.batch import Batch, Sheet, in_order
from tallystick.service.documents.bills import fingerprint, state_credit, state_invoice
from tallystick.service.documents.desk import Desk, Rules
from tallystick.service.documents.jobs import begin, end, kept
from tallystick.service.documents.outcomes import Made, Outcome, Status, Stop
from tallystick.service.documents.trade import state_despatch, state_order, state_order_response, state_receipt
from tallystick.service.index import index
from tallystick.store.records import EvidenceRecord

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
    """What an import did, or in a dry run would do; ``outcomes`` are in the order of the files."""

    outcomes: tuple[Outcome, ...]
    files: int
    job: str | None
    """The name under which what became of each is kept; None for a dry run."""

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
) -> DocumentImport:
    """Record what the files ``read`` state, by ``rules``; in a ``dry_run`` only say what would become of them."""
    places: dict[int, int] = {}
    sheets: list[Sheet] = []
    outcomes: list[tuple[int, Outcome]] = []
    for at, each in enumerate(read):
        if isinstance(each, Unread):
            outcomes.append((at, _refused(each.source, each.error)))
            continue
        for item in each.items:
            if isinstance(item, MalformedInput):
                outcomes.append((at, _refused(each.source, item)))
            else:
                sheets.append(Sheet(each.source, item))
                places[id(sheets[-1])] = at
    with suppress(ChainError):  # to record needs no chain: without one, whom it admitted before has to do
        index(context)
    rules = rules or Rules()
    desk = Desk(context, Batch(sheets), rules)
    job = None if dry_run else begin(context, rules, len(read), [outcome for _, outcome in outcomes])
    ordered = in_order(sheets)
    size = max(len(ordered), 1) if dry_run else DOCUMENTS_A_TRANSACTION
    for start in range(0, len(ordered), size):
        chunk = ordered[start : start + size]
        with suppress(_Undo), context.store.transaction() as transaction:
            acceptance = desk.within(transaction)
            made = [_outcome(desk, sheet) for sheet in chunk]
            acceptance.keep()
            outcomes += ((places[id(sheet)], outcome) for sheet, outcome in zip(chunk, made, strict=True))
            if job is None:
                raise _Undo
            transaction.add_imported(job, [kept(outcome) for outcome in made])
        progress("documents", start + len(chunk), len(ordered))
    if job is not None:
        end(context, job)
    in_files = sorted(outcomes, key=lambda placed: placed[0])
    return DocumentImport(tuple(outcome for _, outcome in in_files), len(read), job)


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
