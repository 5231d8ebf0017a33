"""The verifier: from a bundle and one trusted block hash to a verdict, without network, database or trust in its maker.

Rules:

- the steps run in this order, each with its own failure code, and the first failure ends the check:
  ``schema`` -> ``header`` -> ``account`` -> ``storage`` -> ``head`` -> ``root`` -> ``signature`` -> ``content`` ->
  ``reference`` -> ``binding`` -> ``report``;
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

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tallystick.errors import MalformedBundle, MalformedEvidence
from tallystick.protocol import canonical, content
from tallystick.protocol.bundle import Bundle, BundleAppend, BundleEntry, Frame, parse_bundle
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.log import LogAppend, fold, subject_root
from tallystick.protocol.standing import RecoverAll, SealedEntry, Signers, judge, recover_one_by_one
from tallystick.protocol.types import Address, EvidenceId, Hash, PartyId, SignerWindow, clip, to_hex
from tallystick.protocol.verdict import DeriveReport, Outcome, Progress, Step, Tally, Trust, Verdict
from tallystick.protocol.verify_state import (
    StateRun,
    StepFailedError,
    binding_signers,
    check_block,
    check_ledger,
    check_state,
)


@dataclass
class Run(StateRun):
    """One verification under way: the bundle and what was found of it so far."""

    bundle: Bundle
    derive: DeriveReport = field(kw_only=True)
    progress: Progress = field(kw_only=True)
    recover_all: RecoverAll = field(kw_only=True)
    ids: list[list[EvidenceId]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def verify(
    data: bytes,
    trust: Trust,
    *,
    derive: DeriveReport,
    progress: Progress = lambda done, total: None,
    recover_all: RecoverAll = recover_one_by_one,
) -> Verdict:
    """Check the bundle ``data`` with nothing but ``trust``; ``derive`` recomputes the report.

    ``recover_all`` may use other processes for the signatures, which take most of the time.

    Never raises for anything that ``data`` holds: the verdict says it.
    """
    try:
        bundle = parse_bundle(data)
    except MalformedBundle as error:
        return Verdict(Outcome.INVALID, str(error), failed=Step.SCHEMA)
    return verify_bundle(bundle, trust, derive=derive, progress=progress, recover_all=recover_all)


def verify_bundle(
    bundle: Bundle,
    trust: Trust,
    *,
    derive: DeriveReport,
    progress: Progress = lambda done, total: None,
    recover_all: RecoverAll = recover_one_by_one,
) -> Verdict:
    """Check a parsed ``bundle``: all steps of ``verify`` after the first."""
    run = Run(bundle, [Step.SCHEMA], derive=derive, progress=progress, recover_all=recover_all)
    try:
        state = check_block(run, trust)
        if state is None:
            check_ledger(bundle, trust)
        else:
            check_state(run, state, trust)
        for step, check in _HISTORY_STEPS:
            check(run)
            run.passed.append(step)
    except StepFailedError as failure:
        return Verdict(Outcome.INVALID, failure.message, failure.step, bundle, run.entries, tuple(run.passed))
    tally, withheld = Tally().add(run.entries), withheld_by(bundle)
    count = sum(append.count for append in withheld)
    outcome, message = conclude(bundle, trust, tally, count, withheld[0] if withheld else None, state is not None)
    return Verdict(outcome, message, None, bundle, run.entries, tuple(run.passed), caveats(bundle, trust, tally))


def withheld_by(bundle: Bundle) -> list[LogAppend]:
    """The appends whose entries their operators withhold, oldest first."""
    return [item.append for item in bundle.appends if item.entries is None]


def conclude(
    frame: Frame, trust: Trust, tally: Tally, withheld: int, first: LogAppend | None, proven: bool
) -> tuple[Outcome, str]:
    """The verdict on a bundle in which every step that could be run has passed.

    ``withheld`` entries are missing, the ``first`` of them in that append; ``proven`` says whether state was asked.
    """
    if not proven:
        return (
            Outcome.UNCHECKED,
            "the bundle carries no state proofs and no node was asked: give --rpc URL of a node you trust",
        )
    if trust.block_hash is None:
        return (
            Outcome.UNCHECKED,
            f"no trusted block hash was given: compare block {frame.as_of.number} {to_hex(frame.as_of.hash)} with a "
            "source you trust (a block explorer, your own node) and give it as --block-hash",
        )
    if first is not None:
        return (
            Outcome.UNCHECKED,
            f"{withheld} entries are withheld, the first by operator "
            f"{to_hex(first.operator)} in its batch {first.batch_id}: ask that operator for them",
        )
    if tally.hiding_figures:
        return (
            Outcome.UNCHECKED,
            f"{tally.hiding_figures} entries hide fields that the figures may rest on: the history is complete, its "
            "report is not to be relied upon; ask the holder to show them",
        )
    return (
        Outcome.VALID,
        f"complete as of block {frame.as_of.number}: every entry of the party's log is here and checked",
    )


def caveats(frame: Frame, trust: Trust, tally: Tally) -> tuple[str, ...]:
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


def _check_head(run: Run) -> None:
    """The appends fold to what the chain holds, and are in order of time."""
    check_folded(run, fold(item.append for item in run.bundle.appends))
    previous = 0
    for item in run.bundle.appends:
        check_time(run.bundle, item.append, previous)
        previous = item.append.timestamp


def check_folded(run: StateRun, folded: Hash) -> None:
    """The head that the appends fold to is the one that the chain holds."""
    if run.chain_head is not None and run.chain_head != folded:
        raise StepFailedError(
            Step.HEAD,
            f"the history is not complete: its appends fold to {to_hex(folded)}, the chain holds "
            f"{to_hex(run.chain_head)}",
        )


def check_time(frame: Frame, append: LogAppend, previous: int) -> None:
    """``append`` is not before the ``previous`` time nor after the block."""
    if not previous <= append.timestamp <= frame.as_of.timestamp:
        raise StepFailedError(Step.HEAD, f"an append of time {append.timestamp} stands out of order")


def _check_roots(run: Run) -> None:
    """Every batch's entries give its root: none left out, none added, none changed, signatures included."""
    for item in run.bundle.appends:
        ids = evidence_ids(run.bundle, item)
        run.ids.append(ids)
        check_root(run.bundle, item, ids)


