"""Check the proof of one evidence as its reader: offline against a block hash, or against nodes they trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tallystick.errors import ChainError, MalformedInput
from tallystick.protocol.entry import Json
from tallystick.protocol.inclusion import FORMAT, Inclusion, parse_inclusion
from tallystick.protocol.types import Address, Hash, Timestamp, to_hex
from tallystick.protocol.verdict import CodeHashes, Outcome, Step, Trust
from tallystick.protocol.verify_inclusion import InclusionVerdict, check_inclusion
from tallystick.service.check import Node
from tallystick.timestamp.token import TokenVerdict, check_token

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


@dataclass(frozen=True, slots=True)
class ProofVerdict:
    """The verdict on a proof, and on each time-stamp that it carries, in its order."""

    inclusion: InclusionVerdict
    timestamps: Sequence[TokenVerdict] = ()

    @property
    def outcome(self) -> Outcome:
        """The proof's own, unless a time-stamp is invalid: then the file is not what was made."""
        broken = any(stamp.outcome is Outcome.INVALID for stamp in self.timestamps)
        return Outcome.INVALID if broken else self.inclusion.outcome


def is_proof(data: bytes) -> bool:
    """Whether ``data`` says of itself that it is the proof of one evidence."""
    # canonical JSON: the members of a bundle begin with another one
    return data.startswith(b'{"asOf":') and f'"format":"{FORMAT}"'.encode() in data


def check_proof(
    data: bytes,
    *,
    code_hashes: CodeHashes,
    block_hash: Hash | None = None,
    ledger: Address | None = None,
    nodes: Sequence[Node] = (),
    timestamp_roots: Sequence[Certificate] = (),
    now: Timestamp | None = None,
) -> ProofVerdict:
    """The verdict on the proof ``data``, against ``block_hash``; where None, against what all ``nodes`` agree on.

    Time-stamps are checked by ``timestamp_roots``; one of later than ``now`` could not be checked.
    """
    try:
        inclusion = parse_inclusion(data)
    except MalformedInput as error:
        return ProofVerdict(InclusionVerdict(Outcome.INVALID, str(error), Step.SCHEMA))
    try:
        for node in nodes:
            if (chain_id := node.chain_id()) != inclusion.domain.chain_id:
                message = f"{node.url} serves chain {chain_id}, the proof is of chain {inclusion.domain.chain_id}"
                return ProofVerdict(InclusionVerdict(Outcome.UNCHECKED, message, None, inclusion))
            found = node.block(inclusion.as_of.number).hash
            if block_hash is not None and found != block_hash:
                message = f"block {inclusion.as_of.number}: {node.url} says {to_hex(found)}, not {to_hex(block_hash)}"
                return ProofVerdict(InclusionVerdict(Outcome.UNCHECKED, message, None, inclusion))
            block_hash = found
    except ChainError as error:
        return ProofVerdict(InclusionVerdict(Outcome.UNCHECKED, str(error), None, inclusion))
    verdict = check_inclusion(data, Trust(code_hashes, block_hash, ledger))
    if verdict.outcome is Outcome.INVALID:
        return ProofVerdict(verdict)
    stamps = tuple(check_token(token, root, timestamp_roots, now=now) for token, root in _stamped(inclusion))
    return ProofVerdict(_with_caveats(verdict, stamps), stamps)


def proof_json(verdict: ProofVerdict) -> Mapping[str, Json]:
    """``verdict`` for programs: ``verdict`` is valid, invalid or unchecked; ``failed`` the failing step or null."""
    inclusion = verdict.inclusion.inclusion
    return {
        "verdict": _name(verdict.outcome),
        "failed": None if verdict.inclusion.failed is None else verdict.inclusion.failed.value,
        "message": verdict.inclusion.message,
        "caveats": list(verdict.inclusion.caveats),
        "evidence": None if inclusion is None else to_hex(inclusion.evidence_id),
        "ledger": None if inclusion is None else to_hex(inclusion.domain.contract),
        "chainId": None if inclusion is None else inclusion.domain.chain_id,
        "asOf": None
        if inclusion is None
        else {
            "blockNumber": inclusion.as_of.number,
            "blockHash": to_hex(inclusion.as_of.hash),
            "timestamp": inclusion.as_of.timestamp,
        },
        "timestamps": [
            {
                "verdict": _name(stamp.outcome),
                "message": stamp.message,
                "stampedAt": stamp.at,
                "authority": stamp.authority,
            }
            for stamp in verdict.timestamps
        ],
    }


def _stamped(inclusion: Inclusion) -> list[tuple[bytes, Hash]]:
    """Each time-stamp with the batch root that it must be of; one of a batch that is not here can't be of any."""
    roots = {place.batch: place.batch_root(inclusion.evidence_id, inclusion.signatures) for place in inclusion.places}
    nothing = Hash(bytes(32))
    return [(token, roots.get((operator, batch_id), nothing)) for operator, batch_id, token in inclusion.timestamps]


def _with_caveats(verdict: InclusionVerdict, stamps: Sequence[TokenVerdict]) -> InclusionVerdict:
    unchecked = sum(stamp.outcome is Outcome.UNCHECKED for stamp in stamps)
    if not unchecked:
        return verdict
    caveat = f"time-stamps that could not be checked: {unchecked}; give the authority's roots with --timestamp-roots"
    return replace(verdict, caveats=(*verdict.caveats, caveat))


def _name(outcome: Outcome) -> str:
    return "unchecked" if outcome is Outcome.UNCHECKED else outcome.value
