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

from tallystick.errors import BadSignature, MalformedEvidence, MalformedInput
from tallystick.protocol import canonical, content, merkle
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
    decode_window,
    role_slot,
    window_slot,
)
from tallystick.protocol.state import ProofError, check_header
from tallystick.protocol.types import (
    ZERO32,
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
from tallystick.protocol.verdict import Outcome, Step, Trust
from tallystick.protocol.verify_state import ProvenState

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


@dataclass(frozen=True, slots=True)
class InclusionVerdict:
    """What a check came to: ``failed`` is set when invalid; ``caveats`` say what the reader must know without proof."""

    outcome: Outcome
    message: str
    failed: Step | None = None
    inclusion: Inclusion | None = None
    caveats: tuple[str, ...] = ()


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


def check_inclusion(data: bytes, trust: Trust) -> InclusionVerdict:
    """The verdict on the file ``data``. Without a trusted block hash it can't be valid, only not refuted."""
    try:
        inclusion = parse_inclusion(data)
    except MalformedInput as error:
        return InclusionVerdict(Outcome.INVALID, str(error), Step.SCHEMA)
    try:
        roots = _check_state(inclusion, trust)
        _check_places(inclusion, roots)
        _check_content(inclusion)
    except _FailedError as error:
        return InclusionVerdict(Outcome.INVALID, str(error), error.step, inclusion)
    caveats = _caveats(inclusion, trust)
    if trust.block_hash is None:
        message = f"no trusted hash of block {inclusion.as_of.number} was given: nothing contradicts the proof so far"
        return InclusionVerdict(Outcome.UNCHECKED, message, None, inclusion, caveats)
    message = f"the ledger held this evidence as of block {inclusion.as_of.number}, signed by active keys"
    return InclusionVerdict(Outcome.VALID, message, None, inclusion, caveats)


class _FailedError(Exception):
    def __init__(self, step: Step, message: str) -> None:
        super().__init__(message)
        self.step = step


def _check_state(inclusion: Inclusion, trust: Trust) -> dict[tuple[Address, int], int]:
    """Steps header, account, storage and binding: the batch roots that the as-of block holds, by batch."""
    as_of, ledger, registry = inclusion.as_of, inclusion.domain.contract, inclusion.registry
    if trust.block_hash is not None and as_of.hash != trust.block_hash:
        expected = to_hex(trust.block_hash)
        raise _FailedError(Step.HEADER, f"it is as of block {to_hex(as_of.hash)}, the trusted one is {expected}")
    if trust.ledger is not None and ledger != trust.ledger:
        raise _FailedError(Step.ACCOUNT, f"it is of ledger {to_hex(ledger)}, not of {to_hex(trust.ledger)}")
    step = Step.HEADER
    try:
        block, state_root = check_header(inclusion.proof.header, as_of.hash)
        if block != as_of:
            raise ProofError(f"asOf: the header is of block {block.number}, time {block.timestamp}")
        step = Step.ACCOUNT
        state = ProvenState(inclusion.proof.nodes, state_root, block)
        for address, published in ((ledger, trust.code_hashes.ledger), (registry, trust.code_hashes.registry)):
            if (found := state.code_hash(address)) != published:
                raise ProofError(f"{to_hex(address)}: expected code {to_hex(published)}, got {to_hex(found)}")
        step = Step.STORAGE
        if state.slot(ledger, LEDGER_REGISTRY_SLOT) != int.from_bytes(registry, "big"):
            raise ProofError(f"the ledger relies on another registry than {to_hex(registry)}")
        for (party, signer), window in inclusion.windows.items():
            if decode_window(state.slot(registry, window_slot(party, signer))) != window:
                raise ProofError(f"signer {to_hex(signer)}: the chain holds another window")
        roots = {place.batch: state.slot(ledger, batch_root_slot(*place.batch)) for place in inclusion.places}
        step = Step.BINDING
        for binding in inclusion.bindings:
            if state.slot(registry, role_slot(REGISTRAR_ROLE, binding.signer(inclusion.domain))) != 1:
                raise ProofError(f"the name of {to_hex(binding.party)} is not signed by a registrar")
        step = Step.STORAGE
        state.pool.check_all_used()
    except (ProofError, BadSignature) as error:
        raise _FailedError(step, str(error)) from error
    return roots


def _check_places(inclusion: Inclusion, roots: Mapping[tuple[Address, int], int]) -> None:
    """Steps root and signature."""
    evidence, evidence_id = inclusion.evidence, inclusion.evidence_id
    for place in inclusion.places:
        if place.batch_root(evidence_id, inclusion.signatures) != roots[place.batch].to_bytes(32, "big"):
            raise _FailedError(
                Step.ROOT,
                f"log of {to_hex(place.subject)}: the paths do not lead to the root of batch {place.batch_id} of "
                f"{to_hex(place.operator)}",
            )
        if place.block.timestamp > inclusion.as_of.timestamp or place.block.number > inclusion.as_of.number:
            raise _FailedError(Step.ROOT, f"batch {place.batch_id}: sealed after the block that it is proven by")
    try:
        pairs = signers_of(evidence, evidence_id, inclusion.signatures)
    except BadSignature as error:
        raise _FailedError(Step.SIGNATURE, str(error)) from error
    if set(pairs) != inclusion.windows.keys():
        raise _FailedError(Step.SIGNATURE, "signers: expected whoever signed, and nobody else")
    for place in inclusion.places:
        for pair in pairs:
            if not inclusion.windows[pair].covers(place.block.timestamp):
                name = f"{to_hex(pair[1])} of {to_hex(pair[0])}"
                raise _FailedError(
                    Step.SIGNATURE, f"the key {name} was not active when batch {place.batch_id} was sealed"
                )


def _check_content(inclusion: Inclusion) -> None:
    try:
        shown = [content.digest(disclosure) for disclosure in inclusion.disclosures]
        content.parse_all(inclusion.disclosures)
    except MalformedEvidence as error:
        raise _FailedError(Step.CONTENT, str(error)) from error
    digests = [*shown, *inclusion.hidden]
    known = bool(digests) or inclusion.evidence.content_root == content.EMPTY_ROOT
    if known and (
        len(set(digests)) != len(digests) or content.content_root(digests) != inclusion.evidence.content_root
    ):
        raise _FailedError(Step.CONTENT, "what is shown, with the digests of what is hidden, is not what was signed")


def _caveats(inclusion: Inclusion, trust: Trust) -> tuple[str, ...]:
    caveats = []
    if trust.ledger is None:
        caveats.append(
            f"no ledger was named: this is about {to_hex(inclusion.domain.contract)}, rely on it only if you know it"
        )
    hidden = content.hidden_count(inclusion.evidence.content_root, inclusion.disclosures, inclusion.hidden)
    if hidden:
        caveats.append(f"fields that are hidden: {hidden} at least")
    evidence, shown = inclusion.evidence, {place.subject for place in inclusion.places}
    for role, party in (("issuer", evidence.issuer), ("counterparty", evidence.counterparty)):
        if party != ZERO32 and party not in shown:
            caveats.append(f"it is not shown that the log of its {role} holds it")
    caveats.append("the proof shows one evidence: what answers, disputes or corrects it is for a bundle to show")
    caveats.append("the time of sealing is the maker's word: ask a node for the block, or check the time-stamp")
    return tuple(caveats)


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
