"""Organisations, their API keys, and the journal of what was done to them."""

from __future__ import annotations

import pytest

from service.world import SUPPLIER, World
from tallystick.errors import Duplicate, MalformedInput, NotEntitled, NotFound, StoreError, Unauthenticated, UsageError
from tallystick.protocol.types import PartyId, Timestamp
from tallystick.service import accounts
from tallystick.service.policy import RULES, Reach, admit, scopes_of
from tallystick.store import schema
from tallystick.store.engine import begun
from tallystick.store.identities import Organisation, Role, Scope
from tallystick.store.sql import SqlStore

ME = "test"
DAY = 86_400


def opened(world: World, role: Role = Role.PARTY, name: str = "Northwind") -> Organisation:
    return accounts.add_organisation(world.context, ME, name, role)


def issued(world: World, holder: Organisation, **options: object) -> tuple[str, str]:
    """The id and the text of a new key."""
    key, secret = accounts.issue_key(world.context, ME, holder.organisation, "ERP", **options)  # type: ignore[arg-type]
    return key.key, secret


def refused(world: World, text: str | None) -> str:
    """What is said to whoever comes with ``text``."""
    with pytest.raises(Unauthenticated) as caught:
        accounts.authenticate(world.context, text)
    return str(caught.value)


@pytest.mark.parametrize("name", ["", " ", " Northwind", "Northwind\n", "x" * 151])
def test_an_organisation_has_a_printable_name(world: World, name: str) -> None:
    """Blank, with blanks around, with a line break or too long: refused."""
    with pytest.raises(MalformedInput, match="printable"):
        opened(world, name=name)


def test_a_name_is_taken_once(world: World) -> None:
    """A second organisation of that name is refused, also after the first was closed."""
    first = opened(world)
    accounts.close_organisation(world.context, ME, first.organisation)
    with pytest.raises(Duplicate):
        opened(world)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OPERATOR, Role.REGISTRAR])
def test_who_runs_or_checks_the_ledger_acts_for_nobody(world: World, role: Role) -> None:
    """An auditor that could state evidence would audit itself."""
    party = world.party("Supplier", SUPPLIER).party
    with pytest.raises(UsageError, match="acts for nobody"):
        accounts.add_organisation(world.context, ME, "Northwind", role, [party])


def test_an_organisation_acts_for_known_parties(world: World) -> None:
    """A party that is not kept is refused, and nothing of the organisation is kept."""
    with pytest.raises(NotFound):
        accounts.add_organisation(world.context, ME, "Northwind", Role.PARTY, [PartyId(bytes(32))])
    assert opened(world).parties == ()


def test_a_scope_of_no_use_is_refused(world: World) -> None:
    """What the role can never do is no scope of its keys; the message names those that are."""
    with pytest.raises(MalformedInput, match="party:write"):
        issued(world, opened(world), scopes=[Scope.WRITE_PARTIES])


def test_a_key_does_not_expire_in_the_past(world: World) -> None:
    """The first moment at which a new key may fail is after now."""
    with pytest.raises(MalformedInput, match="after"):
        issued(world, opened(world), expires_at=world.clock.now())


def test_every_key_that_is_not_good_gets_the_same_answer(world: World) -> None:
    """Unknown, another secret, expired, revoked, of a closed organisation: one message; no key at all: another."""
    holder, closed = opened(world), opened(world, name="Closed")
    good, secret = issued(world, holder)
    expiring = issued(world, holder, expires_at=Timestamp(world.clock.now() + DAY))[1]
    revoked, revoked_secret = issued(world, holder)
    of_closed = issued(world, closed)[1]
    accounts.revoke_key(world.context, ME, revoked)
    accounts.close_organisation(world.context, ME, closed.organisation)
    assert accounts.authenticate(world.context, expiring)[0] == holder
    world.clock.time = Timestamp(world.clock.now() + DAY)
    wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    unknown = secret.replace(good, "a" * 12)
    said = {refused(world, text) for text in (wrong, unknown, expiring, revoked_secret, of_closed)}
    assert len(said) == 1
    for text in (None, "", "secret", secret + "a", secret.upper(), f" {secret}"):
        assert refused(world, text) not in said


def test_only_the_digest_of_a_secret_is_kept(world: World) -> None:
    """Neither the keys that are listed nor the journal hold what authenticates."""
    key, secret = issued(world, opened(world))
    last = secret.rpartition("_")[2]
    with world.context.store.transaction(read_only=True) as transaction:
        kept = [str(transaction.key(key)), *map(str, transaction.deeds(0, 100))]
    assert not any(last in text for text in kept)


