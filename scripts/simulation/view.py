"""The chain as a node sees it whose newest block is another: an older one, or the tip of an orphaned branch.

Example: ``View(chain, old_tip).block(7)`` is the block 7 that the old branch holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulation import wordings
from simulation.blocks import Block
from simulation.chain import SimulatedChain
from simulation.wordings import RpcError
from tallystick.protocol.types import Hash

Json = Any


class View:
    """``chain`` as a node sees it whose newest block is ``head``."""

    def __init__(self, chain: SimulatedChain, head: Block) -> None:
        self.chain = chain
        self.head = head
        self._side: dict[int, Block] = {}
        block: Block | None = head
        while block is not None and not chain.is_canonical(block):
            self._side[block.number] = block
            block = block.parent

    def block(self, number: int) -> Block | None:
        """The block ``number`` of this view."""
        if not 0 <= number <= self.head.number:
            return None
        return self._side.get(number) or self.chain.canonical[number]

    @property
    def final(self) -> Block:
        """The newest block that is final for a node with this head."""
        chain = self.chain
        behind = self.head is not chain.head
        number = chain.final.number
        number = min(number, max(0, self.head.number - chain.finality_depth)) if behind else number
        found = self.block(number)
        assert found is not None, "a final block is not above its head"
        return found

    def named(self, name: Json) -> Block | None:
        """The block of a number, a tag, or an object of EIP-1898; "pending" is the head it would stand on."""
        if isinstance(name, Mapping):
            if "blockHash" not in name:
                return self.named(name.get("blockNumber"))
            found = self.chain.by_hash(Hash(data(name["blockHash"])))
            return None if found is not None and name.get("requireCanonical") and not self.holds(found) else found
        if name in ("latest", "pending", None):
            return self.head
        if name in ("finalized", "safe"):
            return self.final
        return self.block(0 if name == "earliest" else quantity(name))

    def holds(self, block: Block) -> bool:
        """Whether ``block`` is canonical in this view."""
        return self.block(block.number) is block

    def place(self, transaction_hash: Hash) -> tuple[Block, int] | None:
        """The block of this view that holds the transaction, and its position there."""
        for block in self.chain.blocks_of(transaction_hash):
            if self.holds(block):
                for position, item in enumerate(block.executed):
                    if item.transaction.hash == transaction_hash:
                        return block, position
        return None


def quantity(value: Json) -> int:
    """The number spelled by ``value``. Raises ``RpcError``."""
    try:
        return int(value, 16)
    except (TypeError, ValueError) as error:
        raise RpcError(wordings.INVALID_PARAMS, f"invalid argument: expected a quantity, got {value!r}") from error


def data(value: Json) -> bytes:
    """The bytes spelled by ``value``. Raises ``RpcError``."""
    try:
        return bytes.fromhex(value.removeprefix("0x"))
    except (AttributeError, ValueError) as error:
        raise RpcError(wordings.INVALID_PARAMS, f"invalid argument: expected hex data, got {value!r}") from error
