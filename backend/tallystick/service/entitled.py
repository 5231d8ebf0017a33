"""What an asker may see and state: parties, evidence and drafts, found as far as the operation reaches for them.

Rule: what is not within reach is answered as what is unknown, after the same look-ups: a party is looked for among
those within reach, and an evidence is judged by what it says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tallystick.errors import NotEntitled, NotFound, WrongSigner
from tallystick.intake.drafts import Draft
from tallystick.protocol.evidence import Evidence, Kind, subjects
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId, to_hex
from tallystick.service.parties import as_id, find_among, find_party, unknown_party
from tallystick.service.policy import Asker, Reach
from tallystick.service.ports import Transaction
from tallystick.store.identities import Role
from tallystick.store.records import EvidenceRecord, PartyRecord


def visible_parties(transaction: Transaction, asker: Asker, after: PartyId, limit: int) -> list[PartyRecord]:
    """The parties that ``asker`` may look at, its own and whoever an evidence names beside one of them.

    Those whose ids are above ``after``, by id, at most ``limit``.
    """
    return transaction.parties_after(after, limit, _seen_by(asker))


def visible_party(transaction: Transaction, asker: Asker, name: str) -> PartyRecord:
    """The party ``name`` if ``asker`` may look at it. Raises ``NotFound`` as ``find_party``."""
    return find_party(transaction, name, _seen_by(asker))


def own_party(transaction: Transaction, asker: Asker, name: str) -> PartyRecord:
    """The party ``name`` if its history is within reach of ``asker``. Raises ``NotFound`` as ``find_party``."""
    if asker.reach is Reach.ALL:
        return find_party(transaction, name)
    return find_among(transaction.some_parties(asker.organisation.parties), name)


def visible_evidence(transaction: Transaction, asker: Asker, evidence_id: EvidenceId) -> EvidenceRecord:
    """The evidence ``evidence_id`` if it stands in a log that is within reach of ``asker``. Raises ``NotFound``."""
    record = transaction.evidence([evidence_id]).get(evidence_id)
    parent = ZERO32 if record is None else record.evidence.parent
    above = transaction.evidence([EvidenceId(parent)]).get(EvidenceId(parent))
    if record is None or not asker.reaches(subjects(record.evidence, None if above is None else above.evidence)):
        raise NotFound(f"evidence {to_hex(evidence_id)}: not known here.", todo="Check the id.")
    return record


def own_drafts(transaction: Transaction, asker: Asker, drafts: Sequence[Draft]) -> list[Draft]:
    """``drafts`` with their issuers by id, for whom ``asker`` must act; also for whoever countersigns at once.

    Raises:
        NotFound: an issuer that is not known, or for whom the asker does not act. WrongSigner: of a counterparty.
    """
    return [_own_draft(transaction, asker, draft, f"draft {i + 1}") for i, draft in enumerate(drafts)]


def check_issuer(asker: Asker, evidence: Evidence) -> None:
    """Raises ``NotFound`` if ``asker`` does not act for the issuer of ``evidence``, which was signed elsewhere."""
    if not asker.acts_for(evidence.issuer):
        raise unknown_party(to_hex(evidence.issuer))
    check_no_consent(asker, evidence.kind)


def check_countersigner(asker: Asker, evidence: Evidence) -> None:
    """Raises ``WrongSigner`` if ``asker`` does not act for the counterparty of ``evidence``."""
    if not asker.acts_for(evidence.counterparty):
        raise WrongSigner(
            "countersignature: expected an organisation that acts for the counterparty, got another.",
            todo="The counterparty countersigns, with a key of its own organisation.",
        )


def check_no_consent(asker: Asker, kind: int) -> None:
    """Raises ``NotEntitled`` where somebody who only states evidence on a party's behalf gives a consent for it."""
    if kind == Kind.CONSENT and asker.organisation.role is Role.PROVIDER:
        raise NotEntitled(
            "CONSENT: expected an organisation of the party itself, got one that states evidence on its behalf.",
            todo="The party consents, with a key of its own organisation.",
        )


def _seen_by(asker: Asker) -> str | None:
    """The organisation whose view bounds what ``asker`` sees of parties; None where all are seen."""
    return None if asker.reach is Reach.ALL else asker.organisation.organisation


def _own_draft(transaction: Transaction, asker: Asker, draft: Draft, name: str) -> Draft:
    check_no_consent(asker, draft.kind)
    issuer = as_id(draft.issuer)
    if issuer is None or not asker.acts_for(issuer):
        issuer = find_among(transaction.some_parties(asker.organisation.parties), draft.issuer).party
    if draft.countersigned and draft.counterparty is not None:
        counterparty = find_party(transaction, draft.counterparty)
        if not asker.acts_for(counterparty.party):
            raise WrongSigner(
                f"{name}: expected an organisation that acts for the counterparty too, for `countersigned`.",
                todo="Leave `countersigned` out: the counterparty countersigns.",
            )
        draft = dataclasses.replace(draft, counterparty=to_hex(counterparty.party))
    # by id from here on: what a name means may change before it is signed
    return dataclasses.replace(draft, issuer=to_hex(issuer))
