"""What a transaction on the store does for the conveniences of the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tallystick.protocol.types import PartyId, Timestamp
from tallystick.store.searching import Found, KeptAnswer, Waiting, Wanted


class SubjectRows(Protocol):
    """Evidence by whom it concerns."""

    def find_evidence(self, wanted: Wanted, before: int | None, limit: int) -> list[Found]:
        """The newest evidence that is ``wanted``, of a position below ``before``, at most ``limit``, newest first."""

    def waiting(self, parties: Iterable[PartyId], after: int, limit: int) -> list[Waiting]:
        """What awaits something of one of ``parties``, of a position above ``after``, oldest first; about ``limit``."""


class AnswerRows(Protocol):
    """What was answered to requests that may come again."""

    def kept_answer(self, organisation_id: str, key: str) -> KeptAnswer | None: ...

    def keep_answer(self, one: KeptAnswer) -> None:
        """Keep ``one``, instead of an old one of the same name."""

    def forget_answers(self, before: Timestamp) -> None:
        """Forget some answers that were kept before that time."""
