"""EvidenceLedger: only operators seal, batch by batch, and a head moves in no other way."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.deployment import Deployment, Mined
from contracts.reference import ZERO, Append, next_head, subject_leaf, tree_root, word

CARRIER, SUPPLIER, BUYER = sorted([word("carrier"), word("supplier"), word("buyer")])
ROOT = word("root")


def seal(chain: Deployment, operator: str, batch_id: int, appends: list[Append]) -> Mined:
    return chain.send(chain.ledger.functions.seal(batch_id, appends), operator)


def refusal(chain: Deployment, operator: str, batch_id: int, appends: list[Append]) -> tuple[object, ...]:
    return chain.refusal(chain.ledger.functions.seal(batch_id, appends), operator)


# --- refusals ----------


@pytest.mark.parametrize("role", ["stranger", "admin", "registrar", "supplier_signer", "other_operator"])
def test_only_a_registered_operator_seals(chain: Deployment, role: str) -> None:
    """Nobody else can append, whatever other role they hold, nor an operator that is not registered yet."""
    sender = getattr(chain, role)
    assert refusal(chain, sender, 0, [(SUPPLIER, ROOT, 1)]) == ("NotOperator", sender)


def test_an_operator_that_was_removed_seals_no_more(chain: Deployment) -> None:
    """Removal takes effect at once; added again, the operator goes on at its next batch id."""
    seal(chain, chain.operator, 0, [(SUPPLIER, ROOT, 1)])
    chain.send(chain.registry.functions.removeOperator(chain.operator), chain.registrar)
    assert refusal(chain, chain.operator, 1, [(SUPPLIER, ROOT, 1)]) == ("NotOperator", chain.operator)
    chain.send(chain.registry.functions.addOperator(chain.operator), chain.registrar)
    seal(chain, chain.operator, 1, [(SUPPLIER, ROOT, 1)])


@pytest.mark.parametrize("batch_id", [0, 2, 2**64 - 1])
def test_a_batch_has_the_operators_next_id(chain: Deployment, batch_id: int) -> None:
    """A resent batch, a batch that leaves a gap and the highest id are all refused, naming the id expected."""
    seal(chain, chain.operator, 0, [(SUPPLIER, ROOT, 1)])
    expected = ("UnexpectedBatchId", chain.operator, 1, batch_id)
    assert refusal(chain, chain.operator, batch_id, [(SUPPLIER, ROOT, 1)]) == expected


def test_a_batch_is_not_empty(chain: Deployment) -> None:
    """A batch that appends nothing would use up an id for nothing."""
    assert refusal(chain, chain.operator, 0, []) == ("EmptyBatch", 0)


@pytest.mark.parametrize("position", [0, 1])
def test_a_subject_is_not_zero(chain: Deployment, position: int) -> None:
    """Zero stands for "no counterparty" in evidence, so it has no log."""
    appends = [(SUPPLIER, ROOT, 1)] * position + [(ZERO, ROOT, 1)]
    assert refusal(chain, chain.operator, 0, appends) == ("ZeroSubject", position)


def test_subjects_ascend(chain: Deployment) -> None:
    """Subjects out of order are refused, naming both."""
    appends = [(CARRIER, ROOT, 1), (BUYER, ROOT, 1), (SUPPLIER, ROOT, 1)]
    appends[1:] = sorted(appends[1:], reverse=True)
    expected = ("SubjectsNotAscending", 2, appends[1][0], appends[2][0])
    assert refusal(chain, chain.operator, 0, appends) == expected


def test_a_subject_is_touched_once_in_a_batch(chain: Deployment) -> None:
    """The same subject twice is refused, also with another root."""
    appends = [(SUPPLIER, ROOT, 1), (SUPPLIER, word("another root"), 2)]
    assert refusal(chain, chain.operator, 0, appends) == ("SubjectsNotAscending", 1, SUPPLIER, SUPPLIER)


def test_a_root_is_not_zero(chain: Deployment) -> None:
    """No entries have root zero."""
    appends = [(CARRIER, ROOT, 1), (SUPPLIER, ZERO, 1)]
    assert refusal(chain, chain.operator, 0, appends) == ("ZeroRoot", 1, SUPPLIER)


def test_a_count_is_not_zero(chain: Deployment) -> None:
    """An append of no entries would change a head without a reason."""
    appends = [(CARRIER, ROOT, 1), (SUPPLIER, ROOT, 0)]
    assert refusal(chain, chain.operator, 0, appends) == ("ZeroCount", 1, SUPPLIER)


def test_a_refused_batch_changes_nothing(chain: Deployment) -> None:
    """One bad append takes the whole batch down: neither heads nor the batch id move."""
    call = chain.ledger.functions.seal(0, [(SUPPLIER, ROOT, 1), (SUPPLIER, ROOT, 1)])
    digest = call.transact({"from": chain.operator, "gas": 1_000_000})
    assert chain.web3.eth.get_transaction_receipt(digest)["status"] == 0
    assert chain.ledger.functions.head(SUPPLIER).call() == ZERO
    assert chain.ledger.functions.nextBatch(chain.operator).call() == 0
    assert chain.ledger.functions.batchRoot(chain.operator, 0).call() == ZERO


def test_a_ledger_needs_a_registry_with_code(chain: Deployment) -> None:
    """Given an account without code no batch could ever be sealed, so deployment is refused."""
    nobody = "0x" + "00" * 20
    assert chain.deploy_refusal("EvidenceLedger", nobody) == ("RegistryWithoutCode", nobody)
    assert chain.deploy_refusal("EvidenceLedger", chain.stranger) == ("RegistryWithoutCode", chain.stranger)


# --- sealing ----------


def test_a_seal_moves_each_head_and_stores_the_batch_root(chain: Deployment) -> None:
    """Heads fold as the formula says, a head not named stays, and one event carries it all."""
    appends = [(CARRIER, word("root a"), 1), (SUPPLIER, word("root b"), 2**32 - 1)]
    mined = seal(chain, chain.operator, 0, appends)
    for append in appends:
        expected = next_head(ZERO, chain.operator, 0, append, mined.timestamp)
        assert chain.ledger.functions.head(append[0]).call() == expected
    assert chain.ledger.functions.head(BUYER).call() == ZERO
    root = tree_root([subject_leaf(append) for append in appends])
    assert chain.ledger.functions.batchRoot(chain.operator, 0).call() == root
    assert chain.ledger.functions.nextBatch(chain.operator).call() == 1
    ((name, arguments),) = mined.events
    assert name == "Sealed"
    assert (arguments["operator"], arguments["batchId"], arguments["root"]) == (chain.operator, 0, root)
    assert [(a["subject"], a["root"], a["count"]) for a in arguments["appends"]] == appends


def test_a_second_seal_folds_onto_the_first(chain: Deployment) -> None:
    """The head commits to all batches in their order, and the root of the first batch stays."""
    first, second = (SUPPLIER, word("first"), 1), (SUPPLIER, word("second"), 2)
    at_first = seal(chain, chain.operator, 0, [first]).timestamp
    at_second = seal(chain, chain.operator, 1, [second]).timestamp
    head = next_head(ZERO, chain.operator, 0, first, at_first)
    head = next_head(head, chain.operator, 1, second, at_second)
    assert chain.ledger.functions.head(SUPPLIER).call() == head
    assert chain.ledger.functions.batchRoot(chain.operator, 0).call() == subject_leaf(first)
    assert chain.ledger.functions.batchRoot(chain.operator, 1).call() == subject_leaf(second)


def test_the_ledger_states_its_registry_and_version(chain: Deployment) -> None:
    """Software that is given the ledger's address alone finds the registry from it."""
    assert chain.ledger.functions.registry().call() == chain.registry.address
    assert chain.ledger.functions.version().call() == "1.0.0"


