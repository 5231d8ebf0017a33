"""Parties with keys of their own: typed data for any wallet, and the signed evidence that comes back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from service.world import BUYER, CONTRACT, INVOICE, SUPPLIER, World, changed
from tallystick.errors import BadSignature, Duplicate, Misfit, NotFound, Unfounded, UsageError, WrongSigner
from tallystick.intake.drafts import parse_draft
from tallystick.protocol.bundle import parse_evidence
from tallystick.protocol.evidence import Domain, Evidence
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.typed_data import typed_data
from tallystick.protocol.types import Address, DealId, EvidenceId, Hash, PartyId, Timestamp
from tallystick.service import custody, parties, signers
from tallystick.service.outbox import change_registry
from tallystick.service.seal import seal
from tallystick.store.records import EvidenceRecord, EvidenceState

OWN = "ERP:own"
KEY = Account.from_key(b"\x77" * 32)
STRANGER = Account.from_key(b"\x78" * 32)
OWN_CONTRACT = {**CONTRACT, "issuer": OWN, "counterparty": BUYER, "countersigned": False}
OWN_CONTRACT = {name: value for name, value in OWN_CONTRACT.items() if name != "label"}
OWN_INVOICE = {name: value for name, value in {**INVOICE, "issuer": OWN}.items() if name != "label"}


@pytest.fixture
def selling(trading: World) -> World:
    """A party with its own key, beside the managed ones."""
    member = parties.NewParty("Own keys Ltd", (parties.parse_identifier(OWN),))
    signers.admit_own(trading.context, "test", member, Address(bytes.fromhex(KEY.address[2:])))
    change_registry(trading.context)
    return trading


def asked(world: World, draft: dict[str, Any]) -> custody.ToSign:
    return custody.ask(world.context, parse_draft(draft, "draft"))


def wallet(found: custody.ToSign, account: Any = KEY) -> bytes:
    """What a wallet makes of the typed data, as another implementation reads it from JSON."""
    told = json.loads(json.dumps(found.typed_data))
    return bytes(account.sign_typed_data(full_message=told).signature)


def submitted(world: World, found: custody.ToSign, signature: bytes) -> EvidenceRecord:
    evidence = parse_evidence(json.loads(json.dumps(found.typed_data["message"])), "evidence")
    return custody.submit(world.context, evidence, signature, found.disclosures)


def opened(world: World) -> EvidenceRecord:
    """A contract of the party with its buyer, countersigned."""
    found = asked(world, OWN_CONTRACT)
    made = submitted(world, found, wallet(found))
    return custody_done(world, made)


def custody_done(world: World, made: EvidenceRecord) -> EvidenceRecord:
    from tallystick.service.record import countersign

    return countersign(world.context, made.evidence_id)


def test_nothing_is_asked_for_that_would_be_refused(selling: World) -> None:
    """Without a contract, of an unknown party, a second time, or countersigned at once: before anybody signs."""
    with pytest.raises(Misfit):
        asked(selling, OWN_INVOICE)
    with pytest.raises(Unfounded):
        asked(selling, {**OWN_INVOICE, "deal": "0x" + "01" * 32})
    with pytest.raises(NotFound):
        asked(selling, {**OWN_INVOICE, "issuer": "ERP:nobody"})
    with pytest.raises(UsageError, match="countersigned"):
        asked(selling, {**OWN_CONTRACT, "countersigned": True})
    opened(selling)
    found = asked(selling, OWN_INVOICE)
    submitted(selling, found, wallet(found))
    with pytest.raises(Duplicate, match="recorded already"):
        asked(selling, OWN_INVOICE)


def test_only_the_partys_own_key_signs(selling: World) -> None:
    """A stranger's signature, one over other content, or a changed struct: refused, and nothing is kept."""
    opened(selling)
    found, other = asked(selling, OWN_INVOICE), asked(selling, changed(OWN_INVOICE, payableAmount="1.00"))
    with pytest.raises(WrongSigner):
        submitted(selling, found, wallet(found, STRANGER))
    with pytest.raises(WrongSigner):
        submitted(selling, found, wallet(other))
    for size in (0, 64, 66, 195):
        with pytest.raises(BadSignature, match="expected 65 bytes"):
            submitted(selling, found, bytes(size))
    submitted(selling, found, wallet(found))


