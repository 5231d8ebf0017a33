"""The catalogue: evidence by names, complete up to where it says, whatever was recorded since, and of no erased one."""

from __future__ import annotations

import pytest

from store.older import take_back
from store.samples import BUYER, SUPPLIER, evidence, undone
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import Timestamp
from tallystick.store.grants import Erasure
from tallystick.store.sql import SqlStore, open_store

ONE, OTHER = b"1" * 16, b"2" * 16
ALL = tuple(map(int, Kind))


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    """Three invoices and an answer to the first."""
    first = evidence(0)
    with store.transaction() as transaction:
        transaction.add_evidence([first, evidence(1), evidence(2, Kind.SIGNAL, parent=first.evidence_id), evidence(3)])
    return store


def test_what_is_in_no_catalogue_yet_comes_in_its_order(filled: SqlStore) -> None:
    """So many at a time; it says up to where these are all that is missing, also where the last are of no such kind."""
    with filled.transaction() as transaction:
        assert transaction.behind() == 4
        some, to = transaction.uncatalogued([Kind.INVOICE], 2)
        assert [record for _, record in some] == [evidence(0), evidence(1)]
        assert to == some[-1][0]
        transaction.add_names([], to)
        ((at, last),), to = transaction.uncatalogued([Kind.INVOICE], 2)
        assert (last, to) == (evidence(3), at)
        transaction.add_names([], to)
        assert transaction.uncatalogued(ALL, 2) == ([], None)
        assert transaction.behind() == 0
        transaction.add_evidence([evidence(4, Kind.SIGNAL)])
        assert transaction.uncatalogued([Kind.INVOICE], 2) == ([], at + 1)


def test_evidence_is_found_by_any_of_its_names(filled: SqlStore) -> None:
    """All that has a name, oldest first; a name that nobody has finds nothing, as often as it is asked for."""
    with filled.transaction() as transaction:
        placed, to = transaction.uncatalogued(ALL, 9)
        places = [at for at, _ in placed]
        assert to is not None
        transaction.add_names([(OTHER, places[3]), (ONE, places[3]), (ONE, places[0])], to)
        found = transaction.evidence_named([OTHER, ONE, ONE, b"3" * 16])
        assert [(name, record.evidence_id) for name, _, record in found] == [
            (ONE, evidence(0).evidence_id),
            (ONE, evidence(3).evidence_id),
            (OTHER, evidence(3).evidence_id),
        ]
        assert transaction.evidence_named([]) == []


def test_what_is_undone_is_in_no_catalogue(filled: SqlStore) -> None:
    """A dry run leaves it as it was."""
    with undone(filled) as transaction:
        placed, to = transaction.uncatalogued(ALL, 9)
        transaction.add_names([(ONE, placed[0][0])], to or 0)
    with filled.transaction() as transaction:
        assert transaction.evidence_named([ONE]) == []
        assert len(transaction.uncatalogued(ALL, 9)[0]) == 4


def test_what_is_erased_has_no_name(filled: SqlStore) -> None:
    """Its names go with its content; those of others stay."""
    with filled.transaction() as transaction:
        placed, to = transaction.uncatalogued(ALL, 9)
        transaction.add_names([(ONE, placed[0][0]), (ONE, placed[1][0])], to or 0)
        asked = Erasure(evidence(0).evidence_id, "reason", "operator", Timestamp(1))
        transaction.add_erasure(asked)
        transaction.erase(asked)
        assert [record.evidence_id for _, _, record in transaction.evidence_named([ONE])] == [evidence(1).evidence_id]


def test_answers_and_what_stands_between_two_parties_come_with_their_places(filled: SqlStore) -> None:
    """Of several parents at once; in one direction, of one kind."""
    with filled.transaction() as transaction:
        placed = transaction.uncatalogued(ALL, 9)[0]
        assert transaction.answers([evidence(0).evidence_id, evidence(1).evidence_id]) == [placed[2]]
        assert transaction.evidence_between(SUPPLIER, BUYER, Kind.INVOICE) == [placed[0], placed[1], placed[3]]
        assert transaction.evidence_between(BUYER, SUPPLIER, Kind.INVOICE) == []


def test_a_database_of_the_revision_before_gets_an_empty_catalogue(lasting_url: str) -> None:
    """It fills with the next import, from what was recorded before."""
    store = open_store(lasting_url)
    with store.transaction() as transaction:
        transaction.add_evidence([evidence(0)])
    store.close()
    take_back(lasting_url, "0015")
    store = open_store(lasting_url)
    with store.transaction() as transaction:
        assert [record for _, record in transaction.uncatalogued(ALL, 9)[0]] == [evidence(0)]
    store.close()
