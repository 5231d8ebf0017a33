"""Operations of evidence: record, countersign, read, prove, certify; and documents that become evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from tallystick.client.transport import File, Transport
from tallystick.errors import UsageError
from tallystick.web.models import CountersignatureBody, DraftBody, EvidenceView, Recorded, SignedBody

_DOCUMENT_TYPES = {".xml": "application/xml", ".zip": "application/zip"}


class EvidenceOperations(Transport):
    """What is stated, and who signed it."""

    def record_evidence(self, body: DraftBody | SignedBody, *, idempotency_key: str | None = None) -> Recorded:
        """Record a draft, or evidence that its issuer signed elsewhere."""
        made: Recorded = self._one(
            "recordEvidence", Recorded, "POST", "/v1/evidence", body=body, idempotency_key=idempotency_key
        )
        return made

    def record_evidence_in_bulk(
        self, body: Sequence[DraftBody], *, idempotency_key: str | None = None
    ) -> list[Recorded]:
        """Record drafts in order, all or none; a later one may name an earlier one by ``@label``."""
        made: list[Recorded] = self._one(
            "recordEvidenceInBulk",
            list[Recorded],
            "POST",
            "/v1/evidence/bulk",
            body=body,
            idempotency_key=idempotency_key,
        )
        return made

    def read_evidence(self, evidence: str) -> EvidenceView:
        """An evidence with its status and the proofs of where it stands."""
        found: EvidenceView = self._one("readEvidence", EvidenceView, "GET", f"/v1/evidence/{quote(evidence, safe='')}")
        return found

    def read_receipt(self, evidence: str) -> bytes:
        """The operator's receipt, byte for byte as it must be kept."""
        return self._ask("readReceipt", "GET", f"/v1/evidence/{quote(evidence, safe='')}/receipt").content

    def countersign_evidence(
        self, evidence: str, body: CountersignatureBody | None = None, *, idempotency_key: str | None = None
    ) -> Recorded:
        """Complete a contract: with a signature made elsewhere, or with the counterparty's managed key."""
        made: Recorded = self._one(
            "countersignEvidence",
            Recorded,
            "POST",
            f"/v1/evidence/{quote(evidence, safe='')}/countersignature",
            body=body,
            idempotency_key=idempotency_key,
        )
        return made

    def certify_evidence(
        self,
        evidence_id: str,
        *,
        lang: Literal["en", "zh", "both"] = "en",
        as_of: str | None = None,
        hide: Sequence[str] = (),
        if_none_match: str | None = None,
        to: Path | None = None,
    ) -> File | None:
        """The certificate of a final evidence as PDF; None if it is still the one of ``if_none_match``."""
        path = f"/v1/evidence/{quote(evidence_id, safe='')}/certificate"
        query = {"lang": lang, "asOf": as_of, "hide": list(hide) or None}
        return self._file("certifyEvidence", path, query, if_none_match, to)

    def import_documents(
        self,
        paths: Iterable[Path | str],
        *,
        terms_days: int | None = None,
        allow_similar: bool = False,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Import trade documents (or ZIP files of them), one request each; what became of each file, as it is done.

        An ``idempotency_key`` is for one file alone.

        Raises:
            UsageError: a path is no file; none is sent then.
        """
        files = [Path(path) for path in paths]
        for path in files:
            if not path.is_file():
                raise UsageError(f"{path}: expected a file, found none.", todo="Name the documents to import.")
        if idempotency_key is not None and len(files) != 1:
            raise UsageError(f"idempotency_key: expected one file with it, got {len(files)}.", todo="Leave it out.")
        return (
            self._import(path, terms_days, allow_similar=allow_similar, dry_run=dry_run, key=idempotency_key)
            for path in files
        )

    def _import(
        self, path: Path, terms_days: int | None, *, allow_similar: bool, dry_run: bool, key: str | None
    ) -> dict[str, Any]:
        query = {"name": path.name, "termsDays": terms_days, "allowSimilar": allow_similar, "dryRun": dry_run}
        media_type = _DOCUMENT_TYPES.get(path.suffix.lower(), "application/octet-stream")
        with path.open("rb") as file:
            answer = self._ask("importDocuments", "POST", "/v1/imports", query, file, {"Content-Type": media_type}, key)
        done: dict[str, Any] = answer.json()
        return done
