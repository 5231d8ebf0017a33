"""Transactions that wait for a block, by account and nonce.

- A nonce above the account's next one waits for those before it.
- The same nonce again replaces only where tip and fee limit are both at least a tenth higher.
- A fee limit below the base fee waits until that falls.
- In a block: the highest tip first, then the earliest, never against an account's nonces.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from simulation import wordings
from simulation.wordings import Make
from tallystick.chain.transactions import UnsignedTransaction, parse_transaction
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, Hash

PRICE_BUMP_PERCENT = 10
FOREIGN_GAS = 21_000


@dataclass(frozen=True, slots=True)
class SimulatedTransaction:
    """A transaction of ``sender``; ``raw`` is None for one that somebody else made with the same key."""

    hash: Hash
    sender: Address
    body: UnsignedTransaction
    raw: bytes | None

    @property
    def nonce(self) -> int:
        """Its place among the sender's."""
        return self.body.nonce

    def tip(self, base_fee_wei: int) -> int:
        """What the miner gets per gas, in wei, where the base fee is ``base_fee_wei``."""
        return min(self.body.max_priority_fee_wei, self.body.max_fee_wei - base_fee_wei)


def parse(raw: bytes) -> SimulatedTransaction:
    """The transaction in ``raw``. Raises as ``parse_transaction``."""
    body, sender = parse_transaction(raw)
    return SimulatedTransaction(Hash(keccak256(raw)), sender, body, raw)


def foreign(chain_id: int, sender: Address, nonce: int, salt: bytes) -> SimulatedTransaction:
    """A transaction that does nothing but use ``nonce`` of ``sender``, as another program with its key might send."""
    fee = 10**12
    body = UnsignedTransaction(chain_id, nonce, fee, fee, FOREIGN_GAS, sender, b"")
    return SimulatedTransaction(Hash(keccak256(b"foreign" + body.digest + salt)), sender, body, None)


class Mempool:
    """The waiting transactions of a node of some ``make``."""

    def __init__(self, make: Make = Make.GETH) -> None:
        self.make = make
        self._accounts: dict[Address, dict[int, tuple[int, SimulatedTransaction]]] = {}
        self._hashes: dict[Hash, SimulatedTransaction] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._hashes)

    def get(self, transaction_hash: Hash) -> SimulatedTransaction | None:
        """The waiting transaction of that hash."""
        return self._hashes.get(transaction_hash)

    def waiting(self) -> list[SimulatedTransaction]:
        """All that wait, in order of arrival."""
        return list(self._hashes.values())

    def add(self, transaction: SimulatedTransaction, next_nonce: int) -> None:
        """Let ``transaction`` wait, whose sender's next one has ``next_nonce``. Raises ``RpcError``."""
        if transaction.hash in self._hashes:
            raise wordings.already_known(self.make)
        if transaction.nonce < next_nonce:
            raise wordings.nonce_too_low(self.make, next_nonce, transaction.nonce)
        waits = self._accounts.get(transaction.sender, {}).get(transaction.nonce)
        if waits is not None and not _outbids(transaction.body, waits[1].body):
            raise wordings.underpriced(self.make)
        self._put(transaction)

    def give_back(self, transaction: SimulatedTransaction, next_nonce: int) -> bool:
        """Let ``transaction``, which was in an orphaned block, wait again; False if its nonce is used or taken."""
        taken = transaction.nonce in self._accounts.get(transaction.sender, {})
        if taken or transaction.nonce < next_nonce:
            return False
        self._put(transaction)
        return True

    def drop(self, transaction_hash: Hash) -> bool:
        """Forget the transaction of that hash; False if it does not wait."""
        found = self._hashes.pop(transaction_hash, None)
        if found is None:
            return False
        account = self._accounts[found.sender]
        del account[found.nonce]
        if not account:
            del self._accounts[found.sender]
        return True

    def forget_used(self, nonces: Mapping[Address, int]) -> None:
        """Forget all whose nonce is below the sender's next one, as ``nonces`` tell."""
        for transaction in self.waiting():
            if transaction.nonce < nonces.get(transaction.sender, 0):
                self.drop(transaction.hash)

    def next_nonce(self, sender: Address, next_nonce: int) -> int:
        """The nonce after all of ``sender`` that wait without a gap from ``next_nonce`` on."""
        account = self._accounts.get(sender, {})
        while next_nonce in account:
            next_nonce += 1
        return next_nonce

    def choose(self, nonces: Mapping[Address, int], base_fee_wei: int, limit: int | None) -> list[SimulatedTransaction]:
        """Those that a block of ``base_fee_wei`` would hold, in order, at most ``limit``; ``nonces`` as before it."""
        executable: list[tuple[int, int, SimulatedTransaction]] = []

        def push(sender: Address, nonce: int) -> None:
            found = self._accounts[sender].get(nonce)
            if found is not None and found[1].body.max_fee_wei >= base_fee_wei:
                heapq.heappush(executable, (-found[1].tip(base_fee_wei), found[0], found[1]))

        for sender in self._accounts:
            push(sender, nonces.get(sender, 0))
        chosen: list[SimulatedTransaction] = []
        while executable and (limit is None or len(chosen) < limit):
            transaction = heapq.heappop(executable)[2]
            chosen.append(transaction)
            push(transaction.sender, transaction.nonce + 1)
        return chosen

    def _put(self, transaction: SimulatedTransaction) -> None:
        account = self._accounts.setdefault(transaction.sender, {})
        replaced = account.get(transaction.nonce)
        if replaced is not None:
            del self._hashes[replaced[1].hash]
        account[transaction.nonce] = (self._arrivals, transaction)
        self._hashes[transaction.hash] = transaction
        self._arrivals += 1


def _outbids(new: UnsignedTransaction, old: UnsignedTransaction) -> bool:
    """Whether ``new`` pays enough more than ``old`` to replace it (go-ethereum's rule)."""
    pairs = (
        (new.max_priority_fee_wei, old.max_priority_fee_wei),
        (new.max_fee_wei, old.max_fee_wei),
    )
    return all(paid > before and 100 * paid >= (100 + PRICE_BUMP_PERCENT) * before for paid, before in pairs)
