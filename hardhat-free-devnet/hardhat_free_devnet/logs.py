"""The log index: every log of the canonical chain, found by block, address and topics without decoding receipts.

- `topics` in a filter is positional: None matches any topic that is there, a tuple matches any of its members.
- A log with fewer topics than the filter has positions does not match.
- Logs of abandoned blocks are deleted in the transaction that abandons them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from hardhat_free_devnet.encoding import Json, format_address, format_data, format_quantity
from hardhat_free_devnet.errors import LIMIT_EXCEEDED, RpcError

MAX_LOGS = 100_000
"""The most logs in one answer, so that one request cannot exhaust memory."""
MAX_ALTERNATIVES = 1_000
MAX_TOPICS = 4

_SELECT = """
SELECT log.number, block.hash, log.log_index, log.position, tx.hash,
       log.address, log.topic0, log.topic1, log.topic2, log.topic3, log.data
FROM log JOIN block ON block.number = log.number
         JOIN tx ON tx.number = log.number AND tx.position = log.position
WHERE """


@dataclass(frozen=True)
class Log:
    """One log entry: `log_index` counts within the block `number`, `position` is its transaction's place there."""

    number: int
    block_hash: bytes
    log_index: int
    position: int
    transaction_hash: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class LogFilter:
    """Which logs to find: in blocks `first` to `last`, from one of `addresses` (empty: any), matching `topics`."""

    first: int
    last: int
    addresses: tuple[bytes, ...] = ()
    topics: tuple[tuple[bytes, ...] | None, ...] = ()

    def matches(self, log: Log) -> bool:
        """Say whether `log` is one that this filter finds."""
        return (
            self.first <= log.number <= self.last
            and (not self.addresses or log.address in self.addresses)
            and len(self.topics) <= len(log.topics)
            and all(wanted is None or got in wanted for wanted, got in zip(self.topics, log.topics, strict=False))
        )


def insert_logs(connection: sqlite3.Connection, logs: Iterable[Log]) -> None:
    """Add the `logs` of a new block."""
    connection.executemany(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((log.number, log.log_index, log.position, log.address, *_four(log.topics), log.data) for log in logs),
    )


def find_logs(connection: sqlite3.Connection, wanted: LogFilter, limit: int = MAX_LOGS) -> list[Log]:
    """Return the logs that `wanted` describes, in chain order.

    Raises: RpcError -32005 when there are more than `limit`.
    """
    conditions = ["log.number BETWEEN ? AND ?"]
    values: list[int | bytes] = [wanted.first, wanted.last]
    columns = [("address", wanted.addresses or None)]
    columns += [(f"topic{place}", choice) for place, choice in enumerate(wanted.topics)]
    for column, choice in columns:
        if choice is not None:
            conditions.append(f"log.{column} IN ({', '.join('?' * len(choice))})")
            values.extend(choice)
        elif column != "address":
            conditions.append(f"log.{column} IS NOT NULL")
    rows = connection.execute(
        f"{_SELECT}{' AND '.join(conditions)} ORDER BY log.number, log.log_index LIMIT ?", (*values, limit + 1)
    ).fetchall()
    if len(rows) > limit:
        raise RpcError(LIMIT_EXCEEDED, f"query returned more than {limit} results; ask for fewer blocks at once")
    return [_log(row) for row in rows]


def logs_of_block(connection: sqlite3.Connection, number: int) -> list[Log]:
    """Return the logs of block `number`, in order."""
    rows = connection.execute(f"{_SELECT}log.number = ? ORDER BY log.log_index", (number,))
    return [_log(row) for row in rows]


def logs_of_transaction(connection: sqlite3.Connection, number: int, position: int) -> list[Log]:
    """Return the logs of the transaction at `position` in block `number`, in order."""
    rows = connection.execute(
        f"{_SELECT}log.number = ? AND log.position = ? ORDER BY log.log_index", (number, position)
    )
    return [_log(row) for row in rows]


def log_json(log: Log, removed: bool = False) -> Json:
    """Format `log`; `removed` says that a reorganisation took it away."""
    return {
        "address": format_address(log.address),
        "topics": [format_data(topic) for topic in log.topics],
        "data": format_data(log.data),
        "blockHash": format_data(log.block_hash),
        "blockNumber": format_quantity(log.number),
        "transactionHash": format_data(log.transaction_hash),
        "transactionIndex": format_quantity(log.position),
        "logIndex": format_quantity(log.log_index),
        "removed": removed,
    }


def _four(topics: tuple[bytes, ...]) -> tuple[bytes | None, ...]:
    return (*topics, *(None,) * (MAX_TOPICS - len(topics)))


def _log(row: tuple[int, bytes, int, int, bytes, bytes, bytes, bytes, bytes, bytes, bytes]) -> Log:
    topics = tuple(topic for topic in row[6:10] if topic is not None)
    return Log(row[0], row[1], row[2], row[3], row[4], row[5], topics, row[10])
