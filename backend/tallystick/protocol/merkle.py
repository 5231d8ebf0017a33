"""Merkle trees of RFC 6962 shape over commutative keccak256 pairs, as OpenZeppelin's MerkleProof verifies them.

Rules:

- a leaf is hashed twice before it enters the tree, so that no inner node can pass for a leaf;
- a tree of n > 1 leaves splits at the largest power of two below n (RFC 6962 section 2.1); built level by level,
  that is: pair neighbours, promote an odd last node unchanged;
- an inner node is ``keccak256(min(a, b) || max(a, b))``.

::

    level 2          abc
                   /     \\
    level 1      ab       c      (promoted)
                /  \\      |
    leaves     a    b     c
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Hash

MAX_PROOF_LENGTH = 64


def hash_pair(a: bytes, b: bytes) -> bytes:
    """The inner node over ``a`` and ``b``, in either order: 32 bytes."""
    return keccak256(a + b if a < b else b + a)


def root(leaves: Sequence[bytes]) -> Hash:
    """The root of the tree over ``leaves`` (32 bytes each, at least one)."""
    assert leaves, "a tree has at least one leaf"
    level = list(leaves)
    while len(level) > 1:
        level = _next_level(level)
    return Hash(level[0])


def prove(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The inclusion proof of ``leaves[index]``: the siblings on its way to the root, lowest first."""
    assert 0 <= index < len(leaves), "the index is one of the leaves"
    proof = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        level = _next_level(level)
        index //= 2
    return tuple(proof)


def check(leaf: bytes, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether ``proof`` leads from ``leaf`` to ``expected_root``."""
    return len(proof) <= MAX_PROOF_LENGTH and climb(leaf, proof) == expected_root


def climb(leaf: bytes, proof: Sequence[bytes]) -> Hash:
    """The root to which ``proof`` leads from ``leaf``: 32 bytes."""
    node = leaf
    for sibling in proof:
        node = hash_pair(node, sibling)
    return Hash(node)


def _next_level(level: list[bytes]) -> list[bytes]:
    paired = [hash_pair(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*paired, level[-1]] if len(level) % 2 else paired
