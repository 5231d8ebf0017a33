"""State and storage tries as an Ethereum node keeps them, through the ``trie`` package, and the header above them."""

from __future__ import annotations

from collections.abc import Mapping

import rlp
from trie import HexaryTrie

from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import ZERO32


def new_trie() -> HexaryTrie:
    """An empty trie."""
    return HexaryTrie({})


def storage_trie(slots: Mapping[bytes, int]) -> HexaryTrie:
    """The storage trie of a contract whose ``slots`` hold these values."""
    made = new_trie()
    for slot, value in slots.items():
        made[keccak256(slot)] = rlp.encode(value)
    return made


def path(trie: HexaryTrie, key: bytes) -> list[bytes]:
    """The hashed nodes on the way to ``key``: the root, and what is not inlined in its parent."""
    if trie.root_hash == keccak256(b"\x80"):
        return []
    encoded = [rlp.encode(node) for node in trie.get_proof(keccak256(key))]
    return [encoded[0], *(node for node in encoded[1:] if len(node) >= 32)]


def encode_header(state_root: bytes, number: int, timestamp: int) -> bytes:
    """The RLP of a block header of the Prague fork."""
    header: bytes = rlp.encode(
        [
            *(ZERO32, ZERO32, bytes(20), state_root, ZERO32, ZERO32, bytes(256)),
            *(0, number, 30_000_000, 0, timestamp, b"", ZERO32, bytes(8)),
            *(7, ZERO32, 0, 0, ZERO32, ZERO32),  # base fee (London) to requests hash (Prague)
        ]
    )
    return header
