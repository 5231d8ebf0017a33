"""The verifier of a bundle that is streamed: the verdict of ``verify.py``, with one append in memory at a time.

Rules:

- the file is gone through once for what surrounds the appends, once for the appends. So all steps that look at entries
  look at one append after the other; of what they find, what the first failing step of ``verify.py`` finds counts;
- judged entries are handed to a ``Log``, which keeps them as it likes, and derives the report;
- from the first append that does not give its root, or is out of order, nothing is judged any more: what would be found
  is of a later step. The rest is read all the same, for a file that is no bundle is that first of all.

Source: protocol section 11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tallystick.protocol.bundle import BundleAppend, Frame
from tallystick.protocol.bundle_stream import Chunks, read_appends
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.log import LogAppend, extend_head
from tallystick.protocol.standing import Judge, Kept, RecoverAll, SealedEntry, Signers
from tallystick.protocol.types import ZERO32, Address, EvidenceId, Hash, PartyId
from tallystick.protocol.verdict import Outcome, Progress, Step, Tally, Trust, Verdict
from tallystick.protocol.verify import (
    SIGNATURE_STANDINGS,
    caveats,
    check_bindings,
    check_content,
    check_folded,
    check_pairs,
    check_report,
    check_root,
    check_standing,
    check_time,
    conclude,
    evidence_ids,
    pairs,
    unpack,
)
from tallystick.protocol.verify_state import StateRun, StepFailedError, check_block, check_ledger, check_state

_HISTORY = (Step.HEAD, Step.ROOT, Step.SIGNATURE, Step.CONTENT, Step.REFERENCE)
_FOLD, _TIME, _ROOT, _PAIRS, _SIGNATURE, _CONTENT, _MALFORMED, _REFERENCE = range(8)
"""The checks of the steps above in the order in which ``verify.py`` makes them, each over the whole log."""


class Log(Protocol):
    """Keeps a judged log while it is streamed."""

    @property
    def standing(self) -> Kept:
        """The evidence that stands so far."""

    def expect(self, sealed: Sequence[SealedEntry]) -> None:
        """Told of the entries of an append before they are judged."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep the judged ``entries`` of an append."""

    def report(self, frame: Frame, withheld: int) -> Mapping[str, Json]:
        """The report on all that was added, of which ``withheld`` entries are missing, as of the block of ``frame``."""


def verify_stream(
    frame: Frame,
    total: int,
    chunks: Chunks,
    trust: Trust,
    *,
    log: Log,
    recover_all: RecoverAll,
    progress: Progress = lambda done, total: None,
) -> Verdict:
    """Check the bundle that ``chunks`` read and whose ``frame`` and ``total`` of entries are known already.

    Raises:
        UnstreamableError: it can't be read append by append; ``verify`` says what is wrong with it.
    """
    run = StateRun(frame, [Step.SCHEMA])
    try:
        state = check_block(run, trust)
        if state is None:
            check_ledger(frame, trust)
        else:
            check_state(run, state, trust)
    except StepFailedError as failure:
        for _ in read_appends(chunks):
            pass
        return _invalid(run, failure, Tally())
    found = _Findings(run, log, progress, total)
    for item, ids, signers in _recovered(found, chunks, recover_all):
        found.judge(item, ids, signers)
    found.attempt(_FOLD, check_folded, run, found.head)
    found.attempt(_PAIRS, check_pairs, frame, found.used)
    if found.failures:
        first = min(found.failures)
        failed = found.failures[first]
        run.passed += _HISTORY[: _HISTORY.index(failed.step)]
        return _invalid(run, failed, found.tally if first > _PAIRS else Tally())
    run.passed += _HISTORY
    try:
        check_bindings(run)
        run.passed.append(Step.BINDING)
        check_report(frame, log.report(frame, found.withheld))
        run.passed.append(Step.REPORT)
    except StepFailedError as failure:
        return _invalid(run, failure, found.tally)
    outcome, message = conclude(frame, trust, found.tally, found.withheld, found.first_withheld, state is not None)
    said = caveats(frame, trust, found.tally)
    return Verdict(outcome, message, passed=tuple(run.passed), caveats=said, streamed=(frame, found.tally))


