"""The verifier: from a bundle and one trusted block hash to a verdict, without network, database or trust in its maker.

Rules:

- the steps have this order, each its own failure code, and the first that fails is what the verdict says:
  ``schema`` -> ``header`` -> ``account`` -> ``storage`` -> ``head`` -> ``root`` -> ``signature`` -> ``content`` ->
  ``reference`` -> ``binding`` -> ``report``, and of a bundle with time-stamps ``timestamp``;
- a verdict is one of three: valid; invalid, with the failing step; or could not check, with the cause. What could not
  be checked never reads as forged;
- without a trusted block hash nothing is valid: all steps run against the bundle's own block, and what passes is
  reported as unchecked;
- where a node's state stands in for the bundle's own proofs, the block itself (number, hash, time) is the node's word;
- what the reader must know without proof is said with every verdict (``caveats``), above all which ledger to rely on:
  anybody can deploy the same code elsewhere, with any storage they like;
- a report over entries that hide fields can be made to look better than the truth, hence is not valid: what is hidden
  may be a due date, a dispute's amount or a correction;
- a history with withheld entries is not complete, hence not valid: the verdict names how many, by whom, since when;
- the credit report is recomputed by the function passed in: this package knows no money.

Source: protocol section 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from tallystick.errors import MalformedBundle
from tallystick.protocol import canonical
from tallystick.protocol.bundle import Bundle, BundleAppend, Frame
from tallystick.protocol.bundle_stream import parse_bundle
from tallystick.protocol.entry import Entry, Json
from tallystick.protocol.evidence import Evidence
from tallystick.protocol.log import LogAppend
from tallystick.protocol.standing import RecoverAll, SealedEntry, recover_one_by_one
from tallystick.protocol.types import EvidenceId, clip, to_hex
from tallystick.protocol.verdict import DeriveReport, Outcome, Progress, Step, Tally, Trust, Verdict
from tallystick.protocol.verify_log import Log, LogRun, Watch
from tallystick.protocol.verify_stamps import StampRun, stamp_caveats
from tallystick.protocol.verify_state import (
    Run,
    StepFailedError,
    binding_signers,
    check_block,
    check_ledger,
    check_state,
)


def verify(
    data: bytes,
    trust: Trust,
    *,
    derive: DeriveReport,
    watch: Watch = lambda item, entries: None,
    progress: Progress = lambda done, total: None,
    recover_all: RecoverAll = recover_one_by_one,
) -> Verdict:
    """Check the bundle ``data`` with nothing but ``trust``; ``derive`` recomputes the report.

    ``recover_all`` may use other processes for the signatures, which take most of the time; ``watch`` sees each append
    as it is judged.

    Never raises for anything that ``data`` holds: the verdict says it.
    """
    try:
        bundle = parse_bundle(data)
    except MalformedBundle as error:
        return Verdict(Outcome.INVALID, str(error), failed=Step.SCHEMA)
    return verify_bundle(bundle, trust, derive=derive, watch=watch, progress=progress, recover_all=recover_all)


def verify_bundle(
    bundle: Bundle,
    trust: Trust,
    *,
    derive: DeriveReport,
    watch: Watch = lambda item, entries: None,
    progress: Progress = lambda done, total: None,
    recover_all: RecoverAll = recover_one_by_one,
) -> Verdict:
    """Check a parsed ``bundle``: all steps of ``verify`` after the first."""
    log, total = _HeldLog(derive), sum(item.append.count for item in bundle.appends)
    verdict = verify_appends(
        bundle, bundle.appends, total, trust, log=log, watch=watch, progress=progress, recover_all=recover_all
    )
    return replace(verdict, entries=log.entries) if verdict.tally.entries else verdict


class _HeldLog:
    """A ``Log`` that holds all its entries; ``derive`` makes the report of them."""

    def __init__(self, derive: DeriveReport) -> None:
        self.standing: dict[EvidenceId, Evidence] = {}
        self.entries: list[Entry] = []
        self._derive = derive

    def expect(self, sealed: Sequence[SealedEntry]) -> None:
        """Nothing has to be looked up."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Hold ``entries``."""
        self.entries += entries

    def report(self, frame: Frame, withheld: int) -> Mapping[str, Json]:
        """The report that ``derive`` makes."""
        return self._derive(frame.subject, self.entries, frame.as_of, withheld)


