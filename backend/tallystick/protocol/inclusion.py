"""One evidence with the proof that the chain holds it: a file that anyone can check against one block hash.

Rules:

- the file is canonical JSON (RFC 8785) with exactly the members of ``format_inclusion``; ``parse_inclusion`` formats
  again and compares, so that one proof has one spelling;
- each place leads from the entry leaf to the subject root, to the batch root, to one storage slot of the ledger; slots
  and signer windows are proven under the as-of block's state root (``state.py``), which is all a reader has to trust;
- the block that sealed a batch, and when, is the maker's word: what is proven is that it was there as of ``as_of``;
- whether the evidence *stands* depends on the rest of its log, and is for a bundle to show.

::

    disclosures -> content root -> evidence id + signatures -> entry leaf -> subject root -> batch root -> slot -> block

Source: protocol section 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.errors import MalformedEvidence, MalformedInput
from tallystick.protocol import canonical, merkle
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.bundle import BundleProof, format_evidence, parse_evidence
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Domain, Evidence
from tallystick.protocol.log import append_leaf, entry_leaf
from tallystick.protocol.signing import recover, split
from tallystick.protocol.slots import (
    LEDGER_REGISTRY_SLOT,
    REGISTRAR_ROLE,
    batch_root_slot,
    role_slot,
    window_slot,
)
from tallystick.protocol.types import (
    Address,
    BlockRef,
    EvidenceId,
    Hash,
    PartyId,
    SignerWindow,
    Timestamp,
    clip,
    parse_address,
    parse_bytes32,
    parse_hex,
    to_hex,
)

FORMAT = "tallystick-inclusion/1"
MAX_INCLUSION_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Place:
    """Entry ``index`` of the ``count`` that ``operator``'s batch appended to the log of ``subject``, with its paths.

    ``block`` is the one that sealed the batch, as the maker of the file says.
    """

    subject: PartyId
    operator: Address
    batch_id: int
    index: int
    count: int
    entry_proof: tuple[bytes, ...]
    batch_proof: tuple[bytes, ...]
    block: BlockRef

    @property
    def batch(self) -> tuple[Address, int]:
        """The batch it is in."""
        return self.operator, self.batch_id

    def batch_root(self, evidence_id: EvidenceId, signatures: bytes) -> Hash:
        """The batch root to which the paths lead from the evidence."""
        leaf = entry_leaf(self.subject, self.index, evidence_id, signatures)
        root = merkle.climb(leaf, self.entry_proof)
        return merkle.climb(append_leaf(self.subject, root, self.count), self.batch_proof)


@dataclass(frozen=True, slots=True)
class Inclusion:
    """``evidence`` with what is shown of its content, its places, and the state that holds their batch roots."""

    domain: Domain
    registry: Address
    as_of: BlockRef
    proof: BundleProof
    evidence: Evidence
    signatures: bytes
    disclosures: tuple[str, ...]
    hidden: tuple[Hash, ...]
    places: tuple[Place, ...]
    """Ascending by subject."""
    windows: Mapping[tuple[PartyId, Address], SignerWindow]
    bindings: tuple[PartyBinding, ...] = ()
    """Who the parties are, as the registrar signed it; ascending by party."""
    timestamps: tuple[tuple[Address, int, bytes], ...] = ()
    """RFC 3161 time-stamps of batch roots: operator, batch id, answer of the authority (DER). Not
    checked here."""

    @property
    def evidence_id(self) -> EvidenceId:
        """The name of the evidence."""
        return self.evidence.evidence_id(self.domain)


def proven_slots(inclusion: Inclusion) -> dict[Address, list[bytes]]:
    """The storage slots that a check of ``inclusion`` asks for, by contract, each once."""
    ledger = {LEDGER_REGISTRY_SLOT} | {batch_root_slot(*place.batch) for place in inclusion.places}
    registry = {window_slot(*pair) for pair in inclusion.windows}
    registry |= {role_slot(REGISTRAR_ROLE, binding.signer(inclusion.domain)) for binding in inclusion.bindings}
    return {inclusion.domain.contract: sorted(ledger), inclusion.registry: sorted(registry)}


def signers_of(evidence: Evidence, evidence_id: EvidenceId, signatures: bytes) -> list[tuple[PartyId, Address]]:
    """Each signing party with the account that signed for it. Raises ``BadSignature``."""
    parties = evidence.signing_parties()
    parts = split(signatures, len(parties))
    return [(party, recover(evidence_id, part)) for party, part in zip(parties, parts, strict=True)]


def format_inclusion(inclusion: Inclusion) -> bytes:
    """The canonical bytes of ``inclusion``; ``parse_inclusion`` gives it back."""
    return canonical.encode(
        {
            "format": FORMAT,
            "chainId": inclusion.domain.chain_id,
            "ledger": to_hex(inclusion.domain.contract),
            "registry": to_hex(inclusion.registry),
            "asOf": _format_block(inclusion.as_of),
            "proof": {"header": to_hex(inclusion.proof.header), "nodes": _hexes(inclusion.proof.nodes)},
            "evidence": format_evidence(inclusion.evidence),
            "evidenceId": to_hex(inclusion.evidence_id),
            "signatures": to_hex(inclusion.signatures),
            "disclosures": sorted(inclusion.disclosures),
            "hidden": _hexes(sorted(inclusion.hidden)),
            "places": [
                {
                    "subject": to_hex(place.subject),
                    "operator": to_hex(place.operator),
                    "batchId": place.batch_id,
                    "index": place.index,
                    "count": place.count,
                    "entryProof": _hexes(place.entry_proof),
                    "batchProof": _hexes(place.batch_proof),
                    "sealedIn": _format_block(place.block),
                }
                for place in sorted(inclusion.places, key=lambda place: place.subject)
            ],
            "signers": [
                {"party": to_hex(party), "signer": to_hex(signer), "addedAt": at.added_at, "revokedAt": at.revoked_at}
                for (party, signer), at in sorted(inclusion.windows.items())
            ],
            "bindings": [
                {
                    "party": to_hex(binding.party),
                    "scheme": binding.scheme,
                    "identifier": binding.identifier,
                    "name": binding.name,
                    "issuedAt": binding.issued_at,
                    "signature": to_hex(binding.signature),
                }
                for binding in sorted(inclusion.bindings, key=lambda binding: binding.party)
            ],
            "timestamps": [
                {"operator": to_hex(operator), "batchId": batch_id, "token": to_hex(token)}
                for operator, batch_id, token in sorted(inclusion.timestamps)
            ],
        }
    )


def parse_inclusion(data: bytes) -> Inclusion:
    """The inclusion that the file ``data`` spells.

    Raises:
        MalformedInput: too large, no canonical JSON, a member missing, unknown or not of its form.
    """
    if len(data) > MAX_INCLUSION_BYTES:
        raise MalformedInput(f"inclusion: expected at most {MAX_INCLUSION_BYTES} bytes, got {len(data)}.")
    try:
        inclusion = _parse(canonical.parse(data, "inclusion"))
        again = format_inclusion(inclusion)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, AssertionError) as error:
        raise MalformedInput(f"inclusion: a member is missing or not of its form ({error!r:.80}).") from error
    except (MalformedEvidence, RecursionError) as error:
        raise MalformedInput(f"inclusion: {error}") from error
    if again != data:
        raise MalformedInput("inclusion: expected exactly its members, each in its order and its one spelling.")
    return inclusion


def _parse(top: Any) -> Inclusion:
    if top["format"] != FORMAT:
        raise MalformedInput(f"format: expected {FORMAT!r}, got {clip(top['format'])}.")
    places = tuple(
        Place(
            subject=PartyId(parse_bytes32(item["subject"], "places.subject")),
            operator=parse_address(item["operator"], "places.operator"),
            batch_id=_integer(item["batchId"], 2**53 - 1),
            index=_integer(item["index"], 2**32 - 1),
            count=_integer(item["count"], 2**32 - 1),
            entry_proof=_proof(item["entryProof"]),
            batch_proof=_proof(item["batchProof"]),
            block=_parse_block(item["sealedIn"]),
        )
        for item in top["places"]
    )
    subjects = [place.subject for place in places]
    if not places or len(set(subjects)) != len(subjects) or any(place.index >= place.count for place in places):
        raise MalformedInput("places: expected at least one, of each subject one, each index below its count.")
    return Inclusion(
        domain=Domain(_integer(top["chainId"], 2**53 - 1), parse_address(top["ledger"], "ledger")),
        registry=parse_address(top["registry"], "registry"),
        as_of=_parse_block(top["asOf"]),
        proof=BundleProof(
            parse_hex(top["proof"]["header"], "proof.header"),
            tuple(parse_hex(node, "proof.nodes") for node in top["proof"]["nodes"]),
        ),
        evidence=parse_evidence(top["evidence"], "evidence"),
        signatures=parse_hex(top["signatures"], "signatures"),
        disclosures=tuple(_ascii(item) for item in top["disclosures"]),
        hidden=tuple(Hash(parse_bytes32(item, "hidden")) for item in top["hidden"]),
        places=places,
        windows={
            (PartyId(parse_bytes32(item["party"], "signers.party")), parse_address(item["signer"], "signers.signer")): (
                SignerWindow(Timestamp(_integer(item["addedAt"])), Timestamp(_integer(item["revokedAt"])))
            )
            for item in top["signers"]
        },
        bindings=tuple(
            PartyBinding(
                party=PartyId(parse_bytes32(item["party"], "bindings.party")),
                scheme=_text(item["scheme"]),
                identifier=_text(item["identifier"]),
                name=_text(item["name"]),
                issued_at=Timestamp(_integer(item["issuedAt"])),
                signature=parse_hex(item["signature"], "bindings.signature"),
            )
            for item in top["bindings"]
        ),
        timestamps=tuple(
            (
                parse_address(item["operator"], "timestamps.operator"),
                _integer(item["batchId"], 2**53 - 1),
                parse_hex(item["token"], "timestamps.token"),
            )
            for item in top["timestamps"]
        ),
    )


def _format_block(block: BlockRef) -> dict[str, Json]:
    return {"blockNumber": block.number, "blockHash": to_hex(block.hash), "timestamp": block.timestamp}


def _parse_block(item: Any) -> BlockRef:
    return BlockRef(
        _integer(item["blockNumber"]),
        Hash(parse_bytes32(item["blockHash"], "blockHash")),
        Timestamp(_integer(item["timestamp"])),
    )


def _proof(items: Any) -> tuple[bytes, ...]:
    if len(items) > merkle.MAX_PROOF_LENGTH:
        raise ValueError(f"a path of at most {merkle.MAX_PROOF_LENGTH}")
    return tuple(parse_bytes32(item, "path") for item in items)


def _hexes(values: Any) -> list[Json]:
    return [to_hex(value) for value in values]


def _integer(value: Any, maximum: int = 2**53 - 1) -> int:
    if type(value) is not int or not 0 <= value <= maximum:
        raise ValueError(f"a whole number from 0 to {maximum}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 1_000:
        raise ValueError("text of at most 1000 characters")
    return value


def _ascii(value: Any) -> str:
    if not isinstance(value, str) or not value.isascii():
        raise ValueError("ASCII text")
    return value
