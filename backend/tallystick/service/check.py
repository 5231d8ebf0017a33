"""Check a bundle as its reader: offline against a block hash, or against nodes that the reader trusts.

Rules: a node that does not answer makes the verdict "could not check", never "invalid"; several nodes must agree on
the block's hash; a bundle without state proofs is checked against the first node's state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tallystick.credit.dates import utc_date
from tallystick.credit.receivables import Obstacle, find_obstacles
from tallystick.errors import ChainError, MalformedBundle
from tallystick.protocol.bundle import Frame, parse_bundle
from tallystick.protocol.bundle_stream import Chunks, UnstreamableError, read_appends, read_frame
from tallystick.protocol.entry import Json
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, to_hex
from tallystick.protocol.verdict import CodeHashes, Outcome, Progress, State, Step, Tally, Trust, Verdict
from tallystick.protocol.verify import verify_bundle
from tallystick.protocol.verify_stream import verify_stream
from tallystick.service.recovery import recovering
from tallystick.service.report import derive
from tallystick.service.spool import Spool


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
    try:
        bundle = parse_bundle(data)
    except MalformedBundle as error:
        return Verdict(Outcome.INVALID, str(error), failed=Step.SCHEMA)
    try:
        trust, doubt = _ask(bundle, code_hashes, block_hash, ledger, nodes)
        if doubt is not None:
            return Verdict(Outcome.UNCHECKED, doubt, None, bundle)
        with recovering(jobs) as recover_all:
            return verify_bundle(bundle, trust, derive=derive, progress=progress, recover_all=recover_all)
    except ChainError as error:
        return Verdict(Outcome.UNCHECKED, str(error), None, bundle)


def check_stream(
    chunks: Chunks,
    whole: Callable[[], bytes | None],
    *,
    code_hashes: CodeHashes,
    block_hash: Hash | None = None,
    ledger: Address | None = None,
    nodes: Sequence[Node] = (),
    progress: Progress = lambda done, total: None,
    jobs: int = 1,
) -> Verdict:
    """The verdict of ``check`` on the bundle that ``chunks`` read, plain, of which one append is in memory at a time.

    The verdict then holds neither the bundle nor its entries. What can't be read so is read ``whole``, to say why; of
    what is too large for that (None), it is said only that it can't be read.
    """
    frame: Frame | None = None
    try:
        frame, total = read_frame(chunks)
        trust, doubt = _ask(frame, code_hashes, block_hash, ledger, nodes)
        if doubt is not None:
            for _ in read_appends(chunks):  # a file that is no bundle is that first of all
                pass
            return Verdict(Outcome.UNCHECKED, doubt, streamed=(frame, Tally()))
        with recovering(jobs) as recover_all, Spool(frame.subject) as spool:
            return verify_stream(frame, total, chunks, trust, log=spool, progress=progress, recover_all=recover_all)
    except ChainError as error:
        return Verdict(Outcome.UNCHECKED, str(error), streamed=None if frame is None else (frame, Tally()))
    except UnstreamableError:
        data = whole()
        if data is None:
            return Verdict(Outcome.INVALID, _NOT_IN_PARTS, failed=Step.SCHEMA)
    return check(
        data,
        code_hashes=code_hashes,
        block_hash=block_hash,
        ledger=ledger,
        nodes=nodes,
        progress=progress,
        jobs=jobs,
    )


_NOT_IN_PARTS = (
    "bundle: expected the canonical JSON (RFC 8785) of a bundle whose appends have at most 2^28 bytes each, and so has "
    "what surrounds them; got something else."
)


def _ask(
    frame: Frame, code_hashes: CodeHashes, block_hash: Hash | None, ledger: Address | None, nodes: Sequence[Node]
) -> tuple[Trust, str | None]:
    """What to rely on, with the block and the state that ``nodes`` name; and why they can't be asked, or None."""
    state: State | None = None
    for node in nodes:
        if (chain_id := node.chain_id()) != frame.chain_id:
            doubt = f"{node.url} serves chain {chain_id}, the bundle is of chain {frame.chain_id}"
            return Trust(code_hashes), doubt
        block = node.block(frame.as_of.number)
        if block_hash is not None and block.hash != block_hash:
            doubt = f"block {block.number}: {node.url} says {to_hex(block.hash)}, not {to_hex(block_hash)}"
            return Trust(code_hashes), doubt
        block_hash = block.hash
    if nodes and frame.proof is None:
        state = nodes[0].state(nodes[0].block(frame.as_of.number))
    return Trust(code_hashes, block_hash, ledger, state), None


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
    frame, tally = verdict.frame, verdict.tally
    return {
        "verdict": "unchecked" if verdict.outcome is Outcome.UNCHECKED else verdict.outcome.value,
        "failed": None if verdict.failed is None else verdict.failed.value,
        "message": verdict.message,
        "caveats": list(verdict.caveats),
        "passed": [step.value for step in verdict.passed],
        "subject": None if frame is None else to_hex(frame.subject),
        "ledger": None if frame is None else to_hex(frame.ledger),
        "chainId": None if frame is None else frame.chain_id,
        "asOf": None
        if frame is None
        else {
            "blockNumber": frame.as_of.number,
            "blockHash": to_hex(frame.as_of.hash),
            "timestamp": frame.as_of.timestamp,
        },
        "entries": tally.entries,
        "hiddenFields": tally.hidden_fields,
        "standings": {standing.value: count for standing, count in tally.standings.items()},
    }
