"""Operations that find evidence and answer it: acknowledge, dispute, resolve, correct, write off, signal."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from tallystick.client.transport import Transport, path_of
from tallystick.web.answer_models import (
    AcknowledgementBody,
    CorrectionBody,
    DisputeBody,
    FoundEvidence,
    ResolutionBody,
    SignalBody,
    WaitingBody,
    WriteOffBody,
)
from tallystick.web.models import Recorded


class Answering(Transport):
    """What is said about an evidence, by either side."""

    def find_evidence(
        self,
        *,
        party: str | None = None,
        counterparty: str | None = None,
        kind: str | None = None,
        from_: str | None = None,
        to: str | None = None,
        number: str | None = None,
        status: str | None = None,
        deal: str | None = None,
        limit: int | None = None,
    ) -> Iterator[FoundEvidence]:
        """Evidence of your parties, newest first; what is named narrows the search together.

        It occurred between ``from_`` and ``to`` (ISO 8601), of which a date is its whole day.
        """
        query = {
            "party": party,
            "counterparty": counterparty,
            "kind": kind,
            "from": from_,
            "to": to,
            "number": number,
            "status": status,
            "deal": deal,
            "limit": limit,
        }
        return self._each("findEvidence", FoundEvidence, "/v1/evidence", query=query)

    def read_inbox(self, *, limit: int | None = None) -> Iterator[WaitingBody]:
        """What waits for an answer of your parties, oldest first, with the operations that settle it."""
        return self._each("readInbox", WaitingBody, "/v1/inbox", query={"limit": limit})

    def acknowledge_evidence(
        self, evidence: str, body: AcknowledgementBody | None = None, *, idempotency_key: str | None = None
    ) -> Recorded:
        """Agree, as its counterparty, with what an evidence states."""
        return self._record("acknowledgeEvidence", evidence, "acknowledgement", body, idempotency_key)

    def dispute_evidence(self, evidence: str, body: DisputeBody, *, idempotency_key: str | None = None) -> Recorded:
        """Say, as its counterparty, that an evidence is not right, and over how much."""
        return self._record("disputeEvidence", evidence, "dispute", body, idempotency_key)

    def resolve_dispute(self, evidence: str, body: ResolutionBody, *, idempotency_key: str | None = None) -> Recorded:
        """Close the dispute ``evidence``: withdraw it, or credit or cancel what is disputed."""
        return self._record("resolveDispute", evidence, "resolution", body, idempotency_key)

    def correct_evidence(self, evidence: str, body: CorrectionBody, *, idempotency_key: str | None = None) -> Recorded:
        """Correct, as its issuer: replace what an evidence states, credit a part of it, or take it back."""
        return self._record("correctEvidence", evidence, "correction", body, idempotency_key)

    def write_off_invoice(self, evidence: str, body: WriteOffBody, *, idempotency_key: str | None = None) -> Recorded:
        """Say, as the issuer of an invoice, that its payment is not expected any more."""
        return self._record("writeOffInvoice", evidence, "write-off", body, idempotency_key)

    def signal_on_evidence(self, evidence: str, body: SignalBody, *, idempotency_key: str | None = None) -> Recorded:
        """Tell the other side how far you are; no figure rests on it."""
        return self._record("signalOnEvidence", evidence, "signal", body, idempotency_key)

    def _record(
        self, operation: str, evidence: str, what: str, body: BaseModel | None, idempotency_key: str | None
    ) -> Recorded:
        path = path_of("evidence", evidence, what)
        made: Recorded = self._one(operation, Recorded, "POST", path, body=body, idempotency_key=idempotency_key)
        return made
