"""What every chain adapter does alike: in memory, before a simulated node, embedded, a node behind HTTP, and anvil."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chain.rigs import (
    BUYER,
    KINDS,
    OPERATOR,
    OTHER_OPERATOR,
    REGISTRAR,
    STRANGER,
    SUPPLIER,
    Rig,
    append,
    appends,
    included,
    open_rig,
    party,
    seal,
    sign_seal,
)
from tallystick.chain import calls
from tallystick.chain.records import Append, SealedBatch, SendOutcome, SignerChange
from tallystick.chain.transactions import UnsignedTransaction, sign_transaction
from tallystick.errors import ChainError, ChainInconsistent, TransactionFailed, WrongSigner
from tallystick.protocol.log import LogAppend, batch_root, fold
from tallystick.protocol.types import ZERO32, Address, Hash, PartyId, SignerWindow, Timestamp
from tallystick.service.ports import Chain

NO_WINDOW = SignerWindow(Timestamp(0), Timestamp(0))


@pytest.fixture(params=KINDS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with open_rig(request.param) as opened:
        yield opened


@pytest.fixture
def chain(rig: Rig) -> Chain:
    return rig.chain


def admit(chain: Chain, *members: tuple[PartyId, Address]) -> None:
    chain.admit(REGISTRAR.address, REGISTRAR.sign, members)


# reading: failures


def test_a_block_that_does_not_exist_is_inconsistent(chain: Chain) -> None:
    """A block number beyond the newest block is refused."""
    with pytest.raises(ChainInconsistent, match="found none"):
        chain.block(chain.final_block().number + 1000)


def test_an_abandoned_block_is_refused(chain: Chain) -> None:
    """A read at a block whose hash is not of this chain raises; it never answers from another block."""
    final = chain.final_block()
    with pytest.raises(ChainError):
        chain.head(party("supplier"), replace(final, hash=Hash(bytes(31) + b"\1")))


# registering: failures


def test_only_the_registrar_admits(chain: Chain) -> None:
    """A stranger's admission fails with a sentence that names the missing role."""
    with pytest.raises(TransactionFailed, match="lacks the role"):
        chain.admit(STRANGER.address, STRANGER.sign, [(party("supplier"), SUPPLIER.address)])


def test_a_key_that_is_not_the_senders_is_noticed_before_sending(chain: Chain) -> None:
    """A transaction signed by another key than the sender's is refused here, not by the node."""
    with pytest.raises(WrongSigner, match="expected the signature of"):
        chain.admit(REGISTRAR.address, STRANGER.sign, [(party("supplier"), SUPPLIER.address)])


def test_a_party_is_admitted_once(chain: Chain) -> None:
    """A second admission of a party fails and says when the first was."""
    admit(chain, (party("supplier"), SUPPLIER.address))
    admitted_at = datetime.fromtimestamp(chain.final_block().timestamp, UTC)
    with pytest.raises(TransactionFailed, match=f"admitted before, at {admitted_at:%Y-%m-%d %H:%M:%S} UTC"):
        admit(chain, (party("supplier"), BUYER.address))


def test_a_party_stands_once_among_those_to_admit(chain: Chain) -> None:
    """Admitting the same party twice at once is refused before anything is sent."""
    with pytest.raises(TransactionFailed, match="expected each party once"):
        admit(chain, (party("supplier"), SUPPLIER.address), (party("supplier"), BUYER.address))


def test_a_bad_admission_leaves_nothing_half_done(chain: Chain) -> None:
    """When one of several admissions would fail, none is sent."""
    admit(chain, (party("supplier"), SUPPLIER.address))
    with pytest.raises(TransactionFailed):
        admit(chain, (party("buyer"), BUYER.address), (party("supplier"), SUPPLIER.address))
    assert chain.signer_window(party("buyer"), BUYER.address, chain.final_block()) == NO_WINDOW


def test_party_zero_is_nobody(chain: Chain) -> None:
    """Party id zero can't be admitted."""
    with pytest.raises(TransactionFailed, match="party id is zero"):
        admit(chain, (PartyId(ZERO32), SUPPLIER.address))


