"""The bodies of requests that answer an evidence, and of answers that list evidence: forms and examples.

Rules: those of ``web/models.py``. What a body says becomes the content of the evidence, by the same names.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from tallystick.protocol import content
from tallystick.protocol.evidence import kind_name
from tallystick.protocol.types import to_hex
from tallystick.service.finding import Operation
from tallystick.store.records import EvidenceRecord, EvidenceState
from tallystick.store.searching import Awaits, Waiting, number_of
from tallystick.web import examples
from tallystick.web.models import BlockBody, Hex32, HoldingBlock, Seconds, body_config

Amount = Annotated[
    str, Field(max_length=40, pattern=r"^[0-9]+(\.[0-9]+)?$", description="A decimal string.", examples=["100.00"])
]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])]
Text = Annotated[str, Field(min_length=1, max_length=4_000)]
OccurredAt = Annotated[
    str | None, Field(max_length=40, description="ISO 8601 date, or date-time with offset or Z; else now.")
]

ACKNOWLEDGEMENT: dict[str, Any] = {"note": "Received in full", "acceptedAmount": "1250.00"}
DISPUTE: dict[str, Any] = {
    "reasonCode": "quantity",
    "disputedAmount": "250.00",
    "currency": "EUR",
    "description": "Two of ten pallets were missing",
}
RESOLUTION: dict[str, Any] = {"outcome": "credited", "creditAmount": "250.00", "currency": "EUR"}
CORRECTION: dict[str, Any] = {"correctionType": "cancelled", "content": {"reason": "Billed twice"}}
WRITE_OFF: dict[str, Any] = {"currency": "EUR", "amount": "1250.00", "reason": "Insolvency of the debtor"}
SIGNAL: dict[str, Any] = {"responseCode": "IP", "note": "In process"}
FOUND: dict[str, Any] = {
    "evidence": examples.INVOICE,
    "kind": "INVOICE",
    "status": "final",
    "block": {"number": 118, "hash": examples.BLOCK, "timestamp": 1767345612},
    "issuer": examples.SUPPLIER,
    "counterparty": examples.BUYER,
    "deal": examples.DEAL,
    "parent": examples.ZERO,
    "occurredAt": 1767312000,
    "issuedAt": 1767345600,
    "recordedAt": 1767345600,
    "number": "4711",
    "content": examples.INVOICE_DRAFT["content"],
}
TO_ANSWER: dict[str, Any] = {
    "operation": "acknowledgeEvidence",
    "method": "POST",
    "path": f"/v1/evidence/{examples.INVOICE}/acknowledgement",
}
WAITING: dict[str, Any] = {
    "awaits": "answer",
    "party": examples.BUYER,
    "evidence": FOUND,
    "operations": [TO_ANSWER],
}


class DocumentBody(BaseModel):
    """A document that belongs to what is said, by its hash."""

    model_config = body_config({"sha256": "ab" * 32, "mediaType": "application/pdf", "size": 48211, "name": "note.pdf"})

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="64 lower-case hex digits.")]
    media_type: Annotated[str, Field(max_length=200)]
    size: Annotated[int, Field(ge=0, description="Bytes.")]
    name: Annotated[str, Field(max_length=255)]


Documents = Annotated[list[DocumentBody] | None, Field(max_length=64)]


class AcknowledgementBody(BaseModel):
    """You agree with what the other side states, or with a part of it."""

    model_config = body_config(ACKNOWLEDGEMENT)

    occurred_at: OccurredAt = None
    note: Text | None = None
    accepted_amount: Amount | None = None
    accepted_quantity: Amount | None = None
    documents: Documents = None


class DisputeBody(BaseModel):
    """You do not agree with what the other side states."""

    model_config = body_config(DISPUTE)

    occurred_at: OccurredAt = None
    reason_code: Text
    disputed_amount: Amount
    currency: Currency
    description: Text | None = None
    documents: Documents = None


class ResolutionBody(BaseModel):
    """How a dispute ends: you withdraw it, or give way to it by a credit or by cancelling what is disputed."""

    model_config = body_config(RESOLUTION)

    occurred_at: OccurredAt = None
    outcome: Literal["withdrawn", "credited", "cancelled"]
    credit_amount: Annotated[Amount | None, Field(description="Where the outcome is `credited`.")] = None
    currency: Annotated[Currency | None, Field(description="Where the outcome is `credited`.")] = None
    note: Text | None = None
    documents: Documents = None


class CorrectionBody(BaseModel):
    """You take back what you stated, say it anew, or credit a part of it."""

    model_config = body_config(CORRECTION)

    occurred_at: OccurredAt = None
    correction_type: Literal["replaced", "credited", "cancelled"]
    content: Annotated[
        dict[str, Any],
        Field(
            default_factory=dict,
            description="`replaced`: every field of the evidence, as it should have been; `credited`: "
            "creditNoteNumber, issueDate, creditAmount and currency; `cancelled`: whatever explains it.",
        ),
    ]


class WriteOffBody(BaseModel):
    """You do not expect to be paid any more."""

    model_config = body_config(WRITE_OFF)

    occurred_at: OccurredAt = None
    currency: Currency
    amount: Amount
    reason: Text
    documents: Documents = None


class SignalBody(BaseModel):
    """Something that no figure rests on: seen, in process, payment begun."""

    model_config = body_config(SIGNAL)

    occurred_at: OccurredAt = None
    response_code: Annotated[Text, Field(description="Such as AB, IP, CA or PD (UNCL 4343).")]
    note: Text | None = None
    documents: Documents = None


class FoundEvidence(BaseModel):
    """An evidence in a list: read it by its id for its proofs."""

    model_config = body_config(FOUND)

    evidence: Hex32
    kind: str
    status: EvidenceState
    block: HoldingBlock
    issuer: Hex32
    counterparty: Hex32
    deal: Hex32
    parent: Annotated[Hex32, Field(description="The evidence it answers; zero for none.")]
    occurred_at: Seconds
    issued_at: Seconds
    recorded_at: Seconds
    number: Annotated[str | None, Field(description="Of the business document, if it has one.")]
    content: dict[str, Any]

    @classmethod
    def of(cls, record: EvidenceRecord) -> FoundEvidence:
        """``record`` as JSON."""
        struct = record.evidence
        return cls(
            evidence=to_hex(record.evidence_id),
            kind=kind_name(struct.kind),
            status=record.state,
            block=BlockBody.of(record.block),
            issuer=to_hex(struct.issuer),
            counterparty=to_hex(struct.counterparty),
            deal=to_hex(struct.deal),
            parent=to_hex(struct.parent),
            occurred_at=struct.occurred_at,
            issued_at=struct.issued_at,
            recorded_at=record.recorded_at,
            number=number_of(record.document_key),
            content=dict(content.parse_all(record.disclosures)),
        )


class OperationBody(BaseModel):
    """An operation of this API, to be called with your key."""

    model_config = body_config(TO_ANSWER)

    operation: Annotated[str, Field(description="Its id in /v1/openapi.json.")]
    method: str
    path: str

    @classmethod
    def of(cls, one: Operation) -> OperationBody:
        """``one`` as JSON."""
        return cls(operation=one.operation, method=one.method, path=one.path)


class WaitingBody(BaseModel):
    """Something that waits for an answer of a party that you act for."""

    model_config = body_config(WAITING)

    awaits: Annotated[Awaits, Field(description="What the party has yet to give.")]
    party: Annotated[Hex32, Field(description="Whose turn it is.")]
    evidence: FoundEvidence
    operations: Annotated[list[OperationBody], Field(description="What settles it.")]

    @classmethod
    def of(cls, waiting: Waiting, operations: list[Operation]) -> WaitingBody:
        """``waiting`` as JSON."""
        return cls(
            awaits=waiting.awaits,
            party=to_hex(waiting.party),
            evidence=FoundEvidence.of(waiting.record),
            operations=[OperationBody.of(one) for one in operations],
        )
