"""Judging a log: which of its entries stand, and why the others do not.

Rules, in the order in which they are applied to an entry (protocol section 3):

1. the same evidence stands at an earlier place: repeated;
2. each signing party's signature is well-formed, and its signer was active when the entry was anchored;
3. ``issuedAt`` is at most ten minutes ahead of the block;
4. it concerns the party: as issuer, counterparty, or one of those of its parent;
5. its shown content has the form of its kind;
6. its parent stands in this log, belongs to the same deal and parties, and is something this kind can answer; for
   consents to access and what answers them that is ``access.py``;
7. it is founded: a CONTRACT between exactly its two parties opened the deal, before or in the same batch; or, parent by
   parent, it leads back to a CONSENT of the counterparty, or answers what stands by one. Self-reported evidence (no
   counterparty), a CONTRACT (signed by both) and a CONSENT (binds its issuer alone) need no founding. A consent to
   access (``access.py``) founds nothing.

The judgement is a pure function of the log, so the service, the verifier and the auditor all come to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tallystick.errors import BadSignature, MalformedEvidence
from tallystick.protocol import fields as field_forms
from tallystick.protocol.access import Grants, concerns_access, is_elsewhere, misfit_of_access
from tallystick.protocol.content import MAX_FIELDS
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.evidence import MAX_CLOCK_LEAD_SECONDS, Evidence, Kind, subjects
from tallystick.protocol.log import LogAppend
from tallystick.protocol.signing import recover, split
from tallystick.protocol.types import ZERO32, Address, EvidenceId, PartyId, SignerWindow

WindowOf = Callable[[PartyId, Address], SignerWindow | None]
"""The window of a signer for a party, or None where it was never added."""
Signers = tuple[Address, ...] | None
"""The accounts that made an evidence's signatures, in order; None where one of them is no signature."""
RecoverAll = Callable[[Iterable[tuple[EvidenceId, bytes, int]]], Iterable[Signers]]
"""``recover_signers`` of many (evidence id, signatures, count), in their order; the one step worth several cores."""
Lookup = Callable[[EvidenceId], Evidence | None]
"""The evidence of an id where it stands in the log, else None."""


class Kept(Protocol):
    """The evidence that stands so far, by id: a dict, or what keeps it elsewhere."""

    def __contains__(self, evidence_id: EvidenceId, /) -> bool: ...

    def get(self, evidence_id: EvidenceId, /) -> Evidence | None: ...

    def __setitem__(self, evidence_id: EvidenceId, evidence: Evidence, /) -> None: ...


MAX_CHAIN = 1_000
"""How many parents are followed from one evidence; a longer chain counts as ending there."""

