"""Events of the ReceivableRegistry, decoded strictly from topics and data; all their values are static words."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.chain.calls import WORD_SIZE, uint
from tallystick.errors import MalformedInput
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.pledges import Cancelled, Event, Pledged, Released, Transferred
from tallystick.protocol.types import EvidenceId, Hash, PartyId, Timestamp

PLEDGED_SIGNATURE = "Pledged(bytes32,bytes32,bytes32,bytes32,bytes32,uint64,uint64)"
TRANSFERRED_SIGNATURE = "Transferred(bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,uint64)"
RELEASED_SIGNATURE = "Released(bytes32,bytes32,bytes32,bytes32,bytes32,bytes32,uint64)"
CANCELLED_SIGNATURE = "Cancelled(bytes32,bytes32,bytes32,bytes32,bytes32,uint64)"
PLEDGED = keccak256(PLEDGED_SIGNATURE.encode())
TRANSFERRED = keccak256(TRANSFERRED_SIGNATURE.encode())
RELEASED = keccak256(RELEASED_SIGNATURE.encode())
CANCELLED = keccak256(CANCELLED_SIGNATURE.encode())
TOPICS = (PLEDGED, TRANSFERRED, RELEASED, CANCELLED)

_INDEXED = 3
_DATA_WORDS = {PLEDGED: 4, TRANSFERRED: 5, RELEASED: 4, CANCELLED: 3}


def decode_pledge_event(topics: Sequence[bytes], data: bytes) -> Event:
    """The event of ``topics`` and ``data``. Raises ``MalformedInput`` for any other."""
    if len(topics) != 1 + _INDEXED or topics[0] not in _DATA_WORDS:
        raise MalformedInput(f"receivables: expected an event with three indexed values, got {len(topics)} topics.")
    size = _DATA_WORDS[topics[0]] * WORD_SIZE
    if len(data) != size:
        raise MalformedInput(f"receivables: expected an event with {size} bytes of data, got {len(data)}.")
    words = [data[at : at + WORD_SIZE] for at in range(0, size, WORD_SIZE)]
    at = Timestamp(uint(words[-1], 64, "time"))
    subject = (EvidenceId(topics[1]), Hash(topics[2]), PartyId(topics[3]))
    if topics[0] == PLEDGED:
        pledged_at = Timestamp(uint(words[2], 64, "pledgedAt"))
        return Pledged(*subject, Hash(words[0]), PartyId(words[1]), pledged_at, at)
    if topics[0] == TRANSFERRED:
        return Transferred(*subject, Hash(words[0]), Hash(words[1]), PartyId(words[2]), PartyId(words[3]), at)
    if topics[0] == RELEASED:
        return Released(*subject, Hash(words[0]), Hash(words[1]), PartyId(words[2]), at)
    return Cancelled(*subject, Hash(words[0]), PartyId(words[1]), at)
