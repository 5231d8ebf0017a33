"""Jobs: that an import began and ended, by which rules, and what became of each of its documents.

Rules:

- a job is begun before its first document is recorded; one that did not end was interrupted, and says what it did;
- what is kept of a document is its file's name and hash, not its content; a reason is kept by its code and facts;
- what is kept of content is encrypted: the rows that a table was rejected for, and documents that wait
  (``waiting.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.errors import NotFound, UsageError
from tallystick.intake.readers import Reading
from tallystick.protocol.canonical import encode
from tallystick.protocol.entry import Json
from tallystick.protocol.types import clip, to_hex
from tallystick.service.context import Context
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.outcomes import Outcome
from tallystick.service.documents.words import why
from tallystick.service.keeping import lock_up, take_out
from tallystick.store.records import ImportedDocument, ImportRecord

_BYTES_OF_NAME = 8


def begin(
    context: Context,
    rules: Rules,
    files: int,
    unread: Sequence[Outcome],
    organisation: str | None = None,
    tables: Sequence[Reading] = (),
) -> str:
    """The name of a new job of ``files`` files, of which those of ``unread`` could not be read.

    ``organisation`` asked for it over HTTP; what was rejected of its ``tables`` is kept, encrypted.
    """
    job = context.entropy.bytes(_BYTES_OF_NAME).hex()
    told: Json = {
        "termsDays": rules.terms_days,
        "allowSimilar": rules.allow_similar,
        "parties": None if rules.parties is None else [to_hex(party) for party in sorted(rules.parties)],
    }
    with context.store.transaction() as transaction:
        record = ImportRecord(job, context.clock.now(), None, files, encode(told).decode(), organisation)
        transaction.begin_import(record)
        transaction.add_imported(job, [kept(outcome) for outcome in unread])
        for table in tables:
            if table.rows is not None and table.rows.rejected_count:
                sealed = lock_up(context, _rejected_of(job), table.rows.rejected)
                transaction.add_rejected(job, table.source.name, table.rows.rejected_count, sealed)
    return job


def end(context: Context, job: str) -> None:
    """Note that ``job`` has come to its end."""
    with context.store.transaction() as transaction:
        transaction.end_import(job, context.clock.now())


def rejected_rows(context: Context, job: str, file: str | None = None, organisation: str | None = None) -> bytes:
    """The rows that the import ``job`` rejected, with the reasons, as CSV: those of ``file`` where there are several.

    Raises:
        NotFound: no such import (of ``organisation``, if given), or it rejected no row (of that file).
        UsageError: it rejected rows of several files, and none is named.
    """
    with context.store.transaction(read_only=True) as transaction:
        found = transaction.rejected(job, organisation)
    chosen = [(name, sealed) for name, _, sealed in found if file in (None, name)]
    if not chosen:
        raise NotFound(f"import {clip(job)}: no row was rejected" + (f" of {clip(file)}." if file else "."))
    if len(chosen) > 1:
        names = ", ".join(clip(name) for name, _ in chosen[:10])
        raise UsageError(f"import {clip(job)}: rows of {len(chosen)} files were rejected.", todo=f"Name one: {names}.")
    return take_out(context, _rejected_of(job), chosen[0][1])


def _rejected_of(job: str) -> str:
    return f"rejected rows of import {job}"


def kept(outcome: Outcome) -> ImportedDocument:
    """``outcome`` as it is kept."""
    return ImportedDocument(
        file=outcome.source.name,
        sha256=outcome.source.sha256,
        document=outcome.document,
        number=outcome.number,
        status=outcome.status.value,
        reason=None if outcome.reason is None else outcome.reason.value,
        detail=why(outcome) or None,
        evidence=tuple(to_hex(made.evidence) for made in outcome.made),
    )
