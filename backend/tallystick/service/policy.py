"""Who may do what: the one table that says so. What is not in it is denied.

Rules:

- ``own`` evidence stands in the log of a party that the organisation acts for; an own party is one of these, and to be
  looked at alone (``listParties``, ``readParty``) also whoever an evidence names beside one; own keys are its own;
- ``granted`` is own, and what a party consented to: the objects, entries and fields of its grant, while that is good;
- to state something is to act for its issuer, to countersign is to act for its counterparty;
- what an asker may not see is, to that asker, not there: the same answer, after the same work, as for what is unknown;
- a key reaches what its organisation's role reaches and its scopes name, never more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tallystick.errors import NotEntitled
from tallystick.protocol.types import PartyId
from tallystick.store.identities import Organisation, Role, Scope

TABLE = """
operation             scope           party    lender   auditor  operator  registrar  data-provider
recordEvidence        evidence:write  own      own      -        -         -          own
recordEvidenceInBulk  evidence:write  own      own      -        -         -          own
recordEvidenceLines   evidence:write  own      own      -        -         -          own
draftTypedData        evidence:write  own      own      -        -         -          own
readTypedData         evidence:read   own      own      -        -         -          own
submitEvidence        evidence:write  own      own      -        -         -          own
importDocuments       evidence:write  own      own      -        -         -          own
importStatements      evidence:write  own      own      -        -         -          own
listImports           evidence:read   own      own      -        -         -          own
readImport            evidence:read   own      own      -        -         -          own
downloadRejectedRows  evidence:read   own      own      -        -         -          own
listWaiting           evidence:read   own      own      -        -         -          own
retryWaiting          evidence:write  own      own      -        -         -          own
countersignEvidence   evidence:write  own      own      -        -         -          own
acknowledgeEvidence   evidence:write  own      own      -        -         -          own
disputeEvidence       evidence:write  own      own      -        -         -          own
resolveDispute        evidence:write  own      own      -        -         -          own
correctEvidence       evidence:write  own      own      -        -         -          own
writeOffInvoice       evidence:write  own      own      -        -         -          own
signalOnEvidence      evidence:write  own      own      -        -         -          own
findEvidence          evidence:read   own      own      all      -         -          own
readInbox             evidence:read   own      own      -        -         -          own
uploadDocument        evidence:write  own      own      -        -         -          own
listDocuments         evidence:read   own      own      -        -         -          own
downloadDocument      evidence:read   own      own      -        -         -          own
downloadAttachment    evidence:read   own      own      all      -         -          own
streamEvents          evidence:read   own      own      all      -         -          own
addWebhook            account:write   own      own      -        -         -          own
listWebhooks          account:read    own      own      -        -         -          own
removeWebhook         account:write   own      own      -        -         -          own
rotateWebhookSecret   account:write   own      own      -        -         -          own
listDeliveries        account:read    own      own      -        -         -          own
redeliver             account:write   own      own      -        -         -          own
readEvidence          evidence:read   granted  granted  all      -         -          own
readReceipt           evidence:read   own      own      all      -         -          own
certifyEvidence       evidence:read   own      own      all      -         -          own
readReceivable        evidence:read   granted  granted  all      -         -          own
listParties           party:read      own      own      all      all       all        own
readParty             party:read      own      own      all      all       all        own
addParty              party:write     -        -        -        -         all        -
addIdentifier         party:write     -        -        -        -         all        -
listSigners           party:read      own      own      all      all       all        own
addSigner             signer:write    own      own      -        -         all        -
rotateSigner          signer:write    own      own      -        -         all        -
revokeSigner          signer:write    own      own      -        -         all        -
stateCompromise       signer:write    own      own      -        -         all        -
readHistory           history:read    granted  granted  all      -         -          own
readTradelines        history:read    granted  granted  all      -         -          own
readChanges           history:read    granted  granted  all      -         -          own
downloadBundle        history:read    granted  granted  all      -         -          own
certifyParty          history:read    granted  granted  all      -         -          own
grantAccess           evidence:write  own      own      -        -         -          -
withdrawAccess        evidence:write  own      own      -        -         -          -
listGrants            history:read    own      own      all      -         -          -
listAccesses          history:read    own      own      all      -         -          -
showAccesses          history:read    own      own      all      -         -          -
listReceivedGrants    history:read    own      own      -        -         -          -
verifyBundle          -               all      all      all      all       all        all
readHealth            status:read     -        -        all      all       all        -
readOwnAccount        -               own      own      own      own       own        own
addOrganisation       account:write   -        -        -        all       -          -
listOrganisations     account:read    -        -        all      all       -          -
closeOrganisation     account:write   -        -        -        all       -          -
giveParty             account:write   -        -        -        all       -          -
listKeys              account:read    own      own      own      all       own        own
issueKey              account:write   own      own      own      all       own        own
rotateKey             account:write   own      own      own      all       own        own
revokeKey             account:write   own      own      own      all       own        own
listMembers           account:read    own      own      own      all       own        own
addMember             account:write   own      own      own      all       own        own
removeMember          account:write   own      own      own      all       own        own
endSession            -               own      own      own      all       own        own
readJournal           account:read    -        -        all      all       -          -
requestErasure        account:write   -        -        -        all       -          -
confirmErasure        account:write   -        -        -        all       -          -
listErasures          account:read    -        -        all      all       -          -
"""
"""Operation id, the scope that a key needs for it (-: none), and how far it reaches for each role (-: not at all)."""

PUBLIC = ("askNonce", "signIn")
"""Operations for whoever is not known yet: to become known. They show nothing, and keep nothing of who fails."""


class Reach(StrEnum):
    """How far an operation reaches for somebody."""

    NONE = "-"
    OWN = "own"
    GRANTED = "granted"
    """Own, and what another party's consent lets it look at (``granted.py``)."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table; ``scope`` is None where any key will do."""

    scope: Scope | None
    reach: Mapping[Role, Reach]


