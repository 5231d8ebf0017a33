"""Outgoing batches: frozen once, moved on from built to sent to final."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from tallystick.errors import Duplicate, Misfit, NotFound
from tallystick.protocol.types import Address, EvidenceId, Hash, to_hex
from tallystick.store.bulk import insert_rows
from tallystick.store.records import BatchEntry, BatchRecord, BatchState
from tallystick.store.rows import BATCH_COLUMNS, batch_record, chunks
from tallystick.store.schema import acceptance, batch_entry
from tallystick.store.schema import batch as outgoing

_ORDER = (BatchState.BUILT, BatchState.SENT, BatchState.FINAL)


class BatchRows:
    """The part of a transaction that reads and writes outgoing batches."""

    _connection: Connection

    def add_batch(self, batch: BatchRecord, entries: Sequence[BatchEntry]) -> None:
        """Freeze the batch ``batch`` with ``entries``; their evidence becomes SEALING.

        Raises:
            Duplicate: the batch id is taken, or an evidence stands in another batch.
            Misfit: an evidence is not accepted, so that it can't be sealed.
        """
        name = f"batch {batch.batch_id} of {to_hex(batch.operator)}"
        if self._state_of(batch.operator, batch.batch_id) is not None:
            raise Duplicate(f"The {name} is frozen already.", todo="Send the batch that is there.")
        row = {
            "operator": batch.operator,
            "batch_id": batch.batch_id,
            "root": batch.root,
            "state": batch.state.value,
            "raw_transaction": batch.raw_transaction,
            "transaction_hash": batch.transaction_hash,
            "created_at": batch.created_at,
        }
        places = [
            {
                "operator": batch.operator,
                "batch_id": batch.batch_id,
                "subject": entry.subject,
                "entry_index": entry.index,
                "evidence_id": entry.evidence_id,
            }
            for entry in entries
        ]
        # A savepoint: a caller that survives the refusal of one batch must not keep half of it.
        with self._connection.begin_nested():
            self._connection.execute(outgoing.insert(), row)
            self._take(batch, [entry.evidence_id for entry in entries])
            insert_rows(self._connection, batch_entry, places)

    def batches(self, states: Iterable[BatchState]) -> list[BatchRecord]:
        """Outgoing batches in one of ``states``, in the order they were frozen."""
        statement = select(*BATCH_COLUMNS).where(outgoing.c.state.in_([state.value for state in states]))
        return [batch_record(row) for row in self._connection.execute(statement.order_by(outgoing.c.position))]

    def set_batch_state(self, operator: Address, batch_id: int, state: BatchState) -> None:
        """Move batch ``batch_id`` of ``operator`` on to ``state``; when FINAL, its evidence is FINAL too.

        Raises:
            NotFound: no such batch.
            Misfit: it is further than ``state`` already; a batch never goes back.
        """
        known = self._state_of(operator, batch_id)
        name = f"batch {batch_id} of {to_hex(operator)}"
        if known is None:
            raise NotFound(f"There is no {name}.")
        if _ORDER.index(state) < _ORDER.index(known):
            raise Misfit(f"The {name} is {known}: it can't go back to {state}.")
        self._connection.execute(
            outgoing.update()
            .where(outgoing.c.operator == operator, outgoing.c.batch_id == batch_id)
            .values(state=state.value)
        )

    def resign_batch(self, operator: Address, batch_id: int, raw_transaction: bytes, transaction_hash: Hash) -> None:
        """Let another transaction carry the frozen batch ``batch_id`` of ``operator``; its content stays as it is.

        Raises:
            NotFound: no such batch.
            Misfit: it is final already.
        """
        known = self._state_of(operator, batch_id)
        if known is None:
            raise NotFound(f"There is no batch {batch_id} of {to_hex(operator)}.")
        if known is BatchState.FINAL:
            raise Misfit(f"The batch {batch_id} of {to_hex(operator)} is final: nothing carries it any more.")
        self._connection.execute(
            outgoing.update()
            .where(outgoing.c.operator == operator, outgoing.c.batch_id == batch_id)
            .values(raw_transaction=raw_transaction, transaction_hash=transaction_hash)
        )

    def batch_entries(self, operator: Address, batch_id: int) -> list[BatchEntry]:
        """The frozen content, by subject then index; empty for another operator's batch."""
        table = batch_entry.c
        statement = (
            select(table.subject, table.entry_index, table.evidence_id)
            .where(table.operator == operator, table.batch_id == batch_id)
            .order_by(table.subject, table.entry_index)
        )
        return [BatchEntry(*row) for row in self._connection.execute(statement)]

    def _state_of(self, operator: Address, batch_id: int) -> BatchState | None:
        state = self._connection.execute(
            select(outgoing.c.state).where(outgoing.c.operator == operator, outgoing.c.batch_id == batch_id)
        ).scalar()
        return None if state is None else BatchState(state)

    def _take(self, record: BatchRecord, evidence_ids: Sequence[EvidenceId]) -> None:
        """Put accepted evidence that stands in no batch into ``record``; all of it, or none and an error."""
        for some in chunks(evidence_ids):
            free = acceptance.c.evidence_id.in_(some) & acceptance.c.batch_id.is_(None)
            statement = acceptance.update().where(free).values(operator=record.operator, batch_id=record.batch_id)
            if self._connection.execute(statement).rowcount != len(some):
                self._refuse(record, some)

    def _refuse(self, record: BatchRecord, evidence_ids: Sequence[EvidenceId]) -> None:
        """Say which of ``evidence_ids`` could not be put into ``record``."""
        statement = select(acceptance.c.evidence_id, acceptance.c.operator, acceptance.c.batch_id)
        places = {
            row.evidence_id: (row.operator, row.batch_id)
            for row in self._connection.execute(statement.where(acceptance.c.evidence_id.in_(evidence_ids)))
        }
        for evidence_id in evidence_ids:
            place = places.get(evidence_id)
            if place is None:
                raise Misfit(
                    f"The evidence {to_hex(evidence_id)} is not accepted: it can't be sealed.",
                    todo="Record it, or have it countersigned, first.",
                )
            if place != (record.operator, record.batch_id):
                raise Duplicate(
                    f"The evidence {to_hex(evidence_id)} stands in batch {place[1]} of {to_hex(place[0])} already.",
                    todo="Seal what is pending now.",
                )
        raise AssertionError("every row that was not changed has a reason")
