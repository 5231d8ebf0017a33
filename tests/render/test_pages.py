"""Certificates as people see them: nothing is cut off or left out in one language, the same bytes every time."""

from __future__ import annotations

import io
import re
import string
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pypdf import PdfReader

from service.proven import provable
from service.test_certificate import Story, story
from tallystick.errors import MalformedInput, RenderError
from tallystick.protocol import content
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Kind
from tallystick.protocol.fields import FORMS
from tallystick.protocol.inclusion import format_inclusion
from tallystick.protocol.types import Timestamp, to_hex
from tallystick.render import labels, pdf, words
from tallystick.render.attachment import attached_file, is_pdf
from tallystick.render.evidence_page import ATTACHMENT, evidence_page
from tallystick.render.page import Heading, Page, Row, Rows, Table, Text, moment
from tallystick.render.party_page import party_page

__all__ = ["provable", "story"]
AT = Timestamp(1_767_225_600)


needs_font = pytest.mark.skipif(not pdf.has_chinese(), reason=f"no Chinese font is installed: {pdf.INSTALL_FONT}")


def texts(data: bytes) -> str:
    """All text of a PDF; white space as single blanks."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).split())


def plain(*blocks: object, **changed: str) -> Page:
    """A page of these blocks in English."""
    page = Page("en", "Title", "subtitle", "lead", "footer", "qr", "caption", list(blocks))  # type: ignore[arg-type]
    return replace(page, **changed)


def said(page: Page) -> Iterator[str]:
    """Every text of a page's blocks."""
    for block in page.blocks:
        if isinstance(block, Heading | Text):
            yield block.text
        elif isinstance(block, Rows):
            yield from (text for row in block.rows for text in (row.label, row.value))
        elif isinstance(block, Table):
            yield from (cell for row in block.rows for cell in row)
        else:
            yield from block.items


