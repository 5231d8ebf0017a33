"""The bodies of requests and answers: their names, their forms and an example of each.

Rules: members are camelCase; ids, hashes, addresses and signatures are ``0x`` and lower-case hex; times are seconds
since 1970 (UTC); a member that is not named here is refused. What values must mean is checked by the use cases.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic.alias_generators import to_camel

from tallystick.intake.drafts import MAX_DRAFTS
from tallystick.protocol.bundle import format_evidence
from tallystick.protocol.evidence import Kind, kind_name
from tallystick.protocol.receipt import SignedReceipt
from tallystick.protocol.types import BlockRef, to_hex
from tallystick.service.prove import Placement, ProvenEvidence
from tallystick.store.records import EvidenceRecord, EvidenceState, PartyRecord
from tallystick.web import examples

Hex32 = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$", description="0x and 64 lower-case hex digits.")]
HexAddress = Annotated[str, Field(pattern="^0x[0-9a-f]{40}$", description="0x and 40 lower-case hex digits.")]
HexBytes = Annotated[str, Field(pattern="^0x([0-9a-f]{2})*$", description="0x and lower-case hex.")]
Seconds = Annotated[int, Field(ge=0, description="Seconds since 1970-01-01T00:00:00Z.")]
PartyReference = Annotated[
    str, Field(max_length=500, description="A party: its id, SCHEME:identifier, or its unique name.")
]
Reference = Annotated[
    str, Field(max_length=500, description="An id, or @label of an earlier draft of the same request.")
]


def body_config(example: dict[str, Any]) -> ConfigDict:
    """What all bodies have in common, and an ``example`` of one."""
    return ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [example]},
    )


class DraftBody(BaseModel):
    """A statement to be made by a party whose key is managed here: it is resolved, signed, checked and kept."""

    model_config = body_config(examples.INVOICE_DRAFT)

    kind: Annotated[str, Field(json_schema_extra={"enum": [kind.name for kind in Kind]}, description="What it states.")]
    issuer: PartyReference
    counterparty: PartyReference | None = None
    deal: Reference | None = None
    parent: Reference | None = None
    content: Annotated[dict[str, Any], Field(description="Named values; amounts are decimal strings. No floats.")]
    occurred_at: Annotated[str | None, Field(description="ISO 8601 date, or date-time with offset or Z.")] = None
    label: Annotated[str | None, Field(max_length=200, description="A name for later drafts of this request.")] = None
    countersigned: Annotated[
        bool, Field(description="On a CONTRACT: the counterparty's key, managed here, signs at once.")
    ] = False


class EvidenceStruct(BaseModel):
    """The EIP-712 struct that the parties sign; the domain's chain id and ledger are in /v1/health."""

    model_config = body_config(examples.STRUCT)

    issuer: Hex32
    counterparty: Annotated[Hex32, Field(description="The other party; zero makes it self-reported.")]
    kind: Annotated[int, Field(ge=1, le=255)]
    deal: Hex32
    parent: Annotated[Hex32, Field(description="The evidence it answers; zero for none.")]
    content_root: Hex32
    occurred_at: Seconds
    issued_at: Seconds


class SignedBody(BaseModel):
    """Evidence that was signed elsewhere, by a party that keeps its own key."""

    model_config = body_config(examples.SIGNED)

    evidence: EvidenceStruct
    signatures: Annotated[HexBytes, Field(description="65 bytes r||s||v; a CONTRACT may hold both sides' (130).")]
    disclosures: Annotated[
        list[str], Field(max_length=64, description="All fields of the content, base64url(JSON([salt, name, value])).")
    ]


def _form_of(value: Any) -> str:
    names = value if isinstance(value, dict) else {}
    return "signed" if "signatures" in names or isinstance(names.get("evidence"), dict) else "draft"


EvidenceBody = Annotated[
    Annotated[DraftBody, Tag("draft")] | Annotated[SignedBody, Tag("signed")],
    Discriminator(_form_of),
]
DraftList = Annotated[list[DraftBody], Field(min_length=1, max_length=MAX_DRAFTS)]


class CountersignatureBody(BaseModel):
    """The counterparty's signature over the evidence id; left out, its key that is managed here signs."""

    model_config = body_config({"signature": examples.SIGNATURE})

    signature: HexBytes | None = None


