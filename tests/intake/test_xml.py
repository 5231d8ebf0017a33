"""XML of strangers: what could harm is refused, by a sentence, before it does."""

from __future__ import annotations

import codecs

import pytest

from tallystick.errors import MalformedInput
from tallystick.intake import xml
from tallystick.intake.xml import read_xml

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
    monkeypatch.setattr(xml, "MAX_NODES", 1_000)
    assert len(read_xml(b"<a>" + b"<b/>" * 999 + b"</a>")) == 999
    with pytest.raises(MalformedInput, match="elements"):
        read_xml(b"<a>" + b"<b/>" * 1_000 + b"</a>")
    assert len(read_xml(b"<a>" + b"<b c = '1'/>" * 499 + b"</a>")) == 499
    with pytest.raises(MalformedInput, match="attributes"):
        read_xml(b"<a>" + b"<b c = '1'/>" * 500 + b"</a>")
    monkeypatch.setattr(xml, "MAX_BYTES", 10)
    with pytest.raises(MalformedInput, match="10 bytes"):
        read_xml(b"<a>01234567</a>")


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b"  ", b"no XML", b"<a>", b"<a></b>", b"<a>&x;</a>", b"\x00\xff", b"<a/><b/>"),
        *(b"<p:a/>", b"<a><p:b/></a>", b"<p:a/><?xmlp?>", b"<a><p:b/></a><?xmlp?>", b"<a><p:b/></a><?xmlp?><b/>"),
    ],
)
def test_what_is_not_well_formed_is_refused(document: bytes) -> None:
    """Cut short, no XML at all, an entity or a prefix that nobody defined, whatever follows it."""
    with pytest.raises(MalformedInput, match="well-formed"):
        read_xml(document)


@pytest.mark.parametrize(
    "document",
    [
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a><a/>',
        b'<?xml version="1.0"' + b" " * 2_000 + b'encoding="UTF-7"?><a/>',
        b'<?xml version="1.0" encoding="cp037"?><a/>',
        '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16-le"),
        '<?xml version="1.0"?><a/>'.encode("cp037"),
        '<?xml version="1.0"?><a/>'.encode("utf-32"),
    ],
    ids=["UTF-7", "UTF-7, far away", "EBCDIC by name", "UTF-16 without mark", "EBCDIC", "UTF-32"],
)
def test_an_encoding_in_which_something_could_hide_is_refused(document: bytes) -> None:
    """Only encodings in which ASCII is ASCII, and UTF-16 with its mark."""
    with pytest.raises(MalformedInput, match=r"encoding|well-formed"):
        read_xml(document)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "windows-1252", "iso-8859-15"])
def test_a_text_reads_the_same_in_every_known_encoding(encoding: str) -> None:
    """The name as declared, or by its byte order mark; characters come out as they went in."""
    name = "甲乙" if encoding in ("utf-8", "utf-16", "gb18030") else "Zoë"
    declared = encoding.removesuffix("-sig").upper()
    data = f'<?xml version="1.0" encoding="{declared}"?><a>{name}</a>'.encode(encoding)
    assert read_xml(data).text == name
