"""A ledger with several homes: one without the registrar's role, and parties that another home had admitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, INVOICE, SUPPLIER, World
from tallystick.errors import Refused, TransactionFailed
from tallystick.protocol.binding import party_id
from tallystick.protocol.types import PartyId, to_hex
from tallystick.service import parties, seal
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.store.records import PartyRecord


def without_registrar(world: World) -> World:
    """The same installation, as if the registrar's role were somebody else's."""
    return replace(world, context=replace(world.context, registrar=None))


def admit(world: World, party: PartyId, role: str) -> None:
    """The registrar, elsewhere, admits ``party`` with a key called ``role``, which its record here does not name."""
    registrar = world.context.registrar
    assert registrar is not None
    signer = world.context.keys.create(role)
    world.chain.admit(registrar, lambda digest: world.context.keys.sign(registrar, digest), [(party, signer)])


def kept(world: World) -> list[PartyRecord]:
    with world.context.store.transaction() as transaction:
        return transaction.parties()


def active_signers(world: World, party: PartyId) -> set[bytes]:
    index(world.context)
    with world.context.store.transaction() as transaction:
        return {item.signer for item in transaction.signers([party]) if item.revoked_at == 0}


def test_a_party_waits_for_the_registrar_and_then_signs(world: World) -> None:
    """It is kept with its key; the error names both; once the registrar has admitted it, evidence is accepted."""
    outside = without_registrar(world)
    for name, identifier in (("Supplier GmbH", SUPPLIER), ("Buyer AG", BUYER)):
        with pytest.raises(Refused, match="only the registrar of the ledger may") as raised:
            outside.party(name, identifier)
        record = next(party for party in kept(world) if party.name == name)
        assert f"tallystick party admit {to_hex(record.party)} {to_hex(record.signers[0])}" in raised.value.todo
    assert parties.complete_admissions(outside.context) == 0
    with pytest.raises(Refused, match="no active key"):
        outside.record(CONTRACT)
    for record in kept(world):
        parties.admit_elsewhere(world.context, record.party, record.signers[0])
    assert len(outside.record(CONTRACT, INVOICE, ACKNOWLEDGEMENT)) == 3
    assert seal.seal(outside.context) == 1


def test_an_error_about_many_parties_names_the_first(world: World) -> None:
    """However many are added at once, the message stays short."""
    members = [parties.NewParty(f"Customer {n}", (parties.parse_identifier(f"ERP:{n}"),)) for n in range(30)]
    with pytest.raises(Refused, match="expected to admit 30") as raised:
        parties.add_parties(without_registrar(world).context, members)
    assert raised.value.todo.count("party admit") == 10
    assert len(kept(world)) == 30


@pytest.mark.parametrize(
    "deed",
    [
        lambda context, party: parties.rotate_key(context, party),
        lambda context, party: parties.revoke_key(context, party, party.signers[0]),
        lambda context, party: parties.bind(context, party),
        lambda context, party: parties.admit_elsewhere(context, party.party, party.signers[0]),
    ],
    ids=["rotate", "revoke", "bind", "admit"],
)
def test_what_only_the_registrar_may_is_refused_before_anything_is_done(
    world: World, deed: Callable[[Context, PartyRecord], object]
) -> None:
    """The error says what this home lacks and whom to ask; no key was made, and the chain is as it was."""
    party = world.party("Supplier GmbH", SUPPLIER)
    outside = without_registrar(world)
    keys, block = dict(world.context.keys.addresses()), world.chain.final_block()  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="expected this home to have the registrar's key") as raised:
        deed(outside.context, party)
    assert "Ask the registrar" in raised.value.todo
    assert (world.context.keys.addresses(), world.chain.final_block()) == (keys, block)  # type: ignore[attr-defined]
    assert kept(world) == [party]


def test_a_party_of_another_home_gets_a_further_key(world: World) -> None:
    """A party that another home admitted gets the key it has here too, once, and the other key stays."""
    scheme, value = SUPPLIER.split(":")
    party = PartyId(party_id(world.context.network_key, scheme, value))
    admit(world, party, "the other home's key")
    before = active_signers(world, party)
    added = world.party("Supplier GmbH", SUPPLIER)
    assert added.party == party
    assert active_signers(world, party) == before | {added.signers[0]}
    assert parties.complete_admissions(world.context) == 0


def test_a_revoked_key_is_not_registered_again(world: World) -> None:
    """A party whose only key here was revoked stays without one: a revocation is for ever."""
    party = world.party("Supplier GmbH", SUPPLIER)
    parties.revoke_key(world.context, party, party.signers[0])
    assert parties.complete_admissions(world.context) == 0
    assert active_signers(world, party.party) == set()


def test_a_key_elsewhere_is_admitted_once(world: World) -> None:
    """The registrar admits a new party with a key of another home, then a further key, and neither a second time."""
    party = PartyId(bytes([7]) * 32)
    first, second = world.context.keys.create_many(["first", "second"])
    for signer in (first, second):
        parties.admit_elsewhere(world.context, party, signer)
    assert active_signers(world, party) == {first, second}
    with pytest.raises(TransactionFailed, match="signs for party"):
        parties.admit_elsewhere(world.context, party, first)
    assert kept(world) == []