def verify_appends(
    frame: Frame,
    appends: Iterable[BundleAppend],
    total: int,
    trust: Trust,
    *,
    log: Log,
    watch: Watch = lambda item, entries: None,
    progress: Progress = lambda done, total: None,
    recover_all: RecoverAll = recover_one_by_one,
) -> Verdict:
    """Check a bundle whose ``appends`` are read one after the other: all steps of ``verify`` after the first.

    ``log`` keeps what is judged, ``watch`` looks at it as it comes: rely on that where the bundle holds. ``total`` is
    how many entries the appends say to have, for ``progress``. All appends are read, whatever is found.

    Raises:
        What reading ``appends`` raises: a file that is no bundle fails at step schema, before any other.
    """
    run, rest = Run(frame, [Step.SCHEMA]), iter(appends)
    found = LogRun(run, log, progress, total, StampRun(frame.subject, trust.check_token), watch)
    try:
        state = check_block(run, trust)
        if state is None:
            check_ledger(frame, trust)
        else:
            check_state(run, state, trust)
        found.check(rest, recover_all)
        _check_bindings(run)
        _check_report(run, log.report(frame, found.withheld))
        found.stamps.finish(run)
    except StepFailedError as failure:
        for _ in rest:
            pass
        return Verdict(Outcome.INVALID, failure.message, failure.step, frame, found.tally, passed=tuple(run.passed))
    outcome, message = _conclude(found, trust, proven=state is not None)
    stamps = found.stamps.found
    said = (*_caveats(frame, trust, found.tally), *stamp_caveats(stamps))
    return Verdict(outcome, message, None, frame, found.tally, passed=tuple(run.passed), caveats=said, stamps=stamps)


def withheld_by(bundle: Bundle) -> list[LogAppend]:
    """The appends whose entries their operators withhold, oldest first."""
    return [item.append for item in bundle.appends if item.entries is None]


def _conclude(found: LogRun, trust: Trust, *, proven: bool) -> tuple[Outcome, str]:
    """The verdict on a bundle in which every step that could be run has passed; ``proven``: with a state to ask."""
    as_of, first = found.run.frame.as_of, found.first_withheld
    if not proven:
        return (
            Outcome.UNCHECKED,
            "the bundle carries no state proofs and no node was asked: give --rpc URL of a node you trust",
        )
    if trust.block_hash is None:
        return (
            Outcome.UNCHECKED,
            f"no trusted block hash was given: compare block {as_of.number} {to_hex(as_of.hash)} with a "
            "source you trust (a block explorer, your own node) and give it as --block-hash",
        )
    if first is not None:
        return (
            Outcome.UNCHECKED,
            f"{found.withheld} entries are withheld, the first by operator "
            f"{to_hex(first.operator)} in its batch {first.batch_id}: ask that operator for them",
        )
    if found.tally.hiding_figures:
        return (
            Outcome.UNCHECKED,
            f"{found.tally.hiding_figures} entries hide fields that the figures may rest on: the history is complete, "
            "its report is not to be relied upon; ask the holder to show them",
        )
    return (
        Outcome.VALID,
        f"complete as of block {as_of.number}: every entry of the party's log is here and checked",
    )


def _caveats(frame: Frame, trust: Trust, tally: Tally) -> tuple[str, ...]:
    """What no step can prove, in sentences for the reader."""
    found = []
    if trust.ledger is None:
        found.append(
            f"no ledger was named: make sure that {to_hex(frame.ledger)} on chain {frame.chain_id} is the "
            "ledger you rely on; anybody can deploy the same code elsewhere and write any history into it"
        )
    if tally.hiding:
        found.append(
            f"{tally.hiding} of {tally.entries} entries hide fields: what is hidden can't be judged and enters no "
            "metric"
        )
    return tuple(found)


def _check_bindings(run: Run) -> None:
    """Bindings are in order, each signed by a registrar."""
    parties = [binding.party for binding in run.frame.bindings]
    if any(a >= b for a, b in pairwise(parties)):
        raise StepFailedError(Step.BINDING, "bindings: expected ascending by party, each once")
    for party, (signer, problem) in zip(parties, binding_signers(run.frame), strict=True):
        if signer is None:
            raise StepFailedError(Step.BINDING, f"binding of {to_hex(party)}: {problem}")
        if run.registrars is not None and signer not in run.registrars:
            raise StepFailedError(
                Step.BINDING, f"binding of {to_hex(party)}: signed by {to_hex(signer)}, who is no registrar"
            )
    run.passed.append(Step.BINDING)


def _check_report(run: Run, recomputed: Mapping[str, Json]) -> None:
    """The report is the one ``recomputed`` from the entries."""
    stated = run.frame.report
    if canonical.encode(recomputed) != canonical.encode(stated):
        where = _difference(recomputed, stated, "report")
        raise StepFailedError(Step.REPORT, f"the report recomputed from the entries differs: {where}")
    run.passed.append(Step.REPORT)


def _difference(recomputed: Json, stated: Json, path: str) -> str:
    """The first place where two JSON values differ, in words."""
    if isinstance(recomputed, Mapping) and isinstance(stated, Mapping):
        for key in sorted({*recomputed, *stated}):
            if recomputed.get(key) != stated.get(key):
                return _difference(recomputed.get(key), stated.get(key), f"{path}.{key}")
    if isinstance(recomputed, list) and isinstance(stated, list) and len(recomputed) == len(stated):
        for i, (a, b) in enumerate(zip(recomputed, stated, strict=True)):
            if a != b:
                return _difference(a, b, f"{path}[{i}]")
    return f"{path}: expected {clip(recomputed)}, the bundle says {clip(stated)}"
