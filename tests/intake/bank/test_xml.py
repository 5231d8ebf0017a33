"""XML of strangers: what could harm is refused, by a sentence, before it does."""

from __future__ import annotations

import codecs
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.bank.camt_files import entry, statement, transaction
from tallystick.errors import MalformedInput
from tallystick.intake.bank import xml
from tallystick.intake.bank.camt import read_message
from tallystick.intake.bank.xml import read_xml

LAUGHS = b"""<!DOCTYPE a [<!ENTITY a0 "lol">%s]><a b="&a9;">&a9;</a>""" % b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
)


@pytest.mark.parametrize(
    "document",
    [
        LAUGHS,
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/evil.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<?xml version="1.0"?><!-- first --><!DOCTYPE a><a/>',
        codecs.BOM_UTF16_LE + LAUGHS.decode().encode("utf-16-le"),
        b" " * 10 + b"<!DOCTYPE" + b" " * 200_000 + b"a><a/>",
    ],
    ids=["billion laughs", "external DTD", "external entity", "after a comment", "in UTF-16", "far away"],
)
def test_a_document_type_is_refused_before_it_is_read(document: bytes) -> None:
    """No DOCTYPE, whatever it would do and wherever it hides."""
    with pytest.raises(MalformedInput, match=r"DOCTYPE|well-formed"):
        read_xml(document)


def test_what_is_too_large_too_deep_or_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each limit refuses by its own sentence, and what keeps it is read."""
    deep = b"<a>" * xml.MAX_DEPTH + b"</a>" * xml.MAX_DEPTH
    assert read_xml(deep) is not None
    with pytest.raises(MalformedInput, match="deep"):
        read_xml(b"<a>" + deep + b"</a>")
    monkeypatch.setattr(xml, "MAX_ELEMENTS", 1_000)
    assert len(read_xml(b"<a>" + b"<b/>" * 999 + b"</a>")) == 999
    with pytest.raises(MalformedInput, match="elements"):
        read_xml(b"<a>" + b"<b/>" * 1_000 + b"</a>")
    monkeypatch.setattr(xml, "MAX_BYTES", 10)
    with pytest.raises(MalformedInput, match="10 bytes"):
        read_xml(b"<a>01234567</a>")


@pytest.mark.parametrize(
    "document", [b"", b"  ", b"no XML", b"<a>", b"<a></b>", b"<a>&x;</a>", b"\x00\xff", b"<a/><b/>"]
)
def test_what_is_not_well_formed_is_refused(document: bytes) -> None:
    """Cut short, no XML at all, or an entity that nobody defined."""
    with pytest.raises(MalformedInput, match="well-formed"):
        read_xml(document)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    """Whatever the bytes, they are a message or a sentence."""
    with pytest.raises(MalformedInput):
        read_message(data)


SOUND = statement(
    entry("30.00", transaction("10.00", end_to_end="E1", text=("a",)), transaction("20.00", documents=(("N", "20"),)))
)


@given(st.integers(0, len(SOUND) - 1), st.integers(0, len(SOUND) - 1), st.binary(max_size=6))
def test_no_damage_to_a_statement_crashes_the_reader(start: int, end: int, instead: bytes) -> None:
    """A statement with any piece of it replaced is read or refused by a sentence."""
    start, end = min(start, end), max(start, end)
    with contextlib.suppress(MalformedInput):
        read_message(SOUND[:start] + instead + SOUND[end:])
