"""How a transaction is sent: tried, priced, signed, broadcast, waited for, and explained when it fails.

::

    calls --try (eth_call)--> nonce, fees --sign--> raw --broadcast--> hash --poll--> included --> succeeded
             |                                       |                                   |
             reverts: nothing is sent                already known: fine                 reverted: replayed to explain

- Nonces follow the newest block, so that a lost transaction is replaced and never blocks the next one.
- The fee limit is twice the next base fee plus the tip, and never above ``max_fee_per_gas_wei``.
- A replacement offers at least an eighth more of both fees, for nodes ask for a tenth and round up.
- What a node says when it refuses differs from client to client; what is in the table below is told apart, and whatever
  it says, only the chain tells what became of the transaction.
- No transaction asks for more gas than EIP-7825 or the block allows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

from tallystick.chain import wire
from tallystick.chain.node import Node
from tallystick.chain.records import Fees, Inclusion, SendOutcome, SignedTransaction
from tallystick.chain.reverts import explain_revert
from tallystick.chain.transactions import Sign, UnsignedTransaction, sign_transaction
from tallystick.chain.wire import NodeRefused
from tallystick.errors import ChainInconsistent, TransactionFailed
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, BlockRef, Hash, to_hex

MAX_TRANSACTION_GAS = 16_777_216
"""EIP-7825."""
DEFAULT_MAX_FEE_PER_GAS_WEI = 500 * 10**9
DEFAULT_INCLUSION_TIMEOUT_SECONDS = 180.0
MIN_TIP_WEI = 1_000_000
IN_FLIGHT_LIMIT = 32
"""How many transactions of one account wait at once; nodes drop what goes far beyond (geth queues 64)."""

REFUSALS = {
    SendOutcome.TAKEN: ("already known", "alreadyknown", "known transaction", "already imported", "already in mempool"),
    SendOutcome.NONCE_USED: ("nonce too low", "oldnonce", "nonce is too low", "nonce_too_low", "already been used"),
    SendOutcome.UNDERPRICED: (
        *("replacement transaction underpriced", "transaction underpriced", "replacementnotallowed"),
        *("could not replace", "feetoolow", "fee too low", "price too low"),
    ),
}
"""What geth, Nethermind, Besu, Erigon, reth, anvil and their kin say, in lower case, and what it means."""
NO_RECEIPT_YET = ("indexing is in progress", "transaction not found", "receipt not found")
"""What geth and others say instead of null, in lower case: it tells nothing of the transaction."""
_LESS = "Put less into one transaction (EIP-7825 caps its gas)."
_FEE_HISTORY_BLOCKS = 5
_FIRST_POLL_SECONDS = 0.01
_LAST_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call of contract ``to`` (None: a creation) with ``data`` and at most ``gas``; errors call it ``purpose``."""

    to: Address | None
    data: bytes
    gas: int
    purpose: str


