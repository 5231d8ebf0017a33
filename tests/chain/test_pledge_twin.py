"""The register of pledged receivables in memory is the twin of the contract: whatever is done, both answer alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from chain.pledging import (
    ABSENT_INVOICE,
    FINANCIER,
    FINGERPRINT,
    FINGERPRINTS,
    INVOICE,
    KEYS,
    LATE_INVOICE,
    LATER_LOGS,
    MISSPELLINGS,
    NOBODY,
    OTHER_FINANCIER,
    OTHER_FINGERPRINT,
    OTHER_INVOICE,
    OTHER_SUPPLIER,
    SECOND_KEYS,
    SUPPLIER,
    Market,
    open_market,
    word,
)
from chain.rigs import GENESIS_TIMESTAMP, OPERATOR, OTHER_OPERATOR, REGISTRAR, STRANGER, Actor
from tallystick.protocol.receivable import LogProof, PledgeTerms, ReleaseTerms, TransferTerms
from tallystick.protocol.types import ZERO32, PartyId, Timestamp

DAY = 86_400

suppliers = st.sampled_from([SUPPLIER, SUPPLIER, SUPPLIER, SUPPLIER, OTHER_SUPPLIER, NOBODY])
financiers = st.sampled_from([FINANCIER, FINANCIER, FINANCIER, OTHER_FINANCIER, OTHER_FINANCIER, SUPPLIER, NOBODY])
receivables = st.sampled_from([INVOICE, INVOICE, INVOICE, OTHER_INVOICE, LATE_INVOICE, ABSENT_INVOICE, ZERO32])
fingerprints = st.sampled_from([*FINGERPRINTS, *FINGERPRINTS, *FINGERPRINTS, ZERO32])
nonces = st.sampled_from([word("nonce"), word("other nonce")])
lengths = st.sampled_from([50 * DAY, 50 * DAY, 50 * DAY, 2 * DAY, 0])
leads = st.sampled_from([20 * DAY, 20 * DAY, 20 * DAY, 0, -1])


@dataclass(frozen=True)
class Hands:
    """Who really signs in the two places, and how the signatures are spelled."""

    swapped: bool = False
    strangers: tuple[bool, bool] = (False, False)
    second_keys: tuple[bool, bool] = (False, False)
    misspelling: tuple[int, Callable[[bytes], bytes]] | None = None

    def signers(self, *parties: PartyId) -> tuple[Actor, ...]:
        keys = [(SECOND_KEYS if second else KEYS) for second in self.second_keys]
        found = [
            STRANGER if stranger else key.get(member, STRANGER)
            for member, key, stranger in zip(parties, keys, self.strangers, strict=False)
        ]
        return tuple(found[::-1] if self.swapped else found)

    def spell(self, *signatures: bytes) -> list[bytes]:
        spelled = list(signatures)
        if self.misspelling:
            place, spell = self.misspelling
            spelled[place % len(spelled)] = spell(spelled[place % len(spelled)])
        return spelled


flags = st.tuples(*(st.sampled_from([False, False, False, True]),) * 2)
honest = st.just(Hands())
hands = honest | honest | honest | st.one_of(
    st.just(Hands(swapped=True)),
    st.builds(Hands, strangers=flags, second_keys=flags),
    st.builds(Hands, misspelling=st.tuples(st.integers(0, 1), st.sampled_from(MISSPELLINGS))),
)  # fmt: skip

PROOF_FLAWS: list[Callable[[LogProof], LogProof]] = [
    lambda proof: replace(proof, index=proof.index + 1),
    lambda proof: replace(proof, index=proof.count),
    lambda proof: replace(proof, index=2**32 - 1),
    lambda proof: replace(proof, count=proof.count + 1),
    lambda proof: replace(proof, count=0),
    lambda proof: replace(proof, batch_id=proof.batch_id + 1),
    lambda proof: replace(proof, batch_id=2**64 - 1),
    lambda proof: replace(proof, operator=OTHER_OPERATOR.address),
    lambda proof: replace(proof, operator=STRANGER.address),
    lambda proof: replace(proof, signatures_hash=word("other signatures")),
    lambda proof: replace(proof, entry_proof=proof.entry_proof[1:]),
    lambda proof: replace(proof, entry_proof=(*proof.entry_proof, word("more"))),
    lambda proof: replace(proof, entry_proof=(word("more"),) * 70),
    lambda proof: replace(proof, subject_proof=proof.subject_proof[:-1]),
    lambda proof: replace(proof, subject_proof=(word("more"),) * 70),
    lambda proof: replace(proof, subject_proof=()),
]


@dataclass(frozen=True)
class DoPledge:
    """Terms that are new, proven from one of the batches, with or without a flaw in the proof."""

    supplier: PartyId
    receivable: Any
    fingerprint: Any
    financier: PartyId
    lasts: int
    lead: int
    nonce: bytes
    batch: int
    proof_flaw: Callable[[LogProof], LogProof] | None
    hands: Hands

    def perform(self, market: Market, at: Timestamp) -> None:
        ids = (self.supplier, self.receivable, self.fingerprint, self.financier)
        times = Timestamp(at + self.lasts), Timestamp(at + self.lead)
        self.relay(market, PledgeTerms(*ids, *times, self.nonce))

    def relay(self, market: Market, terms: PledgeTerms) -> None:
        proof = market.batches[self.batch % len(market.batches)].prove(terms.supplier, terms.receivable)
        call = market.pledge(
            terms,
            self.proof_flaw(proof) if self.proof_flaw else proof,
            *self.hands.signers(terms.supplier, terms.financier),
        )
        first, second = self.hands.spell(call.supplier_signature, call.financier_signature)
        market.relay(replace(call, supplier_signature=first, financier_signature=second))
        market.made.append(market.digest(terms))


@dataclass(frozen=True)
class PledgeAgain(DoPledge):
    """The newest terms once more, used before or not."""

    def perform(self, market: Market, at: Timestamp) -> None:
        if market.pledges:
            self.relay(market, market.pledges[-1])


@dataclass(frozen=True)
class DoTransfer:
    number: int
    giver: PartyId
    taker: PartyId
    lead: int
    nonce: bytes
    hands: Hands

    def perform(self, market: Market, at: Timestamp) -> None:
        name = pledge_name(market, self.number)
        terms = TransferTerms(name, self.giver, self.taker, Timestamp(at + self.lead), self.nonce)
        call = market.transfer(terms, *self.hands.signers(self.giver, self.taker))
        first, second = self.hands.spell(call.giver_signature, call.taker_signature)
        market.relay(replace(call, giver_signature=first, taker_signature=second))


@dataclass(frozen=True)
class TransferAgain(DoTransfer):
    """The newest terms of a transfer once more, used or not."""

    def perform(self, market: Market, at: Timestamp) -> None:
        if market.transfers:
            terms = market.transfers[-1]
            market.relay(market.transfer(terms, *self.hands.signers(terms.giver, terms.taker)))


@dataclass(frozen=True)
class DoRelease:
    number: int
    by: PartyId
    lead: int
    nonce: bytes
    hands: Hands

    def perform(self, market: Market, at: Timestamp) -> None:
        terms = ReleaseTerms(pledge_name(market, self.number), self.by, Timestamp(at + self.lead), self.nonce)
        call = market.release(terms, *self.hands.signers(self.by))
        market.relay(replace(call, signature=self.hands.spell(call.signature)[0]))


@dataclass(frozen=True)
class DoCancel:
    """Either party of the newest terms, or one that has no part in them, takes them back, used or not."""

    of_transfer: bool
    by: int
    hands: Hands

    def perform(self, market: Market, at: Timestamp) -> None:
        terms: Any
        if self.of_transfer and market.transfers:
            terms = market.transfers[-1]
            party = (terms.giver, terms.taker, SUPPLIER)[self.by]
        elif market.pledges:
            terms = market.pledges[-1]
            party = (terms.supplier, terms.financier, OTHER_FINANCIER)[self.by]
        else:
            return
        call = market.cancel(terms, party, *self.hands.signers(party))
        market.relay(replace(call, signature=self.hands.spell(call.signature)[0]))


@dataclass(frozen=True)
class ChangeKeys:
    """The party's first key is revoked, or its second key added."""

    party: PartyId
    revoke: bool

    def perform(self, market: Market, at: Timestamp) -> None:
        chain = market.rig.chain
        if self.revoke:
            chain.revoke_signer(REGISTRAR.address, REGISTRAR.sign, self.party, KEYS[self.party].address)
        else:
            chain.add_signer(REGISTRAR.address, REGISTRAR.sign, self.party, SECOND_KEYS[self.party].address)


