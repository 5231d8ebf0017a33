"""The steps of the verifier that look at the log: head, root, signature, content and reference.

Rules:

- the log may be too long to be held, so all steps look at one append after the other; of what they find, what the
  first failing step finds counts, and of that step its first check;
- judged entries are handed to a ``Log``, which keeps them as it likes, and derives the report;
- from the first append that does not give its root, or is out of order, nothing is judged any more: what would be found
  is of a later step. The rest is read all the same, for a file that is no bundle is that first of all.

Source: protocol section 11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tallystick.errors import MalformedEvidence
from tallystick.protocol import content
from tallystick.protocol.bundle import BundleAppend, BundleEntry, Frame
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.log import LogAppend, extend_head, subject_root
from tallystick.protocol.standing import Judge, Kept, RecoverAll, SealedEntry, Signers
from tallystick.protocol.types import ZERO32, Address, EvidenceId, Hash, PartyId, to_hex
from tallystick.protocol.verdict import Progress, Step, Tally
from tallystick.protocol.verify_stamps import StampRun
from tallystick.protocol.verify_state import Run, StepFailedError

_STEPS = (Step.HEAD, Step.ROOT, Step.SIGNATURE, Step.CONTENT, Step.REFERENCE)

_FOLD, _TIME, _ROOT, _PAIRS, _SIGNATURE, _CONTENT, _MALFORMED, _REFERENCE = range(8)
"""The checks of these steps in their order: the first that fails anywhere in the log is the one that counts."""


class Log(Protocol):
    """Keeps a judged log append by append."""

    @property
    def standing(self) -> Kept:
        """The evidence that stands so far."""

    def expect(self, sealed: Sequence[SealedEntry]) -> None:
        """Told of the entries of an append before they are judged."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep the judged ``entries`` of an append."""

    def report(self, frame: Frame, withheld: int) -> Mapping[str, Json]:
        """The report on all that was added, of which ``withheld`` entries are missing, as of the block of ``frame``."""


Watch = Callable[[BundleAppend, Sequence[Entry]], None]
"""Looks at an append with its judged entries, of which there are none where they are withheld."""


@dataclass
class LogRun:
    """What the appends of a log that were looked at so far come to; its ``total`` of entries is for ``progress``."""

    run: Run
    log: Log
    progress: Progress
    total: int
    stamps: StampRun
    watch: Watch = lambda item, entries: None
    """Told of each append with its judged entries."""
    tally: Tally = field(default_factory=Tally)
    withheld: int = 0
    """How many entries are missing."""
    first_withheld: LogAppend | None = None
    _done: int = 0
    _head: Hash = field(default=Hash(ZERO32))
    _previous: int = 0
    _used: set[tuple[PartyId, Address]] = field(default_factory=set)
    """Those of the bundle's signers that signed something."""
    _unlisted: tuple[PartyId, Address] | None = None
    """The first, in their order, of those that signed and are not among them."""
    _failures: dict[int, StepFailedError] = field(default_factory=dict)
    """The first failure of each check."""

    def __post_init__(self) -> None:
        windows = self.run.frame.windows
        self._judge = Judge(self.run.frame.subject, lambda *pair: windows.get(pair), self.log.standing)

    def check(self, appends: Iterable[BundleAppend], recover_all: RecoverAll) -> None:
        """Run the steps on ``appends``, the whole log. Raises ``StepFailedError``; ``tally`` counts what was judged."""
        self._judge_all(appends, recover_all)
        self._attempt(_FOLD, _check_head, self.run, self._head)
        self._attempt(_PAIRS, _check_pairs, self.run.frame, self._used, self._unlisted)
        if self._failures:
            first = min(self._failures)
            if first <= _PAIRS:
                self.tally = Tally()  # it is of no log that could be judged
            failure = self._failures[first]
            self.run.passed += _STEPS[: _STEPS.index(failure.step)]
            raise failure
        self.run.passed += _STEPS

    def _judge_all(self, appends: Iterable[BundleAppend], recover_all: RecoverAll) -> None:
        """Check ``appends``, and judge each once its signers are known; ``recover_all`` may read ahead."""
        waiting: deque[tuple[BundleAppend, Sequence[EvidenceId]]] = deque()

        def signed() -> Iterator[tuple[EvidenceId, bytes, int]]:
            for item in appends:
                ids = self._take(item)
                if ids is None:
                    continue
                if not ids and not waiting:  # withheld; a file of nothing else would all wait for a signature
                    self._judge_append(item, ids, ())
                    continue
                waiting.append((item, ids))
                for entry, evidence_id in zip(item.entries or (), ids, strict=True):
                    yield evidence_id, entry.signatures, len(entry.evidence.signing_parties())

        known: list[Signers] = []
        for one in recover_all(signed()):
            known.append(one)
            while waiting and len(waiting[0][1]) <= len(known):
                item, ids = waiting.popleft()
                self._judge_append(item, ids, known[: len(ids)])
                del known[: len(ids)]
        for item, ids in waiting:
            self._judge_append(item, ids, ())

    def _note_signers(self, signed: set[tuple[PartyId, Address]]) -> None:
        """Remember who ``signed``, in no more memory than the bundle's own list of signers takes."""
        listed = signed & self.run.frame.windows.keys()
        self._used |= listed
        if unlisted := signed - listed:
            self._unlisted = min(unlisted if self._unlisted is None else {*unlisted, self._unlisted})

    def _attempt(self, number: int, check: Callable[..., None], *args: object) -> None:
        """Make ``check`` unless its ``number`` failed before."""
        if number not in self._failures:
            try:
                check(*args)
            except StepFailedError as failure:
                self._failures[number] = failure

    def _take(self, item: BundleAppend) -> list[EvidenceId] | None:
        """Check the place and the root of ``item``; the ids of its entries, or None where they need no judgement."""
        append = item.append
        self._head = extend_head(self._head, append)
        self._attempt(_TIME, _check_time, self.run.frame, append, self._previous)
        self._previous = append.timestamp
        if self._failures and min(self._failures) <= _ROOT:
            return None
        domain = self.run.frame.domain
        ids = [entry.evidence.evidence_id(domain) for entry in item.entries or ()]
        self._attempt(_ROOT, _check_root, self.run.frame, item, ids)
        if _ROOT in self._failures:
            return None
        self.stamps.add(item)
        return ids

    def _judge_append(self, item: BundleAppend, ids: Sequence[EvidenceId], signers: Sequence[Signers]) -> None:
        """Judge the entries of ``item``, which ``signers`` signed, and compare with what the bundle says of them."""
        self._done += item.append.count
        if item.entries is None:
            self.withheld += item.append.count
            self.first_withheld = self.first_withheld or item.append
            self._judge.add(item.append, None)
            self.watch(item, ())
        else:
            sealed = [_unpack(*each) for each in zip(item.entries, ids, signers, strict=True)]
            self._note_signers(pairs(sealed))
            self.log.expect(sealed)
            entries = self._judge.add(item.append, sealed)
            self.tally.add(entries)
            for shown, entry in zip(item.entries, entries, strict=True):
                self._attempt(_CONTENT, _check_content, shown, entry.evidence_id)
                if shown.standing is not entry.standing:
                    self._attempt(_SIGNATURE, _check_standing, shown, entry, Step.SIGNATURE, _SIGNATURE_STANDINGS)
                    self._attempt(_MALFORMED, _check_standing, shown, entry, Step.CONTENT, {Standing.MALFORMED})
                    self._attempt(_REFERENCE, _check_standing, shown, entry, Step.REFERENCE, frozenset(Standing))
            self.log.add(entries)
            self.watch(item, entries)
        self.progress(self._done, self.total)


