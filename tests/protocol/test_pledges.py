"""The register of pledged receivables: its rules in words, each alone and over any story."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from protocol.world import START, Actor, actor
from tallystick.protocol.evidence import Domain
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.pledges import (
    Cancelled,
    Event,
    PledgeBook,
    Pledged,
    Refusal,
    Released,
    Surroundings,
    Transferred,
)
from tallystick.protocol.receivable import LogProof, PledgeTerms, ReleaseTerms, TransferTerms, cancellation_digest
from tallystick.protocol.signing import GROUP_ORDER, sign
from tallystick.protocol.types import ZERO32, Hash, PartyId, Timestamp

DOMAIN = Domain(31_337, keccak256(b"receivables")[:20])  # type: ignore[arg-type]
SUPPLIER, OTHER_SUPPLIER = actor("supplier"), actor("other supplier")
FINANCIER, OTHER_FINANCIER = actor("financier"), actor("other financier")
STRANGER = actor("stranger")
ACTORS = {who.party: who for who in (SUPPLIER, OTHER_SUPPLIER, FINANCIER, OTHER_FINANCIER)}
PROOF = LogProof(STRANGER.address, 0, 0, Hash(ZERO32), 1, (), ())


def word(label: str) -> Any:
    """A 32-byte value that is different for each ``label``, as any of the protocol's kinds of bytes."""
    return keccak256(label.encode())


INVOICE, OTHER_INVOICE, FINGERPRINT, OTHER_FINGERPRINT = map(word, ("invoice", "other invoice", "print", "other print"))


@dataclass
class Register:
    """A book whose changes are asked for at the time ``now``; what was accepted stands in ``events`` too."""

    now: int = START
    book: PledgeBook = field(default_factory=PledgeBook)
    events: list[Event] = field(default_factory=list)
    revoked: set[PartyId] = field(default_factory=set)
    sealed: bool = True
    in_log: bool = True

    def ask(self, change: str, *arguments: Any) -> Event | Refusal:
        around = Surroundings(
            DOMAIN,
            Timestamp(self.now),
            is_signer=lambda party, signer: party not in self.revoked and ACTORS[party].address == signer,
            is_sealed=lambda proof: self.sealed,
            stands_in_log=lambda supplier, receivable, proof: self.in_log,
        )
        answer: Event | Refusal = getattr(self.book, change)(*arguments, around)
        if not isinstance(answer, Refusal):
            self.book.apply(answer)
            self.events.append(answer)
        return answer

    def pledge(self, terms: PledgeTerms, *signers: Actor) -> Event | Refusal:
        by = signers or (ACTORS[terms.supplier], ACTORS[terms.financier])
        return self.ask("pledge", terms, PROOF, *(signed(terms, who) for who in by))

    def transfer(self, terms: TransferTerms, *signers: Actor) -> Event | Refusal:
        by = signers or (ACTORS[terms.giver], ACTORS[terms.taker])
        return self.ask("transfer", terms, *(signed(terms, who) for who in by))

    def release(self, terms: ReleaseTerms, signer: Actor | None = None) -> Event | Refusal:
        return self.ask("release", terms, signed(terms, signer or ACTORS[terms.financier]))

    def cancel(
        self, terms: PledgeTerms | TransferTerms, party: PartyId, signer: Actor | None = None
    ) -> Event | Refusal:
        digest = cancellation_digest(DOMAIN, party, terms.digest(DOMAIN))
        return self.ask("cancel", terms, party, sign(digest, (signer or ACTORS[party]).key))

    def active(self) -> list[Hash]:
        return [name for name, pledge in self.book.pledges.items() if pledge.is_active(Timestamp(self.now))]


def signed(terms: PledgeTerms | TransferTerms | ReleaseTerms, who: Actor) -> bytes:
    return sign(terms.digest(DOMAIN), who.key)


def terms_of(**changes: Any) -> PledgeTerms:
    base: dict[str, Any] = {
        "supplier": SUPPLIER.party,
        "receivable": INVOICE,
        "fingerprint": FINGERPRINT,
        "financier": FINANCIER.party,
        "expires_at": START + 1_000,
        "deadline": START + 100,
        "nonce": word("nonce"),
    }
    return PledgeTerms(**base | changes)