@dataclass(frozen=True)
class DoSeal:
    """A further batch of either operator, in which the late invoice stands."""

    operator: Actor

    def perform(self, market: Market, at: Timestamp) -> None:
        market.seal(self.operator, LATER_LOGS)


def pledge_name(market: Market, number: int) -> Any:
    """The pledge of ``number`` from the newest; without any, or beyond all, terms that never became one."""
    if number < len(market.made):
        return market.made[-1 - number]
    return market.digest(market.pledges[0]) if market.pledges else word("no pledge")


proof_flaws = st.sampled_from([*[None] * 24, *PROOF_FLAWS])
newest = st.sampled_from([0, 0, 0, 0, 1, 2])
pledge_fields: Any = (
    *(suppliers, receivables, fingerprints, financiers, lengths, leads, nonces),
    *(st.sampled_from([0, 0, 0, 1]), proof_flaws, hands),
)
good_pledges = st.builds(
    DoPledge,
    st.sampled_from([SUPPLIER, SUPPLIER, SUPPLIER, OTHER_SUPPLIER]),
    st.sampled_from([INVOICE, INVOICE, OTHER_INVOICE]),
    st.sampled_from(FINGERPRINTS),
    st.sampled_from([FINANCIER, FINANCIER, OTHER_FINANCIER]),
    *(lengths, st.just(20 * DAY), nonces, st.just(0), st.none(), honest),
)
steps: Any = st.one_of(
    good_pledges,
    st.builds(DoPledge, *pledge_fields),
    st.builds(PledgeAgain, *pledge_fields),
    st.builds(DoTransfer, newest, financiers, financiers, leads, nonces, hands),
    st.builds(DoTransfer, st.just(0), st.just(FINANCIER), st.just(OTHER_FINANCIER), leads, nonces, honest),
    st.just(TransferAgain(0, NOBODY, NOBODY, 0, word("nonce"), Hands())),
    st.builds(DoRelease, newest, financiers, leads, nonces, hands),
    st.builds(DoRelease, st.just(0), st.just(FINANCIER), leads, nonces, honest),
    st.builds(DoCancel, st.booleans(), st.sampled_from([0, 0, 1, 1, 2]), hands),
    st.builds(ChangeKeys, st.sampled_from(list(KEYS)), st.booleans()),
    st.builds(DoSeal, st.sampled_from([OPERATOR, OTHER_OPERATOR])),
)
pauses = st.sampled_from([1, 60, DAY, DAY, 3 * DAY])


