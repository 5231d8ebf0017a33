"""State proofs: what ``trie.HexaryTrie`` says of a key is what its nodes prove, and nothing else passes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from protocol.strategies import addresses, bytes32
from protocol.tries import encode_header, new_trie, path, storage_trie
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.state import EMPTY_TRIE_ROOT, Account, NodePool, ProofError, check_header

slot_values = st.dictionaries(bytes32, st.integers(1, 2**256 - 1), max_size=40)


def ascending(nodes: Sequence[bytes]) -> list[bytes]:
    return sorted(set(nodes), key=keccak256)


def account_of(trie: HexaryTrie) -> Account:
    return Account(trie.root_hash, b"")


SLOTS = {keccak256(b"slot %d" % i): i + 1 for i in range(300)}
TRIE = storage_trie(SLOTS)
SLOT = keccak256(b"slot 7")
NODES = ascending(path(TRIE, SLOT))


def test_a_missing_node_is_an_error_and_never_an_absence() -> None:
    assert len(NODES) >= 3
    for i in range(len(NODES)):
        pool = NodePool(NODES[:i] + NODES[i + 1 :])
        with pytest.raises(ProofError, match="is missing"):
            pool.slot(account_of(TRIE), SLOT)


def test_a_spare_node_fails() -> None:
    other = next(node for i in range(8, 300) for node in path(TRIE, keccak256(b"slot %d" % i)) if node not in NODES)
    pool = NodePool(ascending([*NODES, other]))
    assert pool.slot(account_of(TRIE), SLOT) == 8
    with pytest.raises(ProofError, match=r"1 of .* prove nothing"):
        pool.check_all_used()


@pytest.mark.parametrize("nodes", [NODES[::-1], [NODES[0], *NODES], [NODES[1], NODES[0], *NODES[2:]]])
def test_nodes_out_of_order_or_twice_fail(nodes: list[bytes]) -> None:
    with pytest.raises(ProofError, match="each once, ascending by hash"):
        NodePool(nodes)


def test_a_node_above_a_kibibyte_fails() -> None:
    with pytest.raises(ProofError, match="at most 1024 bytes"):
        NodePool([bytes(1025)])


def test_a_truncated_or_altered_node_fails() -> None:
    for i, node in enumerate(NODES):
        for altered in (node[:-1], node + b"\x00", b"", node[:5] + bytes([node[5] ^ 1]) + node[6:]):
            with pytest.raises(ProofError):
                NodePool(ascending([*NODES[:i], altered, *NODES[i + 1 :]])).slot(account_of(TRIE), SLOT)


def test_the_empty_trie_proves_absence_without_a_node() -> None:
    pool = NodePool([b"\x80"])
    assert pool.slot(Account(EMPTY_TRIE_ROOT, b""), SLOT) == 0
    with pytest.raises(ProofError, match="prove nothing"):
        pool.check_all_used()


@given(bytes32.filter(lambda root: root not in (TRIE.root_hash, EMPTY_TRIE_ROOT)))
def test_another_root_fails(root: bytes) -> None:
    with pytest.raises(ProofError, match="is missing"):
        NodePool(NODES).slot(Account(root, b""), SLOT)


@pytest.mark.parametrize(
    "node",
    [
        b"",
        b"\xc0",
        rlp.encode([b""] * 3),
        rlp.encode([b"", b"x"]),
        rlp.encode([b"\x40", b"x"]),
        rlp.encode([b"\x01\x00", b"x"]),
        rlp.encode([[b"\x20"], b"x"]),
        rlp.encode([b"\x00", b""]),
        rlp.encode([b"\x00", b"short"]),
        rlp.encode([[]] * 17),
        rlp.encode([b"x"] * 17),
        b"\xc1" * 1024,
        b"\xff" * 40,
    ],
    ids=lambda node: node[:6].hex() or "empty",
)
def test_a_root_that_is_no_node_fails(node: bytes) -> None:
    """Each node hashes to the root that is asked for, as only who chooses the root can arrange."""
    with pytest.raises(ProofError):
        NodePool([node]).slot(Account(keccak256(node), b""), SLOT)


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x01", b"\x01" * 33], ids=bytes.hex)
def test_a_storage_value_that_is_no_integer_of_32_bytes_fails(value: bytes) -> None:
    trie = new_trie()
    trie[keccak256(SLOT)] = b"\xc0" if value == b"" else rlp.encode(value)
    with pytest.raises(ProofError, match="storage value"):
        NodePool(ascending(path(trie, SLOT))).slot(account_of(trie), SLOT)


def test_an_account_that_does_not_exist_fails() -> None:
    state = new_trie()
    state[keccak256(b"\x01" * 20)] = rlp.encode([1, 2, bytes(32), bytes(32)])
    with pytest.raises(ProofError, match="no such account"):
        NodePool(path(state, b"\x01" * 20)).account(state.root_hash, b"\x02" * 20)  # type: ignore[arg-type]


@pytest.mark.parametrize("fields", [[], [b"", b"", b""], [b"", b"", b"", b"", b""], [b"", b"", [], b""]])
def test_an_account_of_other_than_four_values_fails(fields: list[object]) -> None:
    state = new_trie()
    state[keccak256(bytes(20))] = rlp.encode(fields)
    with pytest.raises(ProofError, match="account: expected nonce, balance, storage root and code hash"):
        NodePool(path(state, bytes(20))).account(state.root_hash, bytes(20))  # type: ignore[arg-type]


HEADER = encode_header(b"\x05" * 32, number=77, timestamp=1_700_000_000)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        rlp.encode(b"text"),
        rlp.encode([b""] * 14),
        rlp.encode([b""] * 15),
        rlp.encode([[]] * 20),
        HEADER + b"\x00",
        HEADER[:-1],
        b"\xc1" * 2048,
        bytes(2049),
    ],
    ids=range(9),
)
def test_bytes_that_are_no_header_fail_even_under_their_own_hash(header: bytes) -> None:
    with pytest.raises(ProofError, match="header"):
        check_header(header, keccak256(header))


@pytest.mark.parametrize("number", [b"\x00", b"\x00\x4d", b"\x01" * 33])
def test_a_number_or_time_has_one_spelling(number: bytes) -> None:
    for at in (8, 11):
        fields = rlp.decode(HEADER)
        fields[at] = number
        header = rlp.encode(fields)
        with pytest.raises(ProofError, match="header: expected number and time"):
            check_header(header, keccak256(header))


def test_a_header_under_another_hash_fails() -> None:
    with pytest.raises(ProofError, match="expected to hash to"):
        check_header(HEADER, bytes(32))


def test_a_header_names_its_block_and_state_root() -> None:
    block, state_root = check_header(HEADER, keccak256(HEADER))
    assert (block.number, block.hash, block.timestamp) == (77, keccak256(HEADER), 1_700_000_000)
    assert state_root == b"\x05" * 32


@settings(max_examples=60, deadline=None)
@given(slot_values, st.lists(bytes32, min_size=1, max_size=3))
def test_a_slot_is_proven_present_or_absent_as_the_trie_has_it(values: dict[bytes, int], others: list[bytes]) -> None:
    trie = storage_trie(values)
    asked = [*list(values)[:4], *others]
    pool = NodePool(ascending([node for slot in asked for node in path(trie, slot)]))
    for slot in asked:
        proof = trie.get_proof(keccak256(slot))
        theirs = HexaryTrie.get_from_proof(trie.root_hash, keccak256(slot), proof)
        assert pool.slot(account_of(trie), slot) == values.get(slot, 0)
        assert theirs == (rlp.encode(values[slot]) if slot in values else b"")
    pool.check_all_used()


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(addresses, st.tuples(st.integers(0, 2**64), bytes32, bytes32), min_size=1, max_size=30))
def test_an_account_is_proven_with_its_storage_root_and_code_hash(
    accounts: dict[bytes, tuple[int, bytes, bytes]],
) -> None:
    state = new_trie()
    for address, (balance, storage_root, code_hash) in accounts.items():
        state[keccak256(address)] = rlp.encode([1, balance, storage_root, code_hash])
    pool = NodePool(ascending([node for address in accounts for node in path(state, address)]))
    for address, (_, storage_root, code_hash) in accounts.items():
        assert pool.account(state.root_hash, address) == Account(storage_root, code_hash)  # type: ignore[arg-type]
    pool.check_all_used()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_mutation_of_a_proof_changes_what_it_proves(data: st.DataObject) -> None:
    """Whatever is done to the nodes, the slot is either proven with its true value or not at all."""
    nodes = list(NODES)
    i = data.draw(st.integers(0, len(nodes) - 1))
    how = data.draw(st.sampled_from(["drop", "flip", "cut", "replace"]))
    at = data.draw(st.integers(0, len(nodes[i]) - 1))
    if how == "drop":
        del nodes[i]
    elif how == "flip":
        nodes[i] = nodes[i][:at] + bytes([nodes[i][at] ^ data.draw(st.integers(1, 255))]) + nodes[i][at + 1 :]
    elif how == "cut":
        nodes[i] = nodes[i][:at]
    else:
        nodes[i] = data.draw(st.binary(max_size=64))
    with pytest.raises(ProofError):
        NodePool(ascending(nodes)).slot(account_of(TRIE), SLOT)


def test_small_nodes_inlined_in_their_parent_are_walked_too() -> None:
    """Keys that share all but their last nibble give leaves below 32 bytes, which no proof lists apart."""
    trie = new_trie()
    keys = [bytes(31) + bytes([i]) for i in range(16)]
    for key in keys:
        trie[key] = rlp.encode(7)
    pool = NodePool(ascending([rlp.encode(node) for node in trie.get_proof(keys[3]) if len(rlp.encode(node)) >= 32]))
    assert [pool._lookup(trie.root_hash, key) for key in keys] == [rlp.encode(7)] * 16
    assert pool._lookup(trie.root_hash, bytes(30) + b"\x01\x03") is None