def test_a_character_without_a_font_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no Chinese font is installed a Chinese name is refused, and the message names the package."""
    monkeypatch.setattr(pdf, "CJK_FONTS", ())
    with pytest.raises(RenderError, match="expected a font for every character") as caught:
        pdf.render_pdf([plain(Text("买方有限公司"))], {}, AT)
    assert "fonts-noto-cjk" in caught.value.todo
    assert pdf.render_pdf([plain(Text("Müller & Søn Łódź"))], {}, AT)


@pytest.mark.parametrize(
    "text", ['#panic("x")', "*bold* _it_ $x$ @ref <label> \\ ` ```", "// not a comment", "= no heading"]
)
def test_a_text_is_never_read_as_markup(text: str) -> None:
    """Whatever a party calls itself, or writes into a field, is shown as it is written."""
    page = plain(Rows([Row("name", text)]), Table(["a"], [[text]], [1]), Heading(text), subtitle=text)
    shown = texts(pdf.render_pdf([page], {}, AT))
    assert shown.count(" ".join(text.split())) >= 3


def test_a_hash_stands_in_one_line() -> None:
    """66 characters of a hash fit beside their label, uncut and unbroken."""
    value = "0x" + "8" * 64
    data = pdf.render_pdf([plain(Rows([Row("a rather long label for a hash", value, mono=True)]))], {}, AT)
    lines = [line for page in PdfReader(io.BytesIO(data)).pages for line in page.extract_text().splitlines()]
    assert any(value in line for line in lines)


def test_nothing_runs_off_the_page() -> None:
    """A name or number without a blank breaks rather than run into its neighbour or off the page, and none is lost."""
    long = "".join(chr(ord("a") + i % 26) for i in range(300))
    blocks = [Text(long, "alert"), Heading(long), Rows([Row(long, long)]), Table(["a", "b"], [[long, long]], [1, 1])]
    data = pdf.render_pdf([plain(*blocks, title=long, subtitle=long)], {}, AT)
    assert texts(data).count("z") == 8 * long.count("z")
    lines = [line for page in PdfReader(io.BytesIO(data)).pages for line in page.extract_text().splitlines()]
    assert max(map(len, lines)) < 130, "what stands in one line is as wide as the page at most"


def test_the_same_page_gives_the_same_bytes() -> None:
    """Page, attachment and time make the file, and nothing else; another time makes another file."""
    made = [pdf.render_pdf([plain(Text("x"))], {"a.json": b"{}"}, AT) for _ in range(3)]
    assert made[0] == made[1] == made[2]
    assert pdf.render_pdf([plain(Text("x"))], {"a.json": b"{}"}, Timestamp(AT + 1)) != made[0]
    assert PdfReader(io.BytesIO(made[0])).metadata.creation_date.timestamp() == AT  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [2, 5_000, 300_000])
def test_what_is_attached_comes_out_as_it_went_in(size: int) -> None:
    """The attached file is the same bytes, be it stored or packed, for us and for a PDF library."""
    content_in = b'{"a":"' + b"x" * (size - 2) + b'"}'
    data = pdf.render_pdf([plain(Text("x"))], {"a.json": content_in}, AT)
    assert is_pdf(data)
    assert attached_file(data, 1_000_000) == content_in
    assert PdfReader(io.BytesIO(data)).attachments["a.json"] == [content_in]


def test_a_pdf_without_a_proof_is_refused() -> None:
    """No attachment, several, one that is too large or was cut: each is refused, and the first says what to do."""
    page = plain(Text("x"))
    with pytest.raises(MalformedInput, match="found 0") as caught:
        attached_file(pdf.render_pdf([page], {}, AT), 100)
    assert "Save the attachment" in caught.value.todo
    with pytest.raises(MalformedInput, match="found 2"):
        attached_file(pdf.render_pdf([page], {"a.json": b"{}", "b.json": b"{}"}, AT), 100)
    large = pdf.render_pdf([page], {"a.json": b'"' + b"x" * 5_000 + b'"'}, AT)
    with pytest.raises(MalformedInput, match="at most 100 bytes, got 5002"):
        attached_file(large, 100)
    lying = re.sub(rb"/Size 5002", b"/Size 5001", large)
    with pytest.raises(MalformedInput, match="expected an attachment of 5001 bytes, got 5002"):
        attached_file(lying, 10_000)
    assert not is_pdf(b'{"asOf":')


def fields_of(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_say_the_same() -> None:
    """Every text has both languages with the same values in it; only Chinese has Chinese characters."""
    pairs = [*words.WORDS.values(), *words.LIMITS, *words.EVIDENCE_STEPS, *words.PARTY_STEPS]
    for english, chinese in pairs:
        assert fields_of(english) == fields_of(chinese), english
        assert not re.search("[\u4e00-\u9fff]", english)
        assert re.search("[\u4e00-\u9fff]", chinese) or chinese == "bundle", chinese


def test_every_kind_field_and_standing_has_words() -> None:
    """Nothing that the protocol knows is shown by its technical name alone."""
    assert all(labels.kind_word(kind.name, "zh") != kind.name for kind in Kind)
    assert set(FORMS) == words.FIELD_NAMES
    assert all(standing.value in words.WORDS for standing in Standing)
    assert words.field_word("paymentTermsDays", "en") == "payment terms days"
    assert words.field_word("somethingElse", "zh") == "somethingElse"


def test_a_time_that_no_calendar_has_is_shown_in_seconds() -> None:
    """The issuer's times may be anything below 2**53."""
    assert moment(Timestamp(0)) == "1970-01-01 00:00:00 UTC"
    assert moment(Timestamp(2**53 - 1)) == f"{2**53 - 1} s"


