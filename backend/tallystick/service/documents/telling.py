"""What an import did as JSON, for programs at the command line and over HTTP."""

from __future__ import annotations

from tallystick.protocol.types import to_hex
from tallystick.service.documents.importing import DocumentImport
from tallystick.service.documents.outcomes import Outcome
from tallystick.service.documents.words import todo, why


def import_json(done: DocumentImport, language: str = "en") -> dict[str, object]:
    """``done`` with its counts and a member for every document; sentences in ``language``."""
    counts = {status.value: count for status, count in done.counts().items()}
    return {
        "dryRun": done.job is None,
        "job": done.job,
        "files": done.files,
        "counts": counts,
        "evidence": done.evidence,
        "documents": [_outcome_json(outcome, language) for outcome in done.outcomes],
    }


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