_PARENT_KINDS: Mapping[int, frozenset[int]] = {
    Kind.CONTRACT: frozenset({Kind.CONTRACT}),
    Kind.DELIVERY: frozenset({Kind.CONTRACT, Kind.CONSENT}),
    Kind.INVOICE: frozenset({Kind.CONTRACT, Kind.CONSENT, Kind.DELIVERY}),
    Kind.PAYMENT: frozenset({Kind.CONTRACT, Kind.CONSENT, Kind.INVOICE}),
    Kind.DISPUTE: frozenset({Kind.DELIVERY, Kind.INVOICE, Kind.PAYMENT, Kind.CORRECTION, Kind.WRITE_OFF}),
    Kind.RESOLUTION: frozenset({Kind.DISPUTE}),
    Kind.WRITE_OFF: frozenset({Kind.INVOICE}),
}
_NEEDS_PARENT = frozenset({Kind.ACKNOWLEDGEMENT, Kind.DISPUTE, Kind.RESOLUTION, Kind.CORRECTION, Kind.WRITE_OFF})
_UNANSWERABLE = frozenset({Kind.ACKNOWLEDGEMENT, Kind.CONTRACT})
_ANSWERS = frozenset({Kind.ACKNOWLEDGEMENT, Kind.DISPUTE, Kind.RESOLUTION})
_FOUNDS_ITSELF = frozenset({Kind.CONTRACT, Kind.CONSENT})


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry as it stands in a batch, before it is judged.

    ``signers`` are the recovered accounts in the order of the signing parties, None where a signature is bad;
    ``fields`` are None where a disclosure is malformed.
    """

    evidence_id: EvidenceId
    evidence: Evidence
    signers: Signers
    fields: Mapping[str, Json] | None
    hidden: int


def recover_signers(evidence_id: EvidenceId, signatures: bytes, count: int) -> Signers:
    """Who made the ``count`` ``signatures`` of ``evidence_id``, or None if one of them is no signature."""
    try:
        return tuple(recover(evidence_id, part) for part in split(signatures, count))
    except BadSignature:
        return None


def recover_one_by_one(signed: Iterable[tuple[EvidenceId, bytes, int]]) -> Iterator[Signers]:
    """``recover_signers`` of each of ``signed``, in this process."""
    return (recover_signers(*one) for one in signed)


def judge(
    subject: PartyId, batches: Iterable[tuple[LogAppend, Sequence[SealedEntry] | None]], window_of: WindowOf
) -> list[Entry]:
    """The entries of ``subject``'s log, judged: ``batches`` are its appends in order with their entries.

    Entries that an operator withholds (None) take up their places in ``seq`` and are left out.
    """
    judging = Judge(subject, window_of, {})
    return [entry for append, entries in batches for entry in judging.add(append, entries)]


class Judge:
    """Judges the log of ``subject`` append by append; ``standing`` keeps the evidence that stands, by id."""

    def __init__(self, subject: PartyId, window_of: WindowOf, standing: Kept) -> None:
        self._subject = subject
        self._window_of = window_of
        self._standing = standing
        self._founded: set[tuple[bytes, frozenset[bytes]]] = set()
        self._grants = Grants()
        self._seq = 0

    def add(self, append: LogAppend, entries: Sequence[SealedEntry] | None) -> list[Entry]:
        """The ``entries`` of the next ``append``, judged; of entries that are withheld (None) none."""
        made: list[Entry | None] = [None] * len(entries or ())
        for i in _order(entries or ()):
            sealed = entries[i]  # type: ignore[index]
            evidence = sealed.evidence
            standing = _judge_one(self._subject, append, sealed, self._standing, self._founded, self._window_of)
            if standing is Standing.STANDS and evidence.kind == Kind.ACCESS and self._grants.refuse(evidence):
                standing = Standing.MISFIT
            made[i] = Entry(
                self._seq + i,
                sealed.evidence_id,
                evidence,
                append.timestamp,
                append.operator,
                append.batch_id,
                sealed.fields or {},
                sealed.hidden,
                standing,
            )
            if standing is Standing.STANDS:
                self._standing[sealed.evidence_id] = evidence
                if evidence.kind == Kind.CONTRACT:
                    self._founded.add((evidence.deal, frozenset((evidence.issuer, evidence.counterparty))))
                elif evidence.kind == Kind.CONSENT:
                    self._grants.add(sealed.evidence_id, evidence, sealed.fields or {})
        self._seq += append.count
        return made  # type: ignore[return-value]  # each has its place in the order


def _order(entries: Sequence[SealedEntry]) -> Sequence[int]:
    """In which order ``entries`` are judged: a contract founds whatever stands in its own batch, wherever in it."""
    contracts = [i for i, entry in enumerate(entries) if entry.evidence.kind == Kind.CONTRACT]
    if not contracts:
        return range(len(entries))
    first = set(contracts)
    return contracts + [i for i in range(len(entries)) if i not in first]


def _judge_one(
    subject: PartyId,
    append: LogAppend,
    sealed: SealedEntry,
    standing_by_id: Kept,
    founded: set[tuple[bytes, frozenset[bytes]]],
    window_of: WindowOf,
) -> Standing:
    evidence = sealed.evidence
    if sealed.evidence_id in standing_by_id:
        return Standing.REPEATED
    if sealed.signers is None:
        return Standing.BAD_SIGNATURE
    for party, signer in zip(evidence.signing_parties(), sealed.signers, strict=True):
        window = window_of(party, signer)
        if window is None or not window.covers(append.timestamp):
            return Standing.SIGNER_INACTIVE
    if evidence.issued_at > append.timestamp + MAX_CLOCK_LEAD_SECONDS:
        return Standing.ISSUED_AHEAD
    parent = None if evidence.parent == ZERO32 else standing_by_id.get(evidence.parent)
    if subject not in (evidence.issuer, evidence.counterparty) and subject not in subjects(evidence, parent):
        return Standing.FOREIGN
    if sealed.fields is None or not _well_formed(sealed, parent, standing_by_id.get):
        return Standing.MALFORMED
    if parent is None and (_is_own_witness(subject, evidence) or is_elsewhere(subject, evidence)):
        return Standing.STANDS
    if misfit(evidence, parent) is not None:
        return Standing.MISFIT
    if evidence.counterparty == ZERO32 or evidence.kind in _FOUNDS_ITSELF:
        return Standing.STANDS
    if (evidence.deal, frozenset((evidence.issuer, evidence.counterparty))) in founded:
        return Standing.STANDS
    if founded_by_consent(evidence, parent, standing_by_id.get):
        return Standing.STANDS
    return Standing.UNFOUNDED


def misfit(evidence: Evidence, parent: Evidence | None) -> str | None:
    """Why ``evidence`` can't answer ``parent`` (None: its parent is unknown), or None where it can."""
    kind, two_sided = evidence.kind, evidence.counterparty != ZERO32
    if concerns_access(evidence) or (parent is not None and concerns_access(parent)):
        return misfit_of_access(evidence, parent)
    if kind == Kind.CONTRACT and not two_sided:
        return "a CONTRACT names its counterparty"
    if evidence.parent == ZERO32:
        return "it must name the evidence it answers as its parent" if kind in _NEEDS_PARENT else None
    if parent is None:
        return "its parent is not known here, or does not stand"
    if parent.deal != evidence.deal:
        return "it belongs to another deal than its parent"
    if kind in _PARENT_KINDS and parent.kind not in _PARENT_KINDS[kind]:
        wanted = ", ".join(sorted(Kind(k).name for k in _PARENT_KINDS[kind]))
        return f"its parent must be one of {wanted}"
    if kind == Kind.ACKNOWLEDGEMENT and evidence.issuer not in (parent.issuer, parent.counterparty) and not two_sided:
        return (
            None if parent.kind not in _UNANSWERABLE else "a witness acknowledges neither contract nor acknowledgement"
        )
    if {evidence.issuer, evidence.counterparty} != {parent.issuer, parent.counterparty}:
        return "it is between other parties than its parent"
    return _wrong_side(evidence, parent)