@needs_font
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_certificate_of_an_evidence_says_all(story: Story, language: str) -> None:
    """Who, what, when, where anchored, what answers it, how to check, the limits; the dispute stands above all."""
    page = evidence_page(story.certificate, language)
    data = pdf.render_pdf([page], {ATTACHMENT: story.certificate.proof}, story.certificate.inclusion.as_of.timestamp)
    shown = texts(data).replace(" ", "")
    place = story.certificate.inclusion.places[0]
    for value in (
        to_hex(story.invoice.evidence_id),
        to_hex(story.invoice.evidence.issuer),
        to_hex(story.certificate.inclusion.domain.contract),
        to_hex(story.certificate.inclusion.as_of.hash),
        to_hex(place.block.hash),
        to_hex(place.batch_root(story.invoice.evidence_id, story.invoice.signatures)),
        "SupplierGmbH",
        "买方有限公司",
        "1250.00",
        "4711",
    ):
        assert value in shown, value
    for limit in words.LIMITS:
        assert words.pick(limit, language).replace(" ", "") in shown
    assert page.blocks[0] == Text(words.say("disputedNow", language), "alert")
    assert words.say("hiddenNone", language) in list(said(page))
    assert attached_file(data, 1_000_000) == story.certificate.proof


def test_a_certificate_names_hidden_fields_as_hidden(story: Story) -> None:
    """What is hidden is counted above everything else, and no page claims that the whole content is shown."""
    inclusion = story.certificate.inclusion
    shown = tuple(d for d in inclusion.disclosures if content.parse(d)[0] != "payableAmount")
    [hidden] = set(inclusion.disclosures) - set(shown)
    redacted = replace(inclusion, disclosures=shown, hidden=(content.digest(hidden),))
    certificate = replace(
        story.certificate,
        inclusion=redacted,
        proof=format_inclusion(redacted),
        fields=content.parse_all(shown),
        hidden=1,
    )
    for language in ("en", "zh"):
        page = evidence_page(certificate, language)
        assert Text(words.say("hiddenSome", language, count=1), "alert") in page.blocks
        told = list(said(page))
        assert words.say("hiddenNone", language) not in told
        assert words.field_word("payableAmount", language) not in told


def test_a_void_log_and_withheld_entries_are_told(story: Story) -> None:
    """Where it does not stand in one of the logs, or entries are withheld, that stands above everything else."""
    buyer = story.invoice.evidence.counterparty
    standings = {**story.certificate.standings, buyer: Standing.UNFOUNDED}
    certificate = replace(story.certificate, standings=standings, withheld=3)
    page = evidence_page(certificate, "en")
    alerts = [block.text for block in page.blocks if isinstance(block, Text) and block.style == "alert"]
    assert any(alert.startswith("VOID in the log of 买方有限公司") for alert in alerts)
    assert any(alert.startswith("3 entries of these logs are withheld") for alert in alerts)


@needs_font
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_certificate_of_a_party_says_all(story: Story, language: str) -> None:
    """Completeness, figures, trade lines, disputes, standings, the bundle's digest, how to check, the limits."""
    page = party_page(story.history, language)
    shown = texts(pdf.render_pdf([page], {}, story.history.bundle.as_of.timestamp)).replace(" ", "")
    told = list(said(page))
    assert words.say("complete", language) in told
    assert "2,500.00EUR" in shown
    assert "买方有限公司" in shown
    assert to_hex(story.history.bundle.as_of.hash) in shown
    assert labels.kind_word("RESOLUTION", language) in told
    for limit in words.LIMITS:
        assert words.pick(limit, language).replace(" ", "") in shown


def test_an_incomplete_history_is_never_called_complete(story: Story) -> None:
    """With withheld entries the certificate says how many, and nowhere that it is complete."""
    for language in ("en", "zh"):
        told = list(said(party_page(replace(story.history, withheld=2), language)))
        assert words.say("incomplete", language, count=2) in told
        assert words.say("complete", language) not in told


def test_without_the_registrars_word_there_is_no_name(story: Story) -> None:
    """A home that is not the registrar's certifies ids alone, and says so."""
    nameless = replace(story.certificate.inclusion, bindings=())
    told = list(said(evidence_page(replace(story.certificate, inclusion=nameless), "en")))
    assert words.say("noName", "en") in told
    assert not any("GmbH" in text for text in told)