class NewPartyBody(BaseModel):
    """A legal entity to admit to the ledger."""

    model_config = body_config(examples.NEW_PARTY)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    identifiers: Annotated[
        list[str], Field(min_length=1, max_length=20, description="SCHEME:value; the first makes the party's id.")
    ]
    organisation: Annotated[
        str | None, Field(max_length=64, description="The id of the organisation that is to act for it.")
    ] = None
    signer: Annotated[
        HexAddress | None, Field(description="The account that signs for it; without it a key is made and kept here.")
    ] = None


class NewIdentifierBody(BaseModel):
    """A further identifier of a party."""

    model_config = body_config(examples.NEW_IDENTIFIER)

    identifier: str = Field(max_length=130, description="SCHEME:value; LEI, USCC, VAT, DUNS and GLN are checked.")


class ReceiptBody(BaseModel):
    """The operator's promise, signed (EIP-712 Receipt): if it is not sealed by then, this proves the operator's fault.

    The file to keep is at /v1/evidence/{evidence}/receipt; anybody can check it with it and the chain alone.
    """

    model_config = body_config(examples.RECEIPT)

    signatures_hash: Annotated[Hex32, Field(description="keccak256 of the evidence's signatures.")]
    received_at: Seconds
    seal_by: Seconds
    operator: HexAddress
    signature: HexBytes

    @classmethod
    def of(cls, signed: SignedReceipt | None) -> ReceiptBody | None:
        """``signed`` as JSON, without what stands beside it; None where there is none."""
        if signed is None:
            return None
        return cls(
            signatures_hash=to_hex(signed.receipt.signatures_hash),
            received_at=signed.receipt.received_at,
            seal_by=signed.receipt.seal_by,
            operator=to_hex(signed.operator),
            signature=to_hex(signed.signature),
        )


class BlockBody(BaseModel):
    """A block of the chain."""

    model_config = body_config(examples.PLACEMENT["block"])

    number: int
    hash: Hex32
    timestamp: Seconds

    @classmethod
    def of(cls, block: BlockRef | None) -> BlockBody | None:
        """``block`` as JSON, None for none."""
        return None if block is None else cls(number=block.number, hash=to_hex(block.hash), timestamp=block.timestamp)


HoldingBlock = Annotated[
    BlockBody | None,
    Field(
        description="The block that holds it, which can be undone until it is final; of an orphaned one, that held it."
    ),
]


class Recorded(BaseModel):
    """What was kept: the evidence id, how far it has come, and the operator's receipt as soon as it is accepted."""

    model_config = body_config(examples.RECORDED)

    evidence: Hex32
    kind: str
    status: EvidenceState
    issuer: Hex32
    counterparty: Hex32
    deal: Hex32
    issued_at: Seconds
    receipt: Annotated[ReceiptBody | None, Field(description="Null as long as a contract awaits a signature.")]
    block: HoldingBlock = None

    @classmethod
    def of(cls, record: EvidenceRecord, signed: SignedReceipt | None) -> Recorded:
        """``record`` and its receipt as JSON."""
        evidence = record.evidence
        return cls(
            evidence=to_hex(record.evidence_id),
            kind=kind_name(evidence.kind),
            status=record.state,
            block=BlockBody.of(record.block),
            issuer=to_hex(evidence.issuer),
            counterparty=to_hex(evidence.counterparty),
            deal=to_hex(evidence.deal),
            issued_at=evidence.issued_at,
            receipt=ReceiptBody.of(signed),
        )