def test_an_invoice_of_a_wallet_is_sealed_like_any_other(selling: World) -> None:
    """Draft, typed data, signature, submission, seal: final in both logs, signed by the party's own account."""
    opened(selling)
    found = asked(selling, OWN_INVOICE)
    made = submitted(selling, found, wallet(found))
    assert made.evidence_id == found.evidence_id
    assert made.state is EvidenceState.PENDING
    seal(selling.context)
    with selling.context.store.transaction(read_only=True) as transaction:
        assert transaction.evidence([made.evidence_id])[made.evidence_id].state is EvidenceState.FINAL


def test_v_may_be_0_or_1(selling: World) -> None:
    """As some hardware wallets write it; it is kept as 27 or 28, so that the evidence has one spelling."""
    opened(selling)
    found = asked(selling, OWN_INVOICE)
    signature = wallet(found)
    made = submitted(selling, found, signature[:64] + bytes([signature[64] - 27]))
    assert made.signatures == signature


def test_a_wallet_countersigns_the_same_struct(selling: World) -> None:
    """The counterparty gets what the issuer signed; its own signature completes the contract, a stranger's does not."""
    draft = {**CONTRACT, "issuer": SUPPLIER, "counterparty": OWN, "countersigned": False}
    [waiting] = selling.record(draft)
    found = custody.ask_countersignature(selling.context, waiting.evidence_id)
    assert found.evidence_id == waiting.evidence_id
    with pytest.raises(WrongSigner):
        custody.countersign(selling.context, waiting.evidence_id, wallet(found, STRANGER))
    done = custody.countersign(selling.context, waiting.evidence_id, wallet(found))
    assert done.state is EvidenceState.PENDING
    with pytest.raises(Misfit, match="awaits a signature"):
        custody.ask_countersignature(selling.context, waiting.evidence_id)
    with pytest.raises(NotFound):
        custody.ask_countersignature(selling.context, EvidenceId(bytes(32)))


def test_a_rotated_wallet_signs_on(selling: World) -> None:
    """The new account takes the place of the old: what the old one signs then is refused."""
    opened(selling)
    seal(selling.context)
    with selling.context.store.transaction(read_only=True) as transaction:
        party = parties.find_party(transaction, OWN)
    signers.rotate(selling.context, "test", party, Address(bytes.fromhex(STRANGER.address[2:])))
    for _ in range(2):
        change_registry(selling.context)
    found = asked(selling, OWN_INVOICE)
    with pytest.raises(WrongSigner):
        submitted(selling, found, wallet(found))
    submitted(selling, found, wallet(found, STRANGER))


@given(
    ids=st.lists(st.binary(min_size=32, max_size=32), min_size=5, max_size=5, unique=True),
    kind=st.integers(1, 255),
    times=st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1)),
    chain_id=st.integers(1, 2**63),
    contract=st.binary(min_size=20, max_size=20),
)
def test_typed_data_hashes_to_the_evidence_id(
    ids: list[bytes], kind: int, times: tuple[int, int], chain_id: int, contract: bytes
) -> None:
    """eth_signTypedData_v4, as another implementation encodes it, gives the digest that is the evidence id."""
    issuer, counterparty, deal, parent, root = ids
    if not any(issuer):
        return
    evidence = Evidence(
        PartyId(issuer),
        PartyId(counterparty),
        kind,
        DealId(deal),
        EvidenceId(parent),
        Hash(root),
        Timestamp(times[0]),
        Timestamp(times[1]),
    )
    domain = Domain(chain_id, Address(contract))
    told = json.loads(json.dumps(typed_data(evidence, domain)))
    signable = encode_typed_data(full_message=copy.deepcopy(told))
    assert keccak256(b"\x19" + signable.version + signable.header + signable.body) == evidence.evidence_id(domain)
    assert parse_evidence(told["message"], "evidence") == evidence
