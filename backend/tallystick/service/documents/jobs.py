"""Jobs: that an import began and ended, by which rules, and what became of each of its documents.

Rules:

- a job is begun before its first document is recorded; one that did not end was interrupted, and says what it did;
- what is kept of a document is its file's name and hash, never its content; a reason is kept by its code and facts.
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.protocol.canonical import encode
from tallystick.protocol.entry import Json
from tallystick.protocol.types import to_hex
from tallystick.service.context import Context
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.outcomes import Outcome
from tallystick.service.documents.words import why
from tallystick.store.records import ImportedDocument, ImportRecord

_BYTES_OF_NAME = 8


def begin(context: Context, rules: Rules, files: int, unread: Sequence[Outcome]) -> str:
    """The name of a new job of ``files`` files, of which those of ``unread`` could not be read."""
    job = context.entropy.bytes(_BYTES_OF_NAME).hex()
    told: Json = {
        "termsDays": rules.terms_days,
        "allowSimilar": rules.allow_similar,
        "parties": None if rules.parties is None else [to_hex(party) for party in sorted(rules.parties)],
    }
    with context.store.transaction() as transaction:
        record = ImportRecord(job, context.clock.now(), None, files, encode(told).decode())
        transaction.begin_import(record)
        transaction.add_imported(job, [kept(outcome) for outcome in unread])
    return job


def end(context: Context, job: str) -> None:
    """Note that ``job`` has come to its end."""
    with context.store.transaction() as transaction:
        transaction.end_import(job, context.clock.now())


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
