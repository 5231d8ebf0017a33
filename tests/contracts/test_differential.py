"""The protocol in Python against the deployed contracts: leaves, roots, heads, proofs and what is signed.

Every size from 0 to 130 is sealed: a batch of that many subjects whose logs grow by that many entries each, so that its
root and heads are compared for every size. The proof of entry i of subject i goes through both trees at once: for every
i up to size 64 and for the sizes around 128, for the corners of the tree in the others. Up to 40 each proof is also
tried on the neighbouring entry. Larger sizes, up to 300 subjects and 400 entries, are drawn, and proofs with changes.

That these trees are those of RFC 6962 written down by recursion, for the same sizes, tests ``protocol/test_merkle.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_utils import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.rigs import OPERATOR, OTHER_OPERATOR, deploy_on, open_memory_provider, seal, sign_seal
from tallystick.chain.abi import selector
from tallystick.chain.embedded import EmbeddedProvider
from tallystick.chain.ledger import EvmChain
from tallystick.chain.records import Append
from tallystick.errors import TransactionFailed
from tallystick.protocol import log, merkle
from tallystick.protocol.log import LogAppend
from tallystick.protocol.receivable import PledgeTerms, ReleaseTerms, TransferTerms, cancellation_digest
from tallystick.protocol.types import ZERO32, Address, Hash, PartyId, to_hex

LAST_EXHAUSTIVE_SIZE = 130
LAST_SIZE_WITH_NEIGHBOURS = 40
LAST_SIZE_WITH_EVERY_PLACE = 64
LARGER_SIZES_WITH_EVERY_PLACE = (65, 96, 127, 128, 129, 130)

VERIFY_INCLUSION = "verifyInclusion(address,uint64,(bytes32,uint32,bytes32,bytes32),bytes32[],uint32,bytes32[])"
PLEDGE_TERMS = "(bytes32,bytes32,bytes32,bytes32,uint64,uint64,bytes32)"
TRANSFER_TERMS = "(bytes32,bytes32,bytes32,uint64,bytes32)"
RELEASE_TERMS = "(bytes32,bytes32,uint64,bytes32)"

Entries = list[tuple[Any, bytes]]


def word(label: str) -> Any:
    """A 32-byte value that is different for each ``label``, as any of the protocol's kinds of bytes."""
    return keccak(text=label)


@dataclass(frozen=True)
class Inclusion:
    """The arguments of ``verifyInclusion``, in its order."""

    operator: Address
    batch_id: int
    subject: PartyId
    index: int
    evidence_id: Any
    signatures: bytes
    entry_proof: tuple[bytes, ...]
    count: int
    subject_proof: tuple[bytes, ...]

    def holds_here(self, batch_root: bytes) -> bool:
        """What the protocol in Python makes of it."""
        leaf = log.entry_leaf(self.subject, self.index, self.evidence_id, self.signatures)
        root = merkle.climb(leaf, self.entry_proof)
        append = log.append_leaf(self.subject, root, self.count)
        return self.index < self.count and merkle.check(append, self.subject_proof, batch_root)


@dataclass(frozen=True)
class Batch:
    """A sealed batch, ascending by subject."""

    batch_id: int
    logs: list[tuple[PartyId, Entries]]
    appends: list[Append]
    root: Hash

    def inclusion(self, number: int, index: int) -> Inclusion:
        """Entry ``index`` of the subject ``number``, by both paths."""
        subject, entries = self.logs[number]
        leaves = [log.entry_leaf(subject, i, *entry) for i, entry in enumerate(entries)]
        subject_leaves = [log.append_leaf(item.subject, item.root, item.count) for item in self.appends]
        return Inclusion(
            OPERATOR.address,
            self.batch_id,
            subject,
            index,
            *entries[index],
            merkle.prove(leaves, index),
            len(entries),
            merkle.prove(subject_leaves, number),
        )