class Sender:
    """Sends transactions of chain ``chain_id`` through ``node``."""

    def __init__(
        self,
        node: Node,
        chain_id: int,
        *,
        max_fee_per_gas_wei: int = DEFAULT_MAX_FEE_PER_GAS_WEI,
        inclusion_timeout_seconds: float = DEFAULT_INCLUSION_TIMEOUT_SECONDS,
    ) -> None:
        self._node = node
        self._chain_id = chain_id
        self._max_fee_per_gas_wei = max_fee_per_gas_wei
        self._inclusion_timeout_seconds = inclusion_timeout_seconds

    def try_call(self, sender: Address, call: Call) -> None:
        """Execute ``call`` on the newest state without sending it. Raises ``TransactionFailed`` if it would revert."""
        assert call.to is not None, "a creation is not tried"
        try:
            self._node.call(call.to, call.data, None, sender)
        except NodeRefused as error:
            raise _failure(call, error) from error

    def try_next(self, sender: Address, call: Call) -> None:
        """Execute ``call`` as the block to come would: what it says hangs on the time. Raises as ``try_call``."""
        assert call.to is not None, "a creation is not tried"
        try:
            self._node.call_next(call.to, call.data, sender)
        except NodeRefused as error:
            raise _failure(call, error) from error

    def estimate_gas(self, sender: Address, call: Call) -> int:
        """The gas that the node says ``call`` takes.

        Raises:
            TransactionFailed: it would revert, or the node finds no amount that is enough.
        """
        assert call.to is not None, "a creation is not estimated"
        request = {"from": to_hex(sender), "to": to_hex(call.to), "data": to_hex(call.data)}
        try:
            return wire.quantity(self._node.request("eth_estimateGas", request), "eth_estimateGas")
        except NodeRefused as error:
            if error.revert_data:
                raise _failure(call, error) from error
            message = f"{call.purpose}: expected the node to find enough gas for it, got: {error.message}"
            raise TransactionFailed(message, todo=_LESS) from error

    def next_nonce(self, sender: Address, block: BlockRef | None = None) -> int:
        """How many transactions of ``sender`` there are up to ``block`` (None: the newest): the nonce of its next."""
        answer = self._node.read_at("eth_getTransactionCount", to_hex(sender), block=block)
        return wire.quantity(answer, "eth_getTransactionCount")

    def suggest_fees(self) -> Fees:
        """What a transaction should offer to be in one of the next blocks.

        Raises:
            TransactionFailed: the base fee is above the limit.
        """
        return self._fees(self._node.newest().base_fee_wei)

    def replacement_fees(self, offered: Fees) -> Fees | None:
        """What a transaction must offer to take the place of one that ``offered`` less; None: more than the limit.

        Raises:
            TransactionFailed: the base fee is above the limit.
        """
        now = self.suggest_fees()
        limit = max(now.max_fee_wei, _raised(offered.max_fee_wei))
        tip = max(now.max_priority_fee_wei, _raised(offered.max_priority_fee_wei))
        if max(limit, tip) > self._max_fee_per_gas_wei:
            return None
        return Fees(tip, max(limit, tip))

    def sign_one(self, sender: Address, sign: Sign, call: Call, nonce: int, fees: Fees) -> SignedTransaction:
        """``call`` as the transaction ``nonce`` of ``sender`` that offers ``fees``. Raises as ``sign``."""
        check_gas(call, min(MAX_TRANSACTION_GAS, self._node.newest().gas_limit))
        return self._sign(sender, sign, call, nonce, fees)

    def sign(
        self, sender: Address, sign: Sign, call_list: Sequence[Call], first_nonce: int | None = None
    ) -> list[SignedTransaction]:
        """``call_list`` as transactions of ``sender`` with consecutive nonces.

        They begin with ``first_nonce``, else with the next one of ``sender`` in the newest block.

        Raises:
            TransactionFailed: a call needs more gas than a transaction may have, or the base fee is above the limit.
            WrongSigner: ``sign`` does not hold the key of ``sender``.
        """
        newest = self._node.newest()
        cap = min(MAX_TRANSACTION_GAS, newest.gas_limit)
        fees = self._fees(newest.base_fee_wei)
        nonce = self.next_nonce(sender) if first_nonce is None else first_nonce
        for call in call_list:
            check_gas(call, cap)
        return [self._sign(sender, sign, call, nonce + offset, fees) for offset, call in enumerate(call_list)]

    def _sign(self, sender: Address, sign: Sign, call: Call, nonce: int, fees: Fees) -> SignedTransaction:
        unsigned = UnsignedTransaction(
            self._chain_id, nonce, fees.max_priority_fee_wei, fees.max_fee_wei, call.gas, call.to, call.data
        )
        return sign_transaction(unsigned, sender, sign)

    def send(self, raw: bytes) -> SendOutcome:
        """Send the signed transaction ``raw``, for the first time or again.

        Raises:
            TransactionFailed: the node refused it for a reason of its own, such as an account without money.
            ChainUnreachable: no answer; whether it arrived is not known, and sending it again is harmless.
        """
        try:
            self.broadcast(raw)
        except TransactionFailed as error:
            outcome = outcome_of(error.message)
            if outcome is None:
                raise
            return outcome
        return SendOutcome.TAKEN

    def broadcast(self, raw: bytes) -> Hash:
        """Send the signed transaction ``raw`` and return its hash; that the node knows it already is success.

        Raises:
            TransactionFailed: the node refused it and does not know it.
            ChainUnreachable: no answer; whether it arrived is not known, and sending it again is harmless.
        """
        transaction_hash = Hash(keccak256(raw))
        try:
            answer = self._node.request("eth_sendRawTransaction", to_hex(raw))
        except NodeRefused as error:
            if self._is_known(transaction_hash):
                return transaction_hash
            raise TransactionFailed(
                f"transaction {to_hex(transaction_hash)} was refused: {error.message}",
                todo="Check the account's balance and next nonce, then sign it anew.",
            ) from error
        if wire.data(answer, "eth_sendRawTransaction", 32) != transaction_hash:
            raise ChainInconsistent(
                f"node: transaction: expected hash {to_hex(transaction_hash)}, got {answer}.", todo="Ask another node."
            )
        return transaction_hash

    def inclusion(self, transaction_hash: Hash) -> Inclusion | None:
        """Where ``transaction_hash`` stands in the canonical chain, or None where the node does not know (yet)."""
        try:
            answer = self._node.request("eth_getTransactionReceipt", to_hex(transaction_hash))
        except NodeRefused as error:
            if any(phrase in error.message.lower() for phrase in NO_RECEIPT_YET):
                return None
            raise
        if answer is None:
            return None
        receipt = wire.parse_receipt(answer)
        try:
            block = self._node.block(receipt.block_number)
        except ChainInconsistent:
            return None
        if block.hash != receipt.block_hash:
            return None
        return Inclusion(block, receipt.succeeded, receipt.gas_used, transaction_hash)

    def create(self, sender: Address, sign: Sign, creation: Call, nonce: int) -> Inclusion:
        """Send ``creation`` with exactly ``nonce``, which its address follows from. Raises as ``run``."""
        return self._run_part(sender, sign, [creation], nonce)[0]

    def run(self, sender: Address, sign: Sign, call_list: Sequence[Call]) -> list[Inclusion]:
        """Send all of ``call_list`` from ``sender`` and wait until each is included and succeeded.

        Raises:
            TransactionFailed: one reverted (the others may have succeeded), or was not included in time.
        """
        inclusions = []
        for start in range(0, len(call_list), IN_FLIGHT_LIMIT):
            inclusions += self._run_part(sender, sign, call_list[start : start + IN_FLIGHT_LIMIT])
        return inclusions

    def _run_part(
        self, sender: Address, sign: Sign, part: Sequence[Call], first_nonce: int | None = None
    ) -> list[Inclusion]:
        hashes = [self.broadcast(signed.raw) for signed in self.sign(sender, sign, part, first_nonce)]
        deadline = time.monotonic() + self._inclusion_timeout_seconds
        inclusions = [self._wait(item, call, deadline) for item, call in zip(hashes, part, strict=True)]
        for call, inclusion in zip(part, inclusions, strict=True):
            if not inclusion.succeeded:
                raise self._explain(sender, call, inclusion)
        return inclusions

    def _wait(self, transaction_hash: Hash, call: Call, deadline: float) -> Inclusion:
        pause = _FIRST_POLL_SECONDS
        while (inclusion := self.inclusion(transaction_hash)) is None:
            if time.monotonic() > deadline:
                raise TransactionFailed(
                    f"{call.purpose}: transaction {to_hex(transaction_hash)} was not included within "
                    f"{self._inclusion_timeout_seconds:g} seconds.",
                    todo="It may still be; look it up before trying again.",
                )
            time.sleep(pause)
            pause = min(2 * pause, _LAST_POLL_SECONDS)
        return inclusion

    def _fees(self, base_fee_wei: int | None) -> Fees:
        """From the tips of the last blocks; from the newest base fee alone where the node keeps no history."""
        if base_fee_wei is None:
            raise TransactionFailed(
                "fees: expected a chain with base fees (EIP-1559), got a block without one.",
                todo="Use a chain with the London rules or newer.",
            )
        tip = MIN_TIP_WEI
        try:
            answer = self._node.request("eth_feeHistory", hex(_FEE_HISTORY_BLOCKS), "latest", [50])
        except NodeRefused:
            pass
        else:
            history = wire.mapping(answer, "eth_feeHistory")
            rewards = wire.array(history.get("reward") or [], "rewards")
            tips = [wire.quantity(reward, "reward") for row in rewards for reward in wire.array(row, "rewards")[:1]]
            base_fees = wire.array(history.get("baseFeePerGas") or [], "base fees")
            tip = max(median_low(tips), MIN_TIP_WEI) if tips else MIN_TIP_WEI
            base_fee_wei = wire.quantity(base_fees[-1], "base fee") if base_fees else base_fee_wei
        if base_fee_wei >= self._max_fee_per_gas_wei:
            raise TransactionFailed(
                f"fees: expected a base fee below {self._max_fee_per_gas_wei} wei, got {base_fee_wei}.",
                todo="Wait until the chain is less busy, or raise the fee limit.",
            )
        limit = min(2 * base_fee_wei + tip, self._max_fee_per_gas_wei)
        return Fees(min(tip, limit), limit)

    def _is_known(self, transaction_hash: Hash) -> bool:
        try:
            return self._node.request("eth_getTransactionByHash", to_hex(transaction_hash)) is not None
        except NodeRefused:
            return False

    def _explain(self, sender: Address, call: Call, inclusion: Inclusion) -> TransactionFailed:
        """Why the included ``call`` failed: replay it on the state before its block."""
        if call.to is not None and inclusion.gas_used < call.gas:
            before = self._node.block(inclusion.block.number - 1)
            for block in (before, inclusion.block):
                try:
                    self._node.call(call.to, call.data, block, sender)
                except NodeRefused as error:
                    return _failure(call, error)
        why = "it ran out of gas" if inclusion.gas_used >= call.gas else "its reason can't be found any more"
        return TransactionFailed(
            f"{call.purpose}: the transaction in block {inclusion.block.number} reverted: {why}.",
            todo="Try again; if it fails again, ask the operator of the chain.",
        )


def outcome_of(refusal: str) -> SendOutcome | None:
    """What a node means by ``refusal``, its words; None where they are of another kind."""
    said = refusal.lower()
    for outcome, phrases in REFUSALS.items():
        if any(re.search(rf"\b{phrase}", said) for phrase in phrases):
            return outcome
    return None


def _raised(wei: int) -> int:
    """An eighth more, at least one."""
    return wei + max(1, -(-wei // 8))


def check_gas(call: Call, cap: int) -> None:
    """Raises ``TransactionFailed`` if ``call`` asks for more gas than ``cap``."""
    if call.gas > cap:
        raise TransactionFailed(
            f"{call.purpose}: expected to need at most {cap} gas, got {call.gas}.",
            todo=_LESS,
        )


def _failure(call: Call, error: NodeRefused) -> TransactionFailed:
    if error.revert_data is None:
        todo = "Check the account's balance and the node."
        return TransactionFailed(f"{call.purpose}: the node refused: {error.message}", todo=todo)
    message, todo = explain_revert(error.revert_data)
    return TransactionFailed(f"{call.purpose}: {message}", todo=todo)
