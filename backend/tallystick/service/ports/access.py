"""What a transaction on the store does for consents to access, and for erasures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from tallystick.protocol.types import EvidenceId, PartyId, Timestamp
from tallystick.store.grants import Erasure, Grant, Use


class AccessRows(Protocol):
    """Who may look at whose history, and who did."""

    def add_grant(self, one: Grant) -> None:
        """Keep a consent whose evidence is kept."""

    def withdraw_grant(self, consent: EvidenceId, withdrawal: EvidenceId, at: Timestamp) -> None:
        """``consent`` is not good from ``at`` on; one that was withdrawn before stays so."""

    def grant(self, consent: EvidenceId) -> Grant | None:
        """The consent of that id, good or not."""

    def good_grants(self, grantees: Iterable[bytes], now: Timestamp) -> list[Grant]:
        """The consents that let one of ``grantees`` look at ``now``, newest first."""

    def grants_by(self, subject: PartyId) -> list[Grant]:
        """All consents that ``subject`` ever gave, newest first."""

    def add_use(self, one: Use) -> None:
        """Keep one look; its position is given here."""

    def uses(self, subject: PartyId, before: int | None, limit: int) -> list[Use]:
        """The looks at the history of ``subject`` before position ``before``, newest first, at most ``limit``."""


class ErasureRows(Protocol):
    """What is to be erased, and what was."""

    def add_erasure(self, one: Erasure) -> None:
        """Keep that an erasure was asked for; one that was asked for before and not done is asked for anew."""

    def erasure(self, evidence_id: EvidenceId) -> Erasure | None: ...

    def erasures(self) -> list[Erasure]:
        """All erasures, done or not, by when they were asked for."""

    def erased(self, evidence_ids: Iterable[EvidenceId]) -> Mapping[EvidenceId, Erasure]:
        """Those of ``evidence_ids`` whose content was erased."""

    def erased_in_log(self, subject: PartyId, until_block: int) -> list[Erasure]:
        """What was erased of the known entries of ``subject``'s log up to ``until_block``, by evidence id."""

    def count_known(self, subject: PartyId, until_block: int) -> tuple[int, int]:
        """How many entries of ``subject``'s log up to ``until_block`` are known here, and how many are erased."""

    def erase(self, one: Erasure) -> None:
        """Delete the content of its evidence wherever it is kept, and keep that it was done."""


class Documents(Protocol):
    """Where the documents of evidence are kept."""

    def delete(self, evidence_id: EvidenceId) -> int:
        """Delete the documents of that evidence for good; how many there were. Deleting again finds none."""
