"""Answer an evidence: acknowledge, dispute, resolve, correct, write off, signal.

::

    what                 of what                                    by whom
    ACKNOWLEDGEMENT      DELIVERY, INVOICE, PAYMENT, ...            its counterparty
    DISPUTE              DELIVERY, INVOICE, PAYMENT, CORRECTION,    its counterparty
                         WRITE_OFF
    RESOLUTION           DISPUTE                                    withdrawn: who disputes it; else the other side
    CORRECTION           anything but CONTRACT, ACKNOWLEDGEMENT     its issuer
    WRITE_OFF            INVOICE                                    its issuer
    SIGNAL               anything between two parties               either side

Rules:

- deal, parent and both parties follow from the evidence that is answered; what the body says is what it means;
- what can't be answered any more is refused with the evidence that stands against it: what its issuer took back, what
  was acknowledged, a dispute that is open or resolved already. That is looked at within the transaction that records.
  ``recordEvidence`` states whatever the protocol lets stand; these operations say what makes sense;
- a witness's acknowledgement goes by ``recordEvidence``: it says nothing for either side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tallystick.errors import Duplicate, Misfit, NotFound, WrongSigner
from tallystick.intake.drafts import Draft
from tallystick.protocol import content
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence, Kind, kind_name
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId, Timestamp, to_hex
from tallystick.service.context import Context
from tallystick.service.entitled import visible_evidence
from tallystick.service.once import Once
from tallystick.service.policy import Asker
from tallystick.service.ports import Transaction
from tallystick.service.record import record
from tallystick.store.records import EvidenceRecord, EvidenceState


def answer(
    context: Context,
    asker: Asker,
    evidence_id: EvidenceId,
    kind: Kind,
    fields: Mapping[str, Json],
    occurred_at: Timestamp | None,
    once: Once,
) -> EvidenceRecord:
    """Answer the evidence ``evidence_id`` by one of ``kind`` that says ``fields``, in the name of whose turn it is.

    Raises:
        NotFound: no such evidence within reach. WrongSigner: ``asker`` does not act for whose turn it is.
        Misfit, Duplicate: its state, or its kind, forbids it; says which. TallystickError: as ``record``.
    """
    with context.store.transaction(read_only=True) as transaction:
        found = visible_evidence(transaction, asker, evidence_id)
    issuer = _speaker(asker, found.evidence, kind, fields)
    struct = found.evidence
    other = struct.counterparty if issuer == struct.issuer else struct.issuer
    draft = Draft(
        kind=kind,
        issuer=to_hex(issuer),
        counterparty=None if other == ZERO32 else to_hex(other),
        deal=to_hex(struct.deal),
        parent=to_hex(evidence_id),
        content=fields,
        occurred_at=occurred_at,
        label=None,
        countersigned=False,
    )
    return record(context, [draft], _Checked(once, evidence_id, kind, issuer))[0]


@dataclass(frozen=True, slots=True)
class _Checked:
    """``once``, and before anything is recorded a look at whether the state of the evidence allows it."""

    once: Once
    evidence_id: EvidenceId
    kind: Kind
    issuer: PartyId

    def begin(self, transaction: Transaction) -> None:
        """Raises as ``once``, and what forbids the answer."""
        self.once.begin(transaction)
        found = transaction.evidence([self.evidence_id]).get(self.evidence_id)
        if found is None:
            raise NotFound(f"evidence {to_hex(self.evidence_id)}: not known here.", todo="Check the id.")
        _check_state(transaction, found, self.kind, self.issuer)

    def end(self, transaction: Transaction, made: Sequence[EvidenceRecord]) -> None:
        """As ``once``."""
        self.once.end(transaction, made)


def _speaker(asker: Asker, struct: Evidence, kind: Kind, fields: Mapping[str, Json]) -> PartyId:
    """Whose turn it is to answer ``struct``. Raises ``WrongSigner`` if ``asker`` does not act for it."""
    sides: tuple[PartyId, ...] = (struct.issuer, struct.counterparty)
    if kind in (Kind.CORRECTION, Kind.WRITE_OFF):
        turn, who = sides[:1], "the issuer of the evidence"
    elif kind == Kind.RESOLUTION and fields.get("outcome") == "withdrawn":
        turn, who = sides[:1], "the party that disputes, for it withdraws"
    elif kind == Kind.RESOLUTION:
        turn, who = sides[1:], "the party whose statement is disputed, for it gives way"
    elif kind == Kind.SIGNAL:
        turn, who = sides, "one of its two sides"
    else:
        turn, who = sides[1:], "the counterparty of the evidence"
    own = [party for party in turn if party != ZERO32 and asker.acts_for(party)]
    if own:
        return own[0]
    if turn == sides[1:] and struct.counterparty == ZERO32:
        raise Misfit(
            f"{kind.name}: expected an evidence with a counterparty, got one that is self-reported.",
            todo="Nobody but its issuer answers what it states about itself.",
        )
    raise WrongSigner(
        f"{kind.name}: expected an organisation that acts for {who}, got another.",
        todo="Leave it to them, or use a key of an organisation that acts for that party.",
    )


def _check_state(transaction: Transaction, found: EvidenceRecord, kind: Kind, issuer: PartyId) -> None:
    name = f"{kind_name(found.evidence.kind)} {to_hex(found.evidence_id)}"
    if found.state is EvidenceState.AWAITING_COUNTERSIGNATURE:
        raise Misfit(
            f"{name}: expected one that both sides signed, it is {found.state.value}.",
            todo="Have it countersigned first.",
        )
    answers = transaction.children(found.evidence_id)
    if (cancelled := _taken_back(transaction, answers)) is not None:
        raise Misfit(
            f"{name}: expected one that stands, it was taken back by its issuer: evidence {cancelled}.",
            todo="There is nothing left to answer.",
        )
    if kind == Kind.ACKNOWLEDGEMENT:
        for one in _of(answers, Kind.ACKNOWLEDGEMENT, issuer):
            raise Duplicate(
                f"{name}: expected one that is not acknowledged, it was: evidence {to_hex(one.evidence_id)}.",
                todo="Nothing needs to be done.",
            )
    if kind == Kind.DISPUTE:
        for one in _of(answers, Kind.DISPUTE, issuer):
            if _settled_by(transaction, one) is None:
                raise Misfit(
                    f"{name}: expected no open dispute, it is disputed: evidence {to_hex(one.evidence_id)}.",
                    todo="Correct that dispute, or wait until it is resolved.",
                )
    if kind == Kind.RESOLUTION and (resolved := _settled_by(transaction, found)) is not None:
        raise Misfit(
            f"{name}: expected an open dispute, it is resolved: evidence {resolved}.",
            todo="Correct that resolution, if it says the wrong thing.",
        )


def _of(answers: Sequence[EvidenceRecord], kind: Kind, issuer: PartyId) -> Iterator[EvidenceRecord]:
    return (one for one in answers if one.evidence.kind == kind and one.evidence.issuer == issuer)


def _settled_by(transaction: Transaction, dispute: EvidenceRecord) -> str | None:
    """The evidence that resolved ``dispute`` or took it back; None while it is open.

    A resolution counts where the party it costs something states it (``credit/disputes.py``); stated by the other side
    it is an offer, which settles once that party acknowledges it.
    """
    answers = transaction.children(dispute.evidence_id)
    if (cancelled := _taken_back(transaction, answers)) is not None:
        return cancelled
    for one in answers:
        if one.evidence.kind != Kind.RESOLUTION:
            continue
        replies = transaction.children(one.evidence_id)
        if _taken_back(transaction, replies) is not None:
            continue
        withdraws = content.parse_all(one.disclosures).get("outcome") == "withdrawn"
        gives_way = dispute.evidence.issuer if withdraws else dispute.evidence.counterparty
        if one.evidence.issuer == gives_way or any(_of(replies, Kind.ACKNOWLEDGEMENT, gives_way)):
            return to_hex(one.evidence_id)
    return None


def _taken_back(transaction: Transaction, answers: Sequence[EvidenceRecord]) -> str | None:
    """The CORRECTION among ``answers`` that takes the evidence back, unless it was taken back itself."""
    for one in answers:
        if one.evidence.kind != Kind.CORRECTION or "cancelled" not in _correction_type(one):
            continue
        if not any("cancelled" in _correction_type(other) for other in transaction.children(one.evidence_id)):
            return to_hex(one.evidence_id)
    return None


def _correction_type(record: EvidenceRecord) -> tuple[Json, ...]:
    """What type of correction ``record`` is; nothing where it is none."""
    if record.evidence.kind != Kind.CORRECTION:
        return ()
    return (content.parse_all(record.disclosures).get("correctionType"),)
