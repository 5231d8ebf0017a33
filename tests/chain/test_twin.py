"""The chain in memory is the twin of the contracts: whatever is done to both, both answer alike."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from chain.rigs import (
    BUYER,
    GENESIS_TIMESTAMP,
    OPERATOR,
    OTHER_OPERATOR,
    REGISTRAR,
    STRANGER,
    SUPPLIER,
    Actor,
    Rig,
    open_rig,
    party,
    sign_seal,
)
from tallystick.chain.records import Append
from tallystick.errors import TransactionFailed
from tallystick.protocol.types import ZERO32, Address, Hash, PartyId, Timestamp
from tallystick.service.ports import Chain

PARTIES = [party("supplier"), party("buyer"), party("lender"), PartyId(ZERO32)]
SIGNERS = [SUPPLIER.address, BUYER.address, Address(bytes(20))]
OPERATORS = [OPERATOR, OTHER_OPERATOR]

parties, signers = st.sampled_from(PARTIES), st.sampled_from(SIGNERS)
registrars = st.sampled_from([REGISTRAR, REGISTRAR, REGISTRAR, SUPPLIER])


@dataclass(frozen=True)
class Admit:
    by: Actor
    party: PartyId
    signer: Address


@dataclass(frozen=True)
class AddSigner(Admit):
    pass


@dataclass(frozen=True)
class RevokeSigner(Admit):
    pass


@dataclass(frozen=True)
class Seal:
    by: Actor
    ahead: int
    appends: tuple[Append, ...]


def sorted_by_subject(appends: list[Append]) -> tuple[Append, ...]:
    return tuple(sorted(appends, key=lambda item: item.subject))


append_lists = st.lists(
    st.builds(
        Append,
        st.sampled_from(PARTIES[:3]) | parties,
        st.binary(min_size=32, max_size=32).map(Hash) | st.just(Hash(ZERO32)),
        st.integers(0, 3) | st.integers(1, 2**32 - 1),
    ),
    max_size=4,
    unique_by=lambda item: item.subject,
)
steps = st.one_of(
    st.builds(Admit, registrars, parties, signers),
    st.builds(AddSigner, registrars, parties, signers),
    st.builds(RevokeSigner, registrars, parties, signers),
    st.builds(
        Seal,
        st.sampled_from([*OPERATORS, *OPERATORS, STRANGER]),
        st.sampled_from([0, 0, 0, 1]),
        append_lists.map(sorted_by_subject) | append_lists.map(tuple),
    ),
)


def perform(chain: Chain, step: Admit | Seal) -> None:
    if isinstance(step, Seal):
        batch_id = chain.next_batch(step.by.address, None) + step.ahead
        chain.send(sign_seal(chain, step.by, batch_id, step.appends).raw)
    elif isinstance(step, AddSigner):
        chain.add_signer(step.by.address, step.by.sign, step.party, step.signer)
    elif isinstance(step, RevokeSigner):
        chain.revoke_signer(step.by.address, step.by.sign, step.party, step.signer)
    else:
        chain.admit(step.by.address, step.by.sign, [(step.party, step.signer)])


def outcome(rig: Rig, step: Admit | Seal, at: Timestamp) -> str:
    """ "done", or the sentence that says why not, without the purpose before it."""
    rig.set_next_timestamp(at)
    try:
        perform(rig.chain, step)
    except TransactionFailed as error:
        return error.message.rpartition(": ")[2]
    return "done"


def observed(chain: Chain) -> object:
    """All that a reader can see, without block numbers and hashes."""
    final = chain.final_block()
    return (
        {subject: chain.head(subject, final) for subject in PARTIES},
        {operator.role: chain.next_batch(operator.address, final) for operator in OPERATORS},
        {(subject, signer): chain.signer_window(subject, signer, final) for subject in PARTIES for signer in SIGNERS},
        [
            (batch.operator, batch.batch_id, batch.root, batch.appends, batch.block.timestamp, batch.log_index)
            for batch in chain.sealed_batches(0, final.number)
        ],
        [
            (change.party, change.signer, change.added, change.block.timestamp, change.log_index)
            for change in chain.signer_changes(0, final.number)
        ],
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(steps, st.integers(1, 100_000)), min_size=1, max_size=12))
def test_memory_and_evm_answer_alike(story: list[tuple[Admit | Seal, int]]) -> None:
    """After any steps, good and bad, heads, windows, batches and refusals of both chains are the same."""
    with open_rig("memory") as memory, open_rig("embedded") as evm:
        at = Timestamp(GENESIS_TIMESTAMP + 1_000)
        for step, seconds in story:
            at = Timestamp(at + seconds)
            assert outcome(memory, step, at) == outcome(evm, step, at)
        assert observed(memory.chain) == observed(evm.chain)
