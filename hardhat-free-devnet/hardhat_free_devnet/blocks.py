"""The canonical blocks and their transactions: found by number, by block hash or by transaction hash.

- Only canonical blocks are here. An abandoned block is forgotten with its transactions and logs, in one commit.
- Headers live with the trie nodes, keyed by their hash, because the EVM's BLOCKHASH reads them there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class SealedTransaction:
    """A transaction in a block with what its execution came to; `raw` is its EIP-2718 encoding.

    `gas_used` is its own, `cumulative_gas_used` includes the transactions before it; `effective_gas_price` is in wei.
    """

    number: int
    position: int
    hash: bytes
    sender: bytes
    raw: bytes
    succeeded: bool
    gas_used: int
    cumulative_gas_used: int
    effective_gas_price: int
    contract_address: bytes | None


@dataclass(frozen=True)
class BlockRow:
    """A canonical block: `size` is the length of its RLP encoding in bytes."""

    number: int
    hash: bytes
    size: int


def insert_block(connection: sqlite3.Connection, block: BlockRow, transactions: Iterable[SealedTransaction]) -> None:
    """Add `block` with its `transactions` on top of the chain."""
    connection.execute("INSERT INTO block VALUES (?, ?, ?)", (block.number, block.hash, block.size))
    connection.executemany(
        "INSERT INTO tx VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                tx.number,
                tx.position,
                tx.hash,
                tx.sender,
                tx.raw,
                int(tx.succeeded),
                tx.gas_used,
                tx.cumulative_gas_used,
                str(tx.effective_gas_price),
                tx.contract_address,
            )
            for tx in transactions
        ),
    )


def delete_blocks_above(connection: sqlite3.Connection, number: int) -> None:
    """Forget every block above `number`, with its transactions and logs."""
    for table in ("log", "tx", "block"):
        connection.execute(f"DELETE FROM {table} WHERE number > ?", (number,))  # noqa: S608 - our own names  # nosec B608


def head_block(connection: sqlite3.Connection) -> BlockRow | None:
    """Return the highest block, or None before genesis."""
    return _block(connection.execute("SELECT number, hash, size FROM block ORDER BY number DESC LIMIT 1"))


def block_by_number(connection: sqlite3.Connection, number: int) -> BlockRow | None:
    """Return the block `number`, or None."""
    return _block(connection.execute("SELECT number, hash, size FROM block WHERE number = ?", (number,)))


def block_by_hash(connection: sqlite3.Connection, block_hash: bytes) -> BlockRow | None:
    """Return the canonical block `block_hash`, or None."""
    return _block(connection.execute("SELECT number, hash, size FROM block WHERE hash = ?", (block_hash,)))


def block_hashes(connection: sqlite3.Connection, first: int, last: int) -> list[bytes]:
    """Return the hashes of blocks `first` to `last`, ascending."""
    rows = connection.execute("SELECT hash FROM block WHERE number BETWEEN ? AND ? ORDER BY number", (first, last))
    return [row[0] for row in rows]


def transaction_by_hash(connection: sqlite3.Connection, transaction_hash: bytes) -> SealedTransaction | None:
    """Return the sealed transaction `transaction_hash`, or None."""
    row = connection.execute("SELECT * FROM tx WHERE hash = ?", (transaction_hash,)).fetchone()
    return None if row is None else _transaction(row)


def transactions_of_block(connection: sqlite3.Connection, number: int) -> list[SealedTransaction]:
    """Return the transactions of block `number`, in order."""
    rows = connection.execute("SELECT * FROM tx WHERE number = ? ORDER BY position", (number,))
    return [_transaction(row) for row in rows]


def transactions_above(connection: sqlite3.Connection, number: int) -> list[SealedTransaction]:
    """Return the transactions of all blocks above `number`, in chain order."""
    rows = connection.execute("SELECT * FROM tx WHERE number > ? ORDER BY number, position", (number,))
    return [_transaction(row) for row in rows]


def transaction_hashes(connection: sqlite3.Connection, number: int) -> list[bytes]:
    """Return the hashes of the transactions of block `number`, in order."""
    rows = connection.execute("SELECT hash FROM tx WHERE number = ? ORDER BY position", (number,))
    return [row[0] for row in rows]


def _block(cursor: sqlite3.Cursor) -> BlockRow | None:
    row = cursor.fetchone()
    return None if row is None else BlockRow(*row)


def _transaction(row: tuple[int, int, bytes, bytes, bytes, int, int, int, str, bytes | None]) -> SealedTransaction:
    return SealedTransaction(
        number=row[0],
        position=row[1],
        hash=row[2],
        sender=row[3],
        raw=row[4],
        succeeded=bool(row[5]),
        gas_used=row[6],
        cumulative_gas_used=row[7],
        effective_gas_price=int(row[8]),
        contract_address=row[9],
    )
