"""Consent to access as use cases: whichever door a grant comes through, who notes a look, what a race can't do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.world import BUYER, CARRIER, CONTRACT, INVOICE, SUPPLIER, World, in_memory
from tallystick.errors import MalformedInput, Misfit, NotFound, Refused, WrongSigner
from tallystick.protocol import content
from tallystick.protocol.access import access_deal
from tallystick.protocol.entry import Standing
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.types import ZERO32, EvidenceId, PartyId, Timestamp, to_hex
from tallystick.service import accounts, consent, granted, record
from tallystick.service.consent import Grantee
from tallystick.service.index import index
from tallystick.service.policy import Asker, Reach
from tallystick.service.report import Reader
from tallystick.service.scope import AccessScope, Identities, Shown, format_scope, parse_scope
from tallystick.service.seal import seal
from tallystick.store.grants import Grant
from tallystick.store.identities import Role, Scope
from tallystick.store.records import EvidenceRecord, PartyRecord

LAST_DAY = date(2026, 12, 31)
AFTER = Timestamp(1_798_761_600)


@pytest.fixture
def parties(world: World) -> dict[str, PartyRecord]:
    """A supplier, its buyer, and a carrier that wants to look."""
    made = {name: world.party(name, of) for name, of in (("s", SUPPLIER), ("b", BUYER), ("c", CARRIER))}
    world.record(CONTRACT, {**INVOICE, "deal": "@deal"})
    seal(world.context, wait=lambda _: None)
    return made


def give(world: World, parties: dict[str, PartyRecord], scope: AccessScope | None = None) -> Grant:
    to = Grantee(parties["c"].party, "Carrier", parties["c"])
    return consent.grant(world.context, parties["s"], to, scope or AccessScope(), LAST_DAY)[1]


def asker(world: World, *parties: PartyRecord) -> Asker:
    made = accounts.add_organisation(world.context, "test", "lender", Role.LENDER, [one.party for one in parties])
    return Asker(made, "key", [*Scope], Reach.GRANTED)


def look(world: World, who: Asker, what: Shown = Shown.HISTORY) -> EvidenceId | None:
    return granted.note(world.context, who, granted.reached_history(world.context, who, SUPPLIER, what))


def standings(world: World, party: PartyRecord) -> dict[EvidenceId, Standing]:
    reader = Reader(world.context, index(world.context).block)
    with world.context.store.transaction(read_only=True) as transaction:
        return {one.evidence_id: one.standing for one in reader.read(transaction, party.party).entries}


def test_a_look_stands_in_the_log_of_whom_it_concerns(world: World, parties: dict[str, PartyRecord]) -> None:
    """Grant, look and withdrawal are sealed in their order, and every one of them stands, in both logs."""
    given_ = give(world, parties)
    who = asker(world, parties["c"])
    access = look(world, who)
    withdrawal = consent.withdraw(world.context, parties["s"], given_.consent)
    seal(world.context, wait=lambda _: None)
    assert access is not None
    for evidence_id in (given_.consent, access, withdrawal.evidence_id):
        assert standings(world, parties["s"])[evidence_id] is Standing.STANDS
    assert standings(world, parties["c"]) == {access: Standing.STANDS}


def test_a_look_between_finding_and_noting_a_withdrawal_shows_nothing(
    world: World, parties: dict[str, PartyRecord]
) -> None:
    """Whoever found the history before it was withdrawn is told that there is none when the look is to be noted."""
    given_, who = give(world, parties), asker(world, parties["c"])
    view = granted.reached_history(world.context, who, SUPPLIER, Shown.HISTORY)
    consent.withdraw(world.context, parties["s"], given_.consent)
    with pytest.raises(NotFound, match="not known here"):
        granted.note(world.context, who, view)
    assert consent.uses(world.context, parties["s"].party) == []


def test_a_consent_ends_with_its_last_day(world: World, parties: dict[str, PartyRecord]) -> None:
    give(world, parties)
    who = asker(world, parties["c"])
    world.clock.time = Timestamp(AFTER - 1)
    assert look(world, who) is not None
    world.clock.time = AFTER
    with pytest.raises(NotFound):
        look(world, who)


def test_one_evidence_a_day_and_object_and_one_row_a_look(world: World, parties: dict[str, PartyRecord]) -> None:
    give(world, parties)
    who = asker(world, parties["c"])
    made = [look(world, who), look(world, who), look(world, who, Shown.TRADELINES)]
    world.clock.time = Timestamp(world.clock.time + 86_400)
    made.append(look(world, who))
    assert len(set(made)) == 3
    assert len(consent.uses(world.context, parties["s"].party)) == 4
    assert len(consent.uses(world.context, parties["s"].party, limit=2)) == 2
    last = consent.uses(world.context, parties["s"].party)[-1][0].position
    assert consent.uses(world.context, parties["s"].party, before=last) == []


def test_looks_at_the_same_time_are_noted_each(tmp_path: Any) -> None:
    """Twelve at once: one evidence, twelve rows, no error."""
    with in_memory(database_url=f"sqlite:///{tmp_path / 'ledger.sqlite3'}") as world:
        parties = {name: world.party(name, of) for name, of in (("s", SUPPLIER), ("c", CARRIER))}
        give(world, parties)
        who, made, failed = asker(world, parties["c"]), [], []

        def run() -> None:
            try:
                made.append(look(world, who))
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=run) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert len(set(made)) == 1
        assert len(consent.uses(world.context, parties["s"].party)) == 12


def test_whoever_keeps_its_own_key_notes_the_look_itself(world: World, parties: dict[str, PartyRecord]) -> None:
    """Refused until its ACCESS of the day is there, signed elsewhere and posted as any evidence."""
    given_ = give(world, parties)
    carrier = parties["c"]
    keyless = replace(world.context, store=Without(world.context.store, carrier.party))
    who = asker(world, carrier)
    view = granted.reached_history(world.context, who, SUPPLIER, Shown.HISTORY)
    with pytest.raises(WrongSigner, match="not managed here"):
        granted.note(keyless, who, view)
    assert consent.uses(world.context, parties["s"].party) == []
    posted = sign_elsewhere(world, carrier, given_)
    assert granted.note(keyless, who, view) == posted.evidence_id


def sign_elsewhere(world: World, party: PartyRecord, given_: Grant) -> EvidenceRecord:
    """An ACCESS of today, signed without the service and submitted."""
    shown = content.make({"accessedObject": "history", "accessedOn": "2026-01-01"}, world.context.entropy.bytes)
    with world.context.store.transaction(read_only=True) as transaction:
        deal = transaction.evidence([given_.consent])[given_.consent].evidence.deal
    now = world.clock.now()
    root = content.content_root([content.digest(one) for one in shown])
    evidence = Evidence(party.party, PartyId(ZERO32), Kind.ACCESS, deal, given_.consent, root, now, now)
    digest = evidence.evidence_id(world.context.chain.deployment.domain)
    return record.submit(world.context, evidence, world.context.keys.sign(party.signers[0], digest), shown)


class Without:
    """The store, as if it managed no key of ``party``."""

    def __init__(self, store: Any, party: PartyId) -> None:
        self._store, self._party = store, party

    def transaction(self, **options: Any) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def begun() -> Iterator[Any]:
            with self._store.transaction(**options) as transaction:
                yield Keyless(transaction, self._party)

        return begun()


class Keyless:
    def __init__(self, transaction: Any, party: PartyId) -> None:
        self._transaction, self._party = transaction, party

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)

    def party(self, party: PartyId) -> PartyRecord | None:
        found = self._transaction.party(party)
        return replace(found, signers=()) if party == self._party else found


def test_without_anybody_to_note_the_look_no_consent_is_given(world: World, parties: dict[str, PartyRecord]) -> None:
    """To an organisation that is no party, as long as the operator has none for this; with one, it notes."""
    who = asker(world)
    to = Grantee(consent.organisation_id(who.organisation.organisation), "Bank", None)
    with pytest.raises(Refused, match="to note each look"):
        consent.grant(world.context, parties["s"], to, AccessScope(), LAST_DAY)
    recorder = world.party("Operator", f"OPERATOR:{to_hex(world.context.operator)}")
    _, made = consent.grant(world.context, parties["s"], to, AccessScope(), LAST_DAY)
    assert made.recorder == recorder.party
    access = look(world, who)
    seal(world.context, wait=lambda _: None)
    assert access is not None
    assert standings(world, parties["s"])[access] is Standing.STANDS


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"deal": "0x" + "07" * 32}, "deal"),
        ({"content": {"validUntil": "2025-12-31"}}, "validUntil"),
        ({"content": {"accessScope": {"objects": ["everything"]}}}, "objects"),
        ({"content": {"accessScope": {"identities": "pseudonyms", "objects": ["bundle"]}}}, "identities"),
        ({"content": {"accessScope": {"more": 1}}}, "accessScope"),
        ({"content": {"grantee": "somebody"}}, "grantee"),
    ],
)
def test_a_grant_through_the_door_of_all_evidence_is_held_to_the_same(
    world: World, parties: dict[str, PartyRecord], change: dict[str, Any], error: str
) -> None:
    made = {
        "grantee": to_hex(parties["c"].party),
        "validUntil": "2026-12-31",
        "accessScope": {"objects": ["history"]},
        **change.get("content", {}),
    }
    deal = to_hex(access_deal(parties["s"].party, parties["c"].party))
    draft = {"kind": "CONSENT", "issuer": SUPPLIER, "deal": deal, **change, "content": made}
    with pytest.raises(Exception, match=error):
        world.record(draft)
    good = {**draft, "deal": deal, "content": {**made, "grantee": to_hex(parties["c"].party)}}
    good["content"] |= {"validUntil": "2026-12-31", "accessScope": {"objects": ["history"]}}
    kept = world.record(good)[0]
    assert look(world, asker(world, parties["c"])) is not None
    draft = {"kind": "CONSENT", "issuer": SUPPLIER, "parent": to_hex(kept.evidence_id), "content": {}}
    with pytest.raises(Misfit, match="withdrawn"):
        world.record(draft, draft)
    world.record(draft)
    with pytest.raises(NotFound):
        granted.reached_history(world.context, asker_again(world), SUPPLIER, Shown.HISTORY)


def asker_again(world: World) -> Asker:
    with world.context.store.transaction(read_only=True) as transaction:
        made = next(one for one in transaction.organisations() if one.name == "lender")
    return Asker(made, "key", [*Scope], Reach.GRANTED)


def test_nobody_consents_to_itself_or_withdraws_what_another_gave(
    world: World, parties: dict[str, PartyRecord]
) -> None:
    own = Grantee(parties["s"].party, None, parties["s"])
    with pytest.raises(Misfit):
        consent.grant(world.context, parties["s"], own, AccessScope(), LAST_DAY)
    given_ = give(world, parties)
    with pytest.raises(NotFound):
        consent.withdraw(world.context, parties["b"], given_.consent)


def test_a_bundle_names_no_counterparty_without_consent(world: World, parties: dict[str, PartyRecord]) -> None:
    """The newest consent that allows the object counts, of several."""
    give(world, parties, AccessScope(identities=Identities.NAMES))
    world.clock.time = Timestamp(world.clock.time + 1)
    newer = give(world, parties, AccessScope(identities=Identities.IDS, objects=frozenset([Shown.BUNDLE])))
    who = asker(world, parties["c"])
    view = granted.reached_history(world.context, who, SUPPLIER, Shown.BUNDLE)
    assert view.grant == newer
    assert not view.showing().names(parties["s"].party, parties["b"].party)
    assert view.showing().names(parties["s"].party, parties["s"].party)
    other = granted.reached_history(world.context, who, SUPPLIER, Shown.CERTIFICATE)
    assert other.showing().names(parties["s"].party, parties["b"].party)


days = st.dates(date(2000, 1, 1), date(2100, 1, 1))
scopes = st.builds(
    AccessScope,
    objects=st.none() | st.frozensets(st.sampled_from(Shown)),
    counterparties=st.none() | st.frozensets(st.binary(min_size=32, max_size=32).map(PartyId), max_size=3),
    kinds=st.none() | st.frozensets(st.integers(1, 255), max_size=5),
    fields=st.none() | st.frozensets(st.sampled_from(["note", "amount", "currency"])),
    since=st.none() | days,
    until=st.none() | days,
    identities=st.sampled_from([Identities.IDS, Identities.NAMES]),
)


@given(scopes)
@settings(max_examples=200)
def test_a_scope_is_what_it_was_written_as(scope: AccessScope) -> None:
    """``format_scope`` and ``parse_scope`` are a pair, and a wider scope shows at least as much."""
    assert parse_scope(format_scope(scope)) == scope
    evidence = Evidence(
        PartyId(b"\1" * 32),
        PartyId(b"\2" * 32),
        Kind.INVOICE,
        b"\3" * 32,
        b"\4" * 32,
        b"\5" * 32,
        1_767_225_600,
        0,  # type: ignore[arg-type]
    )
    if scope.covers(evidence.issuer, evidence):
        for bound in ("counterparties", "kinds", "since", "until"):
            assert replace(scope, **{bound: None}).covers(evidence.issuer, evidence)


@pytest.mark.parametrize(
    "value", [None, [], {"fields": "note"}, {"fields": ["no te"]}, {"kinds": [True]}, {"since": 1}]
)
def test_a_scope_of_another_form_is_refused(value: Any) -> None:
    with pytest.raises(MalformedInput, match="scope"):
        parse_scope(value)