def transfer_of(name: Hash, **changes: Any) -> TransferTerms:
    ids: dict[str, Any] = {"pledge": name, "giver": FINANCIER.party, "taker": OTHER_FINANCIER.party}
    return TransferTerms(**ids | {"deadline": START + 500, "nonce": word("nonce")} | changes)


def release_of(name: Hash, **changes: Any) -> ReleaseTerms:
    base: dict[str, Any] = {"pledge": name, "financier": FINANCIER.party, "deadline": START + 500}
    return ReleaseTerms(**base | {"nonce": word("nonce")} | changes)


def refused(answer: Event | Refusal, error: str, **values: bytes | int) -> bool:
    """Whether ``answer`` is the refusal ``error``, saying at least ``values``."""
    return isinstance(answer, Refusal) and answer.error == error and values.items() <= answer.values.items()


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


# --- any story ----------

suppliers, financiers = st.sampled_from([SUPPLIER, OTHER_SUPPLIER]), st.sampled_from([FINANCIER, OTHER_FINANCIER])
invoices, fingerprints = st.sampled_from([INVOICE, OTHER_INVOICE]), st.sampled_from([FINGERPRINT, OTHER_FINGERPRINT])
nonces = st.sampled_from([word("nonce"), word("other nonce")])
lengths = st.sampled_from([500, 100, 100, 20, 0])
deadlines: Any = st.sampled_from([START + 10_000, START + 10_000, START + 100])
honest = st.sampled_from([True, True, True, True, False])