def test_a_signer_needs_an_admitted_party(chain: Chain) -> None:
    """A signer can't be added to a party that was never admitted."""
    with pytest.raises(TransactionFailed, match="never admitted"):
        chain.add_signer(REGISTRAR.address, REGISTRAR.sign, party("supplier"), SUPPLIER.address)


def test_a_signer_is_added_once(chain: Chain) -> None:
    """A signer that signs for the party already can't be added again."""
    admit(chain, (party("supplier"), SUPPLIER.address))
    with pytest.raises(TransactionFailed, match=r"signs for party .* already"):
        chain.add_signer(REGISTRAR.address, REGISTRAR.sign, party("supplier"), SUPPLIER.address)


def test_an_unknown_signer_is_not_revoked(chain: Chain) -> None:
    """Revoking an address that never signed for the party fails."""
    admit(chain, (party("supplier"), SUPPLIER.address))
    with pytest.raises(TransactionFailed, match="never signed for party"):
        chain.revoke_signer(REGISTRAR.address, REGISTRAR.sign, party("supplier"), BUYER.address)


def test_a_revoked_signer_never_comes_back(chain: Chain) -> None:
    """A signer that was revoked for a party can't be added to it again."""
    admit(chain, (party("supplier"), SUPPLIER.address))
    chain.revoke_signer(REGISTRAR.address, REGISTRAR.sign, party("supplier"), SUPPLIER.address)
    with pytest.raises(TransactionFailed, match="which is for ever"):
        chain.add_signer(REGISTRAR.address, REGISTRAR.sign, party("supplier"), SUPPLIER.address)


def test_a_stranger_revokes_no_signer(chain: Chain) -> None:
    """Only the registrar and the signer itself may revoke."""
    admit(chain, (party("supplier"), SUPPLIER.address))
    with pytest.raises(TransactionFailed, match="lacks the role"):
        chain.revoke_signer(STRANGER.address, STRANGER.sign, party("supplier"), SUPPLIER.address)


# sealing: failures


@pytest.mark.parametrize(
    ("batch_id", "batch", "reason"),
    [
        pytest.param(1, appends("buyer"), "next batch of operator .* is 0, not 1", id="batch id"),
        pytest.param(0, [], "holds no appends", id="empty"),
        pytest.param(0, appends("buyer", "supplier")[::-1], "not above", id="order"),
        pytest.param(0, [append("buyer"), append("buyer")], "not above", id="twice"),
        pytest.param(0, [replace(append("buyer"), count=0)], "counts no entries", id="count"),
        pytest.param(0, [replace(append("buyer"), root=Hash(ZERO32))], "root zero", id="root"),
        pytest.param(0, [replace(append("buyer"), subject=PartyId(ZERO32))], "subject zero", id="subject"),
    ],
)
def test_a_bad_seal_is_refused_before_it_is_signed(
    chain: Chain, batch_id: int, batch: list[Append], reason: str
) -> None:
    """A seal that the ledger would refuse is explained, and neither signed nor sent."""
    with pytest.raises(TransactionFailed, match=reason):
        sign_seal(chain, OPERATOR, batch_id, batch)


def test_only_an_operator_seals(chain: Chain) -> None:
    """A stranger's seal is refused."""
    with pytest.raises(TransactionFailed, match="not a registered operator"):
        sign_seal(chain, STRANGER, 0, appends("buyer"))


def test_bytes_that_are_no_transaction_are_refused(chain: Chain) -> None:
    """Sending something else than a signed transaction fails with a typed error."""
    with pytest.raises(TransactionFailed):
        chain.send(b"\x02\xc0")


def test_a_transaction_with_a_used_nonce_is_refused(chain: Chain) -> None:
    """Of two transactions with one nonce the second is refused for that reason, and its hash stays unknown."""
    first = sign_seal(chain, OPERATOR, 0, appends("buyer"))
    second = sign_seal(chain, OPERATOR, 0, appends("supplier"))
    assert chain.send(first.raw) is SendOutcome.TAKEN
    included(chain, first)
    assert chain.send(second.raw) is SendOutcome.NONCE_USED
    assert chain.inclusion(second.hash) is None


