"""A party gets further identifiers: each holds, names one party alone, and is in the journal."""

from __future__ import annotations

import pytest

from service.world import World
from tallystick.errors import Duplicate, MalformedInput, NotFound
from tallystick.protocol.types import PartyId
from tallystick.service import accounts, parties
from tallystick.service.identifying import add_identifier
from tallystick.service.parties import find_party, parse_identifier


@pytest.fixture
def two(world: World) -> tuple[PartyId, PartyId]:
    """Two parties by their VAT numbers."""
    made = [parties.NewParty(name, (parse_identifier(f"VAT:DE{at}36695976"),)) for at, name in ((1, "A"), (2, "B"))]
    one, other = parties.add_parties(world.context, made)
    return one.party, other.party


@pytest.mark.parametrize(
    "text", ["GLN:4012345500005", "LEI:5493001KJTIIGC8Y1R13", "USCC:91310000MA1FL0AD0X", "VAT:1", "DUNS:1", "erp:1"]
)
def test_an_identifier_that_does_not_hold_is_refused(world: World, two: tuple[PartyId, PartyId], text: str) -> None:
    """A wrong check digit, or another form than that of its scheme; nothing is kept or noted."""
    with pytest.raises(MalformedInput):
        add_identifier(world.context, "test", two[0], parse_identifier(text))
    assert list(accounts.journal(world.context)) == []


def test_an_identifier_names_one_party_alone(world: World, two: tuple[PartyId, PartyId]) -> None:
    """Neither the first nor a further identifier of another is taken; an unknown party gets none."""
    add_identifier(world.context, "test", two[1], parse_identifier("GLN:4012345500004"))
    for text in ("VAT:DE236695976", "GLN:4012345500004"):
        with pytest.raises(Duplicate, match="names B already"):
            add_identifier(world.context, "test", two[0], parse_identifier(text))
    with pytest.raises(NotFound):
        add_identifier(world.context, "test", PartyId(bytes(32)), parse_identifier("ERP:7"))


def test_a_party_is_found_by_each_of_its_identifiers(world: World, two: tuple[PartyId, PartyId]) -> None:
    """Written as people write it; the first stays the first, and giving one again changes nothing."""
    for _ in range(2):
        made = add_identifier(world.context, "test", two[0], parse_identifier("GLN:40123455 00004"))
    assert [str(each) for each in made.identifiers] == ["VAT:DE136695976", "GLN:4012345500004"]
    with world.context.store.transaction(read_only=True) as transaction:
        assert find_party(transaction, "GLN:4012345500004").party == two[0]
    (deed,) = accounts.journal(world.context)
    assert (deed.actor, deed.act, deed.details["identifier"]) == ("test", "identifier added", "GLN:4012345500004")
