"""What the store promises about parties."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from store.older import take_back
from store.samples import BUYER, CARRIER, SUPPLIER, evidence, party, signer
from tallystick.errors import Duplicate, NotFound
from tallystick.protocol.types import ZERO32, PartyId, Timestamp, to_hex
from tallystick.store.identities import Organisation, Role
from tallystick.store.records import Identifier
from tallystick.store.sql import SqlStore, open_store


def test_a_party_id_is_taken_once(store: SqlStore) -> None:
    """A second party of the same id is refused, naming the id and who has it."""
    supplier = party("Supplier", "LEI:A")
    with store.transaction() as transaction:
        transaction.add_party(supplier)
        with pytest.raises(Duplicate, match=to_hex(supplier.party) + ".*'Supplier'"):
            transaction.add_party(replace(supplier, name="Other", identifiers=()))
        assert transaction.parties() == [supplier]


def test_an_identifier_belongs_to_one_party(store: SqlStore) -> None:
    """A second party with an identifier that is taken is refused, naming the identifier and its holder."""
    with store.transaction() as transaction:
        transaction.add_party(party("Supplier", "LEI:A"))
        with pytest.raises(Duplicate, match="LEI:A belongs to 'Supplier'"):
            transaction.add_party(party("Copycat", "VAT:B", "LEI:A"))
        assert transaction.party_by_identifier(Identifier("VAT", "B")) is None


SEEING = "0a" * 16


@contextmanager
def seen_trade(url: str) -> Iterator[SqlStore]:
    """A store whose one organisation acts for the supplier, who trades with the buyer; nobody with the carrier."""
    store = open_store(url)
    with store.transaction() as transaction:
        for name in ("supplier", "buyer", "carrier"):
            transaction.add_party(party(name, f"ERP:{name}"))
        transaction.add_organisation(Organisation(SEEING, "Group", Role.PARTY, (SUPPLIER,), Timestamp(1)))
        transaction.add_evidence([evidence(1)])
    yield store
    store.close()


def seen(store: SqlStore, by: str | None) -> list[set[str]]:
    """Whom ``by`` finds: by id, by name, by identifier, and on a page."""
    with store.transaction(read_only=True) as transaction:
        found = [
            {one.name for name in (SUPPLIER, BUYER, CARRIER) if (one := transaction.party(name, by))},
            {one.name for name in ("supplier", "buyer", "carrier") for one in transaction.parties_by_name(name, by)},
            {
                one.name
                for name in ("supplier", "buyer", "carrier")
                if (one := transaction.party_by_identifier(Identifier("ERP", name), by))
            },
        ]
        return [*found, {one.name for one in transaction.parties_after(PartyId(ZERO32), 9, by)}]


def test_who_trades_with_nobody_of_theirs_is_not_there_for_an_organisation(lasting_url: str) -> None:
    """It finds those it acts for and their partners, whatever it asks by; of another organisation nobody is there."""
    with seen_trade(lasting_url) as store:
        assert seen(store, "0b" * 16) == [set()] * 4
        assert seen(store, SEEING) == [{"supplier", "buyer"}] * 4
        assert seen(store, None) == [{"supplier", "buyer", "carrier"}] * 4


def test_the_migration_knows_the_partners_of_what_was_recorded_before(lasting_url: str) -> None:
    """A database of the revision before gets the partners that its evidence names."""
    with seen_trade(lasting_url):
        pass
    take_back(lasting_url, "0014")
    store = open_store(lasting_url)
    assert seen(store, SEEING) == [{"supplier", "buyer"}] * 4
    store.close()


def test_an_identifier_is_given_once(store: SqlStore) -> None:
    """A party with the same identifier twice is refused."""
    with store.transaction() as transaction, pytest.raises(Duplicate, match="LEI:A is given twice"):
        transaction.add_party(party("Supplier", "LEI:A", "LEI:A"))


def test_a_key_is_given_once(store: SqlStore) -> None:
    """A party with the same key twice is refused."""
    with store.transaction() as transaction, pytest.raises(Duplicate, match="key of 'Supplier' is given twice"):
        transaction.add_party(party("Supplier", signers=(signer(1), signer(1))))


def test_a_signer_needs_its_party(store: SqlStore) -> None:
    """A key of a party that is not kept is refused."""
    with store.transaction() as transaction, pytest.raises(NotFound, match=to_hex(BUYER)):
        transaction.add_signer(BUYER, signer(1))


def test_a_signer_is_noted_once(store: SqlStore) -> None:
    """A key that is noted for the party already is refused."""
    supplier = party("Supplier", signers=(signer(1),))
    with store.transaction() as transaction:
        transaction.add_party(supplier)
        with pytest.raises(Duplicate, match=to_hex(signer(1))):
            transaction.add_signer(supplier.party, signer(1))


def test_unknown_parties_are_none(store: SqlStore) -> None:
    """What is not kept is None or empty, never an error."""
    with store.transaction() as transaction:
        assert transaction.party(BUYER) is None
        assert transaction.party_by_identifier(Identifier("LEI", "A")) is None
        assert transaction.parties_by_name("Supplier") == []
        assert transaction.parties() == []


def test_a_party_comes_back_as_it_was_given(store: SqlStore) -> None:
    """Name, identifiers and signers keep their value and order."""
    supplier = party("供应商 & Söhne", "VAT:9", "LEI:1", "ERP:0187:X", signers=(signer(9), signer(1)))
    with store.transaction() as transaction:
        transaction.add_party(supplier)
    with store.transaction(read_only=True) as transaction:
        assert transaction.party(supplier.party) == supplier
        assert transaction.party_by_identifier(Identifier("ERP", "0187:X")) == supplier


def test_a_new_signer_is_the_last(store: SqlStore) -> None:
    """``add_signer`` puts the key behind those of the party and touches no other party."""
    supplier, buyer = party("Supplier", signers=(signer(1),)), party("Buyer", signers=(signer(2),))
    with store.transaction() as transaction:
        transaction.add_party(supplier)
        transaction.add_party(buyer)
        transaction.add_signer(supplier.party, signer(0))
        assert transaction.party(supplier.party) == replace(supplier, signers=(signer(1), signer(0)))
        assert transaction.party(buyer.party) == buyer


def test_parties_come_by_name_then_id(store: SqlStore) -> None:
    """The order is by name in code point order, then by id; on every database alike."""
    given = [party("b"), party("A"), party("a"), party("B"), party("é"), replace(party("x"), name="a")]
    with store.transaction() as transaction:
        for one in given:
            transaction.add_party(one)
        assert transaction.parties() == sorted(given, key=lambda one: (one.name, one.party))
        assert [one.name for one in transaction.parties()] == ["A", "B", "a", "a", "b", "é"]


def test_a_name_is_matched_exactly(store: SqlStore) -> None:
    """``parties_by_name`` finds every party of that very name, by id, and no other."""
    twin = replace(party("other"), name="Supplier")
    with store.transaction() as transaction:
        for one in (party("Supplier"), twin, party("supplier"), party("Supplier ")):
            transaction.add_party(one)
        found = transaction.parties_by_name("Supplier")
        assert found == sorted([party("Supplier"), twin], key=lambda one: one.party)
