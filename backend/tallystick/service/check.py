"""Check a bundle as its reader: offline against a block hash, or against nodes that the reader trusts.

Rules: a node that does not answer makes the verdict "could not check", never "invalid"; several nodes must agree on
the block's hash; a bundle without state proofs is checked against the first node's state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from tallystick.credit.dates import utc_date
from tallystick.credit.receivables import Obstacle, find_obstacles
from tallystick.errors import ChainError, FileChanged, MalformedBundle, StoreUnavailable
from tallystick.protocol.bundle import BundleAppend, Frame
from tallystick.protocol.bundle_stream import Chunks, parse_bundle, read_bundle
from tallystick.protocol.entry import Json
from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, to_hex
from tallystick.protocol.verdict import CheckToken, CodeHashes, Outcome, Progress, State, Step, Trust, Verdict
from tallystick.protocol.verify import verify_appends, verify_bundle
from tallystick.protocol.verify_log import Watch
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
    check_token: CheckToken | None = None,
    progress: Progress = lambda done, total: None,
    jobs: int = 1,
) -> Verdict:
    """The verdict on the bundle ``data``, against ``block_hash``; where None, against what all ``nodes`` agree on.

    Signatures are checked by ``jobs`` processes, time-stamps by ``check_token``.
    """

    def verify(trust: Trust) -> Verdict:
        trust = replace(trust, check_token=check_token)
        with recovering(jobs) as recover_all:
            return verify_bundle(bundle, trust, derive=derive, progress=progress, recover_all=recover_all)

    try:
        bundle = parse_bundle(data)
        return _check(bundle, lambda: _ask(bundle, code_hashes, block_hash, ledger, nodes), verify)
    except MalformedBundle as error:
        return Verdict(Outcome.INVALID, str(error), failed=Step.SCHEMA)


def check_stream(
    chunks: Chunks,
    *,
    code_hashes: CodeHashes,
    block_hash: Hash | None = None,
    ledger: Address | None = None,
    nodes: Sequence[Node] = (),
    check_token: CheckToken | None = None,
    watch: Watch = lambda item, entries: None,
    look: Callable[[Verdict, Spool], None] = lambda verdict, log: None,
    progress: Progress = lambda done, total: None,
    jobs: int = 1,
) -> Verdict:
    """The verdict of ``check`` on the bundle that ``chunks`` read, of which one append is in memory at a time.

    It holds neither the bundle nor its entries: ``watch`` sees each append as it is judged, ``look`` the log at the
    end, where the verdict is not "invalid". Where the file changes meanwhile, or the disk for temporary files is full,
    it says "could not check".
    """

    def ask() -> tuple[Trust, str | None]:
        return _ask(file.frame, code_hashes, block_hash, ledger, nodes)

    def verify(trust: Trust) -> Verdict:
        trust = replace(trust, check_token=check_token)
        with recovering(jobs) as recover_all, Spool(file.frame.subject) as log:
            verdict = verify_appends(
                file.frame,
                appends,
                file.entries,
                trust,
                log=log,
                watch=watch,
                progress=progress,
                recover_all=recover_all,
            )
            if verdict.outcome is not Outcome.INVALID:
                look(verdict, log)
            return verdict

    try:
        file = read_bundle(chunks)
        appends = file.appends()
        return _check(file.frame, ask, verify, appends)
    except MalformedBundle as error:
        return Verdict(Outcome.INVALID, str(error), failed=Step.SCHEMA)


def _check(
    frame: Frame,
    ask: Callable[[], tuple[Trust, str | None]],
    verify: Callable[[Trust], Verdict],
    appends: Iterable[BundleAppend] = (),
) -> Verdict:
    """What ``verify`` says, given the trust that ``ask`` finds; where that fails, ``appends`` are read all the same.

    Raises:
        MalformedBundle: a file that is no bundle is that first of all.
    """
    try:
        try:
            trust, doubt = ask()
            if doubt is None:
                return verify(trust)
        except ChainError as error:
            doubt = str(error)
        for _ in appends:
            pass
    except (FileChanged, StoreUnavailable) as error:
        doubt = str(error)
    return Verdict(Outcome.UNCHECKED, doubt, frame=frame)


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


def receivable_obstacles(verdict: Verdict, log: Spool, invoice: EvidenceId) -> Sequence[Obstacle] | None:
    """What the verified ``log`` of the bundle's subject says against financing ``invoice``; None unless it is valid.

    Whether the invoice is pledged stands in no log: ask the register of receivables.
    """
    if verdict.outcome is not Outcome.VALID or verdict.frame is None:
        return None
    frame = verdict.frame
    entries = next((around for _, around in log.around([invoice])), ())
    return find_obstacles(frame.subject, entries, invoice, utc_date(frame.as_of.timestamp))


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
        "timestamps": {
            "appends": verdict.stamps.appends,
            "carried": verdict.stamps.carried,
            "valid": verdict.stamps.valid,
            "latest": verdict.stamps.latest,
        },
    }
