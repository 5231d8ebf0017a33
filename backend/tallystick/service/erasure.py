"""Erase the content of an evidence on a lawful request: its values, salts and documents, for good.

::

    request (a reason) --> a plan and a code --> confirm (the code) --> deleted, and remembered that it was

Rules:

- what is deleted is what lies off the chain. What was signed and sealed stays: the log is as complete as before, each
  field keeps its digest, and without its salt nobody can try which value that was;
- nobody erases by mistake: the first step deletes nothing, says what would go, and gives a code that is good for a day
  and for this request alone. Both steps stand in the journal, with the reason;
- a document goes before the values that name it: after a crash in between the same confirmation finishes it;
- what was handed out before (bundles, archives, backups) is out of reach: docs/consent.md says what to do about it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from tallystick.errors import MalformedInput, Misfit, NotFound
from tallystick.protocol import canonical
from tallystick.protocol.evidence import kind_name, subjects
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId, Timestamp, clip, to_hex
from tallystick.service.accounts import note_within
from tallystick.service.context import Context
from tallystick.service.ports import Transaction
from tallystick.service.ports.access import Documents
from tallystick.store.grants import Erasure
from tallystick.store.records import EvidenceRecord

CONFIRM_SECONDS = 86_400
MIN_REASON, MAX_REASON = 10, 2_000
REQUESTED, DONE = "erasure requested", "content erased"


class NoDocuments:
    """Where no documents are kept there are none to delete."""

    def delete(self, evidence_id: EvidenceId) -> int:
        """Nothing."""
        return 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure will delete, and the code that confirms it before ``confirm_before``."""

    erasure: Erasure
    kind: str
    fields: int
    parties: tuple[PartyId, ...]
    answers: int
    confirmation: str
    confirm_before: Timestamp


def request(context: Context, actor: str, evidence_id: EvidenceId, reason: str) -> Plan:
    """Ask that the content of ``evidence_id`` be erased for ``reason``; nothing is deleted yet.

    Raises:
        NotFound: no such evidence. Misfit: it is erased already. MalformedInput: no reason to speak of.
    """
    if not MIN_REASON <= len(reason.strip()) <= MAX_REASON or not reason.isprintable():
        raise MalformedInput(
            f"reason: expected {MIN_REASON} to {MAX_REASON} printable characters, got {clip(reason)}.",
            todo="State the lawful request: by whom, of when, under what law. No content belongs here.",
        )
    now = context.clock.now()
    asked = Erasure(evidence_id, reason, actor, now)
    with context.store.transaction() as transaction:
        record = _record(transaction, evidence_id)
        known = transaction.erasure(evidence_id)
        if known is not None and known.erased_at is not None:
            raise Misfit(f"evidence {to_hex(evidence_id)}: its content was erased already.")
        transaction.add_erasure(asked)
        note_within(transaction, now, actor, REQUESTED, {"evidence": to_hex(evidence_id), "reason": reason})
        above = transaction.evidence([record.evidence.parent]).get(record.evidence.parent)
        return Plan(
            erasure=asked,
            kind=kind_name(record.evidence.kind),
            fields=len(record.disclosures),
            parties=subjects(record.evidence, None if above is None else above.evidence),
            answers=len(transaction.children(evidence_id)),
            confirmation=_code(asked),
            confirm_before=Timestamp(now + CONFIRM_SECONDS),
        )


def confirm(
    context: Context, actor: str, evidence_id: EvidenceId, confirmation: str, documents: Documents | None = None
) -> Erasure:
    """Erase the content of ``evidence_id``, whose erasure was asked for, and its ``documents``.

    Raises:
        NotFound: nobody asked for it. Misfit: it is done, asked too long ago, or of another code.
    """
    now = context.clock.now()
    with context.store.transaction(read_only=True) as transaction:
        _check(transaction.erasure(evidence_id), evidence_id, confirmation, now)
    deleted = (documents or NoDocuments()).delete(evidence_id)
    with context.store.transaction() as transaction:
        asked = _check(transaction.erasure(evidence_id), evidence_id, confirmation, now)
        record = _record(transaction, evidence_id)
        done = replace(asked, confirmed_by=actor, erased_at=now, fields=len(record.disclosures), documents=deleted)
        transaction.erase(done)
        told = {"evidence": to_hex(evidence_id), "fields": done.fields, "documents": deleted}
        note_within(transaction, now, actor, DONE, told)
    context.store.scrub()
    return done


def _record(transaction: Transaction, evidence_id: EvidenceId) -> EvidenceRecord:
    record = None if evidence_id == ZERO32 else transaction.evidence([evidence_id]).get(evidence_id)
    if record is None:
        raise NotFound(f"evidence {to_hex(evidence_id)}: not known here.", todo="Check the id.")
    return record


def _check(asked: Erasure | None, evidence_id: EvidenceId, confirmation: str, now: Timestamp) -> Erasure:
    name = f"evidence {to_hex(evidence_id)}"
    if asked is None:
        raise NotFound(f"erasure of {name}: nobody asked for it.", todo="Ask for it first, with the reason.")
    if asked.erased_at is not None:
        raise Misfit(f"{name}: its content was erased already.")
    if now >= asked.requested_at + CONFIRM_SECONDS:
        raise Misfit(f"erasure of {name}: asked for more than a day ago.", todo="Ask for it again.")
    if confirmation != _code(asked):
        raise Misfit(
            f"erasure of {name}: expected the code that the request was answered with, got {clip(confirmation)}.",
            todo="Ask for it again if the code is lost.",
        )
    return asked


def _code(asked: Erasure) -> str:
    """No secret: it shows that the plan of this very request was read."""
    told = canonical.encode([to_hex(asked.evidence), asked.reason, asked.requested_by, asked.requested_at])
    return f"erase-{hashlib.sha256(told).hexdigest()[:10]}"
