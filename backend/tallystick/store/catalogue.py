"""Evidence by the names that trade documents have for it, and with its place in the order of recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from tallystick.protocol.types import EvidenceId, PartyId
from tallystick.store.api_tables import catalogue, catalogued
from tallystick.store.bulk import insert_rows
from tallystick.store.records import EvidenceRecord
from tallystick.store.rows import chunks, evidence_record, select_evidence
from tallystick.store.schema import evidence

Placed = tuple[int, EvidenceRecord]
"""An evidence and its position: what is recorded later has a higher one."""

_PLACED = select_evidence().add_columns(evidence.c.position)
_WANTED: Any = bindparam("wanted", expanding=True)
_NAMED = select(catalogue.c.name, catalogue.c.position).where(catalogue.c.name.in_(_WANTED))
_AT = _PLACED.where(evidence.c.position.in_(_WANTED))
_ANSWERS = _PLACED.where(evidence.c.parent.in_(_WANTED))


class CatalogueRows:
    """The part of a transaction that reads and writes the catalogue."""

    _connection: Connection

    def behind(self) -> int:
        """How many evidence were recorded, at most, whose names are not in the catalogue yet."""
        return max(0, self._last() - self._mark())

    def uncatalogued(self, kinds: Iterable[int], most: int) -> tuple[list[Placed], int | None]:
        """The first ``most`` evidence of ``kinds`` whose names are not in the catalogue yet, oldest first.

        And up to which position these are all that is missing; None: nothing is.
        """
        mark, last = self._mark(), self._last()
        if last <= mark:
            return [], None
        wanted = _PLACED.where(evidence.c.position > mark, evidence.c.kind.in_([int(kind) for kind in kinds]))
        found = self._placed(wanted.order_by(evidence.c.position).limit(most))
        return found, last if len(found) < most else found[-1][0]

    def add_names(self, names: Iterable[tuple[bytes, int]], to: int) -> None:
        """Put ``names``, each with the position of its evidence, into the catalogue, which is complete ``to`` there."""
        insert_rows(self._connection, catalogue, [{"name": name, "position": at} for name, at in names])
        if not self._connection.execute(catalogued.update().values(position=to)).rowcount:
            self._connection.execute(catalogued.insert(), {"id": 1, "position": to})

    def evidence_named(self, names: Iterable[bytes]) -> list[tuple[bytes, int, EvidenceRecord]]:
        """What stands under one of ``names``, with that name, oldest first."""
        found = [(row.position, row.name) for some in chunks(names) for row in self._wanted(_NAMED, some)]
        records = {at: record for some in chunks(at for at, _ in found) for at, record in self._placed(_AT, some)}
        return [(name, at, records[at]) for at, name in sorted(found)]

    def answers(self, parents: Iterable[EvidenceId]) -> list[Placed]:
        """The evidence that answers one of ``parents``, oldest first."""
        found = [each for some in chunks(parents) for each in self._placed(_ANSWERS, some)]
        return sorted(found, key=lambda placed: placed[0])

    def evidence_between(self, issuer: PartyId, counterparty: PartyId, kind: int) -> list[Placed]:
        """The evidence of ``kind`` that ``issuer`` addressed to ``counterparty``, oldest first."""
        table = evidence.c
        wanted = _PLACED.where(table.issuer == issuer, table.counterparty == counterparty, table.kind == int(kind))
        return self._placed(wanted.order_by(table.position))

    def _mark(self) -> int:
        return self._connection.execute(select(catalogued.c.position)).scalar_one_or_none() or 0

    def _last(self) -> int:
        return self._connection.execute(select(func.max(evidence.c.position))).scalar_one() or 0

    def _wanted(self, statement: Select[Any], values: Sequence[Any]) -> Any:
        return self._connection.execute(statement, {"wanted": values})

    def _placed(self, statement: Select[Any], values: Sequence[Any] | None = None) -> list[Placed]:
        rows = self._connection.execute(statement, {} if values is None else {"wanted": values})
        return [(position, evidence_record(columns)) for *columns, position in rows]
