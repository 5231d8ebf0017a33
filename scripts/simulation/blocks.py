"""A block with the state after it, what became of its transactions, and what a reorganisation does to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from simulation.mempool import SimulatedTransaction
from simulation.state import RawLog, State
from tallystick.protocol.types import BlockRef, Hash


class Fate(StrEnum):
    """What becomes of a transaction when its block is abandoned."""

    SAME = "same"
    """In the new block of the same number."""
    MOVED = "moved"
    """In some new block."""
    WAITS = "waits"
    """Back in the mempool."""
    LOST = "lost"
    """Forgotten by the node."""
    RIVAL = "rival"
    """An earlier or later version, which was sent with the same nonce, is included instead; SAME if there is none."""
    FOREIGN = "foreign"
    """The nonce is used by a transaction that nobody here sent."""


DEFAULT_FATES: Mapping[Fate, float] = {
    Fate.SAME: 4,
    Fate.MOVED: 3,
    Fate.WAITS: 3,
    Fate.LOST: 1,
    Fate.RIVAL: 1,
    Fate.FOREIGN: 0.25,
}
"""How often each is, in proportion."""


@dataclass(frozen=True, slots=True)
class Executed:
    """How ``transaction`` ended in its block; ``first_log`` is the index of its first log in that block."""

    transaction: SimulatedTransaction
    succeeded: bool
    gas_used: int
    logs: tuple[RawLog, ...]
    first_log: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A block with the state after it."""

    ref: BlockRef
    parent: Block | None
    base_fee_wei: int
    executed: tuple[Executed, ...]
    state: State

    @property
    def number(self) -> int:
        """How many blocks stand below it."""
        return self.ref.number

    @property
    def gas_used(self) -> int:
        """The gas of all its transactions."""
        return sum(item.gas_used for item in self.executed)


@dataclass(frozen=True, slots=True)
class Reorg:
    """What a reorganisation did: which blocks went, which came, and the fate of each transaction that was in one."""

    abandoned: tuple[BlockRef, ...]
    adopted: tuple[BlockRef, ...]
    fates: Mapping[Hash, Fate] = field(default_factory=dict)

    def __str__(self) -> str:
        fates = ", ".join(f"{hash_.hex()[:8]} {fate}" for hash_, fate in self.fates.items())
        first = self.abandoned[0].number
        return f"reorg of {len(self.abandoned)} blocks from {first} on, {len(self.adopted)} came [{fates}]"