@dataclass
class Contracts:
    """The contracts on the embedded EVM, and the heads of their logs as the protocol folds them."""

    provider: EmbeddedProvider
    chain: EvmChain
    heads: dict[PartyId, Hash] = field(default_factory=dict)

    def view(self, address: Address, signature: str, types: list[str], *arguments: object) -> bytes:
        call = {"to": to_hex(address), "data": to_hex(selector(signature) + encode(types, arguments))}
        response = self.provider.make_request("eth_call", [call, "latest"])
        assert "error" not in response, response
        return bytes.fromhex(response["result"][2:])

    def holds(self, inclusion: Inclusion) -> bool:
        """What the contract makes of ``inclusion``."""
        entry = (
            inclusion.subject,
            inclusion.index,
            inclusion.evidence_id,
            log.signatures_hash(inclusion.subject, inclusion.signatures),
        )
        types = ["address", "uint64", "(bytes32,uint32,bytes32,bytes32)", "bytes32[]", "uint32", "bytes32[]"]
        place = (to_hex(inclusion.operator), inclusion.batch_id, entry)
        answer = self.view(
            self.chain.deployment.ledger,
            VERIFY_INCLUSION,
            types,
            *(*place, inclusion.entry_proof, inclusion.count, inclusion.subject_proof),
        )
        return bool(int.from_bytes(answer, "big"))

    def batch_root(self, batch_id: int) -> bytes:
        arguments = (to_hex(OPERATOR.address), batch_id)
        return self.view(self.chain.deployment.ledger, "batchRoot(address,uint64)", ["address", "uint64"], *arguments)

    def head(self, subject: PartyId) -> bytes:
        return self.view(self.chain.deployment.ledger, "head(bytes32)", ["bytes32"], subject)

    def seal(self, sizes: list[int]) -> Batch:
        """Seal a batch with one subject for each item of ``sizes``, which is its number of entries."""
        batch_id = self.chain.next_batch(OPERATOR.address, None)
        subjects = sorted(word(f"subject {number}") for number in range(len(sizes)))
        logs = [(subject, entries_of(batch_id, size)) for subject, size in zip(subjects, sizes, strict=True)]
        appends = [Append(subject, log.subject_root(subject, entries), len(entries)) for subject, entries in logs]
        root = log.batch_root((item.subject, item.root, item.count) for item in appends)
        block = self.chain.block(seal(self.chain, OPERATOR, appends))
        for item in appends:
            append = LogAppend(OPERATOR.address, batch_id, item.count, item.root, block.timestamp)
            self.heads[item.subject] = log.extend_head(self.heads.get(item.subject, ZERO32), append)
        return Batch(batch_id, logs, appends, root)


def entries_of(batch_id: int, size: int) -> Entries:
    """Entries with one or two signatures by turns."""
    return [(word(f"evidence {batch_id}/{i}"), word(f"signature {i}") * 2 + b"\x1b" * (1 + i % 2)) for i in range(size)]


def places(size: int) -> list[int]:
    """The places of a tree of ``size`` leaves whose proofs are tried: all, or the corners of its two subtrees."""
    if size <= LAST_SIZE_WITH_EVERY_PLACE or size in LARGER_SIZES_WITH_EVERY_PLACE:
        return list(range(size))
    split = 1 << (size - 1).bit_length() - 1
    return sorted({0, 1, split // 2, split - 1, split, split + (size - split) // 2, size - 2, size - 1})


@pytest.fixture(scope="module")
def contracts() -> Iterator[Contracts]:
    provider = open_memory_provider()
    yield Contracts(provider, deploy_on(provider))  # type: ignore[arg-type]
    provider.close()


# --- nothing, and what is not there ----------


def test_a_batch_of_nothing_has_no_root_and_is_refused(contracts: Contracts) -> None:
    """Size 0: the protocol has no tree without leaves, and the contract seals none."""
    with pytest.raises(AssertionError, match="at least one leaf"):
        log.batch_root([])
    next_batch = contracts.chain.next_batch(OPERATOR.address, None)
    with pytest.raises(TransactionFailed, match="holds no appends"):
        sign_seal(contracts.chain, OPERATOR, next_batch, [])


def test_an_empty_log_has_head_zero(contracts: Contracts) -> None:
    assert contracts.head(word("nobody")) == log.fold([]) == ZERO32


def test_nothing_is_included_in_a_batch_that_is_not_sealed(contracts: Contracts) -> None:
    """The root is zero then: neither an entry without any path nor a path leads to it."""
    nothing = Inclusion(OPERATOR.address, 2**64 - 1, word("subject 0"), 0, word("evidence"), b"", (), 1, ())
    assert contracts.batch_root(nothing.batch_id) == ZERO32
    for inclusion in (
        nothing,
        replace(nothing, subject_proof=(ZERO32,)),
        replace(nothing, operator=Address(bytes(20))),
    ):
        assert not contracts.holds(inclusion)
        assert not inclusion.holds_here(ZERO32)


# --- every size ----------


@pytest.mark.parametrize("size", range(1, LAST_EXHAUSTIVE_SIZE + 1))
def test_root_heads_and_proofs_of_every_size_agree(contracts: Contracts, size: int) -> None:
    """A batch of ``size`` subjects with ``size`` entries each: entry i of subject i is included by both its paths."""
    batch = contracts.seal([size] * size)
    assert contracts.batch_root(batch.batch_id) == batch.root
    for subject in (batch.logs[0][0], batch.logs[-1][0]):
        assert contracts.head(subject) == contracts.heads[subject]
    for i in places(size):
        inclusion = batch.inclusion(i, i)
        assert inclusion.holds_here(batch.root)
        assert contracts.holds(inclusion)
        if 1 < size <= LAST_SIZE_WITH_NEIGHBOURS:
            evidence_id, signatures = batch.logs[i][1][i - 1]
            other = replace(inclusion, evidence_id=evidence_id, signatures=signatures)
            assert not other.holds_here(batch.root)
            assert not contracts.holds(other)


def test_every_head_is_the_fold_of_all_batches(contracts: Contracts) -> None:
    """Of every subject touched so far, by any number of batches in any place."""
    contracts.seal([1, 2, 3])
    for subject, head in contracts.heads.items():
        assert contracts.head(subject) == head


# --- any size, any change ----------


def changed(inclusion: Inclusion, data: st.DataObject) -> Inclusion:
    """``inclusion`` with one argument changed, by which it may or may not still hold."""
    name = data.draw(st.sampled_from(["none", "entry_proof", "subject_proof", "index", "count", "batch_id", "other"]))
    if name in ("entry_proof", "subject_proof"):
        path: tuple[bytes, ...] = getattr(inclusion, name)
        more = data.draw(st.sampled_from([ZERO32, word("more"), *path]))
        at = data.draw(st.integers(0, len(path)))
        other = data.draw(st.sampled_from([path[:at], path[at:], (*path[:at], more, *path[at:]), path[::-1]]))
        return replace(inclusion, **{name: other})
    if name in ("index", "count", "batch_id"):
        value = max(0, getattr(inclusion, name) + data.draw(st.sampled_from([-1, 1, 1_000])))
        return replace(inclusion, **{name: value})
    others: list[dict[str, Any]] = [
        {},
        {"subject": word("subject 0")},
        {"evidence_id": ZERO32},
        {"signatures": inclusion.signatures + b"\x00"},
        {"operator": OTHER_OPERATOR.address},
    ]
    return replace(inclusion, **(data.draw(st.sampled_from(others)) if name == "other" else {}))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=300), long=st.integers(1, 400), data=st.data())
