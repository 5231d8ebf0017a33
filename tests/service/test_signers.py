"""Signers are added, rotated, revoked and stated to be compromised by one act each; a worker sends what they need."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from eth_account import Account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, World, in_memory
from tallystick.errors import (
    ChainUnreachable,
    Duplicate,
    KeystoreError,
    MalformedInput,
    Misfit,
    NotFound,
    Refused,
    StoreUnavailable,
    TransactionFailed,
    UsageError,
    WrongSigner,
)
from tallystick.protocol.types import Address, EvidenceId, Timestamp
from tallystick.service import accounts, parties, signers
from tallystick.service.outbox import change_registry, sign_missing_receipts
from tallystick.service.parties import bind, sign_bindings
from tallystick.service.receipts import read_receipt
from tallystick.service.record import countersign
from tallystick.service.seal import seal
from tallystick.service.signers import SignerState
from tallystick.store.records import EvidenceState, PartyRecord

ME = "test"
OWN = Address(bytes.fromhex(Account.from_key(b"\x77" * 32).address[2:]))
OTHER = Address(bytes.fromhex(Account.from_key(b"\x78" * 32).address[2:]))


def party_of(world: World, name: str = SUPPLIER) -> PartyRecord:
    with world.context.store.transaction(read_only=True) as transaction:
        return parties.find_party(transaction, name)


def states(world: World, name: str = SUPPLIER) -> dict[Address, SignerState]:
    """How the party's signers stand."""
    party = party_of(world, name)
    with world.context.store.transaction(read_only=True) as transaction:
        return {view.signer: view.state for view in signers.signers_of(transaction, party)}


def api_only(world: World) -> World:
    """The same installation as an API process sees it that leaves registrar's and operator's work to a worker."""

    class Withheld:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.context.keys, name)

        def sign(self, signer: Address, digest: bytes) -> bytes:
            if signer in (world.context.registrar, world.context.operator):
                raise KeystoreError("withheld")
            return world.context.keys.sign(signer, digest)

    context = dataclasses.replace(world.context, keys=Withheld(), works=False)
    return dataclasses.replace(world, context=context)


def journal(world: World) -> list[str]:
    return [one.act for one in accounts.journal(world.context)]