stories = st.builds(
    lambda first, others: [first, *others],
    st.tuples(good_pledges.map(lambda step: replace(step, lasts=50 * DAY)), pauses),
    st.lists(st.tuples(steps, pauses), min_size=6, max_size=16),
)


@settings(max_examples=25, deadline=None)
@given(stories)
def test_memory_and_evm_answer_alike(story: list[tuple[Any, int]]) -> None:
    """After any steps, good and bad, pledges, events and refusals of both registers are the same."""
    with open_market("memory") as memory, open_market("embedded") as evm:
        at = Timestamp(GENESIS_TIMESTAMP + 1_000)
        for step, seconds in story:
            at = Timestamp(at + seconds)
            said, expected = (market.outcome(lambda side: step.perform(side, at), at) for market in (memory, evm))  # noqa: B023
            note(f"{type(step).__name__}: {expected}")
            assert said == expected
        assert memory.observed() == evm.observed()


GOOD = DoPledge(SUPPLIER, INVOICE, FINGERPRINT, FINANCIER, 9 * DAY, 9 * DAY, word("nonce"), 0, None, Hands())
MOVE = DoTransfer(0, FINANCIER, OTHER_FINANCIER, 9 * DAY, word("nonce"), Hands())
END = DoRelease(0, OTHER_FINANCIER, 9 * DAY, word("nonce"), Hands())


