"""Trees and logs (section 7)."""

from collections.abc import Iterable

from independent.primitives import keccak, padded, word


def node(a: bytes, b: bytes) -> bytes:
    return keccak(min(a, b) + max(a, b))


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def tree(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    half = _split(len(leaves))
    return node(tree(leaves[:half]), tree(leaves[half:]))


def proof(leaves: list[bytes], index: int) -> list[bytes]:
    """The siblings on the way from a leaf to the root, lowest first."""
    if len(leaves) == 1:
        return []
    half = _split(len(leaves))
    if index < half:
        return [*proof(leaves[:half], index), tree(leaves[half:])]
    return [*proof(leaves[half:], index - half), tree(leaves[:half])]


def climb(leaf: bytes, siblings: Iterable[bytes]) -> bytes:
    for sibling in siblings:
        leaf = node(leaf, sibling)
    return leaf


def entry_leaf(subject: bytes, index: int, evidence_id: bytes, signatures: bytes) -> bytes:
    return keccak(keccak(subject + word(index) + evidence_id + keccak(subject + signatures)))


def subject_leaf(subject: bytes, root: bytes, count: int) -> bytes:
    return keccak(keccak(subject + root + word(count)))


def fold(head: bytes, operator: bytes, batch_id: int, count: int, root: bytes, timestamp: int) -> bytes:
    return keccak(head + padded(operator) + word(batch_id) + word(count) + root + word(timestamp))
