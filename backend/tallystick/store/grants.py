"""Who may look at whose history, who did, and what was erased: records that cross the border of the store."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.protocol.types import EvidenceId, PartyId, Timestamp


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent to access as it is kept beside its evidence, ``consent``.

    ``grantee`` is a party id, or ``organisation_id`` of an organisation that is no party. ``scope`` is the JSON text of
    the field ``accessScope``. From ``ends_at``, or from ``withdrawn_at``, on it is not good any more.
    """

    consent: EvidenceId
    subject: PartyId
    grantee: bytes
    grantee_name: str | None
    recorder: PartyId
    scope: str
    granted_at: Timestamp
    ends_at: Timestamp
    withdrawal: EvidenceId | None = None
    withdrawn_at: Timestamp | None = None

    def is_good(self, now: Timestamp) -> bool:
        """Whether somebody may look under it at ``now``."""
        return now < self.ends_at and self.withdrawn_at is None


@dataclass(frozen=True, slots=True)
class Use:
    """One look under a consent: who, when, at what; ``access`` is the evidence that notes it.

    ``evidence`` is the one that was looked at, where it was one; ``block`` the block that it was shown as of.
    """

    position: int
    consent: EvidenceId
    at: Timestamp
    organisation: str
    key: str
    object: str
    evidence: EvidenceId | None
    block: int | None
    access: EvidenceId


@dataclass(frozen=True, slots=True)
class Erasure:
    """That the content of ``evidence`` is to be deleted, for ``reason``; done when it is confirmed.

    ``fields`` counts what was deleted, ``document`` says whether a document went with it. None as long as it is not.
    """

    evidence: EvidenceId
    reason: str
    requested_by: str
    requested_at: Timestamp
    confirmed_by: str | None = None
    erased_at: Timestamp | None = None
    fields: int | None = None
    documents: int | None = None
