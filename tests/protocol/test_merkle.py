"""Trees: equal to RFC 6962 written down by recursion, with proofs for every leaf and no other."""

from __future__ import annotations

import pytest
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from protocol.strategies import bytes32
from tallystick.protocol import merkle

SIZES = range(1, 131)


def leaves_of(size: int) -> list[bytes]:
    return [keccak(text=f"leaf {i} of {size}") for i in range(size)]


def pair(a: bytes, b: bytes) -> bytes:
    return keccak(min(a, b) + max(a, b))


def split_point(size: int) -> int:
    """The largest power of two below ``size`` (RFC 6962 section 2.1)."""
    return 1 << (size - 1).bit_length() - 1


def recursive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1 with the commutative pair as inner node."""
    if len(leaves) == 1:
        return leaves[0]
    k = split_point(len(leaves))
    return pair(recursive_root(leaves[:k]), recursive_root(leaves[k:]))


def recursive_path(leaves: list[bytes], index: int) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split_point(len(leaves))
    if index < k:
        return [*recursive_path(leaves[:k], index), recursive_root(leaves[k:])]
    return [*recursive_path(leaves[k:], index - k), recursive_root(leaves[:k])]


@pytest.mark.parametrize("size", [2, 3, 5, 8, 13, 130])
def test_a_proof_with_a_flipped_bit_fails(size: int) -> None:
    leaves = leaves_of(size)
    root = merkle.root(leaves)
    for index in {0, size // 2, size - 1}:
        proof = merkle.prove(leaves, index)
        for i, sibling in enumerate(proof):
            flipped = (*proof[:i], bytes([sibling[0] ^ 1]) + sibling[1:], *proof[i + 1 :])
            assert not merkle.check(leaves[index], flipped, root)


@pytest.mark.parametrize("size", [2, 3, 5, 8, 13, 130])
def test_a_proof_cut_short_lengthened_or_out_of_order_fails(size: int) -> None:
    leaves = leaves_of(size)
    root = merkle.root(leaves)
    for index in range(size):
        proof = merkle.prove(leaves, index)
        assert not merkle.check(leaves[index], proof[:-1], root)
        assert not merkle.check(leaves[index], (*proof, root), root)
        assert len(proof) == 1 or not merkle.check(leaves[index], proof[::-1], root)


def test_a_proof_of_one_leaf_does_not_fit_another() -> None:
    leaves = leaves_of(13)
    root = merkle.root(leaves)
    for index in range(13):
        proof = merkle.prove(leaves, index)
        assert [i for i in range(13) if merkle.check(leaves[i], proof, root)] in ([index], sorted({index, index ^ 1}))


def test_a_proof_of_more_than_64_siblings_fails() -> None:
    node = leaf = keccak(b"leaf")
    for _ in range(65):
        node = pair(node, leaf)
    assert not merkle.check(leaf, [leaf] * 65, node)


@given(st.lists(bytes32, min_size=1, max_size=20), bytes32)
def test_no_proof_leads_to_another_root(leaves: list[bytes], other: bytes) -> None:
    root = merkle.root(leaves)
    assert other == root or not merkle.check(leaves[0], merkle.prove(leaves, 0), other)


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_rfc6962(size: int) -> None:
    assert merkle.root(leaves_of(size)) == recursive_root(leaves_of(size))


@pytest.mark.parametrize("size", SIZES)
def test_the_proof_of_every_leaf_is_that_of_rfc6962_and_checks(size: int) -> None:
    leaves = leaves_of(size)
    root = merkle.root(leaves)
    for index in range(size):
        proof = merkle.prove(leaves, index)
        assert list(proof) == recursive_path(leaves, index)
        assert merkle.check(leaves[index], proof, root)
