"""The register of pledged receivables over any story: whatever is asked for, its rules in words hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from protocol.register import (
    ACTORS,
    DOMAIN,
    FINANCIER,
    FINGERPRINT,
    INVOICE,
    OTHER_FINANCIER,
    OTHER_FINGERPRINT,
    OTHER_INVOICE,
    OTHER_SUPPLIER,
    STRANGER,
    SUPPLIER,
    Register,
    release_of,
    terms_of,
    transfer_of,
    word,
)
from protocol.world import START, Actor
from tallystick.protocol.pledges import Event, PledgeBook, Pledged, Refusal
from tallystick.protocol.receivable import PledgeTerms
from tallystick.protocol.types import Hash, PartyId, Timestamp

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
