"""The certificate of a party's history, in words: completeness, figures, standings, disputes, how to check, limits."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tallystick.protocol.entry import Standing
from tallystick.protocol.types import PartyId, parse_bytes32, to_hex
from tallystick.protocol.verdict import Outcome
from tallystick.render.figures import MISSING, amount, figure, percent
from tallystick.render.labels import METRICS, kind_word, word
from tallystick.render.page import Block, Heading, Page, Row, Rows, Steps, Table, Text, moment
from tallystick.render.words import LIMITS, PARTY_STEPS, field_word, pick, say
from tallystick.service.certificate import PartyCertificate

ATTACHMENT = "history.tally.json"
"""The name under which the bundle is attached, where it is."""
MAX_LINES = 60
"""Lines of a table of disputes or trade lines; the bundle has all."""
_AGEING = ("current", "d1to30", "d31to60", "d61to90", "d91plus")


def party_page(certificate: PartyCertificate, language: str) -> Page:
    """The page of ``certificate`` in ``language`` (``en`` or ``zh``)."""
    bundle = certificate.bundle
    as_of = bundle.as_of
    words = _Words(certificate, language)
    page = Page(
        language=language,
        title=say("party.title", language),
        subtitle=words.name(bundle.subject),
        lead=say("party.lead", language, time=moment(as_of.timestamp), entries=words.report["entryCount"]),
        footer=f"{say('footer', language)} · {to_hex(bundle.subject)}",
        qr="\n".join(
            [
                "tallystick history",
                f"chain {bundle.chain_id}",
                f"ledger {to_hex(bundle.ledger)}",
                f"block {as_of.number} {to_hex(as_of.hash)}",
                f"party {to_hex(bundle.subject)}",
                f"file {hashlib.sha256(certificate.data).hexdigest()}",
            ]
        ),
        qr_caption=say("qr", language),
    )
    for part in (words.completeness, words.who, words.figures, words.tradelines, words.disputes, words.standings):
        page.blocks.extend(part())
    page.blocks.extend(words.where())
    page.blocks.extend([Heading(say("limits", language)), Steps([pick(limit, language) for limit in LIMITS], False)])
    return page


class _Words:
    def __init__(self, certificate: PartyCertificate, language: str) -> None:
        self.of = certificate
        self.language = language
        self.bundle = certificate.bundle
        self.report: Mapping[str, Any] = certificate.bundle.report

    def say(self, key: str, **values: object) -> str:
        return say(key, self.language, **values)

    def completeness(self) -> Iterator[Block]:
        yield Heading(self.say("completeness"))
        if self.of.withheld:
            yield Text(self.say("incomplete", count=self.of.withheld), "alert")
        else:
            yield Text(self.say("complete"), "strong")
        if self.of.verdict.outcome is not Outcome.VALID:
            yield Text(self.say("restsOnHidden"), "alert")
        if hiding := sum(1 for entry in self.of.entries if entry.hidden):
            yield Text(self.say("hiddenEntries", count=hiding), "alert")
        if self.of.erased:
            yield Text(self.say("erasedEntries", count=self.of.erased), "alert")

    def who(self) -> Iterator[Block]:
        yield Heading(self.say("who"))
        known = self.of.names.get(self.bundle.subject)
        name = self.say("noName") if known is None else f"{known.name} ({known.scheme}:{known.identifier})"
        yield Rows([Row(self.say("party"), name), Row(self.say("partyId"), to_hex(self.bundle.subject), mono=True)])
        if known is not None:
            yield Text(self.say("nameNote"), "note")

    def figures(self) -> Iterator[Block]:
        yield Heading(self.say("figures"))
        found = [(role, *item) for role in ("asBuyer", "asSeller") for item in self.report[role].items()]
        if not found:
            yield Text(self.say("noFigures"))
        for role, currency, metrics in found:
            mark = " *" if metrics["restsOnHidden"] else ""
            yield Heading(self.say(role, currency=currency) + mark, level=3)
            shown = [(word(k, self.language), figure(k, metrics, currency)) for k in METRICS if k in metrics]
            half = (len(shown) + 1) // 2
            right = [*shown[half:], ("", "")] if len(shown) % 2 else shown[half:]
            yield Table(
                ["", "", "", ""], [[*a, *b] for a, b in zip(shown[:half], right, strict=True)], (0, 1, 0, 1), (1, 3)
            )
            ages = [f"{word(age, self.language)} {amount(metrics['ageing'][age])}" for age in _AGEING]
            rows = [Row(self.say("ageing"), f"{' · '.join(ages)} {currency}")]
            if metrics["evidence"]:
                shares = [f"{word(k, self.language)} {_share(v)}" for k, v in metrics["evidence"].items()]
                rows.append(Row(self.say("shares"), " · ".join(shares)))
            yield Rows(rows)

    def tradelines(self) -> Iterator[Block]:
        lines = self.report["tradelines"]
        if not lines:
            return
        yield Heading(self.say("tradelines"))
        keys = ("invoiceCount", "invoicedAmount", "openAmount", "overdueAmount", "daysBeyondTermsMean")
        header = [word("counterparty", self.language), word("role", self.language)]
        header += [word(key, self.language) for key in keys]
        rows = []
        for line in lines[:MAX_LINES]:
            other = line["counterparty"]
            name = word("selfReported", self.language)
            if other is not None:
                name = self.name(PartyId(parse_bytes32(other, "counterparty")))
            cells = [amount(line[key]) if key.endswith("Amount") else figure(key, line, "") for key in keys]
            mark = " *" if line["restsOnHidden"] else ""
            rows.append([name + mark, f"{word(line['role'], self.language)} {line['currency']}", *cells])
        yield Table(header, rows, (1, 0, 0, 0, 0, 0, 0), (2, 3, 4, 5, 6))
        yield from self.more(len(lines))

    def disputes(self) -> Iterator[Block]:
        yield Heading(self.say("disputes"))
        rows = [self.told(story, said) for story in self.report["stories"] for said in story["said"]]
        if not rows:
            yield Text(self.say("none"))
            return
        header = [self.say(key) for key in ("date", "about", "kind", "by", "said")]
        yield Table(header, rows[:MAX_LINES], (0, 2, 0, 2, 5))
        yield from self.more(len(rows))

    def told(self, story: Mapping[str, Any], said: Mapping[str, Any]) -> list[str]:
        words = [f"{field_word(name, self.language)}: {value}" for name, value in said["words"].items()]
        if said["hiddenFields"]:
            words.append(self.say("hiddenSome", count=said["hiddenFields"]))
        about = f"{kind_word(story['kind'], self.language)} {story['number'] or story['evidence'][:10] + '…'}"
        issuer = self.name(PartyId(parse_bytes32(said["issuer"], "issuer")))
        day = moment(said["anchoredAt"])[:10]
        return [day, about, kind_word(said["kind"], self.language), issuer, "; ".join(words) or "–"]

    def standings(self) -> Iterator[Block]:
        yield Heading(self.say("standings"))
        counts = Counter(entry.standing for entry in self.of.entries)
        rows = [Row(self.say(one.value), str(counts[one])) for one in Standing if counts[one]]
        if self.of.withheld:
            rows.append(Row(word("incomplete", self.language), str(self.of.withheld)))
        yield Rows(rows or [Row("–", self.say("none"))])
        if findings := self.report["findings"]:
            yield Heading(self.say("findings"), level=3)
            codes = Counter(finding["code"] for finding in findings)
            yield Rows([Row(code, str(count), mono=True) for code, count in sorted(codes.items())])

    def where(self) -> Iterator[Block]:
        bundle, as_of = self.bundle, self.bundle.as_of
        yield Heading(self.say("where"))
        yield Rows(
            [
                Row(self.say("chain"), str(bundle.chain_id)),
                Row(self.say("genesis"), to_hex(self.of.genesis_hash), mono=True),
                Row(self.say("ledger"), to_hex(bundle.ledger), mono=True),
                Row(self.say("registry"), to_hex(bundle.registry), mono=True),
                Row(self.say("asOf"), f"{as_of.number}, {moment(as_of.timestamp)}"),
                Row(self.say("blockHash"), to_hex(as_of.hash), mono=True),
                Row(self.say("entries"), str(sum(item.append.count for item in bundle.appends))),
                Row(self.say("appends"), str(len(bundle.appends))),
                Row(self.say("definitions"), str(self.report["definitions"])),
                Row(self.say("bundle"), self.say("bundleBytes", bytes=f"{len(self.of.data):,}")),
                Row(self.say("bundleSha"), hashlib.sha256(self.of.data).hexdigest(), mono=True),
            ]
        )
        yield Heading(self.say("verify"))
        values = {"number": as_of.number, "chain": bundle.chain_id, "file": ATTACHMENT}
        yield Steps([pick(step, self.language).format(**values) for step in PARTY_STEPS])

    def more(self, count: int) -> Iterator[Block]:
        if count > MAX_LINES:
            yield Text(self.say("more", count=count - MAX_LINES), "note")

    def name(self, party: PartyId) -> str:
        known = self.of.names.get(party)
        return known.name if known is not None else f"{to_hex(party)[:10]}…"


def _share(value: str | None) -> str:
    return MISSING if value is None else percent(value)