class AnyStory(RuleBasedStateMachine):
    """Whatever is asked for, by whom, in which order: what the register says is what its rules say in words."""

    agreed, given = Bundle("agreed"), Bundle("given")

    def __init__(self) -> None:
        super().__init__()
        self.register = Register()
        self.used: set[tuple[PartyId, Hash]] = set()
        self.ended: set[Hash] = set()

    def settle(self, answer: Event | Refusal, authorisation: Hash, parties: tuple[PartyId, ...], may: bool) -> None:
        assert isinstance(answer, Refusal) is not may, answer
        if may:
            assert not self.used & {(party, authorisation) for party in parties}
            self.used |= {(party, authorisation) for party in parties}

    def is_unused(self, authorisation: Hash, *parties: PartyId) -> bool:
        return not any((party, authorisation) in self.used for party in parties)

    def is_held_by(self, name: Hash, party: PartyId) -> bool:
        return name in self.register.active() and self.register.book.pledges[name].financier == party

    @rule(seconds=st.sampled_from([1, 1, 10, 40]))
    def time_passes(self, seconds: int) -> None:
        self.register.now += seconds

    @rule(who=st.none() | st.sampled_from(list(ACTORS)))
    def a_key_is_revoked_or_all_are_replaced(self, who: PartyId | None) -> None:
        self.register.revoked = {who} if who else set()

    @initialize(target=given)
    def there_is_a_pledge(self) -> Hash:
        terms = terms_of(expires_at=START + 60, deadline=START + 100)
        name = terms.digest(DOMAIN)
        self.settle(self.register.pledge(terms), name, (terms.supplier, terms.financier), True)
        return name

    @rule(
        target=agreed,
        supplier=suppliers,
        receivable=invoices,
        fingerprint=fingerprints,
        financier=financiers,
        lasts=lengths,
        deadline=deadlines,
        nonce=nonces,
    )
    def a_pledge_is_agreed(
        self,
        supplier: Actor,
        receivable: Any,
        fingerprint: Any,
        financier: Actor,
        lasts: int,
        deadline: Any,
        nonce: Any,
    ) -> PledgeTerms:
        ids = {"supplier": supplier.party, "financier": financier.party, "receivable": receivable}
        expires_at: Any = self.register.now + lasts
        return terms_of(**ids, fingerprint=fingerprint, nonce=nonce, expires_at=expires_at, deadline=deadline)

    @rule(target=given, terms=agreed, both_sign=honest)
    def it_is_pledged(self, terms: PledgeTerms, both_sign: bool) -> Any:
        register, name = self.register, terms.digest(DOMAIN)
        rivals = [register.book.pledges[active] for active in register.active()]
        is_free = not any(
            rival.supplier == terms.supplier
            and (rival.receivable == terms.receivable or rival.fingerprint == terms.fingerprint)
            for rival in rivals
        )
        may = (
            is_free
            and both_sign
            and register.now < terms.expires_at
            and register.now <= terms.deadline
            and self.is_unused(name, terms.supplier, terms.financier)
            and not register.revoked & {terms.supplier, terms.financier}
        )
        signers = () if both_sign else (STRANGER, ACTORS[terms.financier])
        self.settle(register.pledge(terms, *signers), name, (terms.supplier, terms.financier), may)
        return name if may else multiple()

    @rule(name=given, giver=financiers, taker=financiers, deadline=deadlines, nonce=nonces, takes_back=honest)
    def it_is_transferred(
        self, name: Hash, giver: Actor, taker: Actor, deadline: Any, nonce: Any, takes_back: bool
    ) -> None:
        register = self.register
        terms = transfer_of(name, giver=giver.party, taker=taker.party, deadline=deadline, nonce=nonce)
        authorisation, parties = terms.digest(DOMAIN), (giver.party, taker.party)
        if not takes_back:
            may = self.is_unused(authorisation, taker.party) and taker.party not in register.revoked
            self.settle(register.cancel(terms, taker.party), authorisation, (taker.party,), may)
        may = (
            self.is_held_by(name, giver.party)
            and giver != taker
            and register.now <= terms.deadline
            and self.is_unused(authorisation, *parties)
            and not register.revoked & set(parties)
        )
        self.settle(register.transfer(terms), authorisation, parties, may)

    @rule(name=given, by=financiers, deadline=deadlines, nonce=nonces)
    def it_is_released(self, name: Hash, by: Actor, deadline: Any, nonce: Any) -> None:
        register = self.register
        terms = release_of(name, financier=by.party, deadline=deadline, nonce=nonce)
        authorisation = terms.digest(DOMAIN)
        may = (
            self.is_held_by(name, by.party)
            and register.now <= terms.deadline
            and self.is_unused(authorisation, by.party)
            and by.party not in register.revoked
        )
        self.settle(register.release(terms), authorisation, (by.party,), may)

    @rule(terms=consumes(agreed), by_supplier=st.booleans(), signs=honest)
    def it_is_taken_back(self, terms: PledgeTerms, by_supplier: bool, signs: bool) -> None:
        party, name = (terms.supplier if by_supplier else terms.financier), terms.digest(DOMAIN)
        may = signs and self.is_unused(name, party) and party not in self.register.revoked
        answer = self.register.cancel(terms, party, None if signs else STRANGER)
        self.settle(answer, name, (party,), may)

    @invariant()
    def at_most_one_pledge_of_a_receivable_is_active(self) -> None:
        held = [self.register.book.pledges[name] for name in self.register.active()]
        assert len({(pledge.supplier, pledge.receivable) for pledge in held}) == len(held)
        assert len({(pledge.supplier, pledge.fingerprint) for pledge in held}) == len(held)

    @invariant()
    def what_is_over_stays_over(self) -> None:
        active = set(self.register.active())
        assert not active & self.ended
        self.ended |= set(self.register.book.pledges) - active

    @invariant()
    def the_newest_pledge_is_the_one_that_counts(self) -> None:
        """The book looks at the newest pledge alone; no older one may be active."""
        book, now = self.register.book, Timestamp(self.register.now)
        for name in self.register.active():
            pledge = book.pledges[name]
            assert book.last[pledge.supplier, pledge.receivable] == name
            assert book.last_of_fingerprint[pledge.supplier, pledge.fingerprint] == name
            since = book.taken_since(pledge.supplier, pledge.receivable, pledge.fingerprint, now)
            assert since == pledge.pledged_at

    @invariant()
    def the_events_alone_rebuild_the_book(self) -> None:
        book = PledgeBook()
        for event in self.register.events:
            book.apply(event)
        assert book == self.register.book
        assert set(book.closed_at) == self.used

    def teardown(self) -> None:
        """A pledge keeps all but its holder and its release."""
        pledged = {event.pledge: event for event in self.register.events if isinstance(event, Pledged)}
        assert set(pledged) == set(self.register.book.pledges)
        for name, pledge in self.register.book.pledges.items():
            first = PledgeBook()
            first.apply(pledged[name])
            kept = replace(pledge, financier=pledged[name].financier, released_at=Timestamp(0))
            assert first.pledges[name] == kept


TestAnyStory = AnyStory.TestCase
TestAnyStory.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
