"""What a transaction on the store does for whoever finds evidence by the names that trade documents have for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tallystick.protocol.types import EvidenceId, PartyId
from tallystick.store.records import EvidenceRecord


class CatalogueRows(Protocol):
    """Evidence by its names, and by what it answers, with its position: what is recorded later has a higher one."""

    def behind(self) -> int:
        """How many evidence were recorded, at most, whose names are not in the catalogue yet."""

    def uncatalogued(self, kinds: Iterable[int], most: int) -> tuple[list[tuple[int, EvidenceRecord]], int | None]:
        """The first ``most`` evidence of ``kinds`` whose names are not in the catalogue yet, oldest first.

        And up to which position these are all that is missing; None: nothing is.
        """

    def add_names(self, names: Iterable[tuple[bytes, int]], to: int) -> None:
        """Put ``names``, each with the position of its evidence, into the catalogue, which is complete ``to`` there."""

    def evidence_named(self, names: Iterable[bytes]) -> list[tuple[bytes, int, EvidenceRecord]]:
        """What stands under one of ``names``, with that name, oldest first."""

    def answers(self, parents: Iterable[EvidenceId]) -> list[tuple[int, EvidenceRecord]]:
        """The evidence that answers one of ``parents``, oldest first."""

    def evidence_between(self, issuer: PartyId, counterparty: PartyId, kind: int) -> list[tuple[int, EvidenceRecord]]:
        """The evidence of ``kind`` that ``issuer`` addressed to ``counterparty``, oldest first."""
