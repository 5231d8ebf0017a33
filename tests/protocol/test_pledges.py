"""The rules of the register of pledged receivables, one at a time."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.register import (
    DOMAIN,
    FINANCIER,
    FINGERPRINT,
    INVOICE,
    OTHER_FINANCIER,
    OTHER_FINGERPRINT,
    OTHER_INVOICE,
    OTHER_SUPPLIER,
    PROOF,
    STRANGER,
    SUPPLIER,
    Register,
    refused,
    release_of,
    signed,
    terms_of,
    transfer_of,
    word,
)
from protocol.world import START, Actor
from tallystick.protocol.pledges import Cancelled, Pledged, Released, Transferred
from tallystick.protocol.signing import GROUP_ORDER
from tallystick.protocol.types import ZERO32, PartyId, Timestamp

PLEDGE = terms_of()
NAME = PLEDGE.digest(DOMAIN)


@pytest.fixture
def register() -> Register:
    """The one receivable is pledged to the financier, since one second."""
    register = Register()
    assert isinstance(register.pledge(PLEDGE), Pledged)
    register.now += 1
    return register


# --- one at a time ----------


@pytest.mark.parametrize("financier", [FINANCIER, OTHER_FINANCIER], ids=lambda who: who.name)
def test_what_is_pledged_is_not_pledged_again(register: Register, financier: Actor) -> None:
    again = terms_of(financier=financier.party, fingerprint=OTHER_FINGERPRINT, nonce=word("again"))
    assert refused(register.pledge(again), "ReceivableTaken", receivable=INVOICE, pledgedAt=START)


def test_another_evidence_of_a_pledged_invoice_is_not_pledged(register: Register) -> None:
    again = terms_of(receivable=OTHER_INVOICE, financier=OTHER_FINANCIER.party)
    assert refused(register.pledge(again), "FingerprintTaken", fingerprint=FINGERPRINT, pledgedAt=START)


def test_whether_a_receivable_is_taken_is_told_by_either_name(register: Register) -> None:
    def since(receivable: Any, fingerprint: Any, at: int) -> int:
        return register.book.taken_since(SUPPLIER.party, receivable, fingerprint, Timestamp(at))

    assert since(INVOICE, OTHER_FINGERPRINT, register.now) == START
    assert since(OTHER_INVOICE, FINGERPRINT, register.now) == START
    assert since(OTHER_INVOICE, OTHER_FINGERPRINT, register.now) == 0
    assert since(INVOICE, FINGERPRINT, PLEDGE.expires_at) == 0


def test_another_supplier_is_not_hindered(register: Register) -> None:
    assert isinstance(register.pledge(terms_of(supplier=OTHER_SUPPLIER.party)), Pledged)
    assert len(register.active()) == 2


def test_another_invoice_is_not_hindered(register: Register) -> None:
    other = terms_of(receivable=OTHER_INVOICE, fingerprint=OTHER_FINGERPRINT)
    assert isinstance(register.pledge(other), Pledged)


# --- what a pledge needs ----------


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"receivable": ZERO32}, "ZeroReceivable"),
        ({"fingerprint": ZERO32}, "ZeroFingerprint"),
        ({"supplier": ZERO32}, "ZeroParty"),
        ({"financier": ZERO32}, "ZeroParty"),
        ({"financier": SUPPLIER.party}, "FinancierIsSupplier"),
        ({"expires_at": START}, "ExpiryNotAhead"),
        ({"deadline": START - 1}, "AuthorisationExpired"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_terms_that_can_not_be_are_refused(change: dict[str, Any], error: str) -> None:
    assert refused(Register().pledge(terms_of(**change), SUPPLIER, FINANCIER), error)


def test_terms_are_good_up_to_the_second_of_their_deadline() -> None:
    assert isinstance(Register(now=PLEDGE.deadline).pledge(PLEDGE), Pledged)
    assert refused(Register(now=PLEDGE.deadline + 1).pledge(PLEDGE), "AuthorisationExpired", deadline=PLEDGE.deadline)


def test_a_receivable_is_pledged_out_of_its_suppliers_sealed_log() -> None:
    assert refused(Register(sealed=False).pledge(PLEDGE), "BatchNotSealed", batchId=0)
    assert refused(Register(in_log=False).pledge(PLEDGE), "NotInLog", supplier=SUPPLIER.party, receivable=INVOICE)


@pytest.mark.parametrize(
    "signers",
    [(STRANGER, FINANCIER), (SUPPLIER, STRANGER), (FINANCIER, SUPPLIER), (SUPPLIER, SUPPLIER)],
    ids=lambda signers: " and ".join(who.name for who in signers),
)
def test_both_sign_each_in_its_place(signers: tuple[Actor, Actor]) -> None:
    assert refused(Register().pledge(PLEDGE, *signers), "NotSigner")


def test_a_key_that_is_revoked_signs_no_more(register: Register) -> None:
    register.revoked.add(FINANCIER.party)
    assert refused(register.release(release_of(NAME)), "NotSigner", party=FINANCIER.party, signer=FINANCIER.address)


def test_a_signature_has_one_spelling() -> None:
    good, other = signed(PLEDGE, SUPPLIER), signed(PLEDGE, FINANCIER)
    s = GROUP_ORDER - int.from_bytes(good[32:64], "big")
    for spelled, error in (
        (good[:32] + s.to_bytes(32, "big") + bytes([55 - good[64]]), "ECDSAInvalidSignatureS"),
        (good[:64] + bytes([good[64] - 27]), "ECDSAInvalidSignature"),
        (good[:64], "ECDSAInvalidSignatureLength"),
        (good + b"\x00", "ECDSAInvalidSignatureLength"),
        (b"", "ECDSAInvalidSignatureLength"),
        (bytes(65), "ECDSAInvalidSignature"),
    ):
        assert refused(Register().ask("pledge", PLEDGE, PROOF, spelled, other), error)


# --- transfer and release ----------


def test_only_the_holder_transfers_or_releases(register: Register) -> None:
    stolen = transfer_of(NAME, giver=OTHER_FINANCIER.party, taker=FINANCIER.party)
    assert refused(register.transfer(stolen), "NotHolder", party=OTHER_FINANCIER.party)
    assert refused(register.release(release_of(NAME, financier=SUPPLIER.party)), "NotHolder", party=SUPPLIER.party)
    assert refused(register.release(release_of(NAME), SUPPLIER), "NotSigner", party=FINANCIER.party)


@pytest.mark.parametrize(
    ("taker", "error"),
    [(ZERO32, "ZeroParty"), (SUPPLIER.party, "FinancierIsSupplier"), (FINANCIER.party, "FinancierUnchanged")],
    ids=["nobody", "the supplier", "who has it"],
)
def test_a_pledge_goes_to_another_financier_only(register: Register, taker: Any, error: str) -> None:
    assert refused(register.transfer(transfer_of(NAME, taker=taker), FINANCIER, FINANCIER), error)


def test_a_transfer_gives_the_pledge_and_all_rights_of_it_away(register: Register) -> None:
    assert isinstance(register.transfer(transfer_of(NAME)), Transferred)
    held = register.book.pledges[NAME]
    assert (held.financier, held.expires_at, held.pledged_at) == (OTHER_FINANCIER.party, PLEDGE.expires_at, START)
    assert refused(register.release(release_of(NAME)), "NotHolder", party=FINANCIER.party)
    assert isinstance(register.release(release_of(NAME, financier=OTHER_FINANCIER.party)), Released)


def test_a_pledge_that_never_was_is_neither_transferred_nor_released() -> None:
    register, nothing = Register(), word("no pledge")
    assert refused(register.transfer(transfer_of(nothing)), "UnknownPledge", pledge=nothing)
    assert refused(register.release(release_of(nothing)), "UnknownPledge", pledge=nothing)
    assert refused(register.cancel(transfer_of(nothing), FINANCIER.party), "UnknownPledge", pledge=nothing)


def test_a_released_pledge_is_over_and_the_receivable_free(register: Register) -> None:
    assert isinstance(register.release(release_of(NAME)), Released)
    assert refused(register.transfer(transfer_of(NAME)), "PledgeReleased", releasedAt=register.now)
    assert refused(register.release(release_of(NAME, nonce=word("again"))), "PledgeReleased")
    assert isinstance(register.pledge(terms_of(nonce=word("again"))), Pledged)


def test_an_expired_pledge_is_over_at_that_very_second(register: Register) -> None:
    later: dict[str, Any] = {"deadline": START + 9_999, "expires_at": START + 9_999, "nonce": word("later")}
    register.now = PLEDGE.expires_at - 1
    assert refused(register.pledge(terms_of(**later)), "ReceivableTaken")
    register.now = PLEDGE.expires_at
    assert refused(register.release(release_of(NAME)), "PledgeExpired", expiresAt=register.now)
    assert refused(register.transfer(transfer_of(NAME)), "PledgeExpired", expiresAt=register.now)
    assert isinstance(register.pledge(terms_of(**later)), Pledged)
    assert register.active() == [terms_of(**later).digest(DOMAIN)]


# --- an authorisation is good once ----------


def test_terms_once_used_are_used_up(register: Register) -> None:
    assert isinstance(register.release(release_of(NAME)), Released)
    assert refused(register.pledge(PLEDGE), "AuthorisationClosed", party=SUPPLIER.party, closedAt=START)


@pytest.mark.parametrize("party", [SUPPLIER.party, FINANCIER.party], ids=["supplier", "financier"])
def test_terms_that_either_took_back_are_good_no_more(party: PartyId) -> None:
    register = Register()
    assert isinstance(register.cancel(PLEDGE, party), Cancelled)
    register.now += 1
    assert refused(register.pledge(PLEDGE), "AuthorisationClosed", party=party, closedAt=START)
    assert refused(register.cancel(PLEDGE, party), "AuthorisationClosed", party=party)
    assert isinstance(register.pledge(terms_of(nonce=word("again"))), Pledged)


def test_terms_in_use_are_not_taken_back(register: Register) -> None:
    for party in (SUPPLIER.party, FINANCIER.party):
        assert refused(register.cancel(PLEDGE, party), "AuthorisationClosed", party=party, closedAt=START)
    assert register.active() == [NAME]


def test_a_transfer_is_taken_back_before_it_is_used(register: Register) -> None:
    assert isinstance(register.cancel(transfer_of(NAME), OTHER_FINANCIER.party), Cancelled)
    assert refused(register.transfer(transfer_of(NAME)), "AuthorisationClosed", party=OTHER_FINANCIER.party)
    assert isinstance(register.transfer(transfer_of(NAME, nonce=word("again"))), Transferred)


def test_a_stranger_takes_nothing_back(register: Register) -> None:
    other = terms_of(nonce=word("other"))
    assert refused(register.cancel(other, OTHER_FINANCIER.party), "NotConcerned", party=OTHER_FINANCIER.party)
    assert refused(register.cancel(transfer_of(NAME), SUPPLIER.party), "NotConcerned", party=SUPPLIER.party)
    assert refused(register.cancel(other, SUPPLIER.party, STRANGER), "NotSigner", signer=STRANGER.address)


def test_a_signature_under_terms_does_not_take_them_back() -> None:
    """Who relays terms holds the signatures under them: none of these may serve as a cancellation."""
    assert refused(Register().ask("cancel", PLEDGE, SUPPLIER.party, signed(PLEDGE, SUPPLIER)), "NotSigner")
