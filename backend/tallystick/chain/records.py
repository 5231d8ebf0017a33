"""What is read from and sent to the chain, as plain values. Every read names its block."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tallystick.protocol.deployment import Deployment
from tallystick.protocol.pledges import Event
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId

MAX_BATCH_SUBJECTS = 600
"""A ``seal`` of so many subjects fits into one transaction (EIP-7825), even if all of them are new to the ledger."""


@dataclass(frozen=True, slots=True)
class Append:
    """``count`` entries with subject root ``root`` put at the end of ``subject``'s log."""

    subject: PartyId
    root: Hash
    count: int


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A ``Sealed`` event of the EvidenceLedger; ``root`` is what the contract computed."""

    operator: Address
    batch_id: int
    root: Hash
    appends: tuple[Append, ...]
    block: BlockRef
    transaction_hash: Hash
    log_index: int


@dataclass(frozen=True, slots=True)
class SignerChange:
    """A signer added to or revoked for a party, at the time of ``block``."""

    party: PartyId
    signer: Address
    added: bool
    block: BlockRef
    log_index: int


@dataclass(frozen=True, slots=True)
class PledgeChange:
    """An ``event`` of the register of receivables, and the ``block`` it happened in."""

    event: Event
    block: BlockRef


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """A block and the hash of the one before it."""

    block: BlockRef
    parent: Hash


@dataclass(frozen=True, slots=True)
class Account:
    """What the newest ``block`` says of an operator: the ids of its next transaction and of its next batch."""

    block: BlockRef
    nonce: int
    next_batch: int


@dataclass(frozen=True, slots=True)
class Fees:
    """Limits in wei per gas (EIP-1559)."""

    max_priority_fee_wei: int
    max_fee_wei: int


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """The bytes to broadcast and the hash they will have: stored before they are first sent."""

    raw: bytes
    hash: Hash
    nonce: int
    fees: Fees


class SendOutcome(StrEnum):
    """What a node made of a transaction. Only a look at the chain tells what became of it."""

    TAKEN = "taken"
    """It is in the node's pool, newly or already, or in a block."""
    NONCE_USED = "nonce used"
    """The node says that the account's nonce went to a transaction: this one, or another."""
    UNDERPRICED = "underpriced"
    """Another transaction of that nonce waits and pays as much, or the pool asks for more."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where the transaction ``transaction_hash`` was included, and whether it succeeded."""

    block: BlockRef
    succeeded: bool
    gas_used: int
    transaction_hash: Hash


@dataclass(frozen=True, slots=True)
class StateProof:
    """Header and trie nodes that prove storage slots of two contracts at ``block`` (EIP-1186, eth_getProof).

    ``nodes`` are the RLP encodings of all trie nodes used, each once, ascending by keccak256.
    """

    block: BlockRef
    header: bytes
    nodes: tuple[bytes, ...]


__all__ = [
    "MAX_BATCH_SUBJECTS",
    "Account",
    "Append",
    "BlockHeader",
    "Deployment",
    "Fees",
    "Inclusion",
    "PledgeChange",
    "SealedBatch",
    "SendOutcome",
    "SignedTransaction",
    "SignerChange",
    "StateProof",
]
