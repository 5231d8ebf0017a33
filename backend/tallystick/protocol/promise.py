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

from tallystick.protocol.entry import Standing
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


def settle_by_bundle(signed: SignedReceipt, verdict: Verdict, ledger: Address | None) -> Finding:
    """Whether the promise of ``signed`` was kept, by a bundle of which the verifier came to ``verdict``.

    The reader must have named the block hash, and may have named the ``ledger`` it relies on. Withheld entries and
    hidden fields do not stand in the way of what can be told without them.
    """
    if ledger is not None and signed.domain.contract != ledger:
        return foreign(signed, f"ledger {to_hex(ledger)}")
    bundle = verdict.bundle
    if bundle is None or verdict.outcome is Outcome.INVALID:
        failed = "schema" if verdict.failed is None else verdict.failed.value
        return Finding(Promise.UNCHECKED, f"the bundle is invalid at step {failed}: {verdict.message}", signed)
    if bundle.domain != signed.domain:
        message = (
            f"the bundle is of ledger {to_hex(bundle.ledger)} on chain {bundle.chain_id}, the receipt of "
            f"{to_hex(signed.domain.contract)} on chain {signed.domain.chain_id}: use a bundle of that ledger"
        )
        return Finding(Promise.UNCHECKED, message, signed)
    if set(verdict.passed) != set(Step):
        return Finding(Promise.UNCHECKED, f"the bundle could not be checked: {verdict.message}", signed)
    log, concerned = _log_of(signed, verdict)
    if not concerned:
        message = (
            f"the bundle is of party {to_hex(bundle.subject)}, in whose log the evidence need not stand: use one of "
            f"party {' or '.join(map(to_hex, must_stand_in(signed)))}"
        )
        return Finding(Promise.UNCHECKED, message, signed, None, bundle.as_of)
    finding = settle(signed, [log], bundle.as_of)
    caveats = _caveats(signed, verdict, ledger, finding.promise)
    return Finding(finding.promise, finding.message, signed, finding.sealed_at, bundle.as_of, caveats)


def _log_of(signed: SignedReceipt, verdict: Verdict) -> tuple[LogView, bool]:
    """What the verified bundle shows, and whether the evidence must stand in it.

    In the log of its issuer and counterparty it must. Elsewhere it does only where it stands there for its parent's
    sake: anybody's log takes a copy, so that a void one shows nothing.
    """
    bundle = verdict.bundle
    assert bundle is not None, "there is a verdict on it"
    wanted = signed.receipt
    concerned = bundle.subject in must_stand_in(signed)
    sealed, unknown, others = [], [], False
    judged = iter(verdict.entries)
    for item in bundle.appends:
        if item.entries is None:
            unknown.append((item.append.timestamp, item.append.operator))
        for shown in item.entries or ():
            entry = next(judged)
            if entry.evidence_id != wanted.evidence:
                continue
            if signatures_digest(shown.signatures) != wanted.signatures_hash:
                others = True
                continue
            sealed.append(item.append.timestamp)
            concerned = concerned or entry.standing is Standing.STANDS
    return LogView(bundle.subject, tuple(sealed), tuple(unknown), others), concerned


def _caveats(signed: SignedReceipt, verdict: Verdict, ledger: Address | None, promise: Promise) -> tuple[str, ...]:
    bundle = verdict.bundle
    assert bundle is not None, "there is a verdict on it"
    caveats = []
    if ledger is None:
        caveats.append(
            f"no ledger was named: make sure that {to_hex(bundle.ledger)} on chain {bundle.chain_id} is the ledger you "
            "rely on; anybody can deploy the same code elsewhere"
        )
    if promise is Promise.KEPT:
        caveats.append(
            f"this is about the log of party {to_hex(bundle.subject)}: that the evidence stands in the other's too is "
            "for that party's bundle to show"
        )
    if promise in (Promise.LATE, Promise.BROKEN):
        if all(item.append.operator != signed.operator for item in bundle.appends):
            caveats.append(
                f"the bundle does not show that {to_hex(signed.operator)} ever was an operator of the ledger"
            )
        if all(entry.standing is not Standing.STANDS for entry in verdict.entries):
            caveats.append(f"no entry proves the chain id: make sure that the block hash is of chain {bundle.chain_id}")
    return tuple(caveats)


def moment(at: Timestamp) -> str:
    """``at`` for a person: minutes and seconds count where a promise ends."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):  # seconds below 2**53 go far beyond the year 9999
        return f"second {at}"


def _block(block: BlockRef) -> str:
    return f"block {block.number} ({moment(block.timestamp)})"
