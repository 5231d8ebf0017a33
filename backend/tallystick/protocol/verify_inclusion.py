"""The check of one evidence's proof: by hashing, from what is shown to a block hash that the reader trusts.

Rules: the steps are those of a bundle, as far as there is something to check, and the first failure names the code; no
file makes the check raise. Source: protocol section 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tallystick.errors import BadSignature, MalformedEvidence, MalformedInput
from tallystick.protocol import content
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.evidence import Domain
from tallystick.protocol.inclusion import Inclusion, parse_inclusion, signers_of
from tallystick.protocol.slots import (
    LEDGER_REGISTRY_SLOT,
    REGISTRAR_ROLE,
    batch_root_slot,
    decode_window,
    role_slot,
    window_slot,
)
from tallystick.protocol.state import ProofError, check_header
from tallystick.protocol.types import ZERO32, Address, PartyId, to_hex
from tallystick.protocol.verdict import Outcome, Step, Trust
from tallystick.protocol.verify_state import ProvenState


@dataclass(frozen=True, slots=True)
class InclusionVerdict:
    """What a check came to: ``failed`` is set when invalid; ``caveats`` say what the reader must know without proof."""

    outcome: Outcome
    message: str
    failed: Step | None = None
    inclusion: Inclusion | None = None
    caveats: tuple[str, ...] = ()


def check_inclusion(data: bytes, trust: Trust) -> InclusionVerdict:
    """The verdict on the file ``data``. Without a trusted block hash it can't be valid, only not refuted."""
    try:
        inclusion = parse_inclusion(data)
    except MalformedInput as error:
        return InclusionVerdict(Outcome.INVALID, str(error), Step.SCHEMA)
    try:
        proven = _check_state(inclusion, trust)
        _check_places(inclusion, proven.roots)
        _check_content(inclusion)
        for binding in inclusion.bindings:
            if binding.party not in proven.bound:
                name = to_hex(binding.party)
                raise _FailedError(Step.BINDING, f"the name of {name} is not signed by a registrar")
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


@dataclass(frozen=True, slots=True)
class _Proven:
    """What the state holds: the batch roots by batch, and the parties whose name a registrar signed."""

    roots: Mapping[tuple[Address, int], int]
    bound: frozenset[PartyId]


def _check_state(inclusion: Inclusion, trust: Trust) -> _Proven:
    """Steps header, account and storage."""
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
        bound = frozenset(
            binding.party for binding in inclusion.bindings if _is_bound(binding, inclusion.domain, registry, state)
        )
        state.pool.check_all_used()
    except ProofError as error:
        raise _FailedError(step, str(error)) from error
    return _Proven(roots, bound)


def _is_bound(binding: PartyBinding, domain: Domain, registry: Address, state: ProvenState) -> bool:
    """Whether a registrar signed ``binding``; a signature that is none has no signer, and asks for no slot."""
    try:
        signer = binding.signer(domain)
    except BadSignature:
        return False
    return state.slot(registry, role_slot(REGISTRAR_ROLE, signer)) == 1


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
