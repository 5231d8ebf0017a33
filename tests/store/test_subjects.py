"""Evidence is found by whom it concerns, and what waits for an answer is known: against a full look at everything."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from store.older import take_back
from store.samples import PENDING, digest, evidence
from tallystick.protocol import content
from tallystick.protocol.evidence import Kind, subjects
from tallystick.protocol.types import ZERO32, DealId, EvidenceId, PartyId, Timestamp
from tallystick.store.engine import open_engine
from tallystick.store.records import EvidenceRecord, EvidenceState
from tallystick.store.searching import Awaits, Wanted, number_of
from tallystick.store.sql import SqlStore, open_store

PARTIES = [PartyId(digest("party", number)) for number in range(4)]
DEALS = [DealId(digest("deal", number)) for number in range(2)]
KINDS = [
    Kind.CONTRACT,
    Kind.INVOICE,
    Kind.ACKNOWLEDGEMENT,
    Kind.DISPUTE,
    Kind.RESOLUTION,
    Kind.CORRECTION,
    Kind.ASSIGNMENT,
]
AWAITING = EvidenceState.AWAITING_COUNTERSIGNATURE
_numbers = itertools.count(1)


@st.composite
def histories(draw: st.DrawFn) -> list[EvidenceRecord]:
    """Evidence of a few parties that answers what came before, in the order in which it is recorded."""
    made: list[EvidenceRecord] = []
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(KINDS))
        issuer, other = draw(st.sampled_from(list(itertools.permutations(PARTIES, 2))))
        parent = draw(st.sampled_from(made)) if made and draw(st.booleans()) else None
        if parent is not None and draw(st.booleans()):
            issuer, other = parent.evidence.counterparty, parent.evidence.issuer
        fields = {"correctionType": draw(st.sampled_from(["cancelled", "replaced"]))}
        if kind == Kind.RESOLUTION:
            fields = {"outcome": draw(st.sampled_from(["withdrawn", "credited"]))}
        number = next(_numbers)
        key = f"INVOICE {draw(st.sampled_from('AB'))} {number} by 0x{issuer.hex()}" if kind == Kind.INVOICE else None
        sample = evidence(number, kind, deal=draw(st.sampled_from(DEALS)), document_key=key)
        struct = replace(
            sample.evidence,
            issuer=issuer,
            counterparty=other,
            parent=EvidenceId(ZERO32) if parent is None else parent.evidence_id,
            occurred_at=Timestamp(draw(st.integers(0, 5))),
        )
        waits = kind == Kind.CONTRACT and draw(st.booleans())
        says = kind in (Kind.CORRECTION, Kind.RESOLUTION)
        disclosures = tuple(content.make(fields, lambda size: bytes(size))) if says else ()
        state = AWAITING if waits else PENDING
        made.append(replace(sample, evidence=struct, disclosures=disclosures, state=state))
    return made


def concerned(one: EvidenceRecord, by_id: dict[EvidenceId, EvidenceRecord]) -> tuple[PartyId, ...]:
    parent = by_id.get(EvidenceId(one.evidence.parent))
    return subjects(one.evidence, None if parent is None else parent.evidence)


def expected_waiting(history: list[EvidenceRecord], party: PartyId) -> list[tuple[EvidenceId, Awaits]]:
    """What awaits something of ``party``, by the rules in words, looking at everything."""
    found = []
    for one in history:
        if one.evidence.counterparty != party:
            continue
        answers = [other for other in history if other.evidence.parent == one.evidence_id]
        if any(
            a.evidence.kind == Kind.CORRECTION and content.parse_all(a.disclosures).get("correctionType") == "cancelled"
            for a in answers
        ):
            continue
        if one.state is AWAITING:
            found.append((one.evidence_id, Awaits.COUNTERSIGNATURE))
        elif one.evidence.kind in (Kind.INVOICE, Kind.ASSIGNMENT):
            own = [a for a in answers if a.evidence.issuer == party]
            if not any(a.evidence.kind in (Kind.ACKNOWLEDGEMENT, Kind.DISPUTE) for a in own):
                found.append((one.evidence_id, Awaits.ANSWER))
        elif one.evidence.kind == Kind.DISPUTE and not any(resolves(a, one, history) for a in answers):
            found.append((one.evidence_id, Awaits.RESOLUTION))
    return found


def resolves(answer: EvidenceRecord, dispute: EvidenceRecord, history: list[EvidenceRecord]) -> bool:
    """Whether the party that the resolution ``answer`` costs something stated it, or its addressee acknowledged it."""
    if answer.evidence.kind != Kind.RESOLUTION:
        return False
    withdrawn = content.parse_all(answer.disclosures)["outcome"] == "withdrawn"
    gives_way = dispute.evidence.issuer if withdrawn else dispute.evidence.counterparty
    return answer.evidence.issuer == gives_way or any(
        one.evidence.kind == Kind.ACKNOWLEDGEMENT
        and one.evidence.parent == answer.evidence_id
        and one.evidence.issuer == answer.evidence.counterparty
        for one in history
    )


def kept(url: str, history: list[EvidenceRecord]) -> SqlStore:
    store = open_store(url)
    for one in history:
        with store.transaction() as transaction:
            transaction.add_evidence([one])
    return store


def searches() -> st.SearchStrategy[Wanted]:
    maybe = st.none()
    return st.builds(
        Wanted,
        parties=maybe | st.lists(st.sampled_from(PARTIES), max_size=3, unique=True).map(tuple),
        other=maybe | st.sampled_from(PARTIES),
        kind=maybe | st.sampled_from([int(kind) for kind in KINDS]),
        occurred_from=maybe | st.integers(0, 5).map(Timestamp),
        occurred_to=maybe | st.integers(0, 5).map(Timestamp),
        number=maybe,
        state=maybe | st.sampled_from([PENDING, AWAITING, EvidenceState.FINAL, EvidenceState.SEALING]),
        deal=maybe | st.sampled_from(DEALS),
    )


def fits(one: EvidenceRecord, by_id: dict[EvidenceId, EvidenceRecord], wanted: Wanted) -> bool:
    struct, own = one.evidence, concerned(one, by_id)

    def beside(party: PartyId) -> PartyId:
        return struct.counterparty if party == struct.issuer else struct.issuer

    if wanted.parties is None:
        sided = wanted.other is None or wanted.other in own
    else:
        sided = any(p in own and (wanted.other is None or beside(p) == wanted.other) for p in wanted.parties)
    return (
        sided
        and wanted.kind in (None, struct.kind)
        and (wanted.occurred_from is None or struct.occurred_at >= wanted.occurred_from)
        and (wanted.occurred_to is None or struct.occurred_at <= wanted.occurred_to)
        and wanted.number in (None, number_of(one.document_key))
        and wanted.state in (None, one.state)
        and wanted.deal in (None, struct.deal)
    )


@settings(max_examples=20, deadline=None)
@given(history=histories())
def test_the_newest_of_a_party_is_the_first_of_its_pages(history: list[EvidenceRecord]) -> None:
    """Also of one that is only named in it; a party of which there is none has position 0, below all."""
    store = kept("sqlite://", history)
    with store.transaction(read_only=True) as transaction:
        for party in PARTIES:
            page = transaction.find_evidence(Wanted(parties=(party,)), None, 1)
            assert transaction.newest_of(party) == (page[0].position if page else 0)
    store.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), wanted=searches(), limit=st.integers(1, 4))
def test_page_by_page_everything_that_fits_is_found_once(
    history: list[EvidenceRecord], wanted: Wanted, limit: int
) -> None:
    """Newest first, each page of at most so many, and nothing else; with a number that is there, too."""
    store = kept("sqlite://", history)
    by_id = {one.evidence_id: one for one in history}
    numbers = {number_of(one.document_key) for one in history} - {None}
    for asked in (wanted, *(replace(wanted, number=number) for number in sorted(filter(None, numbers))[:1])):
        pages, before = [], None
        with store.transaction(read_only=True) as transaction:
            while page := transaction.find_evidence(asked, before, limit):
                assert len(page) <= limit
                pages += [one.record.evidence_id for one in page]
                before = page[-1].position
        expected = [one.evidence_id for one in reversed(history) if fits(one, by_id, asked)]
        assert pages == expected
    store.close()


@settings(max_examples=60, deadline=None)
@given(history=histories(), limit=st.integers(1, 4))
def test_what_waits_is_what_a_full_look_says(history: list[EvidenceRecord], limit: int) -> None:
    """What awaits a party's answer is exactly what is unanswered, oldest first, on any page."""
    store = kept("sqlite://", history)
    for party in PARTIES:
        found, after = [], 0
        with store.transaction(read_only=True) as transaction:
            while page := transaction.waiting([party], after, limit):
                found += [(one.record.evidence_id, one.awaits) for one in page]
                after = page[-1].position
        assert found == expected_waiting(history, party)
    store.close()


