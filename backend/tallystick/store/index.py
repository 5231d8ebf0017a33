"""The indexed chain: sealed batches, the log of each party, signers, and how far it was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, func, select

from tallystick.errors import Duplicate
from tallystick.protocol.types import Address, EvidenceId, Hash, PartyId, to_hex
from tallystick.store.bulk import insert_rows
from tallystick.store.failures import translated
from tallystick.store.records import AppendRecord, Cursor, LogEntryRecord, SignerRecord
from tallystick.store.rows import (
    APPEND_COLUMNS,
    APPEND_JOINS,
    EVIDENCE_COLUMNS,
    EVIDENCE_JOINS,
    append_record,
    chunks,
    evidence_record,
    select_appends,
    storable,
)
from tallystick.store.schema import append, batch_entry, evidence, sealed_batch
from tallystick.store.schema import cursor as position
from tallystick.store.schema import signer as known_signers

STREAM_ROWS = 1_000
"""Rows that ``log`` holds in memory at once."""

_ENTRY_OF_APPEND = and_(
    batch_entry.c.operator == append.c.operator,
    batch_entry.c.batch_id == append.c.batch_id,
    batch_entry.c.subject == append.c.subject,
)


class IndexRows:
    """The part of a transaction that reads and writes the indexed chain."""

    _connection: Connection
    _place: str

    def cursor(self) -> Cursor | None:
        """How far the chain is indexed, or None before the first block."""
        statement = select(position.c.block_number, position.c.block_hash, position.c.timestamp)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else Cursor(*row)

    def set_cursor(self, cursor: Cursor) -> None:
        """Note that everything up to and including ``cursor`` is indexed."""
        values = {
            "block_number": cursor.block_number,
            "block_hash": cursor.block_hash,
            "timestamp": cursor.timestamp,
        }
        self._put(position, {"id": 1}, values)

    def add_appends(self, appends: Sequence[AppendRecord], root: Hash) -> None:
        """Keep the ``appends`` of one sealed batch, the root of whose tree is ``root``.

        Raises:
            Duplicate: the batch is indexed already, or an append of that ordinal is there.
        """
        assert appends, "a sealed batch appends to at least one log"
        first = appends[0]
        sealed = _batch_row(first)
        assert all(_batch_row(one) == sealed for one in appends), "one call is one batch"
        if self._is_indexed(first.operator, first.batch_id):
            raise Duplicate(f"The batch {first.batch_id} of {to_hex(first.operator)} is indexed already.")
        self._connection.execute(sealed_batch.insert(), {**sealed, "root": root})
        rows = [
            {
                "subject": one.subject,
                "ordinal": one.ordinal,
                "operator": one.operator,
                "batch_id": one.batch_id,
                "entry_count": one.count,
                "root": one.root,
                "first_seq": one.first_seq,
                "head": one.head,
            }
            for one in appends
        ]
        insert_rows(self._connection, append, rows)

    def last_appends(self, subjects: Iterable[PartyId]) -> Mapping[PartyId, AppendRecord]:
        """The newest append of each of ``subjects`` that has one."""
        newest: dict[PartyId, AppendRecord] = {}
        for some in chunks(subjects):
            last = (
                select(append.c.subject, func.max(append.c.ordinal).label("ordinal"))
                .where(append.c.subject.in_(some))
                .group_by(append.c.subject)
                .subquery()
            )
            joined = APPEND_JOINS.join(
                last, and_(last.c.subject == append.c.subject, last.c.ordinal == append.c.ordinal)
            )
            for row in self._connection.execute(select(*APPEND_COLUMNS).select_from(joined)):
                newest[row.subject] = append_record(row)
        return newest

    def appends(self, subject: PartyId, until_block: int) -> list[AppendRecord]:
        """All appends of ``subject`` up to and including block number ``until_block``, in order."""
        statement = (
            select_appends()
            .where(append.c.subject == subject, sealed_batch.c.block_number <= storable(until_block))
            .order_by(append.c.ordinal)
        )
        return [append_record(row) for row in self._connection.execute(statement)]

    def log(self, subject: PartyId, until_block: int) -> Iterator[LogEntryRecord]:
        """The known entries of ``subject``'s log up to ``until_block``, in order of append and index, as they are read.

        Entries that their operator withholds are missing: compare with the ``count`` of the append. Good only inside
        the transaction.
        """
        with translated(self._place):
            by_ordinal = {one.ordinal: one for one in self.appends(subject, until_block)}
            if not by_ordinal:
                return
            joined = append.join(batch_entry, _ENTRY_OF_APPEND).join(
                EVIDENCE_JOINS, evidence.c.evidence_id == batch_entry.c.evidence_id
            )
            statement = (
                select(append.c.ordinal, batch_entry.c.entry_index, *EVIDENCE_COLUMNS)
                .select_from(joined)
                .where(append.c.subject == subject, append.c.ordinal <= max(by_ordinal))
                .order_by(append.c.ordinal, batch_entry.c.entry_index)
            )
            options = {"yield_per": STREAM_ROWS}
            for ordinal, index, *row in self._connection.execute(statement, execution_options=options):
                yield LogEntryRecord(by_ordinal[ordinal], index, evidence_record(row))

    def sealed_count(self, operator: Address) -> int:
        """How many batches of ``operator`` are indexed: the id its next one must have."""
        statement = select(func.count()).select_from(sealed_batch).where(sealed_batch.c.operator == operator)
        return self._connection.execute(statement).scalar_one()

    def put_signer(self, signer: SignerRecord) -> None:
        """Keep ``signer`` in place of what was known of this signer of this party."""
        values = {"added_at": signer.added_at, "revoked_at": signer.revoked_at}
        self._put(known_signers, {"party": signer.party, "signer": signer.signer}, values)

    def signers(self, parties: Iterable[PartyId]) -> list[SignerRecord]:
        """The signers of ``parties``, by party, then by when they were added, then by address."""
        records = [
            SignerRecord(row.party, row.signer, row.added_at, row.revoked_at)
            for some in chunks(parties)
            for row in self._connection.execute(known_signers.select().where(known_signers.c.party.in_(some)))
        ]
        return sorted(records, key=lambda record: (record.party, record.added_at, record.signer))

    def placement(self, evidence_id: EvidenceId) -> list[tuple[AppendRecord, int]]:
        """Where ``evidence_id`` stands in the final chain: (append, index), by subject then ordinal."""
        statement = (
            select(batch_entry.c.entry_index, *APPEND_COLUMNS)
            .select_from(APPEND_JOINS.join(batch_entry, _ENTRY_OF_APPEND))
            .where(batch_entry.c.evidence_id == evidence_id)
            .order_by(append.c.subject, append.c.ordinal)
        )
        return [(append_record(row), index) for index, *row in self._connection.execute(statement)]

    def _is_indexed(self, operator: Address, batch_id: int) -> bool:
        statement = select(func.count()).select_from(sealed_batch)
        same = (sealed_batch.c.operator == operator, sealed_batch.c.batch_id == batch_id)
        return bool(self._connection.execute(statement.where(*same)).scalar_one())

    def _put(self, table: Table, key: dict[str, Any], values: dict[str, Any]) -> None:
        """Replace the row of ``key``, or add it: no upsert, for its spelling differs between databases."""
        same = [table.c[name] == value for name, value in key.items()]
        if self._connection.execute(table.update().where(*same).values(**values)).rowcount == 0:
            self._connection.execute(table.insert(), {**key, **values})


def _batch_row(record: AppendRecord) -> dict[str, Any]:
    """What all appends of one sealed batch have in common."""
    return {
        "operator": record.operator,
        "batch_id": record.batch_id,
        "timestamp": record.timestamp,
        "block_number": record.block_number,
        "block_hash": record.block_hash,
    }
