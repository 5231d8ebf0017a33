"""What is read from and sent to the chain, as plain values. Every read names its block."""

from __future__ import annotations

from dataclasses import dataclass

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
    """A ``Sealed`` event of the EvidenceLedger in a final block; ``root`` is what the contract computed."""

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
class SignedTransaction:
    """The bytes to broadcast and the hash they will have: stored before they are first sent."""

    raw: bytes
    hash: Hash
    nonce: int


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
    "Append",
    "Deployment",
    "Inclusion",
    "PledgeChange",
    "SealedBatch",
    "SignedTransaction",
    "SignerChange",
    "StateProof",
]