def rows(url: str) -> list[Any]:
    engine, _ = open_engine(url, 5)
    with engine.begin() as connection:
        found = connection.execute(text("SELECT * FROM evidence_subject ORDER BY subject, position")).all()
    engine.dispose()
    return [tuple(row) for row in found]


def test_the_migration_makes_the_rows_that_recording_makes(lasting_url: str) -> None:
    """A database of the revision before gets the same rows for what it holds."""
    invoice = evidence(1, Kind.INVOICE, document_key=f"INVOICE R by 1 by 0x{'ab' * 32}")
    offered = evidence(2, Kind.CONTRACT, state=AWAITING, document_key=f"CONTRACT C by 0x{'ab' * 32} to 0x{'cd' * 32}")
    disputed, taken_back = evidence(3, Kind.INVOICE), evidence(4, Kind.INVOICE)
    buyer = replace(evidence(5).evidence, issuer=invoice.evidence.counterparty, counterparty=invoice.evidence.issuer)
    dispute = evidence(5, Kind.DISPUTE)
    dispute = replace(dispute, evidence=replace(buyer, kind=Kind.DISPUTE, parent=disputed.evidence_id))
    cancelled = tuple(content.make({"correctionType": "cancelled"}, lambda size: bytes(size)))
    correction = evidence(6, Kind.CORRECTION, parent=taken_back.evidence_id, disclosures=cancelled)
    kept(lasting_url, [invoice, offered, disputed, taken_back, dispute, correction]).close()
    before = rows(lasting_url)
    assert {row[5] for row in before} >= {"R by 1", "C"}
    assert [row[6] for row in before].count(None) == len(before) - 3
    take_back(lasting_url, "0006")
    open_store(lasting_url).close()
    assert rows(lasting_url) == before


@pytest.mark.parametrize(
    ("key", "number"),
    [
        (f"INVOICE 4711 by 0x{'ab' * 32}", "4711"),
        (f"PAYMENT a by 0x{'cd' * 32} by 0x{'ab' * 32} to 0x{'ab' * 32}", f"a by 0x{'cd' * 32}"),
        (f"CORRECTION line\nbreak by 0x{'ab' * 32} to 0x{'ab' * 32}", "line\nbreak"),
        (f"ACKNOWLEDGEMENT of 0x{'ab' * 32} by 0x{'ab' * 32}", None),
        (None, None),
    ],
)
def test_the_number_is_read_from_the_document_key(key: str | None, number: str | None) -> None:
    """Whatever a number holds, it is what stands between the kind and the parties."""
    assert number_of(key) == number
