"""The hashes of the ledger once more, written from the formulas and by recursion, to compare the contract with."""

from __future__ import annotations

from eth_abi import encode
from eth_utils import keccak

ZERO = bytes(32)

Append = tuple[bytes, bytes, int]
Entry = tuple[bytes, int, bytes, bytes]


def word(label: str) -> bytes:
    """A 32-byte value that is different for each `label`."""
    return keccak(text=label)


def entry_leaf(entry: Entry) -> bytes:
    return keccak(keccak(encode(["bytes32", "uint32", "bytes32", "bytes32"], entry)))


def subject_leaf(append: Append) -> bytes:
    return keccak(keccak(encode(["bytes32", "bytes32", "uint32"], append)))


def next_head(head: bytes, operator: str, batch_id: int, append: Append, timestamp: int) -> bytes:
    _, root, count = append
    types = ["bytes32", "address", "uint64", "uint32", "bytes32", "uint256"]
    return keccak(encode(types, [head, operator, batch_id, count, root, timestamp]))


def tree_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 with the sorted pair as inner node; the leaves are hashed already."""
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return keccak(b"".join(sorted([tree_root(leaves[:split]), tree_root(leaves[split:])])))


def tree_path(leaves: list[bytes], index: int) -> list[bytes]:
    """RFC 6962 section 2.1.1: the siblings of leaf `index`, its own first."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    left, right = leaves[:split], leaves[split:]
    if index < split:
        return [*tree_path(left, index), tree_root(right)]
    return [*tree_path(right, index - split), tree_root(left)]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    split = 1
    while split * 2 < size:
        split *= 2
    return split