def test_larger_sizes_and_changed_proofs_agree(
    contracts: Contracts, sizes: list[int], long: int, data: st.DataObject
) -> None:
    """Up to 300 subjects, one of them with up to 400 entries; a proof that is changed holds for both or for neither."""
    number = data.draw(st.integers(0, len(sizes) - 1))
    batch = contracts.seal([*sizes[:number], long, *sizes[number + 1 :]])
    assert contracts.batch_root(batch.batch_id) == batch.root
    for _ in range(10):
        inclusion = batch.inclusion(number, data.draw(st.integers(0, long - 1)))
        assert inclusion.holds_here(batch.root)
        assert contracts.holds(inclusion)
        other = changed(inclusion, data)
        is_of_operator = other.operator == OPERATOR.address
        root = contracts.batch_root(other.batch_id) if is_of_operator else ZERO32
        assert contracts.holds(other) is other.holds_here(root)
    subject = batch.logs[number][0]
    assert contracts.head(subject) == contracts.heads[subject]


# --- what is signed ----------

words: st.SearchStrategy[Any] = st.binary(min_size=32, max_size=32)
times: st.SearchStrategy[Any] = st.integers(0, 2**64 - 1)
few = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def hashed(contracts: Contracts, function: str, types: list[str], *values: object) -> bytes:
    signature = f"{function}({','.join(types)})"
    return contracts.view(contracts.chain.deployment.receivables, signature, types, *values)


def test_the_domain_is_the_one_that_the_contract_tells(contracts: Contracts) -> None:
    """ERC-5267: name, version, chain id and contract, and nothing else; its separator is that of the protocol."""
    deployment = contracts.chain.deployment
    answer = contracts.view(deployment.receivables, "eip712Domain()", [])
    fields, name, version, chain_id, contract, salt, extensions = decode(
        ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"], answer
    )
    assert (fields, salt, extensions) == (b"\x0f", ZERO32, ())
    assert (chain_id, contract) == (deployment.chain_id, to_hex(deployment.receivables))
    type_hash = keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    told = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"],
        [type_hash, keccak(text=name), keccak(text=version), chain_id, contract],
    )
    assert deployment.receivables_domain.separator == keccak(told)
    assert deployment.domain.separator != deployment.receivables_domain.separator


@few
@given(st.builds(PledgeTerms, words, words, words, words, times, times, words))
def test_the_name_of_a_pledge_agrees(contracts: Contracts, terms: PledgeTerms) -> None:
    expected = hashed(contracts, "hashPledge", [PLEDGE_TERMS], astuple(terms))
    assert terms.digest(contracts.chain.deployment.receivables_domain) == expected


@few
@given(st.builds(TransferTerms, words, words, words, times, words))
def test_the_digest_of_a_transfer_agrees(contracts: Contracts, terms: TransferTerms) -> None:
    expected = hashed(contracts, "hashTransfer", [TRANSFER_TERMS], astuple(terms))
    assert terms.digest(contracts.chain.deployment.receivables_domain) == expected


@few
@given(st.builds(ReleaseTerms, words, words, times, words))
def test_the_digest_of_a_release_agrees(contracts: Contracts, terms: ReleaseTerms) -> None:
    expected = hashed(contracts, "hashRelease", [RELEASE_TERMS], astuple(terms))
    assert terms.digest(contracts.chain.deployment.receivables_domain) == expected


@few
@given(words, words)
def test_the_digest_of_a_cancellation_agrees(contracts: Contracts, party: Any, authorisation: Any) -> None:
    expected = hashed(contracts, "hashCancellation", ["bytes32", "bytes32"], party, authorisation)
    assert cancellation_digest(contracts.chain.deployment.receivables_domain, party, authorisation) == expected
