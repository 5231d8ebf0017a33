"""Accepted transactions that wait for a block, in nonce order per sender.

- `parse_transaction` refuses what can never be executed here; messages follow geth's, which tools already understand.
- A nonce gap waits. The same nonce again replaces only when both fees rise by at least 10 %.
- Order in a block: higher priority fee first, then earlier arrival, never against a sender's nonce order.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import rlp
from eth.abc import SignedTransactionAPI
from eth.constants import GAS_TX, SECPK1_N
from eth.exceptions import UnrecognizedTransactionType
from eth.vm.forks.prague.constants import STANDARD_TOKEN_COST, TOTAL_COST_FLOOR_PER_TOKEN
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from hardhat_free_devnet.chain import decode_transaction, effective_gas_price
from hardhat_free_devnet.errors import RpcError, refused

MAX_TRANSACTION_BYTES = 128 * 1024
MAX_INITCODE_BYTES = 49_152
"""EIP-3860."""
MAX_TRANSACTION_GAS = 16_777_216
"""EIP-7825: the most gas one transaction may ask for."""
MAX_POOLED = 10_000
MAX_NONCE = 2**64 - 2
"""EIP-2681."""
PRICE_BUMP_PERCENT = 10
SUPPORTED_TYPES = (0, 1, 2)


def parse_transaction(raw: bytes, chain_id: int, block_gas_limit: int) -> SignedTransactionAPI:
    """Decode `raw` and check all that needs no state: encoding, type, chain, signature, gas.

    Raises: RpcError -32000 with the reason.
    """
    if len(raw) > MAX_TRANSACTION_BYTES:
        raise refused(f"oversized data: transaction size {len(raw)}, limit {MAX_TRANSACTION_BYTES}")
    transaction = _decode(raw)
    got_chain = transaction.chain_id
    if got_chain is None:
        raise refused("only replay-protected (EIP-155) transactions allowed over RPC")
    if got_chain != chain_id:
        raise refused(f"invalid chain id for signer: have {got_chain} want {chain_id}")
    _check_signature(transaction)
    _check_gas(transaction, block_gas_limit)
    return transaction


def _decode(raw: bytes) -> SignedTransactionAPI:
    if not raw or (raw[0] < 0xC0 and raw[0] not in SUPPORTED_TYPES[1:]):
        raise refused(f"transaction type not supported: expected one of {SUPPORTED_TYPES}, got 0x{raw[:1].hex()}")
    try:
        transaction = decode_transaction(raw)
    except (rlp.exceptions.RLPException, ValidationError, UnrecognizedTransactionType, TypeError) as error:
        raise refused(f"rlp: cannot decode the transaction: {error}") from error
    if transaction.encode() != raw:
        raise refused("rlp: expected the canonical encoding of the transaction")
    return transaction


def _check_signature(transaction: SignedTransactionAPI) -> None:
    if not (transaction.y_parity in (0, 1) and 0 < transaction.r < SECPK1_N and 0 < transaction.s <= SECPK1_N // 2):
        raise refused("invalid sender: invalid transaction v, r, s values")
    try:
        transaction.validate()
        transaction.sender  # noqa: B018 - recovers and remembers the sender
    except BadSignature as error:
        raise refused("invalid sender: the signature recovers no public key") from error
    except ValidationError as error:
        if transaction.gas < transaction.intrinsic_gas:
            raise _intrinsic_gas_too_low(transaction) from error
        raise refused(f"invalid transaction: {error}") from error


def _check_gas(transaction: SignedTransactionAPI, block_gas_limit: int) -> None:
    if transaction.nonce > MAX_NONCE:
        raise refused(f"nonce has max value: expected at most {MAX_NONCE}, got {transaction.nonce}")
    if transaction.to == b"" and len(transaction.data) > MAX_INITCODE_BYTES:
        raise refused(f"max initcode size exceeded: code size {len(transaction.data)}, limit {MAX_INITCODE_BYTES}")
    if transaction.gas > block_gas_limit:
        raise refused(f"exceeds block gas limit: gas {transaction.gas}, limit {block_gas_limit}")
    if transaction.gas > MAX_TRANSACTION_GAS:
        raise refused(f"transaction gas limit too high (cap: {MAX_TRANSACTION_GAS}, tx: {transaction.gas})")
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise refused(
            "max priority fee per gas higher than max fee per gas: "
            f"maxPriorityFeePerGas: {transaction.max_priority_fee_per_gas}, maxFeePerGas: {transaction.max_fee_per_gas}"
        )
    if transaction.gas < transaction.intrinsic_gas:
        raise _intrinsic_gas_too_low(transaction)
    floor = floor_data_gas(transaction.data)
    if transaction.gas < floor:
        raise refused(
            f"insufficient gas for floor data gas cost: gas {transaction.gas}, minimum needed {floor} (EIP-7623)"
        )


def floor_data_gas(data: bytes) -> int:
    """Return the least gas a transaction with calldata `data` can cost (EIP-7623)."""
    zeros = data.count(0)
    tokens = zeros + (len(data) - zeros) * STANDARD_TOKEN_COST
    return int(GAS_TX + TOTAL_COST_FLOOR_PER_TOKEN * tokens)


def _intrinsic_gas_too_low(transaction: SignedTransactionAPI) -> RpcError:
    return refused(f"intrinsic gas too low: gas {transaction.gas}, minimum needed {transaction.intrinsic_gas}")


@dataclass(frozen=True)
class AccountView:
    """A sender's `nonce`, `balance` (wei) and whether it `has_code`, after the head block."""

    nonce: int
    balance: int
    has_code: bool