class Counting:
    """The chain of ``world``, of which each transaction is counted, and fails or is lost as ``trouble`` says."""

    def __init__(self, world: World, trouble: list[str] | None = None) -> None:
        self._chain = world.chain
        self.trouble = trouble or []
        self.sent: list[tuple[str, Address]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def _do(self, name: str, signer: Address, *arguments: Any) -> None:
        trouble = self.trouble.pop(0) if self.trouble else ""
        if trouble == "before":
            raise ChainUnreachable("no answer")
        if trouble == "refused":
            raise TransactionFailed("refused")
        getattr(self._chain, name)(*arguments)
        self.sent.append((name, signer))
        if trouble == "after":
            raise ChainUnreachable("the answer was lost")

    def add_signer(self, *arguments: Any) -> None:
        self._do("add_signer", arguments[-1], *arguments)

    def revoke_signer(self, *arguments: Any) -> None:
        self._do("revoke_signer", arguments[-1], *arguments)

    def admit(self, registrar: Any, sign: Any, members: Any) -> None:
        self._do("admit", members[0][1], registrar, sign, members)


def with_chain(world: World, chain: Counting) -> World:
    return dataclasses.replace(world, context=dataclasses.replace(world.context, chain=chain))


def test_where_the_registrar_is_elsewhere_nothing_is_asked_for(trading: World) -> None:
    """Each act says whom to ask; no key is made, and nothing waits for ever."""
    outside = dataclasses.replace(trading, context=dataclasses.replace(trading.context, registrar=None))
    party = party_of(trading)
    keys = dict(trading.context.keys.addresses())  # type: ignore[attr-defined]
    acts = [
        lambda: signers.rotate(outside.context, ME, party),
        lambda: signers.revoke(outside.context, ME, party, party.signers[0]),
        lambda: signers.add_signer(outside.context, ME, party, OWN),
        lambda: signers.state_compromise(outside.context, ME, party, party.signers[0], Timestamp(0), makes_new=True),
        lambda: signers.admit_own(outside.context, ME, parties.NewParty("New", party.identifiers), OWN),
    ]
    for act in acts:
        with pytest.raises(Refused, match="expected this home"):
            act()
    assert trading.context.keys.addresses() == keys  # type: ignore[attr-defined]
    assert list(states(trading).values()) == [SignerState.ACTIVE]


def test_only_a_signer_is_revoked_and_only_once(trading: World) -> None:
    """Whoever never signed is not found; a second revocation, also of one that is under way, is refused."""
    party = party_of(trading)
    with pytest.raises(NotFound, match="no such signer"):
        signers.revoke(trading.context, ME, party, OWN)
    signers.revoke(trading.context, ME, party, party.signers[0])
    for _ in range(2):
        with pytest.raises(Duplicate, match="revoked"):
            signers.revoke(trading.context, ME, party, party.signers[0])
        change_registry(trading.context)
    assert journal(trading) == ["signer revoked"]


def test_what_is_not_on_the_chain_yet_is_revoked_later(trading: World) -> None:
    """A signer that was asked for is no unknown one: it is told to be on its way, and revoked once it is there."""
    party = party_of(trading)
    signers.add_signer(trading.context, ME, party, OWN)
    with pytest.raises(Misfit, match="on its way"):
        signers.revoke(trading.context, ME, party, OWN)
    change_registry(trading.context)
    signers.revoke(trading.context, ME, party, OWN)
    change_registry(trading.context)
    assert states(trading)[OWN] is SignerState.REVOKED


def test_a_revoked_key_never_comes_back(trading: World) -> None:
    """What signed once can't be added again, nor be rotated to, nor can zero."""
    party = party_of(trading)
    signers.add_signer(trading.context, ME, party, OWN)
    change_registry(trading.context)
    signers.revoke(trading.context, ME, party, OWN)
    change_registry(trading.context)
    for act in (signers.add_signer, signers.rotate):
        with pytest.raises(Duplicate, match="for ever"):
            act(trading.context, ME, party, OWN)
    with pytest.raises(MalformedInput, match="zero"):
        signers.add_signer(trading.context, ME, party, Address(bytes(20)))


def test_a_compromise_is_not_to_come(trading: World) -> None:
    """A key is in other hands since some time that is past; a refused statement changes nothing."""
    party = party_of(trading)
    with pytest.raises(MalformedInput, match="since"):
        signers.state_compromise(trading.context, ME, party, party.signers[0], Timestamp(trading.clock.time + 1))
    assert states(trading) == {party.signers[0]: SignerState.ACTIVE}


def test_it_must_be_clear_which_key_gives_way(trading: World) -> None:
    """Of several keys that the party has itself, the one that is replaced is named."""
    own = signers.admit_own(trading.context, ME, new_party(), OWN)
    change_registry(trading.context)
    signers.add_signer(trading.context, ME, own, OTHER)
    change_registry(trading.context)
    third = Address(b"\x03" * 20)
    with pytest.raises(UsageError, match="which of"):
        signers.rotate(trading.context, ME, own, third)
    signers.rotate(trading.context, ME, own, third, [OTHER])
    for _ in range(2):
        change_registry(trading.context)
    assert states(trading, "ERP:own") == {
        OWN: SignerState.ACTIVE,
        OTHER: SignerState.REVOKED,
        third: SignerState.ACTIVE,
    }


def new_party(identifier: str = "ERP:own") -> parties.NewParty:
    return parties.NewParty("Own keys Ltd", (parties.parse_identifier(identifier),))


def test_a_party_is_admitted_with_a_key_of_its_own(world: World) -> None:
    """No key of it is here; the worker admits it with the address it gave, once."""
    made = signers.admit_own(world.context, ME, new_party(), OWN)
    assert made.signers == ()
    assert states(world, "ERP:own") == {OWN: SignerState.QUEUED}
    chain = Counting(world)
    for _ in range(2):
        assert change_registry(with_chain(world, chain).context) == 0
    assert chain.sent == [("admit", OWN)]
    assert states(world, "ERP:own") == {OWN: SignerState.ACTIVE}
    with pytest.raises(Duplicate):
        signers.admit_own(world.context, ME, new_party(), OWN)
    assert journal(world) == ["party added"]


def test_a_rotation_makes_nothing_void(trading: World) -> None:
    """What the old key signed is sealed before its revocation; meanwhile the new one signs, and the old one no more."""
    [invoice] = trading.record(INVOICE)
    old = party_of(trading).signers[0]
    new = signers.rotate(trading.context, ME, party_of(trading))
    assert states(trading) == {old: SignerState.RETIRING, new: SignerState.QUEUED}
    for _ in range(3):
        change_registry(trading.context)
    assert states(trading) == {old: SignerState.RETIRING, new: SignerState.ACTIVE}
    assert party_of(trading).signers == (old, new)
    [second] = trading.record({**INVOICE, "content": {**INVOICE["content"], "invoiceNumber": "4712"}})
    seal(trading.context)
    assert change_registry(trading.context) == 0
    assert states(trading) == {old: SignerState.REVOKED, new: SignerState.ACTIVE}
    supplier = party_of(trading).party
    with trading.context.store.transaction(read_only=True) as transaction:
        kept = transaction.evidence([invoice.evidence_id, second.evidence_id])
        [revoked_at] = [one.revoked_at for one in transaction.signers([supplier]) if one.signer == old]
    block = kept[invoice.evidence_id].block
    assert block is not None
    assert block.timestamp < revoked_at


def test_an_offer_of_the_old_key_is_not_accepted_after_its_rotation(trading: World) -> None:
    """A contract that waits for its counterparty would stand on a revoked signature: it is refused then, not void."""
    offer = {**CONTRACT, "countersigned": False, "content": {**CONTRACT["content"], "contractNumber": "C-2"}}
    [waiting] = trading.record(offer)
    signers.rotate(trading.context, ME, party_of(trading))
    seal(trading.context)
    for _ in range(2):
        change_registry(trading.context)
    with pytest.raises(WrongSigner):
        countersign(trading.context, waiting.evidence_id)


def test_nothing_of_a_revoked_key_is_accepted_from_the_act_on(trading: World) -> None:
    """Also before any block holds the revocation: what it signs now might be sealed after it."""
    signers.revoke(trading.context, ME, party_of(trading), party_of(trading).signers[0])
    with pytest.raises(WrongSigner):
        trading.record(INVOICE)


def test_a_compromise_revokes_at_once_and_names_what_was_signed_since(trading: World) -> None:
    """Revoked before anything else happens, a new key beside it, and of the evidence only what that very key signed."""
    seal(trading.context)
    trading.clock.time = Timestamp(trading.clock.time + 100)
    since = trading.clock.time
    [invoice] = trading.record(INVOICE)
    trading.record({"kind": "ACKNOWLEDGEMENT", "issuer": BUYER, "counterparty": SUPPLIER, "content": {},
                    "parent": "0x" + invoice.evidence_id.hex()})  # fmt: skip
    party = party_of(trading)
    found = signers.state_compromise(trading.context, ME, party, party.signers[0], since, makes_new=True)
    assert found.suspects == (invoice.evidence_id,)
    assert found.new is not None
    chain = Counting(trading)
    assert change_registry(with_chain(trading, chain).context) == 0
    assert chain.sent == [("revoke_signer", party.signers[0]), ("add_signer", found.new)]
    with trading.context.store.transaction(read_only=True) as transaction:
        views = {view.signer: view for view in signers.signers_of(transaction, party)}
    assert views[party.signers[0]].compromised_since == since
    assert views[found.new].state is SignerState.ACTIVE
    trading.record({**INVOICE, "content": {**INVOICE["content"], "invoiceNumber": "4712"}})
    [deed] = list(accounts.journal(trading.context))
    assert (deed.act, deed.details["since"]) == ("signer compromised", since)


def test_one_refused_change_holds_up_no_other(trading: World) -> None:
    """Why it was refused stands beside it, and it is tried again."""
    supplier, buyer = party_of(trading), party_of(trading, BUYER)
    signers.add_signer(trading.context, ME, supplier, OWN)
    signers.add_signer(trading.context, ME, buyer, OTHER)
    chain = Counting(trading, ["refused"])
    assert change_registry(with_chain(trading, chain).context) == 1
    with trading.context.store.transaction(read_only=True) as transaction:
        [view] = [one for one in signers.signers_of(transaction, supplier) if one.signer == OWN]
    assert (view.state, view.trouble) == (SignerState.QUEUED, "refused")
    assert states(trading, BUYER)[OTHER] is SignerState.ACTIVE
    assert change_registry(with_chain(trading, chain).context) == 0
    assert states(trading)[OWN] is SignerState.ACTIVE


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trouble=st.lists(st.sampled_from(["", "before", "after", "refused"]), max_size=8), depth=st.integers(0, 2))
def test_whatever_fails_each_change_is_made_once(trouble: list[str], depth: int) -> None:
    """No answer before or after a transaction, refusals, slow finality: in the end all is done, nothing sent twice."""
    with in_memory() as world:
        world.party("Supplier GmbH", SUPPLIER)
        party = party_of(world)
        world.chain._finality_depth = depth
        signers.admit_own(world.context, ME, new_party(), OWN)
        new = signers.rotate(world.context, ME, party)
        chain = Counting(world, trouble)
        context = with_chain(world, chain).context
        for _ in range(30):
            try:
                left = change_registry(context)
            except ChainUnreachable:
                continue
            if not left and not chain.trouble:
                break
        sent = sorted(chain.sent)
        assert len(sent) == len(set(sent))
        if depth == 0:
            assert sent == sorted([("admit", OWN), ("add_signer", new), ("revoke_signer", party.signers[0])])
            assert states(world) == {party.signers[0]: SignerState.REVOKED, new: SignerState.ACTIVE}