def _invalid(run: StateRun, failure: StepFailedError, tally: Tally) -> Verdict:
    passed = tuple(run.passed)
    return Verdict(Outcome.INVALID, failure.message, failure.step, passed=passed, streamed=(run.bundle, tally))


@dataclass
class _Findings:
    """What the appends read so far come to."""

    run: StateRun
    log: Log
    progress: Progress
    total: int
    done: int = 0
    head: Hash = field(default=Hash(ZERO32))
    previous: int = 0
    withheld: int = 0
    first_withheld: LogAppend | None = None
    used: set[tuple[PartyId, Address]] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
    failures: dict[int, StepFailedError] = field(default_factory=dict)
    """The first failure of each check."""

    def __post_init__(self) -> None:
        windows = self.run.bundle.windows
        self._judge = Judge(self.run.bundle.subject, lambda *pair: windows.get(pair), self.log.standing)

    def attempt(self, number: int, check: Callable[..., None], *args: object) -> None:
        """Make ``check`` unless its ``number`` failed before."""
        if number not in self.failures:
            try:
                check(*args)
            except StepFailedError as failure:
                self.failures[number] = failure

    def take(self, item: BundleAppend) -> list[EvidenceId] | None:
        """Check the place and the root of ``item``; the ids of its entries, or None where they need no judgement."""
        append = item.append
        self.head = extend_head(self.head, append)
        self.attempt(_TIME, check_time, self.run.bundle, append, self.previous)
        self.previous = append.timestamp
        if self.failures and min(self.failures) <= _ROOT:
            return None
        ids = evidence_ids(self.run.bundle, item)
        self.attempt(_ROOT, check_root, self.run.bundle, item, ids)
        return None if _ROOT in self.failures else ids

    def judge(self, item: BundleAppend, ids: Sequence[EvidenceId], signers: Sequence[Signers]) -> None:
        """Judge the entries of ``item``, in which ``signers`` signed, and compare with what the bundle says."""
        self.done += item.append.count
        if item.entries is None:
            self.withheld += item.append.count
            self.first_withheld = self.first_withheld or item.append
            self._judge.add(item.append, None)
        else:
            sealed = [unpack(*each) for each in zip(item.entries, ids, signers, strict=True)]
            self.used |= pairs(sealed)
            self.log.expect(sealed)
            entries = self._judge.add(item.append, sealed)
            self.tally.add(entries)
            for shown, entry in zip(item.entries, entries, strict=True):
                self.attempt(_CONTENT, check_content, shown, entry.evidence_id)
                if shown.standing is not entry.standing:
                    self.attempt(_SIGNATURE, check_standing, shown, entry, Step.SIGNATURE, SIGNATURE_STANDINGS)
                    self.attempt(_MALFORMED, check_standing, shown, entry, Step.CONTENT, {Standing.MALFORMED})
                    self.attempt(_REFERENCE, check_standing, shown, entry, Step.REFERENCE, frozenset(Standing))
            self.log.add(entries)
        self.progress(self.done, self.total)


def _recovered(
    found: _Findings, chunks: Chunks, recover_all: RecoverAll
) -> Iterator[tuple[BundleAppend, Sequence[EvidenceId], Sequence[Signers]]]:
    """The appends that are to be judged, with the ids and the signers of their entries.

    ``recover_all`` may read ahead, so appends wait here until the signers of all their entries are known.
    """
    waiting: deque[tuple[BundleAppend, Sequence[EvidenceId]]] = deque()

    def signed() -> Iterator[tuple[EvidenceId, bytes, int]]:
        for item in read_appends(chunks):
            ids = found.take(item)
            if ids is None:
                continue
            waiting.append((item, ids))
            for entry, evidence_id in zip(item.entries or (), ids, strict=True):
                yield evidence_id, entry.signatures, len(entry.evidence.signing_parties())

    known: list[Signers] = []
    for one in recover_all(signed()):
        known.append(one)
        while waiting and len(waiting[0][1]) <= len(known):
            item, ids = waiting.popleft()
            yield item, ids, known[: len(ids)]
            del known[: len(ids)]
    for item, ids in waiting:
        yield item, ids, ()
