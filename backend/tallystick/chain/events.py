"""Events of the contracts, decoded strictly from topics and data.

Example of ``Sealed``: topics are the event's hash, the operator and the batch id; data is the batch root, the offset 64
and the array of appends. What re-encodes to other bytes is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.chain.calls import WORD_SIZE, address, address_word, encode_appends, parse_appends, uint
from tallystick.chain.records import Append
from tallystick.errors import MalformedInput
from tallystick.protocol.hashing import keccak256, word
from tallystick.protocol.types import Address, Hash, PartyId, Timestamp

SEALED_SIGNATURE = "Sealed(address,uint64,bytes32,(bytes32,bytes32,uint32)[])"
SIGNER_ADDED_SIGNATURE = "SignerAdded(bytes32,address,address,uint64)"
SIGNER_REVOKED_SIGNATURE = "SignerRevoked(bytes32,address,address,uint64)"
OPERATOR_ADDED_SIGNATURE = "OperatorAdded(address,address)"
ROLE_GRANTED_SIGNATURE = "RoleGranted(bytes32,address,address)"
SEALED = keccak256(SEALED_SIGNATURE.encode())
SIGNER_ADDED = keccak256(SIGNER_ADDED_SIGNATURE.encode())
SIGNER_REVOKED = keccak256(SIGNER_REVOKED_SIGNATURE.encode())
OPERATOR_ADDED = keccak256(OPERATOR_ADDED_SIGNATURE.encode())
ROLE_GRANTED = keccak256(ROLE_GRANTED_SIGNATURE.encode())

_ARRAY_OFFSET = word(2 * WORD_SIZE)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a ``Sealed`` event says: batch ``batch_id`` of ``operator``, its batch ``root`` and ``appends``."""

    operator: Address
    batch_id: int
    root: Hash
    appends: tuple[Append, ...]


@dataclass(frozen=True, slots=True)
class SignerEvent:
    """What ``SignerAdded`` (``added``) or ``SignerRevoked`` says of ``signer`` for ``party``; ``at`` is in seconds."""

    party: PartyId
    signer: Address
    by: Address
    at: Timestamp
    added: bool


def encode_sealed(event: Sealed) -> tuple[tuple[bytes, ...], bytes]:
    """Topics and data of ``event``, as the contract emits them."""
    topics = (SEALED, address_word(event.operator), word(event.batch_id))
    return topics, event.root + _ARRAY_OFFSET + encode_appends(event.appends)


def decode_sealed(topics: Sequence[bytes], data: bytes) -> Sealed:
    """The ``Sealed`` event of ``topics`` and ``data``. Raises ``MalformedInput``."""
    if len(topics) != 3 or topics[0] != SEALED:
        raise MalformedInput(f"Sealed: expected its topic and two indexed values, got {len(topics)} topics.")
    if data[WORD_SIZE : 2 * WORD_SIZE] != _ARRAY_OFFSET:
        raise MalformedInput("Sealed: expected a root and the offset 64 of the appends.")
    appends = parse_appends(data[2 * WORD_SIZE :])
    return Sealed(address(topics[1], "operator"), uint(topics[2], 64, "batchId"), Hash(data[:WORD_SIZE]), appends)


def encode_signer_event(event: SignerEvent) -> tuple[tuple[bytes, ...], bytes]:
    """Topics and data of ``event``, as the contract emits them."""
    kind = SIGNER_ADDED if event.added else SIGNER_REVOKED
    return (kind, event.party, address_word(event.signer), address_word(event.by)), word(event.at)


def decode_signer_event(topics: Sequence[bytes], data: bytes) -> SignerEvent:
    """The ``SignerAdded`` or ``SignerRevoked`` event of ``topics`` and ``data``. Raises ``MalformedInput``."""
    if len(topics) != 4 or topics[0] not in (SIGNER_ADDED, SIGNER_REVOKED):
        raise MalformedInput(f"SignerAdded, SignerRevoked: expected 4 topics of one of them, got {len(topics)}.")
    return SignerEvent(
        PartyId(topics[1]),
        address(topics[2], "signer"),
        address(topics[3], "by"),
        Timestamp(uint(data, 64, "timestamp")),
        topics[0] == SIGNER_ADDED,
    )