def test_an_api_process_accepts_and_a_worker_promises(trading: World) -> None:
    """Without the operator's key evidence is accepted without a receipt; the worker signs it, before it is sealed."""
    api = api_only(trading)
    [invoice] = api.record(INVOICE)
    assert invoice.state is EvidenceState.PENDING
    with pytest.raises(NotFound, match="no receipt"):
        read_receipt(api.context, invoice.evidence_id)
    trading.clock.time = Timestamp(trading.clock.time + 7)
    assert sign_missing_receipts(trading.context) == 1
    assert sign_missing_receipts(trading.context) == 0
    signed = read_receipt(api.context, invoice.evidence_id)
    assert signed.receipt.received_at == trading.clock.time


def test_nothing_is_sealed_that_nobody_promised(trading: World) -> None:
    """Where a batch is frozen before the worker came to sign receipts, they are signed with it."""
    [invoice] = api_only(trading).record(INVOICE)
    seal(trading.context)
    assert read_receipt(trading.context, EvidenceId(invoice.evidence_id)).problem() is None


def test_an_api_process_shows_who_a_party_is_by_what_the_worker_signed(trading: World) -> None:
    """The registrar's statement is signed once by a worker; before that the answer is to try again."""
    api, party = api_only(trading), party_of(trading)
    with pytest.raises(StoreUnavailable, match="has not signed yet"):
        bind(api.context, party)
    assert sign_bindings(trading.context) == 3
    assert sign_bindings(trading.context) == 0
    assert bind(api.context, party) == bind(trading.context, party)


def test_an_api_process_keeps_a_party_and_a_worker_admits_it(trading: World) -> None:
    """A managed party is kept with its key; nobody is admitted by a process without the registrar's key."""
    api = api_only(trading)
    made = parties.add_parties(api.context, [new_party()])[0]
    assert states(trading, "ERP:own") == {made.signers[0]: SignerState.QUEUED}
    parties.complete_admissions(trading.context)
    assert states(trading, "ERP:own") == {made.signers[0]: SignerState.ACTIVE}
