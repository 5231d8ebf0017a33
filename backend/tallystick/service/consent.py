"""Consent to access: a party lets somebody look at its history, takes that back, and sees who looked.

Rules:

- a grant is evidence of the party (protocol section 15), kept and sealed as any other; it is good here from the moment
  on at which it is recorded, and its withdrawal from the very transaction that records it;
- each look is noted by the grantee's own party where its key is managed here; else by the party that the operator
  keeps for this (``OPERATOR:<its account>``), on the grantee's behalf. Who may is bound by the grant itself;
- a grant that was signed elsewhere is kept under the same rules (``grants.py``), whichever door it came through.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from tallystick.errors import NotFound, Refused
from tallystick.protocol.access import access_deal
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId, to_hex
from tallystick.service.accept import Acceptance
from tallystick.service.context import Context
from tallystick.service.ports import Transaction
from tallystick.service.record import Statement, sign_statement
from tallystick.service.scope import AccessScope, format_scope
from tallystick.store.grants import Grant, Use
from tallystick.store.records import EvidenceRecord, Identifier, PartyRecord

OPERATOR_SCHEME = "OPERATOR"
MAX_USES = 1_000
"""How many looks are listed at once."""


@dataclass(frozen=True, slots=True)
class Grantee:
    """Who may look: ``identity`` is a party id, or ``organisation_id`` of an organisation that is no party."""

    identity: bytes
    name: str | None
    party: PartyRecord | None


def organisation_id(organisation: str) -> bytes:
    """What a consent calls an organisation that is no party: SHA-256 of its id, which nobody can guess."""
    return hashlib.sha256(organisation.encode()).digest()


def recorder_of(context: Context, transaction: Transaction, grantee: Grantee) -> PartyRecord:
    """Who notes what ``grantee`` looks at: itself where its key is managed here, else the operator's party.

    Raises:
        Refused: neither is there.
    """
    if grantee.party is not None and grantee.party.signers:
        return grantee.party
    wanted = Identifier(OPERATOR_SCHEME, to_hex(context.operator))
    found = transaction.party_by_identifier(wanted) or grantee.party
    if found is None:
        raise Refused(
            "grantee: expected a party, or a service that has one to note each look on its behalf; got neither.",
            todo=f"Have the registrar admit one for the operator: tallystick party add NAME --id {wanted}.",
        )
    return found


def grant(
    context: Context,
    subject: PartyRecord,
    grantee: Grantee,
    scope: AccessScope,
    last_day: date,
    recorder: PartyRecord | None = None,
) -> tuple[EvidenceRecord, Grant]:
    """Let ``grantee`` look at the history of ``subject`` within ``scope`` until the end of ``last_day`` (UTC).

    Raises:
        Refused: nobody could note what it looks at. WrongSigner: no key of the subject is managed here.
        Misfit: it would end before it begins, or is for the subject itself.
    """
    with context.store.transaction() as transaction:
        noting = recorder or recorder_of(context, transaction, grantee)
        fields: dict[str, Json] = {
            "grantee": to_hex(grantee.identity),
            "validUntil": last_day.isoformat(),
            "accessScope": format_scope(scope),
        }
        if grantee.name is not None:
            fields["granteeName"] = grantee.name
        if noting.party != grantee.identity:
            fields["recorder"] = to_hex(noting.party)
        made = sign_statement(
            context,
            Statement(
                kind=Kind.CONSENT,
                issuer=subject,
                counterparty=None,
                deal=access_deal(subject.party, noting.party),
                parent=EvidenceId(ZERO32),
                fields=fields,
                occurred_at=context.clock.now(),
            ),
        )
        acceptance = Acceptance(context, transaction)
        acceptance.add(made)
        acceptance.keep()
        kept = transaction.grant(made.evidence_id)
        assert kept is not None, "a grant is kept with its evidence"
    return made, kept


def withdraw(context: Context, subject: PartyRecord, consent: EvidenceId) -> EvidenceRecord:
    """Take back the ``consent`` of ``subject``: from this transaction on nobody looks under it.

    Raises:
        NotFound: it gave no such consent. Misfit: it is withdrawn already.
    """
    with context.store.transaction() as transaction:
        known = transaction.grant(consent)
        if known is None or known.subject != subject.party:
            raise unknown_grant(to_hex(consent))
        found = transaction.evidence([consent])[consent]
        made = sign_statement(
            context,
            Statement(
                kind=Kind.CONSENT,
                issuer=subject,
                counterparty=None,
                deal=found.evidence.deal,
                parent=consent,
                fields={},
                occurred_at=context.clock.now(),
            ),
        )
        acceptance = Acceptance(context, transaction)
        acceptance.add(made)
        acceptance.keep()
    return made


def unknown_grant(name: str) -> NotFound:
    """What is said of a consent that is not known, or of another party."""
    return NotFound(f"grant {name}: not known here.", todo="List the consents that the party gave.")


def uses(
    context: Context, subject: PartyId, before: int | None = None, limit: int = MAX_USES
) -> list[tuple[Use, Grant]]:
    """The looks at the history of ``subject`` before position ``before``, newest first, each with its consent."""
    with context.store.transaction(read_only=True) as transaction:
        by_id = {one.consent: one for one in transaction.grants_by(subject)}
        return [(use, by_id[use.consent]) for use in transaction.uses(subject, before, limit)]
