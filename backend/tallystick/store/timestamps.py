"""Time-stamps of an authority on batch roots: at most one a batch, added once, never replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from sqlalchemy import Connection, and_, select

from tallystick.protocol.types import Address
from tallystick.store.records import BatchRecord, BatchState, TimestampRecord
from tallystick.store.rows import BATCH_COLUMNS, batch_record
from tallystick.store.schema import batch, block, timestamp_token

_COLUMNS = (
    timestamp_token.c.operator,
    timestamp_token.c.batch_id,
    timestamp_token.c.authority,
    timestamp_token.c.token,
    timestamp_token.c.stamped_at,
)


class TimestampRows:
    """The part of a transaction that reads and writes time-stamps."""

    _connection: Connection

    def unstamped(self) -> list[BatchRecord]:
        """The final batches frozen here whose roots have no time-stamp, oldest first."""
        same = and_(timestamp_token.c.operator == batch.c.operator, timestamp_token.c.batch_id == batch.c.batch_id)
        statement = (
            select(*BATCH_COLUMNS)
            .select_from(
                batch.outerjoin(block, block.c.block_hash == batch.c.block_hash).outerjoin(timestamp_token, same)
            )
            .where(batch.c.state == BatchState.FINAL.value, timestamp_token.c.operator.is_(None))
            .order_by(batch.c.position)
        )
        return [batch_record(row) for row in self._connection.execute(statement)]

    def add_timestamp(self, stamp: TimestampRecord) -> bool:
        """Keep ``stamp`` unless its batch has one; whether it was kept."""
        if self.timestamps([(stamp.operator, stamp.batch_id)]):
            return False
        self._connection.execute(timestamp_token.insert(), dataclasses.asdict(stamp))
        return True

    def timestamps(self, batches: Iterable[tuple[Address, int]] | None = None) -> list[TimestampRecord]:
        """The time-stamps of these ``batches`` (operator, batch id), or all; by operator, then batch id."""
        order = (timestamp_token.c.operator, timestamp_token.c.batch_id)
        if batches is None:
            return [TimestampRecord(*row) for row in self._connection.execute(select(*_COLUMNS).order_by(*order))]
        found = []
        for operator, batch_id in sorted(set(batches)):
            same = (timestamp_token.c.operator == operator, timestamp_token.c.batch_id == batch_id)
            found += [TimestampRecord(*row) for row in self._connection.execute(select(*_COLUMNS).where(*same))]
        return found
