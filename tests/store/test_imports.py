"""What the store promises about imports: each is kept with what became of its documents, and none changes."""

from __future__ import annotations

import pytest

from store.samples import undone
from tallystick.errors import Duplicate, Misfit, NotFound
from tallystick.protocol.types import Timestamp
from tallystick.store.records import ImportedDocument, ImportRecord
from tallystick.store.sql import SqlStore

NOW = Timestamp(1_700_000_000)
DOCUMENT = ImportedDocument("a.xml", "0" * 64, "Invoice", "INV-1", "recorded", None, None, ("0x01", "0x02"))
REFUSED = ImportedDocument("b.xml", "1" * 64, None, None, "refused", None, "no XML", ())


def job(name: str, begun_at: int = NOW, ended_at: int | None = None) -> ImportRecord:
    return ImportRecord(name, Timestamp(begun_at), None if ended_at is None else Timestamp(ended_at), 2, "{}")


def test_an_import_that_is_not_there_is_named(store: SqlStore) -> None:
    """To add to it, to end it, and to read it."""
    for act in (
        lambda transaction: transaction.add_imported("x", [DOCUMENT]),
        lambda transaction: transaction.end_import("x", NOW),
        lambda transaction: transaction.imported("x"),
    ):
        with pytest.raises(NotFound, match="import 'x'"), store.transaction() as transaction:
            act(transaction)


def test_one_name_is_one_import(store: SqlStore) -> None:
    """A second of that name is refused."""
    with store.transaction() as transaction:
        transaction.begin_import(job("one"))
    with pytest.raises(Duplicate), store.transaction() as transaction:
        transaction.begin_import(job("one"))


def test_an_import_that_ended_gets_no_more(store: SqlStore) -> None:
    """Nothing is added, and its end stays where it was."""
    with store.transaction() as transaction:
        transaction.begin_import(job("one"))
        transaction.end_import("one", Timestamp(NOW + 5))
    with pytest.raises(Misfit, match="has ended"), store.transaction() as transaction:
        transaction.add_imported("one", [DOCUMENT])
    with store.transaction() as transaction:
        transaction.end_import("one", Timestamp(NOW + 9))
        assert transaction.imported("one") == (job("one", ended_at=NOW + 5), [])


def test_an_import_is_kept_with_its_documents_in_order(store: SqlStore) -> None:
    """Added in pieces, read as one list; what is undone is not there."""
    with store.transaction() as transaction:
        transaction.begin_import(job("one"))
        transaction.add_imported("one", [REFUSED])
        transaction.add_imported("one", [])
        transaction.begin_import(job("two", NOW + 1))
    with store.transaction() as transaction:
        transaction.add_imported("one", [DOCUMENT, REFUSED])
    with undone(store) as transaction:
        transaction.add_imported("two", [DOCUMENT])
    with store.transaction(read_only=True) as transaction:
        assert transaction.imported("one") == (job("one"), [REFUSED, DOCUMENT, REFUSED])
        assert transaction.imported("two")[1] == []
        assert [each.job for each in transaction.imports(9)] == ["two", "one"]
        assert [each.job for each in transaction.imports(1)] == ["two"]