def pairs(sealed: Sequence[SealedEntry]) -> set[tuple[PartyId, Address]]:
    """Who signed ``sealed`` for whom."""
    return {
        pair for entry in sealed for pair in zip(entry.evidence.signing_parties(), entry.signers or (), strict=False)
    }


def _check_head(run: Run, folded: Hash) -> None:
    """The head that the appends fold to is the one that the chain holds."""
    if run.chain_head is not None and run.chain_head != folded:
        raise StepFailedError(
            Step.HEAD,
            f"the history is not complete: its appends fold to {to_hex(folded)}, the chain holds "
            f"{to_hex(run.chain_head)}",
        )


def _check_time(frame: Frame, append: LogAppend, previous: int) -> None:
    """``append`` is not before the ``previous`` time nor after the block."""
    if not previous <= append.timestamp <= frame.as_of.timestamp:
        raise StepFailedError(Step.HEAD, f"an append of time {append.timestamp} stands out of order")


def _check_root(frame: Frame, item: BundleAppend, ids: Sequence[EvidenceId]) -> None:
    """The entries of ``item``, whose evidence have these ``ids``, give its root."""
    if item.entries is None:
        return
    leaves = [(eid, entry.signatures) for eid, entry in zip(ids, item.entries, strict=True)]
    if (found := subject_root(frame.subject, leaves)) != item.append.root:
        raise StepFailedError(
            Step.ROOT,
            f"batch {item.append.batch_id} of operator {to_hex(item.append.operator)}: an entry was changed, left "
            f"out or added: {item.append.count} entries give root {to_hex(found)}, not {to_hex(item.append.root)}",
        )


def _check_pairs(frame: Frame, used: set[tuple[PartyId, Address]], unlisted: tuple[PartyId, Address] | None) -> None:
    """``signers`` holds every pair that signed and no other."""
    if unlisted is not None:
        party, signer = unlisted
        raise StepFailedError(
            Step.SIGNATURE, f"signer {to_hex(signer)} of {to_hex(party)}: the bundle proves no window for it"
        )
    if spare := sorted(frame.windows.keys() - used):
        raise StepFailedError(Step.SIGNATURE, f"signer {to_hex(spare[0][1])} signed nothing in this history")


def _unpack(entry: BundleEntry, evidence_id: EvidenceId, signers: Signers) -> SealedEntry:
    """``entry`` as it is judged."""
    try:
        fields: Mapping[str, Json] | None = content.parse_all(entry.disclosures)
    except MalformedEvidence:
        fields = None
    hidden = content.hidden_count(entry.evidence.content_root, entry.disclosures, entry.hidden)
    return SealedEntry(evidence_id, entry.evidence, signers, fields, hidden)


def _check_content(entry: BundleEntry, evidence_id: EvidenceId) -> None:
    """What is shown and hidden of the content of ``entry`` gives the root that was signed."""
    problem = content.check_root(entry.evidence.content_root, entry.disclosures, entry.hidden)
    if problem is not None:
        raise StepFailedError(Step.CONTENT, f"evidence {to_hex(evidence_id)}: {problem}")


_SIGNATURE_STANDINGS = frozenset({Standing.BAD_SIGNATURE, Standing.SIGNER_INACTIVE, Standing.ISSUED_AHEAD})


def _check_standing(shown: BundleEntry, entry: Entry, step: Step, concerned: frozenset[Standing]) -> None:
    """``entry`` was judged to be what the bundle says of it, where either is among the ``concerned``."""
    if shown.standing is not entry.standing and (shown.standing in concerned or entry.standing in concerned):
        raise StepFailedError(
            step,
            f"evidence {to_hex(entry.evidence_id)} (entry {entry.seq}): the bundle says {shown.standing}, "
            f"checking says {entry.standing}",
        )