def _wrong_side(evidence: Evidence, parent: Evidence) -> str | None:
    """Answers come from the other side, corrections from the same side as the parent."""
    own = evidence.issuer == parent.issuer
    if evidence.kind == Kind.ACKNOWLEDGEMENT:
        if parent.kind in _UNANSWERABLE:
            return "neither a contract (signed by both) nor an acknowledgement is acknowledged"
        return "only the other side can acknowledge it" if own else None
    if evidence.kind == Kind.DISPUTE:
        return "only the other side can dispute it" if own else None
    if evidence.kind == Kind.CORRECTION:
        if parent.kind in (Kind.CONTRACT, Kind.ACKNOWLEDGEMENT):
            return "a contract is amended by a further contract, an acknowledgement is not corrected"
        return None if own else "only its own issuer can correct it"
    if evidence.kind == Kind.WRITE_OFF:
        return None if own else "only the issuer of the invoice can write it off"
    return None


def _is_own_witness(subject: PartyId, evidence: Evidence) -> bool:
    """A witness's acknowledgement in the witness's own log, where its parent never stands: it enters no metric."""
    return (
        evidence.kind == Kind.ACKNOWLEDGEMENT
        and evidence.issuer == subject
        and evidence.counterparty == ZERO32
        and evidence.parent != ZERO32
    )


def founded_by_consent(evidence: Evidence, parent: Evidence | None, lookup: Lookup) -> bool:
    """Whether ``evidence`` leads back, parent by parent, to a CONSENT that lets it into its counterparty's history.

    That is the counterparty's own; or, for an answer (acknowledgement, dispute, resolution), either side's: who let
    the other report may be answered, and may answer. Parents are between the same two parties (``misfit``).
    """
    above = _chain(parent, lookup)
    consents = (one for one in above if one.kind == Kind.CONSENT and not concerns_access(one))
    return any(consent.issuer == evidence.counterparty or evidence.kind in _ANSWERS for consent in consents)


def corrected_kind(evidence: Evidence, parent: Evidence | None, lookup: Lookup) -> int | None:
    """What kind a CORRECTION corrects in the end, through corrections of corrections; None where it can't be told."""
    if evidence.kind != Kind.CORRECTION:
        return None
    return next((ancestor.kind for ancestor in _chain(parent, lookup) if ancestor.kind != Kind.CORRECTION), None)


def _chain(parent: Evidence | None, lookup: Lookup) -> Iterator[Evidence]:
    """``parent``, its parent and so on, nearest first, at most ``MAX_CHAIN``."""
    for _ in range(MAX_CHAIN):
        if parent is None:
            return
        yield parent
        parent = lookup(parent.parent)


def _well_formed(sealed: SealedEntry, parent: Evidence | None, lookup: Lookup) -> bool:
    fields = sealed.fields or {}
    if len(fields) + sealed.hidden > MAX_FIELDS:
        return False
    kind = corrected_kind(sealed.evidence, parent, lookup)
    try:
        field_forms.check(sealed.evidence.kind, fields, hidden=sealed.hidden, corrected_kind=kind)
    except MalformedEvidence:
        return False
    return True
