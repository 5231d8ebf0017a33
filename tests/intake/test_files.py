"""Files as people have them: of an archive everything within is told, and what is too much ends it by a sentence."""

from __future__ import annotations

import pytest

from intake.bank import camt_files as camt
from intake.tables import table_files as table
from intake.test_archives import packed
from intake.ubl import ubl_files as ubl
from tallystick.errors import MalformedInput
from tallystick.intake import files
from tallystick.intake.bank import files as bank
from tallystick.intake.files import Unread, read_files
from tallystick.intake.readers import Options, Reading

OPTIONS = Options(table.MAPPING.encode())


def test_an_archive_of_too_many_documents_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows count as documents, good or rejected: a small archive may hold more than fits in memory."""
    monkeypatch.setattr(files, "MAX_DOCUMENTS", 4)
    rows = table.csv_text(table.ROW, table.row(Invoice="2"), table.row(Invoice="3", Date="x")).encode()
    data = packed({"a.csv": rows, "b.xml": ubl.invoice(), "c.xml": ubl.invoice("INV-2"), "d.xml": b""})
    whole, invoice, end = read_files("many.zip", data, OPTIONS)
    assert isinstance(whole, Reading)
    assert isinstance(invoice, Reading)
    assert (len(whole.items), invoice.source.name) == (3, "many.zip/b.xml")
    assert isinstance(end, Unread)
    assert (end.source.name, "at most 4 documents" in end.error.message) == ("many.zip", True)


def test_each_file_of_an_archive_gives_its_own_bytes_again() -> None:
    """A document that waits is kept as what it was read from."""
    data = packed({"a.xml": ubl.invoice(), "b/a.xml": ubl.invoice("INV-2")})
    one, other = read_files("two.zip", data)
    assert isinstance(one, Reading)
    assert isinstance(other, Reading)
    assert (one.again(), other.again()) == (ubl.invoice(), ubl.invoice("INV-2"))


def test_statements_of_an_archive_are_read_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is none is named; nothing at all, and too many bookings, are refused."""
    one = camt.statement(camt.entry("10.00", camt.transaction("10.00")))
    read = bank.read_messages("two.zip", packed({"a.xml": one, "b.xml": one}))
    assert [message.source.name for message in read if message.source is not None] == ["two.zip/a.xml", "two.zip/b.xml"]
    with pytest.raises(MalformedInput, match=r"two.zip/b.xml: XML"):
        bank.read_messages("two.zip", packed({"a.xml": one, "b.xml": b"<torn"}))
    with pytest.raises(MalformedInput, match="an archive of nothing"):
        bank.read_messages("none.zip", packed({".hidden": one}))
    monkeypatch.setattr(bank, "MAX_BOOKINGS", 1)
    with pytest.raises(MalformedInput, match="at most 1 bookings in one archive"):
        bank.read_messages("two.zip", packed({"a.xml": one, "b.xml": one}))
