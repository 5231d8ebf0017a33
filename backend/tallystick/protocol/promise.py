"""Whether the promise of a receipt was kept, from what is known of the logs in which its evidence must stand.

Rules:

- kept means: in each of these logs at a time not after ``sealBy``, with the very signatures of the receipt; of several
  entries the first counts, and it does not matter who sealed it;
- broken is said only where nothing is left to hope for: the chain is past ``sealBy``, and every entry that such a log
  got until then is known and is another one;
- where that can't be known it is said so, with the cause: what could not be checked never reads as broken.

::

    receivedAt            sealBy          as of
    ---|--------------------|---------------|-->
       |   sealed: kept     | sealed: late  |     not sealed: broken
                                                  as of before sealBy and not sealed: open

Source: protocol section 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from tallystick.protocol.bundle import BundleAppend, Frame
from tallystick.protocol.entry import Entry, Standing
from tallystick.protocol.receipt import SignedReceipt, signatures_digest
from tallystick.protocol.types import ZERO32, Address, BlockRef, PartyId, Timestamp, to_hex
from tallystick.protocol.verdict import Outcome, Step, Verdict


class Promise(StrEnum):
    """What became of the promise."""

    KEPT = "kept"
    LATE = "late"
    BROKEN = "broken"
    OPEN = "open"
    INVALID = "invalid"
    UNCHECKED = "could not check"


@dataclass(frozen=True, slots=True)
class Finding:
    """What checking a receipt came to; ``message`` is one sentence for a person.

    ``sealed_at`` is the time of the block that sealed it last among the logs looked at, ``as_of`` the block up to which
    they are known; ``caveats`` say what the reader must know without proof.
    """

    promise: Promise
    message: str
    signed: SignedReceipt | None = None
    sealed_at: Timestamp | None = None
    as_of: BlockRef | None = None
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogView:
    """What is known of the log of ``subject``, in which the evidence must stand.

    ``sealed`` are the times at which it was sealed there with the receipt's signatures; ``unknown`` the times and
    operators of appends whose entries are not known; ``other_signatures``: it stands there with other ones.
    """

    subject: PartyId
    sealed: tuple[Timestamp, ...]
    unknown: tuple[tuple[Timestamp, Address], ...] = ()
    other_signatures: bool = False


def must_stand_in(signed: SignedReceipt) -> tuple[PartyId, ...]:
    """The parties in whose logs the evidence must stand, whatever it answers: its issuer and its counterparty."""
    named = {signed.evidence.issuer, signed.evidence.counterparty}
    return tuple(sorted(party for party in named if party != ZERO32))


def settle(signed: SignedReceipt, logs: Sequence[LogView], as_of: BlockRef) -> Finding:
    """Whether the promise of ``signed`` was kept, by the ``logs`` (at least one) as they stand at ``as_of``.

    What the receipt itself is worth is not looked at: see ``SignedReceipt.problem``.
    """
    assert logs, "a promise is about at least one log"
    found = [_in_one(signed, log, as_of) for log in logs]
    for worst in (Promise.BROKEN, Promise.LATE, Promise.UNCHECKED, Promise.OPEN):
        for finding in found:
            if finding.promise is worst:
                return finding
    return max(found, key=lambda finding: finding.sealed_at or 0)


def _in_one(signed: SignedReceipt, log: LogView, as_of: BlockRef) -> Finding:
    due = signed.receipt.seal_by
    first = min(log.sealed, default=None)
    if first is not None and first <= due:
        message = f"sealed at {moment(first)}, in time: it was promised by {moment(due)}"
        return Finding(Promise.KEPT, message, signed, first, as_of)
    if as_of.timestamp <= due:
        message = f"not sealed yet as of {_block(as_of)}; it is promised by {moment(due)}"
        return Finding(Promise.OPEN, message, signed, None, as_of)
    hiding = [operator for at, operator in log.unknown if at <= due]
    if hiding:
        message = (
            f"operator {to_hex(hiding[0])} sealed entries that are not known here into the log of party "
            f"{to_hex(log.subject)} before {moment(due)}: it may be among them"
        )
        return Finding(Promise.UNCHECKED, message, signed, first, as_of)
    fault = f"the receipt proves the fault of operator {to_hex(signed.operator)}"
    if first is not None:
        message = f"sealed at {moment(first)}, but promised by {moment(due)}: {fault}"
        return Finding(Promise.LATE, message, signed, first, as_of)
    otherwise = ", with other signatures alone" if log.other_signatures else ""
    message = f"not sealed by {moment(due)} as promised{otherwise}, as of {_block(as_of)}: {fault}"
    return Finding(Promise.BROKEN, message, signed, None, as_of)


def foreign(signed: SignedReceipt, relied_on: str) -> Finding:
    """``signed`` promises nothing about the ledger ``relied_on``."""
    domain = signed.domain
    message = f"the receipt is of ledger {to_hex(domain.contract)} on chain {domain.chain_id}, not of {relied_on}"
    return Finding(Promise.INVALID, message, signed)


@dataclass
class BundleWatch:
    """Looks at a bundle for what bears on the promise of ``signed``, and holds none of it.

    In the log of its issuer and counterparty the evidence must stand. Elsewhere it does only where it stands there for
    its parent's sake: anybody's log takes a copy, so that a void one shows nothing.
    """

    signed: SignedReceipt
    first_sealed: Timestamp | None = None
    hiding: tuple[Timestamp, Address] | None = None
    """The first append up to the end of the promise whose entries are withheld."""
    other_signatures: bool = False
    copy_stands: bool = False
    operator_sealed: bool = False
    """Whether the operator of the receipt sealed into this log."""
    something_stands: bool = False

    def __call__(self, item: BundleAppend, entries: Sequence[Entry]) -> None:
        """Look at ``item`` and its judged ``entries``."""
        append, wanted = item.append, self.signed.receipt
        self.operator_sealed = self.operator_sealed or append.operator == self.signed.operator
        if item.entries is None and self.hiding is None and append.timestamp <= wanted.seal_by:
            self.hiding = (append.timestamp, append.operator)
        for shown, entry in zip(item.entries or (), entries, strict=True):
            self.something_stands = self.something_stands or entry.standing is Standing.STANDS
            if entry.evidence_id != wanted.evidence:
                continue
            if signatures_digest(shown.signatures) != wanted.signatures_hash:
                self.other_signatures = True
                continue
            self.first_sealed = min(append.timestamp, self.first_sealed or append.timestamp)
            self.copy_stands = self.copy_stands or entry.standing is Standing.STANDS

    def log(self, subject: PartyId) -> LogView:
        """What was seen of the log of ``subject``."""
        sealed = () if self.first_sealed is None else (self.first_sealed,)
        unknown = () if self.hiding is None else (self.hiding,)
        return LogView(subject, sealed, unknown, self.other_signatures)


def settle_by_bundle(watch: BundleWatch, verdict: Verdict, ledger: Address | None) -> Finding:
    """Whether the promise was kept, by a bundle at which ``watch`` looked and of which ``verdict`` was come to.

    The reader must have named the block hash, and may have named the ``ledger`` it relies on. Withheld entries and
    hidden fields do not stand in the way of what can be told without them.
    """
    signed, frame = watch.signed, verdict.frame
    if ledger is not None and signed.domain.contract != ledger:
        return foreign(signed, f"ledger {to_hex(ledger)}")
    if frame is None or verdict.outcome is Outcome.INVALID:
        failed = "schema" if verdict.failed is None else verdict.failed.value
        return Finding(Promise.UNCHECKED, f"the bundle is invalid at step {failed}: {verdict.message}", signed)
    if frame.domain != signed.domain:
        message = (
            f"the bundle is of ledger {to_hex(frame.ledger)} on chain {frame.chain_id}, the receipt of "
            f"{to_hex(signed.domain.contract)} on chain {signed.domain.chain_id}: use a bundle of that ledger"
        )
        return Finding(Promise.UNCHECKED, message, signed)
    if not set(verdict.passed) >= _NEEDED:
        return Finding(Promise.UNCHECKED, f"the bundle could not be checked: {verdict.message}", signed)
    if frame.subject not in must_stand_in(signed) and not watch.copy_stands:
        message = (
            f"the bundle is of party {to_hex(frame.subject)}, in whose log the evidence need not stand: use one of "
            f"party {' or '.join(map(to_hex, must_stand_in(signed)))}"
        )
        return Finding(Promise.UNCHECKED, message, signed, None, frame.as_of)
    finding = settle(signed, [watch.log(frame.subject)], frame.as_of)
    caveats = _caveats(watch, frame, ledger, finding.promise)
    return Finding(finding.promise, finding.message, signed, finding.sealed_at, frame.as_of, caveats)


_NEEDED = frozenset(Step) - {Step.TIMESTAMP}
"""The steps that must have passed: nothing about a promise rests on another authority's time-stamps."""


def _caveats(watch: BundleWatch, frame: Frame, ledger: Address | None, promise: Promise) -> tuple[str, ...]:
    caveats = []
    if ledger is None:
        caveats.append(
            f"no ledger was named: make sure that {to_hex(frame.ledger)} on chain {frame.chain_id} is the ledger you "
            "rely on; anybody can deploy the same code elsewhere"
        )
    if promise is Promise.KEPT:
        caveats.append(
            f"this is about the log of party {to_hex(frame.subject)}: that the evidence stands in the other's too is "
            "for that party's bundle to show"
        )
    if promise in (Promise.LATE, Promise.BROKEN):
        if not watch.operator_sealed:
            caveats.append(
                f"the bundle does not show that {to_hex(watch.signed.operator)} ever was an operator of the ledger"
            )
        if not watch.something_stands:
            caveats.append(f"no entry proves the chain id: make sure that the block hash is of chain {frame.chain_id}")
    return tuple(caveats)


def moment(at: Timestamp) -> str:
    """``at`` for a person: minutes and seconds count where a promise ends."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):  # seconds below 2**53 go far beyond the year 9999
        return f"second {at}"


def _block(block: BlockRef) -> str:
    return f"block {block.number} ({moment(block.timestamp)})"
