"""What imports did, and what waits, as JSON for programs at the command line and over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import orjson

from tallystick.intake.readers import Reading
from tallystick.protocol.types import to_hex
from tallystick.service.documents.importing import DocumentImport
from tallystick.service.documents.outcomes import Outcome, Status
from tallystick.service.documents.words import todo, waits_for, why
from tallystick.store.records import ImportedDocument, ImportRecord
from tallystick.store.waiting_records import WaitingDocument


def import_json(done: DocumentImport, language: str = "en") -> dict[str, object]:
    """``done`` with its counts and a member for every document; sentences in ``language``."""
    counts = {status.value: count for status, count in done.counts().items()}
    return {
        "dryRun": done.job is None,
        "job": done.job,
        "files": done.files,
        "counts": counts,
        "evidence": done.evidence,
        "takenUp": done.taken_up,
        "tables": [_table_json(table) for table in done.tables],
        "documents": [_outcome_json(outcome, language) for outcome in done.outcomes],
    }


def _table_json(table: Reading) -> dict[str, object]:
    rows = table.rows
    assert rows is not None, "a table has rows"
    rejected = rows.rejected_count
    return {"file": table.source.name, "readAs": rows.read_as, "mapping": rows.mapping, "rejected": rejected}


def _outcome_json(outcome: Outcome, language: str) -> dict[str, object]:
    return {
        "file": outcome.source.name,
        "sha256": outcome.source.sha256,
        "document": outcome.document,
        "number": outcome.number,
        "status": outcome.status.value,
        "reason": None if outcome.reason is None else outcome.reason.value,
        "facts": dict(outcome.facts),
        "why": why(outcome, language) or None,
        "todo": todo(outcome, language) or None,
        "fingerprint": outcome.fingerprint,
        "evidence": [{"kind": made.kind, "evidence": to_hex(made.evidence)} for made in outcome.made],
    }


def job_json(
    record: ImportRecord, counts: Mapping[str, int], documents: Sequence[ImportedDocument] | None = None
) -> dict[str, object]:
    """An import that was kept, with how many of its documents came how far, and what became of each if given."""
    told: dict[str, object] = {
        "job": record.job,
        "begunAt": record.begun_at,
        "endedAt": record.ended_at,
        "files": record.files,
        "rules": orjson.loads(record.rules),
        "counts": {status.value: counts.get(status.value, 0) for status in Status},
    }
    if documents is None:
        return told
    return told | {"documents": [_document_json(each) for each in documents]}


def _document_json(document: ImportedDocument) -> dict[str, object]:
    return {
        "file": document.file,
        "sha256": document.sha256,
        "document": document.document,
        "number": document.number,
        "status": document.status,
        "reason": document.reason,
        "detail": document.detail,
        "evidence": list(document.evidence),
    }


def waiting_json(documents: Iterable[WaitingDocument], language: str = "en") -> list[dict[str, object]]:
    """What waits, and for what; sentences in ``language``."""
    made = []
    for each in documents:
        reason, what_to_do = waits_for(each, language)
        made.append(
            {
                "file": each.file,
                "sha256": each.sha256,
                "document": each.document,
                "number": each.number,
                "status": each.status,
                "reason": each.reason,
                "facts": dict(each.facts),
                "why": reason,
                "todo": what_to_do,
                "since": each.since,
                "job": each.job,
            }
        )
    return made
