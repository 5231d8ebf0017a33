"""Look at a history: one's own, everybody's where the role reaches that far, or another's under its consent.

::

    who asks --> grants good now --> parties within reach --> the one that is asked for, or: not known here
                                                                 |
                                              another's: note the look, in a transaction of its own
                                                                 |
                                                  show what the scope of the consent lets through

Rules:

- the look-ups are the same whoever is asked for, and made before it is known whether that is within reach: what is
  not consented to is answered as what is unknown, after the same work;
- nothing is shown that is not noted first. The first look of a day at an object is an ACCESS evidence, signed and
  sealed into the log of who is looked at; every look is a row with its second, that names this evidence;
- a consent that is withdrawn while it is asked under is seen when the look is noted: then nothing is shown.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tallystick.errors import ChainError, Duplicate, NotFound, WrongSigner
from tallystick.protocol import content
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind, subjects
from tallystick.protocol.types import ZERO32, BlockRef, EvidenceId, to_hex
from tallystick.service.accept import Acceptance
from tallystick.service.consent import organisation_id
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.parties import find_among, find_party, unknown_party
from tallystick.service.policy import Asker, Reach
from tallystick.service.ports import Transaction
from tallystick.service.prove import ProvenEvidence, read_evidence
from tallystick.service.record import Statement, access_key, sign_statement
from tallystick.service.scope import AccessScope, Identities, ScopedShowing, Shown, read_scope
from tallystick.service.showing import Showing
from tallystick.store.grants import Grant, Use
from tallystick.store.records import EvidenceRecord, EvidenceState, PartyRecord

PSEUDONYM = b"tallystick pseudonym 1"
_ID = re.compile(r"0x[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class View:
    """A party whose history may be looked at; ``grant`` is the consent for that, None where none is needed."""

    party: PartyRecord
    what: Shown
    grant: Grant | None = None

    @property
    def scope(self) -> AccessScope | None:
        """The bounds of what is shown, None where there are none."""
        return None if self.grant is None else read_scope(self.grant.scope)

    def showing(self) -> Showing:
        """What is shown of the history."""
        scope = self.scope
        return Showing() if scope is None else ScopedShowing(scope=scope)


def grants_for(
    transaction: Transaction, asker: Asker, context: Context, what: Shown
) -> list[tuple[Grant, AccessScope]]:
    """The consents under which ``asker`` may ask for ``what`` now, newest first."""
    if asker.reach is not Reach.GRANTED:
        return []
    grantees = [*asker.organisation.parties, organisation_id(asker.organisation.organisation)]
    found = [(one, read_scope(one.scope)) for one in transaction.good_grants(grantees, context.clock.now())]
    return [(one, scope) for one, scope in found if scope.allows(what)]


def reached_history(context: Context, asker: Asker, name: str, what: Shown) -> View:
    """The party ``name`` if ``asker`` may look at its history. Raises ``NotFound`` as ``find_party``."""
    with context.store.transaction(read_only=True) as transaction:
        if asker.reach is Reach.ALL:
            return View(find_party(transaction, name), what)
        grants = grants_for(transaction, asker, context, what)
        within = {*asker.organisation.parties, *(one.subject for one, _ in grants)}
        found = find_among(transaction.some_parties(sorted(within)), name)
    if found.party in asker.organisation.parties:
        return View(found, what)
    return View(found, what, next(one for one, _ in grants if one.subject == found.party))


def reached_evidence(
    context: Context, transaction: Transaction, asker: Asker, evidence_id: EvidenceId, what: Shown
) -> tuple[EvidenceRecord, View | None]:
    """The evidence, and the view of the history that it is seen in; None where it is the asker's own, or all are.

    Under a consent it must be final, and within its scope. Raises ``NotFound``.
    """
    grants = grants_for(transaction, asker, context, what)
    record = transaction.evidence([evidence_id]).get(evidence_id)
    parent = EvidenceId(ZERO32 if record is None else record.evidence.parent)
    above = transaction.evidence([parent]).get(parent)
    granting = {one.party: one for one in transaction.some_parties(sorted({one.subject for one, _ in grants}))}
    if record is not None:
        logs = subjects(record.evidence, None if above is None else above.evidence)
        if asker.reaches(logs):
            return record, None
        for one, scope in grants:
            # whether it can be pledged says something of its supplier's log alone
            seen = one.subject in logs if what is not Shown.RECEIVABLE else one.subject == record.evidence.issuer
            if seen and record.state is EvidenceState.FINAL and scope.covers(one.subject, record.evidence):
                return record, View(granting[one.subject], what, one)
    raise NotFound(f"evidence {to_hex(evidence_id)}: not known here.", todo="Check the id.")


def note(
    context: Context, asker: Asker, view: View, *, evidence: EvidenceId | None = None, block: BlockRef | None = None
) -> EvidenceId | None:
    """Note that ``asker`` looks at ``view``, before anything of it is shown; the ACCESS, None where no consent is used.

    Raises:
        NotFound: the consent is not good any more: as of a party that is unknown.
        WrongSigner: who has to note it can't sign here.
    """
    if view.grant is None:
        return None
    for attempt in (1, 2, 3):
        try:
            return _note(context, asker, view, view.grant, evidence, block)
        except Duplicate:  # somebody noted the same at the same time
            if attempt == 3:
                raise
        except WrongSigner:  # its admission may have become final since the last look at the chain
            if attempt == 3:
                raise
            with suppress(ChainError):
                index(context)
    raise AssertionError("the last attempt returns or raises")


def _note(
    context: Context, asker: Asker, view: View, grant: Grant, evidence: EvidenceId | None, block: BlockRef | None
) -> EvidenceId:
    now = context.clock.now()
    with context.store.transaction() as transaction:
        known = transaction.grant(grant.consent)
        if known is None or not known.is_good(now):
            raise unknown_party(to_hex(view.party.party))
        access = _access(context, transaction, known, view.what, evidence)
        transaction.add_use(
            Use(
                position=0,
                consent=known.consent,
                at=now,
                organisation=asker.organisation.organisation,
                key=asker.key,
                object=view.what.value,
                evidence=evidence,
                block=None if block is None else block.number,
                access=access,
            )
        )
    return access


def _access(
    context: Context, transaction: Transaction, grant: Grant, what: Shown, evidence: EvidenceId | None
) -> EvidenceId:
    """The ACCESS of today for ``what`` under ``grant``, made where there is none yet.

    Raises:
        WrongSigner: there is none, and who notes it keeps its key elsewhere: they post it themselves, then look.
    """
    now = context.clock.now()
    fields: dict[str, Json] = {
        "accessedObject": what.value,
        "accessedOn": datetime.fromtimestamp(now, UTC).date().isoformat(),
    }
    if evidence is not None:
        fields["accessedEvidence"] = to_hex(evidence)
    key = access_key(grant.consent, fields)
    taken = transaction.evidence_by_document([key])
    if taken:
        return taken[key]
    recorder = transaction.party(grant.recorder)
    if recorder is None or not recorder.signers:
        raise WrongSigner(
            f"ACCESS to {what} on {fields['accessedOn']} under {to_hex(grant.consent)}: expected it to be noted, and "
            "the key that notes it is not managed here.",
            todo="Sign that ACCESS yourself and post it to /v1/evidence, then ask again (docs/consent.md).",
        )
    if grant.recorder != grant.grantee:
        fields["grantee"] = to_hex(grant.grantee)
    made = sign_statement(
        context,
        Statement(
            kind=Kind.ACCESS,
            issuer=recorder,
            counterparty=None,
            deal=transaction.evidence([grant.consent])[grant.consent].evidence.deal,
            parent=grant.consent,
            fields=fields,
            occurred_at=now,
        ),
    )
    acceptance = Acceptance(context, transaction)
    acceptance.add(made)
    acceptance.keep()
    return made.evidence_id


def scoped_evidence(context: Context, view: View, evidence_id: EvidenceId) -> ProvenEvidence:
    """The evidence as ``view`` shows it: the fields in scope, and its place in the log of who consented alone."""
    proven = read_evidence(context, evidence_id)
    record = view.showing().shown(view.party.party, proven.record)
    places = [one for one in proven.placements if one.append.subject == view.party.party]
    return ProvenEvidence(record, content.parse_all(record.disclosures), places, proven.erased_at)


# --- pseudonyms ------------------------------------------------------------------------------------------------------


def pseudonymous(context: Context, view: View, told: Any) -> Any:
    """``told`` of ``view`` with every id of another party or an evidence called by a name of this consent alone.

    Names of one consent say nothing about those of another: each is HMAC-SHA256 under a key that is made of the network
    key and the consent. The party's own id and block hashes stay.
    """
    if view.grant is None or read_scope(view.grant.scope).identities is not Identities.PSEUDONYMS:
        return told
    key = hmac.digest(context.network_key, PSEUDONYM + view.grant.consent, "sha256")
    own = to_hex(view.party.party)

    def renamed(match: re.Match[str]) -> str:
        found = match[0]
        return found if found == own else f"0x{hmac.digest(key, bytes.fromhex(found[2:]), 'sha256').hex()}"

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return _ID.sub(renamed, value)
        if isinstance(value, Mapping):
            return {name: item if name == "blockHash" else walk(item) for name, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list | tuple) else value

    return walk(told)
