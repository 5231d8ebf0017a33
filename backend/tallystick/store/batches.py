"""Outgoing batches: frozen once, carried by signed transactions that are all kept, and what became of their evidence.

Rule: whenever evidence is included, orphaned or final, the same transaction notes a status event for each of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, and_, bindparam, func, literal, select

from tallystick.errors import Duplicate, Misfit, NotFound
from tallystick.protocol.types import Address, EvidenceId, Hash, Timestamp, to_hex
from tallystick.store.bulk import insert_rows
from tallystick.store.records import BatchEntry, BatchRecord, BatchState, EvidenceState, StatusEvent, Submission
from tallystick.store.rows import (
    BATCH_COLUMNS,
    STATUS_EVENT_COLUMNS,
    SUBMISSION_COLUMNS,
    batch_record,
    chunks,
    status_event_record,
    submission_record,
)
from tallystick.store.schema import acceptance, batch_entry, block, status_event, submission
from tallystick.store.schema import batch as outgoing
from tallystick.store.tallies import TallyRows

_WITH_BLOCKS = outgoing.outerjoin(block, block.c.block_hash == outgoing.c.block_hash)


# Asked at every step of a batch: made once.


def _is(table: Table) -> ColumnElement[bool]:
    return and_(table.c.operator == bindparam("sealer"), table.c.batch_id == bindparam("batch"))


_BATCHES = (
    select(*BATCH_COLUMNS)
    .select_from(_WITH_BLOCKS)
    .where(outgoing.c.state.in_(bindparam("states", expanding=True)))
    .order_by(outgoing.c.position)
)
_STATE = select(outgoing.c.state).where(_is(outgoing))
_SUBMISSIONS = select(*SUBMISSION_COLUMNS).where(_is(submission)).order_by(submission.c.position)
_ENTRIES = (
    select(batch_entry.c.subject, batch_entry.c.entry_index, batch_entry.c.evidence_id)
    .where(_is(batch_entry))
    .order_by(batch_entry.c.subject, batch_entry.c.entry_index)
)


class BatchRows(TallyRows):
    """The part of a transaction that reads and writes outgoing batches."""

    _connection: Connection

    def add_batch(self, batch: BatchRecord, entries: Sequence[BatchEntry]) -> None:
        """Freeze the batch ``batch`` with ``entries``; their evidence becomes SEALING.

        Raises:
            Duplicate: the batch id is taken, or an evidence stands in another batch.
            Misfit: an evidence is not accepted, so that it can't be sealed.
        """
        assert batch.state is BatchState.BUILT, "what is frozen is neither signed nor sent"
        name = f"batch {batch.batch_id} of {to_hex(batch.operator)}"
        if self._state_of(batch.operator, batch.batch_id) is not None:
            raise Duplicate(f"The {name} is frozen already.", todo="Send the batch that is there.")
        row = {
            "operator": batch.operator,
            "batch_id": batch.batch_id,
            "root": batch.root,
            "state": BatchState.BUILT.value,
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
            taken = len({entry.evidence_id for entry in entries})
            self._tally(f"batch.{BatchState.BUILT.value}", 1)
            self._tally(f"evidence.{EvidenceState.PENDING.value}", -taken)
            self._tally(f"evidence.{EvidenceState.SEALING.value}", taken)

    def batches(self, states: Iterable[BatchState]) -> list[BatchRecord]:
        """Outgoing batches in one of ``states``, in the order they were frozen."""
        wanted = {"states": [state.value for state in states]}
        return [batch_record(row) for row in self._connection.execute(_BATCHES, wanted)]

    def count_batches(self, operator: Address) -> int:
        """How many batches of ``operator`` were frozen here: the id of its next one."""
        statement = select(func.count()).select_from(outgoing).where(outgoing.c.operator == operator)
        return self._connection.execute(statement).scalar_one()

    def add_submission(self, one: Submission) -> None:
        """Keep ``one``, a signed transaction that carries its batch; a batch that was only BUILT is SIGNED now.

        Raises:
            Misfit: the chain has the batch, or there is none.
        """
        state = self._state_of(one.operator, one.batch_id)
        name = f"batch {one.batch_id} of {to_hex(one.operator)}"
        if state in (None, BatchState.INCLUDED, BatchState.FINAL):
            raise Misfit(f"The {name} is {state or 'not frozen'}: nothing is to carry it.")
        self._connection.execute(submission.insert(), dataclasses.asdict(one))
        if state is BatchState.BUILT:
            self._set_state(one.operator, one.batch_id, BatchState.SIGNED)

    def submissions(self, operator: Address, batch_id: int) -> list[Submission]:
        """All signed transactions that ever carried batch ``batch_id`` of ``operator``, oldest first."""
        carrying = {"sealer": operator, "batch": batch_id}
        return [submission_record(row) for row in self._connection.execute(_SUBMISSIONS, carrying)]

    def note_sent(self, one: Submission, at: Timestamp) -> None:
        """A node took ``one`` ``at`` that time: its batch is SENT, unless the chain has it meanwhile."""
        self._connection.execute(submission.update().where(submission.c.hash == one.hash).values(sent_at=at))
        if self._state_of(one.operator, one.batch_id) in (BatchState.SIGNED, BatchState.ORPHANED):
            self._set_state(one.operator, one.batch_id, BatchState.SENT)

    def include_batch(self, operator: Address, batch_id: int, block_hash: Hash, at: Timestamp) -> None:
        """The block ``block_hash`` holds batch ``batch_id`` of ``operator``, which was frozen here."""
        self._set_state(operator, batch_id, BatchState.INCLUDED, block_hash)
        self._note((outgoing.c.operator == operator, outgoing.c.batch_id == batch_id), BatchState.INCLUDED, at)

    def orphan_batches(self, block_hashes: Sequence[Hash], at: Timestamp) -> None:
        """The blocks ``block_hashes`` were undone: the batches that they held are on their way again."""
        self._move(block_hashes, BatchState.ORPHANED, at)

    def finish_batches(self, block_hashes: Sequence[Hash], at: Timestamp) -> None:
        """The blocks ``block_hashes`` are final, and with them the batches that they hold."""
        self._move(block_hashes, BatchState.FINAL, at)

    def status_events(self, after: int, limit: int) -> list[StatusEvent]:
        """What became of evidence since position ``after``, oldest first, at most ``limit``."""
        joined = status_event.outerjoin(block, block.c.block_hash == status_event.c.block_hash)
        statement = select(*STATUS_EVENT_COLUMNS).select_from(joined).where(status_event.c.position > after)
        rows = self._connection.execute(statement.order_by(status_event.c.position).limit(limit))
        return [status_event_record(row) for row in rows]

    def batch_entries(self, operator: Address, batch_id: int) -> list[BatchEntry]:
        """The frozen content, by subject then index; empty for another operator's batch."""
        frozen = {"sealer": operator, "batch": batch_id}
        return [BatchEntry(*row) for row in self._connection.execute(_ENTRIES, frozen)]

    def _state_of(self, operator: Address, batch_id: int) -> BatchState | None:
        state = self._connection.execute(_STATE, {"sealer": operator, "batch": batch_id}).scalar()
        return None if state is None else BatchState(state)

    def _set_state(self, operator: Address, batch_id: int, state: BatchState, block_hash: Hash | None = None) -> None:
        values = {"state": state.value} if block_hash is None else {"state": state.value, "block_hash": block_hash}
        same = (outgoing.c.operator == operator, outgoing.c.batch_id == batch_id)
        before = self._state_of(operator, batch_id)
        if before is None or self._connection.execute(outgoing.update().where(*same).values(**values)).rowcount != 1:
            raise NotFound(f"There is no batch {batch_id} of {to_hex(operator)}.")
        self._tally_batch(operator, batch_id, before, state)

    def _move(self, block_hashes: Sequence[Hash], to: BatchState, at: Timestamp) -> None:
        """Bring the batches that these blocks hold to another state."""
        for some in chunks(block_hashes):
            of_them = outgoing.c.block_hash.in_(some)
            held = (outgoing.c.state == BatchState.INCLUDED.value, of_them)
            moved = self._connection.execute(select(outgoing.c.operator, outgoing.c.batch_id).where(*held)).all()
            if self._connection.execute(outgoing.update().where(*held).values(state=to.value)).rowcount:
                for operator, batch_id in moved:
                    self._tally_batch(operator, batch_id, BatchState.INCLUDED, to)
                # a block comes and goes with all of its batches, so that those are all that moved just now
                self._note((outgoing.c.state == to.value, of_them), to, at)

    def _note(self, batches: Sequence[ColumnElement[bool]], status: BatchState, at: Timestamp) -> None:
        """Note a status event for each evidence of ``batches``, in order of acceptance."""
        of_batch = and_(outgoing.c.operator == acceptance.c.operator, outgoing.c.batch_id == acceptance.c.batch_id)
        rows = (
            select(acceptance.c.evidence_id, outgoing.c.block_hash, literal(status.value), literal(at, BigInteger))
            .select_from(acceptance.join(outgoing, of_batch))
            .where(*batches)
            .order_by(acceptance.c.position)
        )
        columns = ["evidence_id", "block_hash", "status", "at"]
        self._connection.execute(status_event.insert().from_select(columns, rows))

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