def flawed_pledges() -> Iterator[DoPledge]:
    """A pledge with each flaw that its terms, its proof or one of its two signatures can have, alone."""
    yield from (replace(GOOD, proof_flaw=flaw) for flaw in PROOF_FLAWS)
    yield from (replace(GOOD, hands=Hands(misspelling=(place, spell))) for place in (0, 1) for spell in MISSPELLINGS)
    for places in ((True, False), (False, True)):
        yield replace(GOOD, hands=Hands(strangers=places))
        yield replace(GOOD, hands=Hands(second_keys=places))
    yield replace(GOOD, hands=Hands(swapped=True))
    yield replace(GOOD, supplier=OTHER_SUPPLIER, receivable=OTHER_INVOICE)
    yield from (replace(GOOD, receivable=other) for other in (ABSENT_INVOICE, LATE_INVOICE, ZERO32))
    yield from (replace(GOOD, financier=other) for other in (SUPPLIER, NOBODY))
    yield replace(GOOD, supplier=NOBODY)
    yield replace(GOOD, fingerprint=ZERO32)
    yield replace(GOOD, lasts=0)
    yield replace(GOOD, lead=-1)


def flawed_changes() -> Iterator[DoTransfer | DoRelease | DoCancel | DoPledge]:
    """What is refused as long as the good pledge holds."""
    yield from (DoCancel(False, place, Hands()) for place in (0, 1, 2))
    yield PledgeAgain(**vars(GOOD))
    yield replace(GOOD, nonce=word("again"), fingerprint=OTHER_FINGERPRINT)
    yield replace(GOOD, nonce=word("again"), receivable=OTHER_INVOICE)
    yield from (replace(MOVE, taker=taker) for taker in (SUPPLIER, FINANCIER, NOBODY))
    yield replace(MOVE, giver=OTHER_FINANCIER, taker=FINANCIER)
    yield replace(MOVE, lead=-1)
    yield replace(MOVE, number=9)
    yield END
    yield from (replace(END, by=FINANCIER, hands=Hands(misspelling=(0, spell))) for spell in MISSPELLINGS)
    for place, strangers in ((0, (True, False)), (1, (False, True))):
        yield replace(MOVE, hands=Hands(strangers=strangers))
        yield from (replace(MOVE, hands=Hands(misspelling=(place, spell))) for spell in MISSPELLINGS)
        yield from (DoCancel(True, place, Hands(misspelling=(0, spell))) for spell in MISSPELLINGS)
    yield DoCancel(True, 2, Hands())


def test_memory_and_evm_refuse_every_flaw_alike() -> None:
    """Each flaw alone is refused by both for the same reason; what is without one is then taken by both, once."""
    at = Timestamp(GENESIS_TIMESTAMP)
    with open_market("memory") as memory, open_market("embedded") as evm:

        def answers(step: Any) -> list[str]:
            nonlocal at
            at = Timestamp(at + 1_000)
            return [market.outcome(lambda side: step.perform(side, at), at) for market in (memory, evm)]

        def check(step: Any, *, is_taken: bool) -> None:
            said, expected = answers(step)
            assert said == expected, step
            assert (said == "done") is is_taken, (said, step)

        for flawed in flawed_pledges():
            check(flawed, is_taken=False)
        check(GOOD, is_taken=True)
        for change in flawed_changes():
            check(change, is_taken=False)
        check(MOVE, is_taken=True)
        for over in (TransferAgain(**vars(MOVE)), *(DoCancel(True, place, Hands()) for place in (0, 1, 2))):
            check(over, is_taken=False)
        check(END, is_taken=True)
        check(replace(GOOD, nonce=word("again")), is_taken=True)
        check(replace(END, by=FINANCIER), is_taken=True)
        for over in (END, MOVE, DoCancel(False, 0, Hands()), PledgeAgain(**vars(GOOD))):
            check(over, is_taken=False)
        assert memory.observed() == evm.observed()