# --- events rebuild the state ----------


@dataclass
class Replay:
    """What a reader makes of the events of the ledger alone."""

    heads: dict[bytes, bytes] = field(default_factory=dict)
    next_batch: dict[str, int] = field(default_factory=dict)
    batch_roots: dict[tuple[str, int], bytes] = field(default_factory=dict)

    def apply(self, mined: Mined) -> None:
        for _, event in mined.events:
            operator, batch_id = event["operator"], event["batchId"]
            assert batch_id == self.next_batch.get(operator, 0), "batch ids of an operator have no gap"
            self.next_batch[operator] = batch_id + 1
            appends = [(a["subject"], a["root"], a["count"]) for a in event["appends"]]
            self.batch_roots[operator, batch_id] = tree_root([subject_leaf(append) for append in appends])
            assert self.batch_roots[operator, batch_id] == event["root"]
            for append in appends:
                head = self.heads.get(append[0], ZERO)
                self.heads[append[0]] = next_head(head, operator, batch_id, append, mined.timestamp)


subjects = st.sampled_from([word(f"subject {number}") for number in range(6)])
roots = st.binary(min_size=32, max_size=32).filter(any)
batches = st.dictionaries(subjects, st.tuples(roots, st.integers(1, 2**32 - 1)), min_size=1)
by_either_operator = st.tuples(st.booleans(), batches)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(by_either_operator, min_size=1, max_size=6))
def test_events_alone_rebuild_the_whole_state(
    chain: Deployment, history: list[tuple[bool, dict[bytes, tuple[bytes, int]]]]
) -> None:
    """Two operators append to the same logs without disturbing each other, and their events tell it all."""
    snapshot = chain.tester.take_snapshot()
    chain.send(chain.registry.functions.addOperator(chain.other_operator), chain.registrar)
    replay = Replay()
    for by_other, batch in history:
        operator = chain.other_operator if by_other else chain.operator
        appends = [(subject, *batch[subject]) for subject in sorted(batch)]
        replay.apply(seal(chain, operator, replay.next_batch.get(operator, 0), appends))
    for subject in (word(f"subject {number}") for number in range(6)):
        assert chain.ledger.functions.head(subject).call() == replay.heads.get(subject, ZERO)
    for operator in (chain.operator, chain.other_operator):
        count = chain.ledger.functions.nextBatch(operator).call()
        assert count == replay.next_batch.get(operator, 0)
        for batch_id in range(count + 1):
            root = chain.ledger.functions.batchRoot(operator, batch_id).call()
            assert root == replay.batch_roots.get((operator, batch_id), ZERO)
    chain.tester.revert_to_snapshot(snapshot)
