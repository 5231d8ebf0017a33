"""Proofs of inclusion that must not verify, made by a reference that is written by recursion.

That the good ones verify, for every size, tests ``test_differential.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from contracts.deployment import Deployment
from contracts.reference import Append, Entry, entry_leaf, subject_leaf, tree_path, tree_root, word


@dataclass(frozen=True)
class Inclusion:
    """The arguments of ``verifyInclusion``, in its order."""

    operator: str
    batch_id: int
    entry: Entry
    entry_proof: tuple[bytes, ...]
    count: int
    subject_proof: tuple[bytes, ...]

    def holds(self, chain: Deployment) -> bool:
        call = chain.ledger.functions.verifyInclusion(
            self.operator, self.batch_id, self.entry, self.entry_proof, self.count, self.subject_proof
        )
        return bool(call.call())


@dataclass(frozen=True)
class Batch:
    """A batch as its operator knows it: the entries of every subject."""

    operator: str
    batch_id: int
    entries: dict[bytes, list[Entry]]

    @property
    def appends(self) -> list[Append]:
        return [
            (subject, tree_root([entry_leaf(entry) for entry in self.entries[subject]]), len(self.entries[subject]))
            for subject in sorted(self.entries)
        ]

    def inclusion(self, subject: bytes, index: int) -> Inclusion:
        entries = self.entries[subject]
        return Inclusion(
            operator=self.operator,
            batch_id=self.batch_id,
            entry=entries[index],
            entry_proof=tuple(tree_path([entry_leaf(entry) for entry in entries], index)),
            count=len(entries),
            subject_proof=tuple(
                tree_path([subject_leaf(append) for append in self.appends], sorted(self.entries).index(subject))
            ),
        )


def sealed_batch(chain: Deployment, sizes: list[int]) -> Batch:
    """A batch with one subject per item of `sizes`, which is its number of entries, sealed as the operator's next."""
    entries = {}
    for number, size in enumerate(sizes):
        subject = word(f"subject {number}")
        entries[subject] = [
            (subject, i, word(f"evidence {number}/{i}"), word(f"sig {number}/{i}")) for i in range(size)
        ]
    batch = Batch(chain.operator, chain.ledger.functions.nextBatch(chain.operator).call(), entries)
    chain.send(chain.ledger.functions.seal(batch.batch_id, batch.appends), chain.operator)
    return batch


@pytest.fixture
def valid(chain: Deployment) -> Inclusion:
    """A proof that verifies, of the third of five entries of one of four subjects, in the second of two batches."""
    sealed_batch(chain, [2, 3])
    inclusion = sealed_batch(chain, [5, 5, 5, 5]).inclusion(word("subject 1"), 2)
    assert inclusion.holds(chain)
    return inclusion


@pytest.mark.parametrize("place", range(4))
def test_an_altered_entry_is_not_included(chain: Deployment, valid: Inclusion, place: int) -> None:
    """Another subject, index, evidence or signature gives another leaf."""
    altered = list(valid.entry)
    altered[place] = (valid.entry[1] + 1) if place == 1 else word("altered")
    assert not replace(valid, entry=tuple(altered)).holds(chain)


def test_an_entry_of_another_subject_is_not_included(chain: Deployment, valid: Inclusion) -> None:
    """An entry stands in the log of the subject it names, not in that of another of the same batch."""
    assert not replace(valid, entry=(word("subject 0"), *valid.entry[1:])).holds(chain)


def test_a_proof_of_another_operator_does_not_verify(chain: Deployment, valid: Inclusion) -> None:
    """Batches are kept by operator."""
    assert not replace(valid, operator=chain.other_operator).holds(chain)


@pytest.mark.parametrize("batch_id", [0, 2, 2**64 - 1])
def test_a_proof_of_another_batch_does_not_verify(chain: Deployment, valid: Inclusion, batch_id: int) -> None:
    """Neither an earlier batch nor one that is not sealed holds the entry."""
    assert not replace(valid, batch_id=batch_id).holds(chain)


@pytest.mark.parametrize("count", [0, 2, 4, 6, 2**32 - 1])
def test_another_count_does_not_verify(chain: Deployment, valid: Inclusion, count: int) -> None:
    """The subject leaf commits to the number of entries, so none can be hidden or invented."""
    assert not replace(valid, count=count).holds(chain)


@pytest.mark.parametrize("part", ["entry_proof", "subject_proof"])
def test_a_path_that_is_cut_extended_or_altered_does_not_verify(chain: Deployment, valid: Inclusion, part: str) -> None:
    """Every step of a path counts."""
    path = getattr(valid, part)
    for other in ((), path[1:], path[:-1], (*path, word("more")), (word("altered"), *path[1:]), path[::-1]):
        assert not replace(valid, **{part: other}).holds(chain)


def test_an_index_beyond_the_count_is_not_included(chain: Deployment) -> None:
    """An operator that seals a leaf with an index beyond its count gains nothing by it."""
    subject = word("subject 0")
    batch = Batch(chain.operator, 0, {subject: [(subject, 1, word("evidence"), word("sig"))]})
    chain.send(chain.ledger.functions.seal(0, batch.appends), chain.operator)
    assert not batch.inclusion(subject, 0).holds(chain)
