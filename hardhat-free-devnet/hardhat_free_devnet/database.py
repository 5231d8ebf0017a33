"""One SQLite file that holds a whole chain, and the trie-node store that py-evm reads and writes.

- One writer: a lock file beside the data file refuses a second process (and a second node in this process).
- One block, one SQLite transaction, with WAL and synchronous=FULL: what was committed survives kill -9 and power loss.
- py-evm's writes stay in memory until the block that caused them commits, and vanish if it does not.
- In memory (no path) the same code runs on SQLite's `:memory:`.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from eth.db.backends.base import BaseDB

from hardhat_free_devnet.errors import DevnetError

APPLICATION_ID = 0x48464456
"""Marks the file as ours ("HFDV") in the SQLite header."""
SCHEMA_VERSION = 1
CACHED_NODES = 50_000

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE node (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE block (number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, size INTEGER NOT NULL);
CREATE TABLE tx (
    number INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, sender BLOB NOT NULL,
    raw BLOB NOT NULL, succeeded INTEGER NOT NULL, gas_used INTEGER NOT NULL, cumulative_gas_used INTEGER NOT NULL,
    effective_gas_price TEXT NOT NULL, contract_address BLOB,
    PRIMARY KEY (number, position)
) WITHOUT ROWID;
CREATE TABLE log (
    number INTEGER NOT NULL, log_index INTEGER NOT NULL, position INTEGER NOT NULL, address BLOB NOT NULL,
    topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL,
    PRIMARY KEY (number, log_index)
) WITHOUT ROWID;
CREATE INDEX log_address ON log (address, number);
CREATE INDEX log_topic0 ON log (topic0, number);
CREATE INDEX log_topic1 ON log (topic1, number);
CREATE INDEX log_topic2 ON log (topic2, number);
CREATE TABLE pending (arrival INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, raw BLOB NOT NULL);
"""


class Database:
    """The chain's tables in the file at `path`, or in memory when `path` is None.

    Raises: DevnetError when another node has the file open, or when it is not a data file of this program.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock_file = _lock(path) if path is not None else None
        try:
            self.connection = _connect(path)
        except BaseException:
            self._unlock()
            raise
        self.nodes = NodeStore(self.connection)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the body in one SQLite transaction that also writes the trie nodes set since the last one.

        When the body or the commit raises, nothing is written and the trie nodes are forgotten.
        """
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.nodes.write_pending()
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self.nodes.forget_pending()
            raise
        self.nodes.keep_pending()

    def meta(self, key: str) -> str | None:
        """Return the setting stored under `key`, or None."""
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Store the setting `value` under `key`; call it inside `transaction`."""
        assert self.connection.in_transaction, "settings change together with the block they belong to"
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Close the file and let another process open it."""
        self.connection.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None


class NodeStore(BaseDB):  # type: ignore[misc]
    """py-evm's key-value view of table `node`: trie nodes, code and headers, keyed by their hash.

    Writes are visible at once and reach the file with `Database.transaction`. Nothing in here is ever changed or
    deleted (the key is the content's hash), so state of every past block stays readable.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._pending: dict[bytes, bytes] = {}
        self._cache: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self._pending.get(key)
        if value is None:
            value = self._cache.get(key)
        if value is None:
            row = self._connection.execute("SELECT value FROM node WHERE key = ?", (key,)).fetchone()
            if row is None:
                raise KeyError(key)
            value = row[0]
            assert isinstance(value, bytes)
            self._remember({key: value})
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._pending[key] = value

    def __delitem__(self, key: bytes) -> None:
        # py-evm prunes nothing; a deletion could only take back a write that has not been committed.
        if key not in self:
            raise KeyError(key)
        self._pending.pop(key, None)

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def write_pending(self) -> None:
        """Insert the pending nodes; part of `Database.transaction`."""
        self._connection.executemany("INSERT OR IGNORE INTO node VALUES (?, ?)", self._pending.items())

    def keep_pending(self) -> None:
        """Treat the pending nodes as stored; part of `Database.transaction`."""
        self._remember(self._pending)
        self._pending = {}

    def forget_pending(self) -> None:
        """Drop the writes that were not committed."""
        self._pending = {}

    def _remember(self, nodes: dict[bytes, bytes]) -> None:
        if len(self._cache) + len(nodes) > CACHED_NODES:
            self._cache.clear()
        self._cache.update(nodes)


def _lock(path: Path) -> IO[str]:
    lock_path = path.with_name(path.name + ".lock")
    try:
        lock_file = open(lock_path, "a+", encoding="ascii")  # noqa: SIM115 - open as long as the node
    except OSError as error:
        raise DevnetError(
            f"cannot open {lock_path}: {error.strerror}", "create the folder, or choose another data file"
        ) from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock_file.seek(0)
        holder = lock_file.read(32).strip()
        lock_file.close()
        raise DevnetError(
            f"data file {path} is already open in process {holder or 'unknown'}; expected to be its only user",
            "stop that process, talk to it over JSON-RPC, or choose another data file",
        ) from None
    lock_file.truncate(0)
    lock_file.write(f"{os.getpid()}\n")
    lock_file.flush()
    return lock_file


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(
            ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=5
        )
        # First look, then write: even the journal mode is a change to a file that is not ours.
        is_new = _is_new(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -32768")
        if is_new:
            connection.executescript(
                f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {SCHEMA_VERSION};COMMIT;"
            )
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise DevnetError(
            f"cannot open {path}: {error}", "choose a data file that this program made, or a new one"
        ) from error
    except DevnetError:
        if connection is not None:
            connection.close()
        raise
    return connection


def _is_new(connection: sqlite3.Connection, path: Path | None) -> bool:
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if empty and application_id == 0:
        return True
    if application_id != APPLICATION_ID:
        raise DevnetError(
            f"{path}: expected a chain made by hardhat-free-devnet, got another SQLite file", "choose another data file"
        )
    if version != SCHEMA_VERSION:
        raise DevnetError(
            f"{path}: expected data format {SCHEMA_VERSION}, got {version}",
            "use the version of this program that made the file, or start a new chain",
        )
    return False