def _rules(table: str) -> Mapping[str, Rule]:
    """The lines of ``table``, the first of which names the columns."""
    head, *lines = (line.split() for line in table.strip().splitlines())
    roles = [Role(name) for name in head[2:]]
    return {
        operation: Rule(
            None if scope == "-" else Scope(scope), dict(zip(roles, (Reach(cell) for cell in reach), strict=True))
        )
        for operation, scope, *reach in lines
    }


RULES: Mapping[str, Rule] = _rules(TABLE)
"""The table by operation id."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and how far this one operation reaches for them."""

    organisation: Organisation
    key: str
    scopes: Collection[Scope]
    reach: Reach

    def acts_for(self, party: PartyId) -> bool:
        """Whether the asker may state something as ``party``."""
        return party in self.organisation.parties

    def reaches(self, parties: Collection[PartyId]) -> bool:
        """Whether what concerns ``parties`` is within the reach of the operation."""
        return self.reach is Reach.ALL or any(party in self.organisation.parties for party in parties)

    def reaches_organisation(self, organisation: str) -> bool:
        """Whether the accounts of ``organisation`` are within the reach of the operation."""
        return self.reach is Reach.ALL or organisation == self.organisation.organisation


def scopes_of(role: Role) -> tuple[Scope, ...]:
    """All scopes that are of any use to ``role``."""
    useful = {rule.scope for rule in RULES.values() if rule.reach[role] is not Reach.NONE}
    return tuple(scope for scope in Scope if scope in useful)


def admit(operation: str, organisation: Organisation, key: str, scopes: Collection[Scope]) -> Asker:
    """Let ``organisation`` with a key of ``scopes`` into ``operation``, as far as it reaches.

    Raises:
        NotEntitled: its role, or the key's scopes, do not reach that operation at all.
    """
    rule = RULES.get(operation)
    reach = Reach.NONE if rule is None else rule.reach[organisation.role]
    if rule is None or reach is Reach.NONE:
        raise NotEntitled(
            f"{operation}: expected a role that may do that, got {organisation.role}.",
            todo="Ask an organisation of another role to do it; docs/security.md says who may do what.",
        )
    if rule.scope is not None and rule.scope not in scopes:
        raise NotEntitled(
            f"{operation}: expected a key with scope {rule.scope}, got {', '.join(sorted(scopes)) or 'none'}.",
            todo="Use a key that has that scope.",
        )
    return Asker(organisation, key, scopes, reach)