def evidence_ids(frame: Frame, item: BundleAppend) -> list[EvidenceId]:
    """The ids of the entries of ``item``; none where they are withheld."""
    domain = frame.domain
    return [entry.evidence.evidence_id(domain) for entry in item.entries or ()]


def check_root(frame: Frame, item: BundleAppend, ids: Sequence[EvidenceId]) -> None:
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


SIGNATURE_STANDINGS = frozenset({Standing.BAD_SIGNATURE, Standing.SIGNER_INACTIVE, Standing.ISSUED_AHEAD})


def _judge_entries(run: Run) -> None:
    """Signatures and signers; judges every entry, for the later steps too."""
    bundle = run.bundle
    total = sum(item.append.count for item in bundle.appends)
    done = 0
    used: set[tuple[PartyId, Address]] = set()
    batches: list[tuple[LogAppend, Sequence[SealedEntry] | None]] = []
    signers = iter(run.recover_all(_signed(run)))
    for item, ids in zip(bundle.appends, run.ids, strict=True):
        sealed = None
        if item.entries is not None:
            sealed = [unpack(e, i, next(signers)) for e, i in zip(item.entries, ids, strict=True)]
        used |= pairs(sealed or ())
        batches.append((item.append, sealed))
        done += item.append.count
        run.progress(done, total)
    check_pairs(bundle, used)

    def window_of(party: PartyId, signer: Address) -> SignerWindow | None:
        return bundle.windows.get((party, signer))

    run.entries = judge(bundle.subject, batches, window_of)
    _compare_standing(run, Step.SIGNATURE, SIGNATURE_STANDINGS)


def pairs(sealed: Sequence[SealedEntry]) -> set[tuple[PartyId, Address]]:
    """Who signed ``sealed`` for whom."""
    return {
        pair for entry in sealed for pair in zip(entry.evidence.signing_parties(), entry.signers or (), strict=False)
    }


def check_pairs(frame: Frame, used: set[tuple[PartyId, Address]]) -> None:
    """``signers`` holds every pair that signed and no other."""
    if missing := sorted(used - frame.windows.keys()):
        party, signer = missing[0]
        raise StepFailedError(
            Step.SIGNATURE, f"signer {to_hex(signer)} of {to_hex(party)}: the bundle proves no window for it"
        )
    if spare := sorted(frame.windows.keys() - used):
        raise StepFailedError(Step.SIGNATURE, f"signer {to_hex(spare[0][1])} signed nothing in this history")


