"""Check a bundle as its reader: offline against a block hash, or against nodes that the reader trusts.

Rules: a node that does not answer makes the verdict "could not check", never "invalid"; several nodes must agree on
the block's hash; a bundle without state proofs is checked against the first node's state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from tallystick.credit.dates import utc_date
from tallystick.credit.receivables import Obstacle, find_obstacles
from tallystick.errors import ChainError, MalformedBundle
from tallystick.protocol.bundle import parse_bundle
from tallystick.protocol.entry import Json
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, to_hex
from tallystick.protocol.verdict import CodeHashes, Outcome, Progress, State, Step, Trust, Verdict
from tallystick.protocol.verify import verify_bundle
from tallystick.service.recovery import recovering
from tallystick.service.report import derive


class Node(Protocol):
    """A node that the reader trusts."""

    url: str

    def chain_id(self) -> int: ...

    def block(self, number: int) -> BlockRef:
        """The canonical block ``number``. Raises ``ChainError``."""

    def state(self, block: BlockRef) -> State: ...


def check(
    data: bytes,
    *,
    code_hashes: CodeHashes,
    block_hash: Hash | None = None,
    ledger: Address | None = None,
    nodes: Sequence[Node] = (),
    progress: Progress = lambda done, total: None,
    jobs: int = 1,
) -> Verdict:
    """The verdict on the bundle ``data``, against ``block_hash``; where None, against what all ``nodes`` agree on.

    Signatures are checked by ``jobs`` processes.
    """
    state: State | None = None
    try:
        bundle = parse_bundle(data)
    except MalformedBundle as error:
        return Verdict(Outcome.INVALID, str(error), failed=Step.SCHEMA)
    try:
        for node in nodes:
            if (chain_id := node.chain_id()) != bundle.chain_id:
                message = f"{node.url} serves chain {chain_id}, the bundle is of chain {bundle.chain_id}"
                return Verdict(Outcome.UNCHECKED, message, None, bundle)
            block = node.block(bundle.as_of.number)
            if block_hash is not None and block.hash != block_hash:
                message = f"block {block.number}: {node.url} says {to_hex(block.hash)}, not {to_hex(block_hash)}"
                return Verdict(Outcome.UNCHECKED, message, None, bundle)
            block_hash = block.hash
        if nodes and bundle.proof is None:
            state = nodes[0].state(nodes[0].block(bundle.as_of.number))
        trust = Trust(code_hashes, block_hash, ledger, state)
        with recovering(jobs) as recover_all:
            return verify_bundle(bundle, trust, derive=derive, progress=progress, recover_all=recover_all)
    except ChainError as error:
        return Verdict(Outcome.UNCHECKED, str(error), None, bundle)


def receivable_obstacles(verdict: Verdict, invoice: EvidenceId) -> Sequence[Obstacle] | None:
    """What the verified log of the bundle's subject says against financing ``invoice``; None unless it is valid.

    Whether the invoice is pledged stands in no log: ask the register of receivables.
    """
    if verdict.outcome is not Outcome.VALID or verdict.bundle is None:
        return None
    bundle = verdict.bundle
    return find_obstacles(bundle.subject, verdict.entries, invoice, utc_date(bundle.as_of.timestamp))


def verdict_json(verdict: Verdict) -> Mapping[str, Json]:
    """``verdict`` for programs: ``verdict`` is valid, invalid or unchecked; ``failed`` the failing step or null."""
    bundle = verdict.bundle
    return {
        "verdict": "unchecked" if verdict.outcome is Outcome.UNCHECKED else verdict.outcome.value,
        "failed": None if verdict.failed is None else verdict.failed.value,
        "message": verdict.message,
        "caveats": list(verdict.caveats),
        "passed": [step.value for step in verdict.passed],
        "subject": None if bundle is None else to_hex(bundle.subject),
        "ledger": None if bundle is None else to_hex(bundle.ledger),
        "chainId": None if bundle is None else bundle.chain_id,
        "asOf": None
        if bundle is None
        else {
            "blockNumber": bundle.as_of.number,
            "blockHash": to_hex(bundle.as_of.hash),
            "timestamp": bundle.as_of.timestamp,
        },
        "entries": len(verdict.entries),
        "hiddenFields": sum(entry.hidden for entry in verdict.entries),
        "standings": dict(Counter(entry.standing.value for entry in verdict.entries)),
    }
