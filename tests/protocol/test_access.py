"""Consent to access: what a grant lets in, and that it lets in nothing else (protocol section 15)."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.accessing import AFTER, GRANT, LAST_DAY, Access, access_story
from protocol.world import show, unpack
from tallystick.protocol.access import access_deal, end_of
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.standing import judge
from tallystick.protocol.types import Timestamp


@pytest.fixture
def access() -> Access:
    return Access()


def test_a_grant_founds_nothing(access: Access) -> None:
    """Whoever may look may not report: not as an answer to the grant, nor under its deal, nor below an access."""
    look = access.look(access.lender, access.consent)
    access.seal(look)
    for parent in (access.consent, look, None):
        made = access.world.evidence(access.lender, access.supplier, Kind.INVOICE, parent=parent)
        access.slip_in(access.changed(made, access.lender, deal=access.consent.evidence.deal))
        assert access.last() in (Standing.MISFIT, Standing.UNFOUNDED)


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.ACCESS, Kind.CONSENT, Kind.CONTRACT}))
@pytest.mark.parametrize("by", ["supplier", "lender", "lender to supplier"])
def test_nothing_but_an_access_and_a_withdrawal_answers_a_grant(access: Access, kind: int, by: str) -> None:
    issuer = access.supplier if by == "supplier" else access.lender
    other = access.supplier if by == "lender to supplier" else None
    access.slip_in(access.world.evidence(issuer, other, kind, parent=access.consent))
    assert access.last() is Standing.MISFIT


@pytest.mark.parametrize("by", ["stranger", "supplier", "buyer"])
def test_an_access_by_whom_the_grant_does_not_name_is_void(access: Access, by: str) -> None:
    """Also where the reader is shown no field of the grant: who may note it stands in the struct."""
    access.slip_in(access.look(getattr(access, by), access.consent))
    assert access.last() is Standing.MISFIT
    log = access.world.logs[access.supplier.party]
    hidden = [(append, [unpack(show(item, hide=GRANT.keys())) for item in items]) for append, items in log]
    assert judge(access.supplier.party, hidden, _windows(access))[-1].standing is Standing.MISFIT


def test_an_access_without_any_consent_is_void(access: Access) -> None:
    """In the log of who is looked at; a rogue operator can list it there, and no more."""
    invoice = access.world.evidence(access.supplier, None, Kind.INVOICE)
    access.seal(invoice)
    for consent in (invoice, access.grant(access.supplier, access.lender)):
        access.slip_in(access.look(access.lender, consent))
        assert access.last() in (Standing.MISFIT, Standing.FOREIGN)


def test_an_access_is_good_up_to_the_last_second_of_the_last_day(access: Access) -> None:
    access.slip_in(access.look(access.lender, access.consent, occurred_at=AFTER))
    assert access.last() is Standing.MISFIT
    access.slip_in(access.look(access.lender, access.consent, occurred_at=Timestamp(AFTER - 1)))
    assert access.last() is Standing.STANDS
    assert end_of({"validUntil": LAST_DAY}) == AFTER


def test_an_access_behind_the_withdrawal_is_void_and_one_before_it_stands(access: Access) -> None:
    """In the order of the log, and within a batch in the order of its index."""
    first, second = (access.look(access.lender, access.consent) for _ in range(2))
    access.slip_in(first, access.withdrawal(access.consent, access.supplier), second)
    assert access.standings()[-3:] == [Standing.STANDS, Standing.STANDS, Standing.MISFIT]


def test_nobody_else_withdraws_a_grant_and_nobody_withdraws_a_withdrawal(access: Access) -> None:
    access.slip_in(access.withdrawal(access.consent, access.lender))
    assert access.last() is Standing.MISFIT
    withdrawal = access.withdrawal(access.consent, access.supplier)
    access.seal(withdrawal)
    access.slip_in(access.withdrawal(withdrawal, access.supplier))
    assert access.last() is Standing.MISFIT


def test_the_withdrawal_of_one_grant_leaves_another_good(access: Access) -> None:
    other = access.grant(access.supplier, access.lender)
    access.seal(other, access.withdrawal(access.consent, access.supplier))
    access.seal(access.look(access.lender, other))
    assert access.last() is Standing.STANDS


def test_an_access_enters_both_logs_and_stands_in_both(access: Access) -> None:
    """In the log of who looked its grant never stands: as with a witness, it is judged where it is answered."""
    access.seal(access.look(access.lender, access.consent))
    assert access.last() is access.last(access.lender.party) is Standing.STANDS


def test_every_rule_has_its_case_in_the_vectors() -> None:
    world, supplier = access_story()
    found = Counter(entry.standing for entry in world.judged(supplier.party))
    assert found[Standing.STANDS] >= 8
    assert found[Standing.MISFIT] >= 12
    assert found[Standing.MALFORMED] == 3


@given(st.integers(0, 2**32), st.lists(st.sampled_from(["look", "withdraw", "grant", "stranger"]), max_size=12))
def test_an_access_stands_exactly_while_its_grant_is_good(seed: int, steps: list[str]) -> None:
    """Whatever happens in whatever order: a model of two lines says which looks stand."""
    rng, access = random.Random(seed), Access()
    grants, good, expected = [access.consent], {0}, [Standing.STANDS]
    for step in steps:
        number = rng.randrange(len(grants))
        if step == "grant":
            good.add(len(grants))
            grants.append(access.grant(access.supplier, access.lender))
            access.slip_in(grants[-1])
            expected.append(Standing.STANDS)
        elif step == "withdraw":
            good.discard(number)
            access.slip_in(access.withdrawal(grants[number], access.supplier))
            expected.append(Standing.STANDS)
        else:
            by = access.lender if step == "look" else access.stranger
            access.slip_in(access.look(by, grants[number]))
            expected.append(Standing.STANDS if step == "look" and number in good else Standing.MISFIT)
    assert access.standings() == expected


def test_the_deal_of_a_grant_names_the_two_in_order(access: Access) -> None:
    one, other = access.supplier.party, access.lender.party
    assert access.consent.evidence.deal == access_deal(one, other) != access_deal(other, one)


def _windows(access: Access):  # type: ignore[no-untyped-def]
    return lambda party, signer: access.world.windows.get((party, signer))
