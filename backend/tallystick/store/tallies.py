"""Figures that are moved with what they count, so that nobody has to look at every row to know them.

Names: ``parties``, ``evidence.STATE``, ``batch.STATE``, ``sealed`` (batches on the chain), ``entries`` (in them) and
``undone`` (blocks). A name without a row is 0. Writers take turns, so that two never move one figure at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from tallystick.protocol.types import Address
from tallystick.store.api_tables import tally
from tallystick.store.records import BatchState, EvidenceState
from tallystick.store.schema import acceptance

_MOVE = tally.update().where(tally.c.name == bindparam("of")).values(number=tally.c.number + bindparam("by"))
_SIZE = (
    select(func.count())
    .select_from(acceptance)
    .where(acceptance.c.operator == bindparam("sealer"), acceptance.c.batch_id == bindparam("batch"))
)


def evidence_state(state: BatchState) -> EvidenceState:
    """How far the evidence of a batch has come that has come to ``state``."""
    if state in (BatchState.INCLUDED, BatchState.ORPHANED, BatchState.FINAL):
        return EvidenceState(state.value)
    return EvidenceState.SEALING


class TallyRows:
    """The part of a transaction that keeps figures."""

    _connection: Connection

    def tallies(self) -> Mapping[str, int]:
        """All figures by name."""
        return {row.name: row.number for row in self._connection.execute(select(tally.c.name, tally.c.number))}

    def _tally(self, name: str, by: int) -> None:
        """Move the figure ``name`` ``by`` so much."""
        if by and not self._connection.execute(_MOVE, {"of": name, "by": by}).rowcount:
            self._connection.execute(tally.insert(), {"name": name, "number": by})

    def _tally_batch(self, operator: Address, batch_id: int, came_from: BatchState, to: BatchState) -> None:
        """A batch went from one state to another, and its evidence with it."""
        if came_from is to:
            return
        self._tally(f"batch.{came_from.value}", -1)
        self._tally(f"batch.{to.value}", 1)
        before, after = evidence_state(came_from), evidence_state(to)
        if before is not after:
            size: Any = self._connection.execute(_SIZE, {"sealer": operator, "batch": batch_id}).scalar_one()
            self._tally(f"evidence.{before.value}", -size)
            self._tally(f"evidence.{after.value}", size)