def _signed(run: Run) -> Iterator[tuple[EvidenceId, bytes, int]]:
    for item, ids in zip(run.bundle.appends, run.ids, strict=True):
        for entry, evidence_id in zip(item.entries or (), ids, strict=True):
            yield evidence_id, entry.signatures, len(entry.evidence.signing_parties())


def unpack(entry: BundleEntry, evidence_id: EvidenceId, signers: Signers) -> SealedEntry:
    """``entry`` as it is judged."""
    try:
        fields: Mapping[str, Json] | None = content.parse_all(entry.disclosures)
    except MalformedEvidence:
        fields = None
    hidden = content.hidden_count(entry.evidence.content_root, entry.disclosures, entry.hidden)
    return SealedEntry(evidence_id, entry.evidence, signers, fields, hidden)


def _check_contents(run: Run) -> None:
    """What is shown and hidden of every content gives the root that was signed."""
    for item, ids in zip(run.bundle.appends, run.ids, strict=True):
        for entry, evidence_id in zip(item.entries or (), ids, strict=True):
            check_content(entry, evidence_id)
    _compare_standing(run, Step.CONTENT, frozenset({Standing.MALFORMED}))


def check_content(entry: BundleEntry, evidence_id: EvidenceId) -> None:
    """What is shown and hidden of the content of ``entry`` gives the root that was signed."""
    problem = content.check_root(entry.evidence.content_root, entry.disclosures, entry.hidden)
    if problem is not None:
        raise StepFailedError(Step.CONTENT, f"evidence {to_hex(evidence_id)}: {problem}")


def _check_references(run: Run) -> None:
    _compare_standing(run, Step.REFERENCE, frozenset(Standing))


def _compare_standing(run: Run, step: Step, concerned: frozenset[Standing]) -> None:
    """What the bundle says of each entry must be what judging it says; ``step`` owns the standings ``concerned``."""
    judged = iter(run.entries)
    for item in run.bundle.appends:
        for shown in item.entries or ():
            check_standing(shown, next(judged), step, concerned)


def check_standing(shown: BundleEntry, entry: Entry, step: Step, concerned: frozenset[Standing]) -> None:
    """``entry`` was judged to be what the bundle says of it, where either is among the ``concerned``."""
    if shown.standing is not entry.standing and (shown.standing in concerned or entry.standing in concerned):
        raise StepFailedError(
            step,
            f"evidence {to_hex(entry.evidence_id)} (entry {entry.seq}): the bundle says {shown.standing}, "
            f"checking says {entry.standing}",
        )


def check_bindings(run: StateRun) -> None:
    """Bindings are in order, each signed by a registrar."""
    parties = [binding.party for binding in run.bundle.bindings]
    if any(a >= b for a, b in pairwise(parties)):
        raise StepFailedError(Step.BINDING, "bindings: expected ascending by party, each once")
    for party, (signer, problem) in zip(parties, binding_signers(run.bundle), strict=True):
        if signer is None:
            raise StepFailedError(Step.BINDING, f"binding of {to_hex(party)}: {problem}")
        if run.registrars is not None and signer not in run.registrars:
            raise StepFailedError(
                Step.BINDING, f"binding of {to_hex(party)}: signed by {to_hex(signer)}, who is no registrar"
            )


def _check_report(run: Run) -> None:
    bundle = run.bundle
    withheld = sum(append.count for append in withheld_by(bundle))
    check_report(bundle, run.derive(bundle.subject, run.entries, bundle.as_of, withheld))


def check_report(frame: Frame, recomputed: Mapping[str, Json]) -> None:
    """The report is the one ``recomputed`` from the entries."""
    if canonical.encode(recomputed) != canonical.encode(frame.report):
        where = _difference(recomputed, frame.report, "report")
        raise StepFailedError(Step.REPORT, f"the report recomputed from the entries differs: {where}")


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


_HISTORY_STEPS: Sequence[tuple[Step, Callable[[Run], None]]] = (
    (Step.HEAD, _check_head),
    (Step.ROOT, _check_roots),
    (Step.SIGNATURE, _judge_entries),
    (Step.CONTENT, _check_contents),
    (Step.REFERENCE, _check_references),
    (Step.BINDING, check_bindings),
    (Step.REPORT, _check_report),
)
