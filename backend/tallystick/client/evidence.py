"""Operations of evidence: record, countersign, read, prove, certify."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, Literal

import httpx
import orjson

from tallystick.client.transport import HELD_BYTES, File, Transport, json_of, lines_of, path_of
from tallystick.errors import UnderWay
from tallystick.web.models import CountersignatureBody, DraftBody, EvidenceView, Recorded, SignedBody


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

    def record_evidence_lines(
        self, body: Iterable[DraftBody], *, idempotency_key: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Record any number of drafts, each by itself; what became of each, in order, as it is recorded.

        A result has ``line`` (from 1), and ``evidence`` and ``status`` or else the ``problem``. The drafts are written
        to a temporary file first. Where the connection is lost they are sent again under the same key, so that none is
        recorded twice, and the results go on where they ended.
        """
        key = idempotency_key or str(uuid.uuid4())
        headers = {"Content-Type": "application/x-ndjson"}
        told, failures = 0, 0
        with SpooledTemporaryFile(HELD_BYTES) as drafts:
            for draft in body:
                drafts.write(json_of(draft) + b"\n")
            while True:
                try:
                    answer = self._ask(
                        "recordEvidenceLines", "POST", "/v1/evidence/lines", None, drafts, headers, key, streams=True
                    )
                    with closing(answer):
                        for line in islice(lines_of(answer), told, None):
                            result: dict[str, Any] = orjson.loads(line)
                            told, failures = told + 1, 0
                            yield result
                    return
                except (httpx.TransportError, UnderWay) as error:
                    if isinstance(error, UnderWay) and not failures:
                        raise
                    failures += 1  # the server may be busy still with what was lost
                    self._wait_again("recordEvidenceLines", failures, error)

    def read_evidence(self, evidence: str) -> EvidenceView:
        """An evidence with its status and the proofs of where it stands."""
        found: EvidenceView = self._one("readEvidence", EvidenceView, "GET", path_of("evidence", evidence))
        return found

    def read_receipt(self, evidence: str) -> bytes:
        """The operator's receipt, byte for byte as it must be kept."""
        return self._ask("readReceipt", "GET", path_of("evidence", evidence, "receipt")).content

    def countersign_evidence(
        self, evidence: str, body: CountersignatureBody | None = None, *, idempotency_key: str | None = None
    ) -> Recorded:
        """Complete a contract: with a signature made elsewhere, or with the counterparty's managed key."""
        made: Recorded = self._one(
            "countersignEvidence",
            Recorded,
            "POST",
            path_of("evidence", evidence, "countersignature"),
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
        path = path_of("evidence", evidence_id, "certificate")
        query = {"lang": lang, "asOf": as_of, "hide": list(hide) or None}
        return self._file("certifyEvidence", path, query, if_none_match, to)