class PlacementBody(BaseModel):
    """Where the evidence stands in one party's log, with the proof that ``EvidenceLedger.verifyInclusion`` takes."""

    model_config = body_config(examples.PLACEMENT)

    subject: Annotated[Hex32, Field(description="The party whose log it is.")]
    operator: HexAddress
    batch_id: int
    index: Annotated[int, Field(description="Place among the batch's entries of this subject, from 0.")]
    seq: Annotated[int, Field(description="Number in the whole log, from 0.")]
    count: Annotated[int, Field(description="How many entries of this subject the batch has.")]
    subject_root: Hex32
    signatures_hash: Annotated[Hex32, Field(description="keccak256 of subject and signatures, joined.")]
    block: BlockBody
    entry_proof: Annotated[list[Hex32], Field(description="From the entry leaf to the subject root.")]
    batch_proof: Annotated[list[Hex32], Field(description="From the subject leaf to the batch root.")]

    @classmethod
    def of(cls, placement: Placement) -> PlacementBody:
        """``placement`` as JSON."""
        append = placement.append
        return cls(
            subject=to_hex(append.subject),
            operator=to_hex(append.operator),
            batch_id=append.batch_id,
            index=placement.index,
            seq=placement.seq,
            count=append.count,
            subject_root=to_hex(append.root),
            signatures_hash=to_hex(placement.signatures_hash),
            block=BlockBody(number=append.block_number, hash=to_hex(append.block_hash), timestamp=append.timestamp),
            entry_proof=[to_hex(sibling) for sibling in placement.entry_proof],
            batch_proof=[to_hex(sibling) for sibling in placement.batch_proof],
        )


class EvidenceView(BaseModel):
    """An evidence: what was signed, what it says, how far it has come, and where it stands."""

    model_config = body_config(examples.EVIDENCE)

    evidence: Annotated[Hex32, Field(description="The evidence id: the EIP-712 digest of the struct.")]
    kind: str
    status: EvidenceState
    block: HoldingBlock
    struct: EvidenceStruct
    signatures: HexBytes
    content: dict[str, Any]
    disclosures: Annotated[list[str], Field(description="The shown fields with their salts.")]
    hidden: Annotated[list[Hex32], Field(description="Digests of fields that were not shown to this installation.")]
    recorded_at: Seconds
    receipt: Annotated[
        ReceiptBody | None,
        Field(description="Null as long as a contract awaits a signature."),
    ]
    placements: Annotated[list[PlacementBody], Field(description="One per subject; empty until a block holds it.")]
    erased_at: Annotated[int | None, Field(description="Since when its content is erased.")] = None

    @classmethod
    def of(cls, proven: ProvenEvidence, signed: SignedReceipt | None) -> EvidenceView:
        """``proven`` and its receipt as JSON."""
        record = proven.record
        return cls(
            evidence=to_hex(record.evidence_id),
            kind=kind_name(record.evidence.kind),
            status=record.state,
            block=BlockBody.of(record.block),
            struct=EvidenceStruct.model_validate(format_evidence(record.evidence)),
            signatures=to_hex(record.signatures),
            content=dict(proven.fields),
            disclosures=list(record.disclosures),
            hidden=[to_hex(digest) for digest in record.hidden],
            recorded_at=record.recorded_at,
            receipt=ReceiptBody.of(signed),
            placements=[PlacementBody.of(placement) for placement in proven.placements],
            erased_at=proven.erased_at,
        )


class PartyView(BaseModel):
    """A party as this installation knows it; ``signers`` are the keys managed here, newest last."""

    model_config = body_config(examples.PARTY)

    party: Hex32
    name: str
    identifiers: list[str]
    signers: list[HexAddress]

    @classmethod
    def of(cls, record: PartyRecord) -> PartyView:
        """``record`` as JSON."""
        return cls(
            party=to_hex(record.party),
            name=record.name,
            identifiers=[str(identifier) for identifier in record.identifiers],
            signers=[to_hex(signer) for signer in record.signers],
        )


class Part(BaseModel):
    """How one part of the server is; ``error`` says why it fails."""

    model_config = body_config(examples.HEALTH["store"])

    status: Literal["ok", "failing", "off"]
    error: str | None = None


class ChainPart(Part):
    """The node and the deployment: chain id and ledger are the EIP-712 domain that evidence is signed in."""

    model_config = body_config(examples.HEALTH["chain"])

    chain_id: int
    ledger: HexAddress
    registry: HexAddress
    operator: HexAddress


class Health(BaseModel):
    """How the server is; figures that could not be read are null."""

    model_config = body_config(examples.HEALTH)

    status: Literal["ok", "failing"]
    version: str
    store: Part
    chain: ChainPart
    sealing: Part
    pending: Annotated[int | None, Field(description="Evidence accepted and not final yet.")] = None
    final_block: int | None = None
    blocks_behind: Annotated[int | None, Field(description="Final blocks that are not indexed yet.")] = None
    parties: int | None = None
    evidence: Annotated[dict[str, int] | None, Field(description="How many evidence have come how far.")] = None