def test_a_batch_sealed_twice_fails_on_chain(chain: Chain) -> None:
    """A second transaction for the same batch is included and failed: it can't be sealed twice."""
    batch = appends("buyer")
    seal(chain, OPERATOR, batch)
    again = UnsignedTransaction(
        chain.deployment.chain_id, 1, 10**9, 10**12, 500_000, chain.deployment.ledger, calls.seal_call(0, batch)
    )
    signed = sign_transaction(again, OPERATOR.address, OPERATOR.sign)
    chain.send(signed.raw)
    inclusion = included(chain, signed)
    assert not inclusion.succeeded
    assert chain.next_batch(OPERATOR.address, None) == 1


# successes


def test_the_node_serves_the_deployment(chain: Chain) -> None:
    """A freshly deployed ledger passes the check of chain, genesis, code and registry."""
    chain.check()
    assert chain.block(0).hash == chain.deployment.genesis_hash


def test_only_who_might_seal_was_an_operator(chain: Chain) -> None:
    """Each operator of the deployment is one; the registrar and a stranger never were."""
    block = chain.final_block()
    assert [chain.was_operator(actor.address, block) for actor in (STRANGER, REGISTRAR)] == [False, False]
    assert [chain.was_operator(actor.address, block) for actor in (OPERATOR, OTHER_OPERATOR)] == [True, True]


def test_a_signers_window_opens_with_its_block(rig: Rig) -> None:
    """The window of a first signer starts at the time of the admitting block, and is absent before it."""
    chain, at = rig.chain, Timestamp(1_700_086_400)
    before = chain.final_block()
    rig.set_next_timestamp(at)
    admit(chain, (party("supplier"), SUPPLIER.address))
    after = chain.final_block()
    assert after.timestamp == at
    assert chain.signer_window(party("supplier"), SUPPLIER.address, before) == NO_WINDOW
    assert chain.signer_window(party("supplier"), SUPPLIER.address, after) == SignerWindow(at, Timestamp(0))
    assert chain.signer_window(party("supplier"), BUYER.address, after) == NO_WINDOW


def test_a_signer_may_revoke_itself(rig: Rig) -> None:
    """A signer ends its own window, at the time of that block; reads of earlier blocks still show it open."""
    chain, at = rig.chain, Timestamp(1_700_172_800)
    admit(chain, (party("supplier"), SUPPLIER.address))
    before = chain.final_block()
    rig.set_next_timestamp(at)
    chain.revoke_signer(SUPPLIER.address, SUPPLIER.sign, party("supplier"), SUPPLIER.address)
    window = SignerWindow(before.timestamp, at)
    assert chain.signer_window(party("supplier"), SUPPLIER.address, chain.final_block()) == window
    assert chain.signer_window(party("supplier"), SUPPLIER.address, before) == replace(window, revoked_at=Timestamp(0))


def test_many_parties_are_admitted_at_once(chain: Chain) -> None:
    """All of more parties than wait in one go are admitted, each with its own signer."""
    members = [(party(f"buyer {i}"), Address(party(f"key {i}")[:20])) for i in range(40)]
    admit(chain, *members)
    final = chain.final_block()
    assert all(chain.signer_window(*member, final).added_at for member in members)
    changes = chain.signer_changes(chain.deployment.block_number, final.number)
    assert [(change.party, change.signer) for change in changes] == members


def test_signer_changes_are_told_in_order(chain: Chain) -> None:
    """Additions and revocations come with block and time, and only from the blocks asked about."""
    supplier = party("supplier")
    blocks = []
    admit(chain, (supplier, SUPPLIER.address))
    blocks.append(chain.final_block())
    chain.add_signer(REGISTRAR.address, REGISTRAR.sign, supplier, BUYER.address)
    blocks.append(chain.final_block())
    chain.revoke_signer(REGISTRAR.address, REGISTRAR.sign, supplier, SUPPLIER.address)
    blocks.append(chain.final_block())
    expected = [
        SignerChange(supplier, SUPPLIER.address, True, blocks[0], 1),
        SignerChange(supplier, BUYER.address, True, blocks[1], 0),
        SignerChange(supplier, SUPPLIER.address, False, blocks[2], 0),
    ]
    assert chain.signer_changes(0, blocks[2].number) == expected
    assert chain.signer_changes(blocks[1].number, blocks[1].number) == expected[1:2]
    assert chain.signer_changes(blocks[2].number + 1, blocks[2].number) == []


