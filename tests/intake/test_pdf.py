"""Invoices within PDF files: found as their formats embed them, and no file makes more work than is allowed."""

from __future__ import annotations

import contextlib
import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import pdf_made as made
from intake.cii import cii_files as cii
from tallystick.errors import MalformedDocument, MalformedInput
from tallystick.intake import pdf, pdf_files
from tallystick.intake.readers import read_file

NOTE = made.packed(b"a delivery note")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"%PDF-1.7\n", "damaged"),
        (made.with_files([]), "got none"),
        (made.with_files([("note.pdf", NOTE)]), "only 'note.pdf'"),
        (made.with_files([("factur-x.xml", b"<< /Not /Stream >>")]), "got none"),
        (
            made.with_files([("factur-x.xml", made.packed(b"<a/>")), ("xrechnung.xml", made.packed(b"<b/>"))]),
            "2 that differ",
        ),
        (made.with_files([("note", NOTE)] * 101), "at most 100"),
        (made.with_files([("factur-x.xml", made.stream(b"no zlib", b"/Filter /FlateDecode"))]), "well-formed"),
        (made.with_files([("factur-x.xml", made.packed(b"<a/>", times=3))]), "damaged"),
        (made.pdf({1: b"<< /Type /Catalog /Names 7 >>"}), "got none"),
        (made.pdf({1: b"<< /Type /Catalog /Names << /EmbeddedFiles 2 0 R >> >>", 2: b"<< /Kids [2 0 R] >>"}), "none"),
        (made.pdf({1: b"[]"}, b"/Root 1 0 R /Encrypt << /Filter /Standard >>"), "encrypted|damaged"),
    ],
    ids=[
        "cut short",
        "nothing embedded",
        "another file",
        "no stream",
        "two invoices",
        "too many",
        "no zlib",
        "too many filters",
        "names of a wrong type",
        "a tree in a circle",
        "encrypted",
    ],
)
def test_a_file_without_one_readable_invoice_is_refused(data: bytes, says: str) -> None:
    """The sentence says what is embedded instead."""
    with pytest.raises(MalformedInput, match=says):
        read_file("invoice.pdf", data)


def test_a_stream_that_unpacks_to_too_much_is_refused() -> None:
    """A deflated gigabyte of blanks, once and twice deflated, is not kept in memory."""
    for times in (1, 2):
        bomb = made.with_files([("factur-x.xml", made.packed(b" " * (1 << 27), times))])
        assert len(bomb) < 1_000_000
        with pytest.raises(MalformedInput, match=r"damaged \(LimitReachedError"):
            pdf.embedded_xml(bomb)


def test_a_file_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of objects that unpack to millions of lines, one after the other: that process ends, not the import."""
    monkeypatch.setattr(pdf, "CPU_SECONDS", 1)
    entries = bytes(3 * 1_500_000)
    body = made.zlib.compress(entries, 9)
    head = b"%PDF-1.7\n"
    at, previous = len(head), b""
    for _ in range(20):
        table = made.stream(
            body,
            b"/Type /XRef /Size 1500000 /W [1 1 1] /Filter /FlateDecode /Root 1 0 R " + previous,
        )
        previous = b"/Prev %d" % len(head)
        at = len(head)
        head += b"9 0 obj\n%s\nendobj\n" % table
    started = time.monotonic()
    with pytest.raises(MalformedInput, match="may be a bomb"):
        pdf.embedded_xml(head + b"startxref\n%d\n%%%%EOF\n" % at)
    assert time.monotonic() - started < 20


def test_a_file_that_takes_too_much_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs more memory than is allowed dies of it alone."""
    monkeypatch.setattr(pdf, "MEMORY_BYTES", 120 * 1024 * 1024)
    with pytest.raises(MalformedInput, match="120 MiB of memory"):
        pdf.embedded_xml(made.with_files([("factur-x.xml", made.stream(b" " * 60_000_000))]))


def test_a_file_that_is_too_large_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is known before anything is read."""
    monkeypatch.setattr(pdf, "MAX_BYTES", 10)
    with pytest.raises(MalformedInput, match="at most 10 bytes"):
        pdf.embedded_xml(made.with_files([]))


def test_what_is_embedded_is_refused_by_its_element() -> None:
    """As the XML alone would be."""
    data = made.with_files([("factur-x.xml", made.packed(cii.invoice(type_code="389")))])
    with pytest.raises(MalformedDocument, match="self-billed"):
        read_file("invoice.pdf", data)


@pytest.mark.parametrize("name", ["factur-x.xml", "ZUGFeRD-invoice.xml", "xrechnung.xml", "order-x.xml"])
@pytest.mark.parametrize(("names", "associated"), [(True, False), (False, True), (True, True)])
def test_the_invoice_is_found_by_its_name(name: str, names: bool, associated: bool) -> None:
    """In the tree of names, among the associated files, or in both, beside other files."""
    files = [("note.pdf", NOTE), (name, made.packed(cii.invoice()))]
    assert pdf.embedded_xml(made.with_files(files, names=names, associated=associated)) == cii.invoice()


def test_the_document_is_the_pdf_itself() -> None:
    """Its exact bytes are what evidence refers to; what it says is what its XML says."""
    data = made.with_files([("factur-x.xml", made.packed(cii.invoice()))])
    read = read_file("invoice.pdf", data)
    assert read.items == read_file("factur-x.xml", cii.invoice()).items
    assert read.source.media_type == "application/pdf"
    assert (read.source.sha256, read.source.size) == (hashlib.sha256(data).hexdigest(), len(data))


@given(st.data())
def test_damage_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """Any bytes replaced in any place, in the process that reads."""
    good = made.with_files([("factur-x.xml", made.packed(cii.invoice())), ("note.pdf", NOTE)])
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 40))
    put = data.draw(st.binary(max_size=20) | st.sampled_from([b"<<", b"[", b"1 0 R", b"/EF", b"9" * 30, b"-1"]))
    with contextlib.suppress(MalformedInput):
        pdf_files.embedded(good[:at] + put + good[at + cut :])
