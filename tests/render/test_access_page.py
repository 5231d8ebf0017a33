"""The page that tells a party who looked: the same in both languages, nothing of it markup of somebody else's."""

from __future__ import annotations

import io
import re
import string
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pypdf import PdfReader

from render.browser import needs_browser, printed, screenshot
from tallystick.protocol.types import EvidenceId, PartyId, Timestamp, to_hex
from tallystick.render import access_page
from tallystick.render.access_page import POLICY, render_page
from tallystick.service.access_log import AccessLog
from tallystick.service.scope import Shown
from tallystick.store.grants import Grant, Use
from tallystick.store.records import PartyRecord

NOW = Timestamp(1_772_000_000)
DAY = 86_400
PARTY = PartyId(b"\x11" * 32)


def grant(number: int, name: str | None, scope: str = "{}", **changed: object) -> Grant:
    made = Grant(
        consent=EvidenceId(bytes([number]) * 32),
        subject=PARTY,
        grantee=bytes([number + 100]) * 32,
        grantee_name=name,
        recorder=PartyId(b"\x22" * 32),
        scope=scope,
        granted_at=Timestamp(NOW - 9 * DAY),
        ends_at=Timestamp(NOW + 30 * DAY),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def look(position: int, given: Grant, what: Shown, evidence: bool = False) -> tuple[Use, Grant]:
    use = Use(
        position=position,
        consent=given.consent,
        at=Timestamp(NOW - DAY + position),
        organisation="9f" * 16,
        key="q7wd3zk5m2ha",
        object=what.value,
        evidence=EvidenceId(b"\x77" * 32) if evidence else None,
        block=None if evidence else 800 + position,
        access=EvidenceId(bytes([position]) * 32),
    )
    return use, given


BANK = grant(1, "First Bank of Somewhere")
PARTNER = grant(2, "买方有限公司", '{"objects":["history","tradelines"],"since":"2026-01-01","identities":"names"}')
UNNAMED = grant(3, None, withdrawn_at=Timestamp(NOW - 2 * DAY), withdrawal=EvidenceId(b"\x99" * 32))
ENDED = grant(4, "Past Lender", ends_at=Timestamp(NOW - DAY))
LOG = AccessLog(
    party=PartyRecord(PARTY, "Northwind GmbH", (), (), NOW),
    at=NOW,
    grants=(BANK, PARTNER, UNNAMED, ENDED),
    looks=(look(9, BANK, Shown.HISTORY), look(8, PARTNER, Shown.TRADELINES), look(7, BANK, Shown.EVIDENCE, True)),
    older=7,
)


class Seen(HTMLParser):
    """The tags and texts of a page, and how many cells each row of a table has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def unbroken(text: str) -> str:
    """``text`` without white space, and with letters for ligatures and for radicals that look like them."""
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><h1>x", "&lt;b&gt;", "{0} {name}"]
)
def test_a_name_is_never_markup(name: str, language: str) -> None:
    """Whatever a party or a grantee is called: the same tags as with harmless names, and the name as it is written."""
    hostile = replace(BANK, grantee_name=name)
    log = replace(LOG, party=replace(LOG.party, name=name), grants=(hostile,), looks=(look(9, hostile, Shown.BUNDLE),))
    plain = replace(BANK, grantee_name="x")
    harmless = replace(log, party=LOG.party, grants=(plain,), looks=(look(9, plain, Shown.BUNDLE),))
    seen = Seen(render_page(log, language))
    assert seen.tags == Seen(render_page(harmless, language)).tags
    assert seen.texts.count(name) == 2


def test_both_languages_say_the_same() -> None:
    """Every word has both, with the same values in them; the pages have the same form and the same figures."""
    for english, chinese in access_page._WORDS.values():
        fields = [{name for _, name, _, _ in string.Formatter().parse(text)} - {None} for text in (english, chinese)]
        assert fields[0] == fields[1]
        assert re.search("[一-鿿]", chinese)
    assert set(access_page._OBJECTS) == set(Shown)
    english, chinese = (Seen(render_page(LOG, language)) for language in ("en", "zh"))
    assert english.tags == chinese.tags
    told = [
        set(re.findall(r"0x[0-9a-f]{64}|\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?", " ".join(one.texts)))
        for one in (english, chinese)
    ]
    assert told[0] == told[1]


def test_the_page_tells_all_there_is() -> None:
    """Each look with when, who, what, as of which block and its evidence; each consent with how it stands."""
    page = render_page(LOG, "en")
    for use, given in LOG.looks:
        assert to_hex(use.access) in page
        assert (given.grantee_name or "") in page
    for text in (
        "2026-02-24 06:13:29 UTC",
        "Who looked at the history of Northwind GmbH",
        "trade lines",
        to_hex(b"\x77" * 32),
        "809",
        "<td>history, trade lines (within bounds)</td><td>names</td>",
        # what holds ids that a signature binds is not shown under pseudonyms
        "<td>history, trade lines, changes</td><td>pseudonyms</td>",
        "withdrawn 2026-02-23 06:13:20 UTC",
        "ended",
        "2026-02-24",
        to_hex(UNNAMED.grantee),
        "position 7",
        "Not noted are",
    ):
        assert text in page, text


def test_everything_is_everything() -> None:
    """Only where all may be asked for."""
    named = replace(BANK, scope='{"identities":"ids"}')
    assert "<td>everything</td><td>ids</td>" in render_page(replace(LOG, grants=(named,)), "en")
    assert "everything" not in render_page(LOG, "en")


def test_nothing_to_tell_is_told() -> None:
    """A party that let nobody look reads that nobody did."""
    for language, texts in (
        ("en", ("Nobody looked.", "Nobody was let look.")),
        ("zh", ("尚无人查看。", "尚未授予任何人查看权限。")),
    ):
        page = render_page(replace(LOG, grants=(), looks=(), older=None), language)
        assert all(text in page for text in texts)
        assert "<table" not in page


@needs_browser
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_person_sees_the_page(language: str, tmp_path: Path) -> None:
    """A browser prints every word of it, uncut, and takes its style but no other: the policy names the style's hash."""
    page = tmp_path / "page.html"
    text = render_page(LOG, language)
    page.write_text(text)
    paper = unbroken(" ".join(one.extract_text() for one in PdfReader(io.BytesIO(printed(page))).pages))
    for said in Seen(text.partition("</style>")[2]).texts:
        assert unbroken(said) in paper
    seen = screenshot(page)
    page.write_text(text.replace("#1a7f37", "#1a7f38"))
    assert f'content="{POLICY}"' in page.read_text()
    assert screenshot(page) != seen, "a style that the policy does not name was taken, or none is ever"


@needs_browser
def test_a_browser_runs_nothing_of_it(tmp_path: Path) -> None:
    """Were a script in it all the same, the policy would keep it from doing anything."""
    page = tmp_path / "page.html"
    page.write_text(render_page(LOG, "en"))
    seen = screenshot(page)
    page.write_text(
        page.read_text().replace("</body>", "<script>document.body.textContent = 'taken over'</script></body>")
    )
    assert screenshot(page) == seen
