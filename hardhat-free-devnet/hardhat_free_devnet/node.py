"""The development chain itself: accepts transactions, seals blocks, keeps the clock, abandons blocks on request.

- One lock: `request` is safe from any thread, and each request sees and leaves a whole chain.
- A transaction is acknowledged when it is on disk: in a block (automatic sealing) or in the table of waiting ones.
- Block time is the wall clock plus an offset, and always later than the parent's. A genesis timestamp,
  `evm_increaseTime` and `evm_setNextBlockTimestamp` move the offset; it is stored, so the clock outlives a restart.

Example: `DevNode.open(None, DevnetConfig(funded={address: 10**18})).request("eth_blockNumber", [])` gives `"0x0"`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from eth.abc import BlockHeaderAPI, SignedTransactionAPI, StateAPI
from eth.vm.forks.prague.constants import DELEGATION_DESIGNATION_PREFIX
from eth_typing import Address

from hardhat_free_devnet import blocks
from hardhat_free_devnet.accounts import RoleAccount
from hardhat_free_devnet.chain import BuiltBlock, Evm, decode_transaction, next_base_fee
from hardhat_free_devnet.config import MAX_TIMESTAMP, DevnetConfig
from hardhat_free_devnet.database import Database
from hardhat_free_devnet.encoding import Json
from hardhat_free_devnet.errors import DevnetError, RpcError, refused
from hardhat_free_devnet.genesis import GenesisSettings, check_agreement, new_settings, store_settings, stored_settings
from hardhat_free_devnet.logs import Log, LogFilter, find_logs, insert_logs
from hardhat_free_devnet.mempool import AccountView, Mempool, parse_transaction

_LOGGER = logging.getLogger(__name__)
_NO_LIMIT = 2**62

AbandonListener = Callable[[int, list[Log]], None]
"""Is told the last kept block number and the logs of the blocks above it, which have just been abandoned."""


@dataclass(frozen=True)
class Reorganisation:
    """What `DevNode.reorganise` did: block hashes ascending, and the transactions that were accepted again."""

    abandoned: tuple[bytes, ...]
    canonical: tuple[bytes, ...]
    resubmitted: tuple[bytes, ...]


@dataclass(frozen=True)
class _Snapshot:
    number: int
    block_hash: bytes
    clock_offset_seconds: int


class DevNode:
    """A running chain; make one with `DevNode.open`, talk to it with `request`, end it with `close`."""

    def __init__(self, database: Database, settings: GenesisSettings, config: DevnetConfig) -> None:
        from hardhat_free_devnet.rpc import Rpc

        head = blocks.head_block(database.connection)
        assert head is not None, "the genesis block is written when the file is made"
        self.database = database
        self.settings = settings
        self.config = config
        self.evm = Evm(database.nodes, settings.chain_id)
        self.mempool = Mempool()
        self.auto_seal = config.auto_seal
        self.lock = threading.RLock()
        self.abandon_listeners: list[AbandonListener] = []
        self._head = self.evm.header(head.hash)
        self._head_state: StateAPI | None = None
        self._clock_offset_seconds = int(database.meta("clock_offset_seconds") or 0)
        self._next_timestamp: int | None = None
        self._snapshots: dict[int, _Snapshot] = {}
        self._snapshot_count = 0
        self._closed = threading.Event()
        self._rpc = Rpc(self)
        self._load_pending()
        if self.auto_seal:
            self.seal_executable()
        if config.seal_interval_seconds is not None:
            threading.Thread(target=self._seal_regularly, args=(config.seal_interval_seconds,), daemon=True).start()

    @classmethod
    def open(cls, path: Path | None, config: DevnetConfig | None = None) -> DevNode:
        """Open the chain in the file at `path` (in memory when None), or make it there as `config` says.

        Raises: DevnetError when another process has the file open, when the file is something else, or when `config`
        asks for another chain id, genesis or gas limit than the file's.
        """
        config = config or DevnetConfig()
        database = Database(path)
        try:
            settings = stored_settings(database)
            if settings is None:
                settings = new_settings(config)
                _write_genesis(database, settings, clock_follows_genesis=config.genesis_timestamp is not None)
            else:
                check_agreement(settings, config)
            return cls(database, settings, config)
        except BaseException:
            database.close()
            raise

    def request(self, method: str, params: list[Json]) -> Json:
        """Answer the JSON-RPC `method` with positional `params`: JSON-able in, JSON-able out.

        Raises: RpcError with the code, message and data of the JSON-RPC error; DevnetError after `close`.
        """
        with self.lock:
            if self._closed.is_set():
                raise DevnetError("the node is closed", "open it again with DevNode.open")
            return self._rpc.call(method, params)

    def close(self) -> None:
        """Stop sealing and release the data file; closing twice does nothing."""
        with self.lock:
            if not self._closed.is_set():
                self._closed.set()
                self.database.close()

    def __enter__(self) -> DevNode:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- reading; the caller holds the lock ---

    @property
    def head(self) -> BlockHeaderAPI:
        """The header of the newest block."""
        return self._head

    @property
    def head_state(self) -> StateAPI:
        """The state after the newest block; only to be read."""
        if self._head_state is None:
            self._head_state = self.evm.state(self._head)
        return self._head_state

    @property
    def finalized_number(self) -> int:
        """The number of the newest block that `reorganise` will never abandon."""
        return max(0, int(self._head.block_number) - self.config.finality_depth)

    @property
    def role_accounts(self) -> tuple[RoleAccount, ...]:
        """The disclosed role accounts that this chain's genesis funded."""
        return tuple(account for account in self.config.role_accounts if account.address in self.settings.funded)

    def account(self, address: bytes) -> AccountView:
        """Return nonce, balance and kind of the account `address` after the head block."""
        canonical, state = Address(address), self.head_state
        code = state.get_code(canonical)
        return AccountView(
            nonce=state.get_nonce(canonical),
            balance=state.get_balance(canonical),
            has_code=code != b"" and not code.startswith(DELEGATION_DESIGNATION_PREFIX),
        )

    def chain_time(self) -> int:
        """Return the chain's clock in Unix seconds."""
        return int(time.time()) + self._clock_offset_seconds

    def next_timestamp(self) -> int:
        """Return the timestamp that a block sealed now would have."""
        if self._next_timestamp is not None:
            return self._next_timestamp
        return max(int(self._head.timestamp) + 1, self.chain_time())

    # --- writing; the caller holds the lock ---

    def submit(self, raw: bytes) -> bytes:
        """Accept the transaction `raw`, seal it if sealing is automatic, and return its hash once it is on disk.

        Raises: RpcError -32000 when it is refused; nothing has changed then.
        """
        transaction = parse_transaction(raw, self.settings.chain_id, self.settings.gas_limit)
        self.mempool.check(transaction, self.account(transaction.sender), next_base_fee(self._head))
        replaced = self.mempool.add(transaction)
        try:
            if self.auto_seal:
                self.seal_executable()
            if self.mempool.get(transaction.hash) is not None:
                self._store_pending(transaction, replaced)
        except BaseException:
            self.mempool.remove(transaction.hash)
            if replaced is not None and replaced.nonce >= self.account(replaced.sender).nonce:
                self.mempool.add(replaced)
            raise
        return bytes(transaction.hash)

    def seal(self) -> BuiltBlock:
        """Make one block of what is waiting and executable, even if that is nothing, and return it."""
        transactions = self.mempool.executable(lambda sender: self.account(sender).nonce, next_base_fee(self._head))
        timestamp = self.next_timestamp()
        offset = self._clock_offset_seconds if self._next_timestamp is None else timestamp - int(time.time())
        with self.database.transaction():
            built = self.evm.build(self._head, timestamp, transactions)
            self._insert(built)
            gone = [tx.hash for tx in built.sealed] + [bytes(transaction.hash) for transaction, _ in built.left_out]
            self.database.connection.executemany("DELETE FROM pending WHERE hash = ?", ((item,) for item in gone))
            if offset != self._clock_offset_seconds:
                self.database.set_meta("clock_offset_seconds", str(offset))
        for transaction, reason in built.left_out:
            _LOGGER.warning("dropped transaction 0x%s: %s", transaction.hash.hex(), reason)
        for transaction_hash in gone:
            self.mempool.remove(transaction_hash)
        self._clock_offset_seconds, self._next_timestamp = offset, None
        self._set_head(built.header)
        return built

    def seal_executable(self) -> None:
        """Make blocks until no waiting transaction can be executed; make none if none can."""
        while len(self.mempool) and self.mempool.executable(
            lambda sender: self.account(sender).nonce, next_base_fee(self._head)
        ):
            if not self.seal().sealed:
                break

    def set_next_timestamp(self, timestamp: int) -> None:
        """Give the next block the Unix time `timestamp`, and let the clock go on from there.

        Raises: RpcError -32000 when it is not after the head block's.
        """
        if not self._head.timestamp < timestamp <= MAX_TIMESTAMP:
            raise refused(
                f"next block timestamp: expected more than the head block's {self._head.timestamp} "
                f"and at most {MAX_TIMESTAMP}, got {timestamp}"
            )
        self._next_timestamp = timestamp

    def increase_time(self, seconds: int) -> None:
        """Move the clock `seconds` forward.

        Raises: RpcError -32000 when that is beyond the last allowed timestamp.
        """
        if self.chain_time() + seconds > MAX_TIMESTAMP:
            raise refused(f"clock: expected at most {MAX_TIMESTAMP}, got {self.chain_time() + seconds}")
        offset = self._clock_offset_seconds + seconds
        with self.database.transaction():
            self.database.set_meta("clock_offset_seconds", str(offset))
        self._clock_offset_seconds = offset

    def reorganise(self, depth: int, resubmit: bool = False) -> Reorganisation:
        """Abandon the last `depth` blocks for `depth` + 1 empty ones; accept their transactions again if `resubmit`.

        Raises: RpcError -32000 when that would abandon a finalized block.
        """
        head_number = self._head.block_number
        if not 1 <= depth <= head_number - self.finalized_number:
            raise refused(
                f"reorganisation depth: expected 1 to {head_number - self.finalized_number} "
                f"(head {head_number}, finalized {self.finalized_number}), got {depth}"
            )
        connection, kept = self.database.connection, head_number - depth
        old_hashes = blocks.block_hashes(connection, kept, head_number)
        old_transactions = blocks.transactions_above(connection, kept)
        old_logs = find_logs(connection, LogFilter(kept + 1, head_number), limit=_NO_LIMIT)
        times = [self.evm.header(block_hash).timestamp for block_hash in old_hashes[1:]]
        # The counter makes the side chain differ from any earlier one on the same parent.
        count = int(self.database.meta("reorganisations") or 0) + 1
        parent = self.evm.header(old_hashes[0])
        new_hashes = []
        with self.database.transaction():
            blocks.delete_blocks_above(connection, kept)
            self.database.set_meta("reorganisations", str(count))
            for timestamp in (*times, times[-1] + 1):
                built = self.evm.build(parent, timestamp, (), f"devnet_reorg {count}".encode())
                self._insert(built)
                parent = built.header
                new_hashes.append(built.row.hash)
        self._abandoned(parent, kept, old_logs)
        accepted = self._resubmit(old_transactions) if resubmit else []
        return Reorganisation(tuple(old_hashes[1:]), tuple(new_hashes), tuple(accepted))

    def snapshot(self) -> int:
        """Remember the present block and clock, until the process ends, and return the number to revert to them."""
        self._snapshot_count += 1
        self._snapshots[self._snapshot_count] = _Snapshot(
            self._head.block_number, self._head.hash, self._clock_offset_seconds
        )
        return self._snapshot_count

    def revert(self, snapshot_number: int) -> bool:
        """Forget all blocks and waiting transactions since the snapshot; False when it is unknown or its block is gone.

        A snapshot can be used once, and using it ends all later ones. Finality does not protect blocks from this.
        """
        taken = self._snapshots.get(snapshot_number)
        row = None if taken is None else blocks.block_by_number(self.database.connection, taken.number)
        if taken is None or row is None or row.hash != taken.block_hash:
            return False
        connection = self.database.connection
        old_logs = find_logs(connection, LogFilter(taken.number + 1, self._head.block_number), limit=_NO_LIMIT)
        with self.database.transaction():
            blocks.delete_blocks_above(connection, taken.number)
            connection.execute("DELETE FROM pending")
            self.database.set_meta("clock_offset_seconds", str(taken.clock_offset_seconds))
        self.mempool.clear()
        self._clock_offset_seconds, self._next_timestamp = taken.clock_offset_seconds, None
        self._snapshots = {number: kept for number, kept in self._snapshots.items() if number < snapshot_number}
        self._abandoned(self.evm.header(taken.block_hash), taken.number, old_logs)
        return True

    # --- inside ---

    def _insert(self, built: BuiltBlock) -> None:
        blocks.insert_block(self.database.connection, built.row, built.sealed)
        insert_logs(self.database.connection, built.logs)

    def _set_head(self, header: BlockHeaderAPI) -> None:
        self._head, self._head_state = header, None

    def _abandoned(self, new_head: BlockHeaderAPI, kept: int, old_logs: list[Log]) -> None:
        self._set_head(new_head)
        if self._next_timestamp is not None and self._next_timestamp <= new_head.timestamp:
            self._next_timestamp = None
        for listener in self.abandon_listeners:
            listener(kept, old_logs)

    def _resubmit(self, transactions: list[blocks.SealedTransaction]) -> list[bytes]:
        accepted = []
        for sealed in transactions:
            try:
                accepted.append(self.submit(sealed.raw))
            except RpcError as error:
                _LOGGER.warning("abandoned transaction 0x%s is not valid any more: %s", sealed.hash.hex(), error)
        return accepted

    def _store_pending(self, transaction: SignedTransactionAPI, replaced: SignedTransactionAPI | None) -> None:
        with self.database.transaction() as connection:
            if replaced is not None:
                connection.execute("DELETE FROM pending WHERE hash = ?", (replaced.hash,))
            connection.execute(
                "INSERT INTO pending (hash, raw) VALUES (?, ?)", (transaction.hash, transaction.encode())
            )

    def _load_pending(self) -> None:
        rows = self.database.connection.execute("SELECT raw FROM pending ORDER BY arrival").fetchall()
        for (raw,) in rows:
            transaction = decode_transaction(raw)
            if transaction.nonce >= self.account(transaction.sender).nonce:
                self.mempool.add(transaction)

    def _seal_regularly(self, interval_seconds: float) -> None:
        while not self._closed.wait(interval_seconds):
            with self.lock:
                if self._closed.is_set():
                    return
                try:
                    self.seal()
                except Exception:
                    _LOGGER.exception("sealing failed; the next interval tries again")


def _write_genesis(database: Database, settings: GenesisSettings, clock_follows_genesis: bool) -> None:
    offset = settings.timestamp - int(time.time()) if clock_follows_genesis else 0
    with database.transaction() as connection:
        built = Evm(database.nodes, settings.chain_id).genesis(settings.gas_limit, settings.timestamp, settings.funded)
        blocks.insert_block(connection, built.row, ())
        store_settings(database, settings)
        database.set_meta("clock_offset_seconds", str(offset))