def test_heads_fold_from_all_appends(rig: Rig) -> None:
    """A head is the fold of all appends of its subject, whoever sealed them, with the times of their blocks."""
    chain = rig.chain
    steps = [
        (OPERATOR, appends("buyer", "supplier"), Timestamp(1_700_100_000)),
        (OTHER_OPERATOR, appends("buyer"), Timestamp(1_700_200_000)),
        (OPERATOR, appends("buyer", "lender"), Timestamp(1_700_300_000)),
    ]
    logs: dict[PartyId, list[LogAppend]] = {party(name): [] for name in ("buyer", "supplier", "lender", "auditor")}
    start = chain.final_block()
    batch_ids = {OPERATOR: 0, OTHER_OPERATOR: 0}
    for operator, batch, at in steps:
        rig.set_next_timestamp(at)
        seal(chain, operator, batch)
        for item in batch:
            made = LogAppend(operator.address, batch_ids[operator], item.count, item.root, at)
            logs[item.subject].append(made)
        batch_ids[operator] += 1
    final = chain.final_block()
    assert {subject: chain.head(subject, final) for subject in logs} == {
        subject: fold(log) for subject, log in logs.items()
    }
    assert all(chain.head(subject, start) == ZERO32 for subject in logs)


def test_sealed_batches_are_told_as_sealed(chain: Chain) -> None:
    """A sealed batch comes back with its operator, id, root, appends and block, from the blocks asked about only."""
    batch = appends("buyer", "supplier", "lender")
    signed = sign_seal(chain, OPERATOR, 0, batch)
    chain.send(signed.raw)
    first = included(chain, signed).block
    second = seal(chain, OTHER_OPERATOR, appends("buyer"))
    root = batch_root((item.subject, item.root, item.count) for item in batch)
    expected = SealedBatch(OPERATOR.address, 0, root, tuple(batch), first, signed.hash, 0)
    told = chain.sealed_batches(chain.deployment.block_number, second)
    assert told[0] == expected
    assert [(item.operator, item.batch_id, item.block.number) for item in told[1:]] == [
        (OTHER_OPERATOR.address, 0, second)
    ]
    assert chain.sealed_batches(first.number, first.number) == [expected]
    assert chain.sealed_batches(0, first.number - 1) == []


def test_the_next_batch_is_counted_by_operator_and_block(chain: Chain) -> None:
    """Batch ids count up by operator; an earlier block still tells the earlier count."""
    before = chain.final_block()
    seal(chain, OPERATOR, appends("buyer"))
    seal(chain, OPERATOR, appends("buyer"))
    assert chain.next_batch(OPERATOR.address, None) == 2
    assert chain.next_batch(OPERATOR.address, chain.final_block()) == 2
    assert chain.next_batch(OPERATOR.address, before) == 0
    assert chain.next_batch(OTHER_OPERATOR.address, None) == 0


def test_sending_again_is_success(chain: Chain) -> None:
    """A transaction that the node knows already may be sent again: the batch is sealed once."""
    signed = sign_seal(chain, OPERATOR, 0, appends("buyer"))
    assert chain.inclusion(signed.hash) is None
    chain.send(signed.raw)
    inclusion = included(chain, signed)
    chain.send(signed.raw)
    assert chain.inclusion(signed.hash) == inclusion
    assert len(chain.sealed_batches(0, chain.final_block().number)) == 1


def test_an_inclusion_names_its_block(chain: Chain) -> None:
    """An inclusion tells block, success and gas."""
    signed = sign_seal(chain, OPERATOR, 0, appends("buyer"))
    chain.send(signed.raw)
    inclusion = included(chain, signed)
    assert inclusion.block == chain.block(inclusion.block.number) == chain.final_block()
    assert inclusion.succeeded
    assert inclusion.gas_used > 0