@dataclass(frozen=True)
class Pooled:
    """A waiting `transaction`, the `arrival`-th that came."""

    transaction: SignedTransactionAPI
    arrival: int

    @property
    def cost(self) -> int:
        """The most this transaction can take from its sender, in wei."""
        return _cost(self.transaction)


class Mempool:
    """The waiting transactions; it never looks at state itself but is told about accounts."""

    def __init__(self) -> None:
        self._senders: dict[bytes, dict[int, Pooled]] = {}
        self._hashes: dict[bytes, Pooled] = {}
        self._promised: dict[bytes, int] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._hashes)

    def get(self, transaction_hash: bytes) -> SignedTransactionAPI | None:
        """Return the waiting transaction `transaction_hash`, or None."""
        pooled = self._hashes.get(transaction_hash)
        return None if pooled is None else pooled.transaction

    def check(self, transaction: SignedTransactionAPI, account: AccountView, base_fee: int) -> None:
        """Check that `transaction` may wait here, given its sender's `account` and the next block's `base_fee` in wei.

        Raises: RpcError -32000 with the reason.
        """
        if transaction.hash in self._hashes:
            raise refused("already known")
        if len(self) >= MAX_POOLED:
            raise refused(f"txpool is full: it holds {MAX_POOLED} transactions")
        if transaction.nonce < account.nonce:
            raise refused(f"nonce too low: next nonce {account.nonce}, tx nonce {transaction.nonce}")
        if account.has_code:
            raise refused(f"sender not an eoa: address 0x{transaction.sender.hex()}")
        if transaction.max_fee_per_gas < base_fee:
            raise refused(
                f"max fee per gas less than block base fee: address 0x{transaction.sender.hex()}, "
                f"maxFeePerGas: {transaction.max_fee_per_gas}, baseFee: {base_fee}"
            )
        old = self._senders.get(transaction.sender, {}).get(transaction.nonce)
        if old is not None and not _outbids(transaction, old.transaction):
            raise refused("replacement transaction underpriced")
        promised = self._promised.get(transaction.sender, 0) - (0 if old is None else old.cost)
        cost = _cost(transaction)
        if account.balance < promised + cost:
            raise refused(
                f"insufficient funds for gas * price + value: balance {account.balance}, queued cost {promised}, "
                f"tx cost {cost}, overshot {promised + cost - account.balance}"
            )

    def add(self, transaction: SignedTransactionAPI) -> SignedTransactionAPI | None:
        """Let the checked `transaction` wait, and return the one that it replaces."""
        pooled = Pooled(transaction, self._arrivals)
        self._arrivals += 1
        old = self._senders.get(transaction.sender, {}).get(transaction.nonce)
        if old is not None:
            self.remove(old.transaction.hash)
        self._senders.setdefault(transaction.sender, {})[transaction.nonce] = pooled
        self._promised[transaction.sender] = self._promised.get(transaction.sender, 0) + pooled.cost
        self._hashes[transaction.hash] = pooled
        return None if old is None else old.transaction

    def remove(self, transaction_hash: bytes) -> None:
        """Forget the transaction `transaction_hash`, waiting or not."""
        pooled = self._hashes.pop(transaction_hash, None)
        if pooled is not None:
            sender = pooled.transaction.sender
            self._promised[sender] -= pooled.cost
            del self._senders[sender][pooled.transaction.nonce]
            if not self._senders[sender]:
                del self._senders[sender], self._promised[sender]

    def clear(self) -> None:
        """Forget every transaction."""
        self._senders.clear()
        self._promised.clear()
        self._hashes.clear()

    def pending_nonce(self, sender: bytes, nonce: int) -> int:
        """Return the first nonce from `nonce` on that `sender` has not used in a waiting transaction."""
        siblings = self._senders.get(sender, {})
        while nonce in siblings:
            nonce += 1
        return nonce

    def executable(self, nonce_of: Callable[[bytes], int], base_fee: int) -> list[SignedTransactionAPI]:
        """Return what the next block may hold, in order, given `nonce_of` a sender and its `base_fee` in wei."""
        ready: list[tuple[int, int, Pooled]] = []

        def offer(sender: bytes, nonce: int) -> None:
            pooled = self._senders[sender].get(nonce)
            if pooled is not None and pooled.transaction.max_fee_per_gas >= base_fee:
                tip = effective_gas_price(pooled.transaction, base_fee) - base_fee
                heapq.heappush(ready, (-tip, pooled.arrival, pooled))

        for sender in self._senders:
            offer(sender, nonce_of(sender))
        chosen = []
        while ready:
            transaction = heapq.heappop(ready)[2].transaction
            chosen.append(transaction)
            offer(transaction.sender, transaction.nonce + 1)
        return chosen


def _cost(transaction: SignedTransactionAPI) -> int:
    return int(transaction.gas * transaction.max_fee_per_gas + transaction.value)


def _outbids(new: SignedTransactionAPI, old: SignedTransactionAPI) -> bool:
    return all(
        fee * 100 >= old_fee * (100 + PRICE_BUMP_PERCENT)
        for fee, old_fee in (
            (new.max_fee_per_gas, old.max_fee_per_gas),
            (new.max_priority_fee_per_gas, old.max_priority_fee_per_gas),
        )
    )
