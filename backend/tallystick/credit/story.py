"""What was said against a statement, or to change it, by both sides and in their own words.

Rules:

- told are disputes, resolutions, corrections and write-offs that stand, and what acknowledges one of these, under the
  statement that they lead back to, parent by parent;
- of two payments that are the same money (``samePayment``), the later is told under the earlier;
- whether one has the effect it claims is for ``disputes.py`` and its neighbours to judge: here each side is heard;
- words are the shown text fields; what a holder hides is missing, and the entry counts as hiding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tallystick.credit.content import same_payment
from tallystick.protocol.entry import Entry, Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, PartyId, Timestamp

_TOLD = frozenset({Kind.DISPUTE, Kind.RESOLUTION, Kind.CORRECTION, Kind.WRITE_OFF})
_ANSWERS = _TOLD | {Kind.ACKNOWLEDGEMENT}
_NUMBERS = ("contractNumber", "deliveryNumber", "invoiceNumber", "paymentReference")
WORDS = (
    *("reasonCode", "outcome", "correctionType", "currency", "disputedAmount", "creditAmount", "amount"),
    *("acceptedAmount", "creditNoteNumber", "reason", "description", "note"),
)
"""The fields that are told of an answer, in this order."""


PAYMENT_WORDS = ("paymentReference", "valueDate", "currency", "amount")
"""The same for a payment that is told under the other side's."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: who said what, and when by the issuer's word and by the chain's."""

    evidence: EvidenceId
    kind: int
    issuer: PartyId
    answers: EvidenceId
    occurred_at: Timestamp
    anchored_at: Timestamp
    words: Mapping[str, str]
    hidden: int


@dataclass(frozen=True, slots=True)
class Story:
    """What was said about one statement, which happened at ``happened_at``: ``said`` is in the order of the log."""

    happened_at: Timestamp
    about: EvidenceId
    kind: int
    number: str | None
    issuer: PartyId
    counterparty: PartyId
    said: tuple[Said, ...]


def tell(entries: Iterable[Entry]) -> tuple[Story, ...]:
    """The stories in ``entries``, a log in order, by the time at which what they are about happened."""
    standing = {entry.evidence_id: entry for entry in entries if entry.standing is Standing.STANDS}
    said: dict[EvidenceId, list[Said]] = {}
    # an answer stands only where its parent does, which is before it: one pass knows the statement it leads back to
    roots: dict[EvidenceId, EvidenceId] = {}
    for entry in standing.values():
        earlier = _same_payment(entry, standing)
        if earlier is not None:
            said.setdefault(roots.get(earlier, earlier), []).append(_say(entry, earlier))
        parent = standing.get(entry.evidence.parent)
        if parent is None:
            continue
        root = roots.get(parent.evidence_id, parent.evidence_id)
        if entry.evidence.kind in _ANSWERS:
            roots[entry.evidence_id] = root
        if _is_told(entry, parent):
            said.setdefault(root, []).append(_say(entry))
    about = sorted((standing[root] for root in said), key=lambda entry: (entry.evidence.occurred_at, entry.evidence_id))
    return tuple(
        Story(
            happened_at=entry.evidence.occurred_at,
            about=entry.evidence_id,
            kind=entry.evidence.kind,
            number=next((value for name in _NUMBERS if isinstance(value := entry.fields.get(name), str)), None),
            issuer=entry.evidence.issuer,
            counterparty=entry.evidence.counterparty,
            said=tuple(said[entry.evidence_id]),
        )
        for entry in about
    )


def _is_told(entry: Entry, parent: Entry) -> bool:
    kind = entry.evidence.kind
    return kind in _TOLD or (kind == Kind.ACKNOWLEDGEMENT and parent.evidence.kind in _TOLD)


def _same_payment(entry: Entry, standing: Mapping[EvidenceId, Entry]) -> EvidenceId | None:
    """The earlier payment, of the other side, that ``entry`` says it is the same money as."""
    named = standing.get(same_payment(entry.fields) or entry.evidence_id)
    if entry.evidence.kind != Kind.PAYMENT or named is None or named.seq >= entry.seq:
        return None
    is_other = named.evidence.issuer == entry.evidence.counterparty
    return named.evidence_id if is_other and named.evidence.kind in (Kind.PAYMENT, Kind.CORRECTION) else None


def _say(entry: Entry, answers: EvidenceId | None = None) -> Said:
    evidence, told = entry.evidence, WORDS if answers is None else PAYMENT_WORDS
    return Said(
        evidence=entry.evidence_id,
        kind=evidence.kind,
        issuer=evidence.issuer,
        answers=evidence.parent if answers is None else answers,
        occurred_at=evidence.occurred_at,
        anchored_at=entry.anchored_at,
        words={name: value for name in told if isinstance(value := entry.fields.get(name), str)},
        hidden=entry.hidden,
    )
