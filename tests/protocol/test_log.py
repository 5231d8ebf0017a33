"""Logs: leaves, batch roots and heads as ``abi.encode`` and keccak256 give them."""

from __future__ import annotations

from dataclasses import replace

from eth_abi import encode
from eth_utils import keccak
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol.strategies import addresses, bytes32, times
from protocol.test_merkle import recursive_root
from tallystick.protocol import log
from tallystick.protocol.log import LogAppend
from tallystick.protocol.types import ZERO32

counts = st.integers(1, 2**32 - 1)
appends = st.builds(LogAppend, addresses, st.integers(0, 2**53 - 1), counts, bytes32, times)


@given(st.lists(appends, min_size=1, max_size=6, unique=True), st.data())
def test_a_history_with_an_append_left_out_swapped_or_repeated_has_another_head(
    history: list[LogAppend], data: st.DataObject
) -> None:
    head = log.fold(history)
    i = data.draw(st.integers(0, len(history) - 1))
    j = data.draw(st.integers(0, len(history) - 1))
    swapped = list(history)
    swapped[i], swapped[j] = swapped[j], swapped[i]
    assert log.fold(history[:i] + history[i + 1 :]) != head
    assert log.fold([*history[:i], history[i], *history[i:]]) != head
    assert (log.fold(swapped) == head) is (i == j)


@given(appends)
def test_every_part_of_an_append_counts(append: LogAppend) -> None:
    changed = [
        replace(append, operator=bytes(20) if any(append.operator) else b"\x01" * 20),  # type: ignore[arg-type]
        replace(append, batch_id=append.batch_id + 1),
        replace(append, count=append.count + 1),
        replace(append, root=keccak(append.root)),  # type: ignore[arg-type]
        replace(append, timestamp=append.timestamp + 1),  # type: ignore[arg-type]
    ]
    assert log.fold([append]) not in {log.fold([other]) for other in changed}


@given(bytes32, st.lists(st.tuples(bytes32, st.binary(max_size=130)), min_size=2, max_size=5, unique=True))
def test_the_order_of_entries_in_a_batch_counts(subject: bytes, entries: list[tuple[bytes, bytes]]) -> None:
    assert log.subject_root(subject, entries) != log.subject_root(subject, entries[::-1])  # type: ignore[arg-type]


@given(bytes32, bytes32, bytes32, st.binary(min_size=65, max_size=130))
def test_what_one_log_shows_of_an_entry_does_not_find_it_in_another(
    supplier: bytes, buyer: bytes, evidence_id: bytes, signatures: bytes
) -> None:
    """Who is shown evidence id and signatures hash of a supplier's entry can't rebuild the leaf in the buyer's log."""
    assume(supplier != buyer)
    shown = log.signatures_hash(supplier, signatures)  # type: ignore[arg-type]
    guess = keccak(keccak(encode(["bytes32", "uint32", "bytes32", "bytes32"], [buyer, 0, evidence_id, shown])))
    assert guess != log.entry_leaf(buyer, 0, evidence_id, signatures)  # type: ignore[arg-type]


@given(bytes32, st.integers(0, 2**32 - 1), bytes32, st.binary(max_size=200))
def test_an_entry_leaf_is_the_double_hash_of_its_abi_encoding(
    subject: bytes, index: int, evidence_id: bytes, signatures: bytes
) -> None:
    signatures_hash = keccak(subject + signatures)
    encoded = encode(["bytes32", "uint32", "bytes32", "bytes32"], [subject, index, evidence_id, signatures_hash])
    assert log.entry_leaf(subject, index, evidence_id, signatures) == keccak(keccak(encoded))  # type: ignore[arg-type]


@given(bytes32, st.lists(st.tuples(bytes32, st.binary(max_size=130)), min_size=1, max_size=9))
def test_a_subject_root_is_the_tree_over_its_entries_in_order(
    subject: bytes, entries: list[tuple[bytes, bytes]]
) -> None:
    types = ["bytes32", "uint32", "bytes32", "bytes32"]
    leaves = [
        keccak(keccak(encode(types, [subject, i, evidence_id, keccak(subject + signatures)])))
        for i, (evidence_id, signatures) in enumerate(entries)
    ]
    assert log.subject_root(subject, entries) == recursive_root(leaves)  # type: ignore[arg-type]


@given(st.lists(st.tuples(bytes32, bytes32, counts), min_size=1, max_size=9))
def test_a_batch_root_is_the_tree_over_its_subjects(batch: list[tuple[bytes, bytes, int]]) -> None:
    leaves = [keccak(keccak(encode(["bytes32", "bytes32", "uint32"], list(append)))) for append in batch]
    assert log.batch_root(batch) == recursive_root(leaves)  # type: ignore[arg-type]


@given(st.lists(appends, max_size=6))
def test_the_head_is_the_fold_of_abi_encodings_from_zero(history: list[LogAppend]) -> None:
    types = ["bytes32", "address", "uint64", "uint32", "bytes32", "uint256"]
    head = ZERO32
    for item in history:
        operator = "0x" + item.operator.hex()
        head = keccak(encode(types, [head, operator, item.batch_id, item.count, item.root, item.timestamp]))
    assert log.fold(history) == head