def test_a_good_key_tells_whose_it_is_and_notes_its_use(world: World) -> None:
    """The organisation with the parties it acts for; the last use to the minute, so that not every request writes."""
    party = world.party("Supplier", SUPPLIER).party
    holder = opened(world)
    accounts.let_act_for(world.context, ME, holder.organisation, party)
    key, secret = issued(world, holder)
    organisation, _ = accounts.authenticate(world.context, secret)
    assert organisation.parties == (party,)
    uses = []
    for seconds in (0, 59, 60):
        world.clock.time = Timestamp(world.clock.time + seconds)
        accounts.authenticate(world.context, secret)
        with world.context.store.transaction(read_only=True) as transaction:
            found = transaction.key(key)
        assert found is not None
        uses.append(found.last_used_at)
    began = uses[0]
    assert uses == [began, began, began + 119]


def test_a_rotated_key_stays_good_for_the_overlap(world: World) -> None:
    """Both are good for as long as was asked, then the new one alone, with the same scopes; it can't be repeated."""
    key, secret = issued(world, opened(world), scopes=[Scope.READ_EVIDENCE])
    made, successor = accounts.rotate_key(world.context, ME, key, 3600)
    assert made.scopes == (Scope.READ_EVIDENCE,)
    world.clock.time = Timestamp(world.clock.time + 3599)
    for text in (secret, successor):
        accounts.authenticate(world.context, text)
    world.clock.time = Timestamp(world.clock.time + 1)
    refused(world, secret)
    accounts.authenticate(world.context, successor)
    with pytest.raises(NotFound):
        accounts.rotate_key(world.context, ME, key)


def test_the_journal_has_every_act_in_order(world: World) -> None:
    """Who did what to which organisation and key; to revoke again is no act."""
    holder = opened(world)
    key, _ = issued(world, holder)
    accounts.rotate_key(world.context, ME, key, 60)
    for _ in range(2):
        accounts.revoke_key(world.context, ME, key)
    accounts.close_organisation(world.context, ME, holder.organisation)
    acts = [one.act for one in accounts.journal(world.context)]
    assert acts == ["organisation added", "key issued", "key rotated", "key revoked", "organisation closed"]


@pytest.mark.parametrize("change", ["actor", "details", "at", "gone", "exchanged"])
def test_an_altered_journal_is_noticed(world: World, change: str) -> None:
    """An entry that was altered, one that is gone, two that changed places: the first that does not follow is named."""
    holder = opened(world)
    for _ in range(3):
        issued(world, holder)
    store = world.context.store
    assert isinstance(store, SqlStore)
    table = schema.deed
    with begun(store._engine, "here", read_only=False) as connection:
        second = table.c.position == 2
        if change == "gone":
            connection.execute(table.delete().where(second))
        elif change == "exchanged":
            for old, new in ((2, 9), (3, 2), (9, 3)):
                connection.execute(table.update().where(table.c.position == old).values(position=new))
        else:
            value = {"actor": "nobody", "details": '{"key": "other"}', "at": 1}[change]
            connection.execute(table.update().where(second).values({change: value}))
    with pytest.raises(StoreError, match=r"entry [23] does not follow"):
        list(accounts.journal(world.context))


def test_what_is_not_in_the_table_is_denied(world: World) -> None:
    """An operation that nobody thought of reaches nobody; one of the table reaches no further than its line says."""
    holder = opened(world, Role.OPERATOR)
    with pytest.raises(NotEntitled):
        admit("formatDisk", holder, "key", tuple(Scope))
    with pytest.raises(NotEntitled):
        admit("readEvidence", holder, "key", tuple(Scope))
    assert admit("addOrganisation", holder, "key", tuple(Scope)).reach is Reach.ALL


def test_a_role_has_the_scopes_that_it_can_use() -> None:
    """Each scope of a role opens a line of the table to it, and only an operator writes others' accounts."""
    for role in Role:
        for scope in scopes_of(role):
            assert any(rule.scope is scope and rule.reach[role] is not Reach.NONE for rule in RULES.values())
    writers = [role for role in Role if RULES["issueKey"].reach[role] is Reach.ALL]
    assert writers == [Role.OPERATOR]
