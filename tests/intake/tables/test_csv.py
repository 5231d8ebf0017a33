"""CSV of other people's programs: encodings and separators are found or named, never silently wrong."""

from __future__ import annotations

import codecs
import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.tables import table_files as made
from tallystick.errors import MalformedInput, MalformedRow
from tallystick.intake.mapping import parse_mapping
from tallystick.intake.readers import read_file
from tallystick.intake.tables import decode, looks_like_csv, open_table

WESTERN = ["Größe GmbH", "Société générale à Orléans", "Müller", "€ 5", "GRÖßE ÄÖÜ AG", "Åse Øst ÆØÅ", "naïve “quote”"]
CHINESE = ["客户", "北京供应商有限公司", "上海贸易股份公司，（中国）", "已付款", "鑫源"]


@pytest.mark.parametrize(
    ("data", "encoding", "says"),
    [
        (b"a,\x81\x8d\x90\n", None, "expected Windows-1252, byte 2"),
        (b"a,\xff\n", "UTF-8", "expected UTF-8, byte 2"),
        (codecs.BOM_UTF8 + b"a,\xff\n", "Windows-1252", "expected UTF-8, byte 2"),
        (codecs.BOM_UTF16_LE + b"a", None, "expected UTF-16"),
        ("a,客户x".encode("gb18030")[:-2], "GB18030", "expected GB18030"),
    ],
)
def test_what_is_in_no_known_encoding_is_refused_by_its_byte(data: bytes, encoding: str | None, says: str) -> None:
    """The sentence says which encoding was expected, and what to do."""
    with pytest.raises(MalformedInput, match=says):
        decode(data, encoding)


@pytest.mark.parametrize("text", WESTERN)
def test_western_text_is_found_to_be_windows_1252(text: str) -> None:
    """Also a single letter in a file, and capitals in a row."""
    line = f"C1,{text},1\n"
    assert decode(line.encode("cp1252")) == (line, "Windows-1252")


@pytest.mark.parametrize("text", CHINESE)
def test_chinese_text_is_found_to_be_gb18030(text: str) -> None:
    """Also a header of one word."""
    line = f"C1,{text},1\n"
    assert decode(line.encode("gb18030")) == (line, "GB18030")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff")))
def test_utf8_is_always_found_with_or_without_its_mark(text: str) -> None:
    """What is all UTF-8 is never taken for anything else."""
    assert decode(text.encode()) == (text, "UTF-8")
    assert decode(codecs.BOM_UTF8 + text.encode()) == (text, "UTF-8")


def test_a_mark_says_the_encoding_and_a_mapping_does_where_there_is_none() -> None:
    """A mapping for GB18030 still reads a report of rejected rows, which is UTF-8 and says so."""
    rare = "C1,鱻龘,1\n"
    assert decode(rare.encode("gb18030"))[1] == "Windows-1252"
    assert decode(rare.encode("gb18030"), "GB18030") == (rare, "GB18030")
    assert decode(rare.encode("utf-8-sig"), "GB18030") == (rare, "UTF-8")
    assert decode(rare.encode("utf-16"), None) == (rare, "UTF-16")


@pytest.mark.parametrize(("separator", "told"), [(",", "comma"), (";", "semicolon"), ("\t", "tabulator")])
def test_the_separator_is_the_one_with_most_columns(separator: str, told: str) -> None:
    """What stands within quotes separates nothing."""
    table = open_table(f'a{separator}"b,;,;,;\tc"{separator}d{separator}e\n1{separator}2\n'.encode(), None)
    assert table.read_as == f"UTF-8, {told}"
    assert table.header == ("a", "b,;,;,;\tc", "d", "e")


@pytest.mark.parametrize("data", [b"", b"\n", b"hello", b"%!PS, x", b'{"a": 1, "b": 2}', b"<a b=',;'/>", b"a,\x00b"])
def test_what_has_no_line_of_columns_is_not_taken_for_csv(data: bytes) -> None:
    """It is no kind that is known, and the sentence lists the kinds."""
    assert not looks_like_csv(data)
    with pytest.raises(MalformedInput):
        read_file("x.csv", data)


def test_a_line_that_is_no_csv_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an open quotation mark nobody knows where the next row begins."""
    mapping = parse_mapping(made.MAPPING.encode(), "m")
    table = open_table((made.csv_text(made.ROW) + '"open').encode(), mapping)
    with pytest.raises(MalformedRow, match="a line of CSV"):
        list(table.rows(mapping))
    monkeypatch.setattr("tallystick.intake.tables.MAX_BYTES", 10)
    with pytest.raises(MalformedInput, match="at most 10 bytes"):
        open_table(made.csv_text().encode(), mapping)
    monkeypatch.setattr("tallystick.intake.tables.MAX_BYTES", 100)
    monkeypatch.setattr("tallystick.intake.tables.MAX_COLUMNS", 7)
    with pytest.raises(MalformedInput, match="at most 7 columns, got 8"):
        open_table(made.csv_text().encode(), mapping)


@pytest.mark.parametrize("row", [";" * 51, '"' + ";;;\n" * 20])
def test_a_row_that_goes_on_and_on_ends_the_reading(monkeypatch: pytest.MonkeyPatch, row: str) -> None:
    """On one line, or over many within quotation marks: it is not held until its end. Many rows are no such row."""
    monkeypatch.setattr("tallystick.intake.tables._MAX_SEPARATORS", 50)
    mapping = parse_mapping(made.MAPPING.encode(), "m")
    table = open_table(made.csv_text(*[made.ROW] * 20).encode() + row.encode(), mapping)
    rows = table.rows(mapping)
    assert [number for number, _ in itertools.islice(rows, 20)] == [*range(2, 22)]
    with pytest.raises(MalformedRow, match=r"row (22|3[0-9]), .*more than 50 separators"):
        next(rows)


@given(st.data())
def test_damage_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """Any bytes replaced in any place of a file, or of its mapping."""
    files = [made.csv_text(made.ROW, made.row(Invoice="2")).encode("cp1252"), made.MAPPING.encode()]
    which = data.draw(st.integers(0, 1))
    good = files[which]
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 40))
    put = data.draw(st.binary(max_size=20) | st.sampled_from([b'"', b";;", b"\r", b"%", b"9" * 30, b"\xb0\xa1"]))
    files[which] = good[:at] + put + good[at + cut :]
    with contextlib.suppress(MalformedInput):
        mapping = parse_mapping(files[1], "m")
        list(open_table(files[0], mapping).rows(mapping))
