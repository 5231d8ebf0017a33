"""Consent to access: who may look at a party's history, and the note of each look (protocol section 15).

Rules:

- a *grant* is a CONSENT that names neither counterparty nor parent. It binds its issuer alone, and founds nothing;
- its ``deal`` says who may note an access under it, by a hash of the two: so nobody else can, whatever is hidden;
- a *withdrawal* is a CONSENT without counterparty whose parent is a grant of the same party;
- an *access* is an ACCESS without counterparty, by whom the grant's deal names, whose parent is the grant. It enters
  the log of whoever granted. It is void after the grant's last day, and behind a withdrawal;
- nothing else answers a grant, and nothing at all answers a withdrawal or an access.

Example: ``access_deal(supplier, lender)`` is the deal of each grant under which that lender notes what it looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import ZERO32, DealId, EvidenceId, PartyId, Timestamp

ACCESS_DEAL = keccak256(b"tallystick access 1")
"""What the hash of a grant's deal begins with."""
SECONDS_PER_DAY = 86_400
_FIRST_DAY = date(1970, 1, 1).toordinal()


def access_deal(subject: PartyId, recorder: PartyId) -> DealId:
    """The deal of a grant by ``subject`` under which ``recorder`` notes each access: 32 bytes."""
    return DealId(keccak256(ACCESS_DEAL + subject + recorder))


def is_grant(evidence: Evidence) -> bool:
    """Whether ``evidence`` is a consent to access, not one that lets others report."""
    return evidence.kind == Kind.CONSENT and evidence.counterparty == ZERO32 and evidence.parent == ZERO32


def is_withdrawal(evidence: Evidence) -> bool:
    """Whether ``evidence`` takes back a consent to access."""
    return evidence.kind == Kind.CONSENT and evidence.counterparty == ZERO32 and evidence.parent != ZERO32


def concerns_access(evidence: Evidence) -> bool:
    """Whether ``evidence`` is a grant, a withdrawal or an access: these are answered by their own rules alone."""
    return evidence.kind == Kind.ACCESS or (evidence.kind == Kind.CONSENT and evidence.counterparty == ZERO32)


def is_elsewhere(subject: PartyId, evidence: Evidence) -> bool:
    """An access in the log of who noted it, where its grant never stands: it is judged in the log of who granted."""
    return (
        evidence.kind == Kind.ACCESS
        and evidence.issuer == subject
        and evidence.counterparty == ZERO32
        and evidence.parent != ZERO32
    )


def misfit_of_access(evidence: Evidence, parent: Evidence | None) -> str | None:
    """Why ``evidence`` can't answer ``parent`` (None: there is none, or it is unknown), or None where it can.

    Call it where either of the two concerns access.
    """
    if evidence.kind == Kind.ACCESS:
        return _misfit_of_look(evidence, parent)
    if evidence.parent == ZERO32:
        return None
    if parent is None:
        return "its parent is not known here, or does not stand"
    if not is_withdrawal(evidence) or not is_grant(parent):
        return "a consent to access is answered by its withdrawal and by ACCESS alone, and these by nothing"
    if evidence.issuer != parent.issuer:
        return "only who gave a consent to access can withdraw it"
    return None if evidence.deal == parent.deal else "it belongs to another deal than its parent"


def _misfit_of_look(evidence: Evidence, parent: Evidence | None) -> str | None:
    if evidence.counterparty != ZERO32:
        return "an ACCESS names no counterparty"
    if evidence.parent == ZERO32:
        return "it must name the consent to access as its parent"
    if parent is None:
        return "its parent is not known here, or does not stand"
    if not is_grant(parent):
        return "its parent must be a consent to access"
    if evidence.deal != parent.deal:
        return "it belongs to another deal than its parent"
    if evidence.issuer == parent.issuer or parent.deal != access_deal(parent.issuer, evidence.issuer):
        return "the consent lets somebody else note an access"
    return None


@dataclass(slots=True)
class Grants:
    """The grants that stand in a log so far: when they end, and which are withdrawn."""

    _ends: dict[EvidenceId, Timestamp] = field(default_factory=dict)
    _withdrawn: set[EvidenceId] = field(default_factory=set)

    def add(self, evidence_id: EvidenceId, evidence: Evidence, fields: Mapping[str, Json]) -> None:
        """Take note of ``evidence``, which stands, with its shown ``fields``."""
        if is_grant(evidence):
            end = end_of(fields)
            if end is not None:
                self._ends[evidence_id] = end
        elif is_withdrawal(evidence):
            self._withdrawn.add(evidence.parent)

    def refuse(self, evidence: Evidence) -> str | None:
        """Why the ACCESS ``evidence`` comes too late for its grant, or None where it does not."""
        if evidence.parent in self._withdrawn:
            return "the consent was withdrawn before"
        end = self._ends.get(evidence.parent)
        return "the consent had ended before" if end is not None and evidence.occurred_at >= end else None


def end_of(fields: Mapping[str, Json]) -> Timestamp | None:
    """The first second after the last day (UTC) of the grant with these ``fields``; None where no day is shown."""
    day = fields.get("validUntil")
    if not isinstance(day, str):
        return None
    try:
        last = date.fromisoformat(day)
    except ValueError:
        return None
    return Timestamp((last.toordinal() + 1 - _FIRST_DAY) * SECONDS_PER_DAY)
