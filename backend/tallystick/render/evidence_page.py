"""The certificate of one evidence, in words: who, what, when, where anchored, what answers it, how to check, limits.

Rules: nothing is said that is not in ``EvidenceCertificate``; what speaks against the evidence stands above it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tallystick.credit.dates import utc_date
from tallystick.protocol import merkle
from tallystick.protocol.entry import Json, Standing
from tallystick.protocol.evidence import Kind, kind_name
from tallystick.protocol.inclusion import Place
from tallystick.protocol.log import entry_leaf
from tallystick.protocol.types import ZERO32, PartyId, to_hex
from tallystick.protocol.verdict import Outcome
from tallystick.render.labels import kind_word
from tallystick.render.page import Block, Heading, Page, Row, Rows, Steps, Table, Text, moment, one_line
from tallystick.render.words import EVIDENCE_STEPS, LIMITS, field_word, pick, say
from tallystick.service.certificate import Answer, EvidenceCertificate

ATTACHMENT = "evidence.inclusion.json"
"""The name under which the proof is attached."""


def evidence_page(certificate: EvidenceCertificate, language: str) -> Page:
    """The page of ``certificate`` in ``language`` (``en`` or ``zh``)."""
    inclusion = certificate.inclusion
    evidence_id = to_hex(inclusion.evidence_id)
    as_of = inclusion.as_of
    page = Page(
        language=language,
        title=say("evidence.title", language),
        subtitle=kind_word(kind_name(inclusion.evidence.kind), language),
        lead=say("evidence.lead", language, time=moment(as_of.timestamp)),
        footer=f"{say('footer', language)} · {evidence_id}",
        qr="\n".join(
            [
                "tallystick evidence",
                f"chain {inclusion.domain.chain_id}",
                f"ledger {to_hex(inclusion.domain.contract)}",
                f"block {as_of.number} {to_hex(as_of.hash)}",
                f"evidence {evidence_id}",
                f"file {hashlib.sha256(certificate.proof).hexdigest()}",
            ]
        ),
        qr_caption=say("qr", language),
    )
    words = _Words(certificate, language)
    for part in (words.alerts, words.who, words.what, words.when, words.answers, words.where, words.verify):
        page.blocks.extend(part())
    page.blocks.extend([Heading(say("limits", language)), Steps([pick(limit, language) for limit in LIMITS], False)])
    return page


class _Words:
    def __init__(self, certificate: EvidenceCertificate, language: str) -> None:
        self.of = certificate
        self.language = language
        self.inclusion = certificate.inclusion
        self.evidence = certificate.inclusion.evidence

    def say(self, key: str, **values: object) -> str:
        return say(key, self.language, **values)

    def alerts(self) -> Iterator[Block]:
        against = (Kind.DISPUTE, Kind.CORRECTION, Kind.WRITE_OFF)
        if any(answer.entry.evidence.kind in against for answer in self.of.answers):
            yield Text(self.say("disputedNow"), "alert")
        for subject, standing in self.of.standings.items():
            if standing is not Standing.STANDS:
                why = self.say(standing.value)
                yield Text(self.say("voidSomewhere", name=self.name(subject), why=why), "alert")
        if self.of.erased_at is not None:
            yield Text(self.say("erasedOn", day=utc_date(self.of.erased_at).isoformat()), "alert")
        elif self.of.hidden:
            yield Text(self.hidden(), "alert")
        if self.of.withheld:
            yield Text(self.say("withheld", count=self.of.withheld), "alert")

    def who(self) -> Iterator[Block]:
        yield Heading(self.say("who"))
        signers = dict(self.of.signers)
        for role, party in (("issuer", self.evidence.issuer), ("counterparty", self.evidence.counterparty)):
            if party == ZERO32:
                yield Rows([Row(self.say(role), self.say("nobody"))])
                continue
            rows = [Row(self.say(role), self.full_name(party)), Row(self.say("partyId"), to_hex(party), mono=True)]
            if party in signers:
                rows.append(Row(self.say("signer"), to_hex(signers[party]), mono=True))
            yield Rows(rows)
        if self.of.names:
            yield Text(self.say("nameNote"), "note")

    def what(self) -> Iterator[Block]:
        yield Heading(self.say("what"))
        kind = kind_word(kind_name(self.evidence.kind), self.language)
        rows = [Row(self.say("kind"), f"{kind} ({kind_name(self.evidence.kind)})")]
        for name, value in self.of.fields.items():
            rows += [Row(label, text) for label, text in _shown(field_word(name, self.language), value)]
        if not self.of.fields:
            rows.append(Row("–", self.say("noFields")))
        rows.append(Row(self.say("hidden"), self.hidden() if self.of.hidden else self.say("hiddenNone")))
        yield Rows(rows)
        ids = [Row(self.say("evidence"), to_hex(self.inclusion.evidence_id), mono=True)]
        ids.append(Row(self.say("deal"), to_hex(self.evidence.deal), mono=True))
        if self.evidence.parent != ZERO32:
            ids.append(Row(self.say("parent"), to_hex(self.evidence.parent), mono=True))
        ids.append(Row(self.say("contentRoot"), to_hex(self.evidence.content_root), mono=True))
        yield Rows(ids)

    def when(self) -> Iterator[Block]:
        yield Heading(self.say("when"))
        rows = [
            Row(self.say("occurredAt"), moment(self.evidence.occurred_at)),
            Row(self.say("issuedAt"), moment(self.evidence.issued_at)),
        ]
        rows += [Row(self.say("sealedAt"), moment(at)) for at in sorted({p.block.timestamp for p in self.places})]
        rows.append(Row(self.say("provenAt"), moment(self.inclusion.as_of.timestamp)))
        for verdict in self.of.timestamps.values():
            checked = self.say("stampValid")
            if verdict.outcome is not Outcome.VALID:
                checked = self.say("stampUnchecked")
            at = "–" if verdict.at is None else moment(verdict.at)
            rows.append(Row(self.say("stampedAt"), f"{at}; {checked}"))
            rows.append(Row(self.say("stampBy"), verdict.authority or "–"))
        yield Rows(rows)

    def answers(self) -> Iterator[Block]:
        yield Heading(self.say("answers"))
        if not self.of.answers:
            yield Text(self.say("noAnswers"))
            return
        header = [self.say(key) for key in ("date", "kind", "by", "said")]
        yield Table(header, [self.answer(answer) for answer in self.of.answers], (0, 0, 2, 5))

    def answer(self, answer: Answer) -> list[str]:
        entry = answer.entry
        told = [f"{field_word(k, self.language)}: {one_line(v)}" for k, v in entry.fields.items() if _is_short(v)]
        if answer.allocated is not None:
            told.append(self.say("allocated", amount=answer.allocated))
        if entry.hidden:
            told.append(self.say("hiddenSome", count=entry.hidden))
        day = moment(entry.anchored_at)[:10]
        return [
            day,
            kind_word(kind_name(entry.evidence.kind), self.language),
            self.name(entry.evidence.issuer),
            "; ".join(told),
        ]

    def where(self) -> Iterator[Block]:
        yield Heading(self.say("where"))
        as_of = self.inclusion.as_of
        yield Rows(
            [
                Row(self.say("chain"), str(self.inclusion.domain.chain_id)),
                Row(self.say("genesis"), to_hex(self.of.genesis_hash), mono=True),
                Row(self.say("ledger"), to_hex(self.inclusion.domain.contract), mono=True),
                Row(self.say("registry"), to_hex(self.inclusion.registry), mono=True),
                Row(self.say("asOf"), f"{as_of.number}, {moment(as_of.timestamp)}"),
                Row(self.say("blockHash"), to_hex(as_of.hash), mono=True),
            ]
        )
        for place in self.places:
            yield Heading(self.say("logOf", name=self.name(place.subject)), level=3)
            yield Rows(list(self.place(place)))
        yield Rows(
            [
                Row(self.say("attached"), ATTACHMENT),
                Row(self.say("sha256"), hashlib.sha256(self.of.proof).hexdigest(), mono=True),
            ]
        )

    @property
    def places(self) -> tuple[Place, ...]:
        return self.inclusion.places

    def place(self, place: Place) -> Iterator[Row]:
        leaf = entry_leaf(place.subject, place.index, self.inclusion.evidence_id, self.inclusion.signatures)
        yield Row(self.say("standing"), self.say(self.of.standings[place.subject].value))
        yield Row(self.say("position"), self.say("positionOf", seq=self.of.positions[place.subject]))
        yield Row(self.say("operator"), to_hex(place.operator), mono=True)
        batch = self.say("batchOf", batch=place.batch_id, index=place.index + 1, count=place.count)
        yield Row(self.say("batch"), batch)
        yield Row(self.say("leaf"), to_hex(leaf), mono=True)
        yield Row(self.say("subjectRoot"), to_hex(merkle.climb(leaf, place.entry_proof)), mono=True)
        root = place.batch_root(self.inclusion.evidence_id, self.inclusion.signatures)
        yield Row(self.say("batchRoot"), to_hex(root), mono=True)
        yield Row(self.say("paths"), self.say("pathsOf", entry=len(place.entry_proof), batch=len(place.batch_proof)))
        yield Row(self.say("sealedIn"), f"{place.block.number}, {moment(place.block.timestamp)}")
        yield Row(self.say("blockHash"), to_hex(place.block.hash), mono=True)

    def verify(self) -> Iterator[Block]:
        yield Heading(self.say("verify"))
        values = {"number": self.inclusion.as_of.number, "chain": self.inclusion.domain.chain_id, "file": ATTACHMENT}
        yield Steps([pick(step, self.language).format(**values) for step in EVIDENCE_STEPS])

    def hidden(self) -> str:
        listed = self.of.fields or self.inclusion.hidden
        return self.say("hiddenSome", count=self.of.hidden) if listed else self.say("hiddenAtLeast")

    def name(self, party: PartyId) -> str:
        known = self.of.names.get(party)
        return known.name if known is not None else f"{to_hex(party)[:10]}…"

    def full_name(self, party: PartyId) -> str:
        known = self.of.names.get(party)
        return self.say("noName") if known is None else f"{known.name} ({known.scheme}:{known.identifier})"


def _shown(label: str, value: Json) -> Iterator[tuple[str, str]]:
    """A field as rows; each item of a list has a row of its own."""
    if isinstance(value, list) and value:
        for number, item in enumerate(value, 1):
            yield f"{label} {number}", one_line(item)
    else:
        yield label, one_line(value)


def _is_short(value: Json) -> bool:
    return not isinstance(value, list | dict)
