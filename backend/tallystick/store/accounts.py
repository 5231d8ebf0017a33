"""Organisations, API keys, and the journal of administrative acts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, Select, bindparam, select

from tallystick.errors import Duplicate, NotFound
from tallystick.protocol.types import ZERO32, Hash, PartyId, Timestamp, clip
from tallystick.store.identities import ApiKey, Deed, Organisation, Role, Scope
from tallystick.store.schema import acts_for, api_key, deed, organisation

_ORGANISATIONS = select(
    organisation.c.organisation,
    organisation.c.name,
    organisation.c.role,
    organisation.c.created_at,
    organisation.c.closed_at,
)
_KEYS = select(
    api_key.c.key,
    api_key.c.organisation,
    api_key.c.name,
    api_key.c.digest,
    api_key.c.scopes,
    api_key.c.created_at,
    api_key.c.expires_at,
    api_key.c.revoked_at,
    api_key.c.last_used_at,
)

# Asked for each request: made once.

_KEY = _KEYS.where(api_key.c.key == bindparam("wanted"))
_ORGANISATION = _ORGANISATIONS.where(organisation.c.organisation == bindparam("wanted"))
_HOLDER = (
    select(*_KEYS.selected_columns, *_ORGANISATIONS.selected_columns, acts_for.c.party)
    .join_from(api_key, organisation, api_key.c.organisation == organisation.c.organisation)
    .join(acts_for, acts_for.c.organisation == organisation.c.organisation, isouter=True)
    .where(api_key.c.key == bindparam("wanted"))
)
_ACTS_FOR = select(acts_for.c.party).where(acts_for.c.organisation == bindparam("wanted"))


class AccountRows:
    """The part of a transaction that reads and writes accounts."""

    _connection: Connection

    def add_organisation(self, one: Organisation) -> None:
        """Keep a new organisation. Raises ``Duplicate`` if its name is taken."""
        if self._connection.execute(_ORGANISATIONS.where(organisation.c.name == one.name)).first() is not None:
            raise Duplicate(f"organisation {clip(one.name)}: there is one of that name.", todo="Choose another name.")
        row = {"organisation": one.organisation, "name": one.name, "role": one.role.value, "created_at": one.created_at}
        self._connection.execute(organisation.insert(), row)
        for party in one.parties:
            self._connection.execute(acts_for.insert(), {"organisation": one.organisation, "party": party})

    def let_act_for(self, organisation_id: str, party: PartyId) -> None:
        """Let an organisation act for ``party`` as well; nothing happens where it does already."""
        if party not in set(self._connection.execute(_ACTS_FOR, {"wanted": organisation_id}).scalars()):
            self._connection.execute(acts_for.insert(), {"organisation": organisation_id, "party": party})

    def organisation(self, organisation_id: str) -> Organisation | None:
        """The organisation of that id, closed ones too, or None."""
        row = self._connection.execute(_ORGANISATION, {"wanted": organisation_id}).one_or_none()
        if row is None:
            return None
        return _organisation(row, self._connection.execute(_ACTS_FOR, {"wanted": organisation_id}).scalars().all())

    def organisations(self) -> list[Organisation]:
        """All organisations, closed ones too, by name (in code point order)."""
        parties: dict[str, list[PartyId]] = defaultdict(list)
        for holder, party in self._connection.execute(select(acts_for.c.organisation, acts_for.c.party)):
            parties[holder].append(party)
        rows = self._connection.execute(_ORGANISATIONS)
        return sorted((_organisation(row, parties[row.organisation]) for row in rows), key=lambda one: one.name)

    def close_organisation(self, organisation_id: str, at: Timestamp) -> None:
        """From ``at`` on none of its keys is good. Raises ``NotFound`` where there is no such open organisation."""
        still_open = (organisation.c.organisation == organisation_id, organisation.c.closed_at.is_(None))
        if self._connection.execute(organisation.update().where(*still_open).values(closed_at=at)).rowcount != 1:
            raise NotFound(f"organisation {clip(organisation_id)}: not known here, or closed.")

    def add_key(self, one: ApiKey) -> None:
        """Keep a new key of an organisation that is kept."""
        row = {
            "key": one.key,
            "organisation": one.organisation,
            "name": one.name,
            "digest": one.digest,
            "scopes": " ".join(one.scopes),
            "created_at": one.created_at,
            "expires_at": one.expires_at,
        }
        self._connection.execute(api_key.insert(), row)

    def key(self, key_id: str) -> ApiKey | None:
        """The key of that id, whatever became of it, or None."""
        row = self._connection.execute(_KEY, {"wanted": key_id}).one_or_none()
        return None if row is None else _api_key(row)

    def holder(self, key_id: str) -> tuple[ApiKey, Organisation] | None:
        """The key of that id with its organisation, whatever became of them, by one statement; or None."""
        rows = self._connection.execute(_HOLDER, {"wanted": key_id}).all()
        if not rows:
            return None
        columns = len(_KEYS.selected_columns)
        organisation_id, name, role, *times, _ = rows[0][columns:]
        parties = tuple(sorted(row[-1] for row in rows if row[-1] is not None))
        return _api_key(rows[0][:columns]), Organisation(organisation_id, name, Role(role), parties, *times)

    def organisations_after(self, after: str, limit: int) -> list[Organisation]:
        """Organisations whose ids are above ``after``, closed ones too, by id, at most ``limit``."""
        above = _ORGANISATIONS.where(organisation.c.organisation > after).order_by(organisation.c.organisation)
        rows = self._connection.execute(above.limit(limit)).all()
        parties: dict[str, list[PartyId]] = defaultdict(list)
        theirs = select(acts_for.c.organisation, acts_for.c.party)
        wanted = [row.organisation for row in rows]
        for holder, party in self._connection.execute(theirs.where(acts_for.c.organisation.in_(wanted))):
            parties[holder].append(party)
        return [_organisation(row, parties[row.organisation]) for row in rows]

    def keys(self, organisation_id: str, skip: int = 0, limit: int | None = None) -> list[ApiKey]:
        """Keys that an organisation ever had, oldest first, without the first ``skip``, at most ``limit``."""
        return self._keys(_KEYS.where(api_key.c.organisation == organisation_id).offset(skip).limit(limit))

    def end_key(self, key_id: str, at: Timestamp, *, revoked: bool) -> None:
        """The key is not good from ``at`` on: revoked, or else expired, if it does not expire before."""
        if revoked:
            unrevoked = (api_key.c.key == key_id, api_key.c.revoked_at.is_(None))
            self._connection.execute(api_key.update().where(*unrevoked).values(revoked_at=at))
            return
        known = self.key(key_id)
        if known is not None and (known.expires_at is None or known.expires_at > at):
            self._connection.execute(api_key.update().where(api_key.c.key == key_id).values(expires_at=at))

    def note_use(self, key_id: str, at: Timestamp) -> None:
        """The key was used ``at`` that time."""
        self._connection.execute(api_key.update().where(api_key.c.key == key_id).values(last_used_at=at))

    def add_deed(self, one: Deed) -> None:
        """Keep ``one``, the newest of the journal."""
        row = {
            "at": one.at,
            "actor": one.actor,
            "act": one.act,
            "details": orjson.dumps(one.details, option=orjson.OPT_SORT_KEYS).decode(),
            "previous": one.previous,
            "digest": one.digest,
        }
        self._connection.execute(deed.insert(), row)

    def last_deed(self) -> Hash:
        """The digest of the newest entry of the journal; zero where there is none."""
        newest = select(deed.c.digest).order_by(deed.c.position.desc()).limit(1)
        found = self._connection.execute(newest).scalar()
        return Hash(ZERO32) if found is None else Hash(found)

    def deeds(self, after: int, limit: int) -> list[Deed]:
        """The journal after position ``after``, oldest first, at most ``limit``."""
        rows = self._connection.execute(
            select(deed.c.position, deed.c.at, deed.c.actor, deed.c.act, deed.c.details, deed.c.previous, deed.c.digest)
            .where(deed.c.position > after)
            .order_by(deed.c.position)
            .limit(limit)
        )
        return [
            Deed(position, at, actor, act, _details(details), previous, digest)
            for position, at, actor, act, details, previous, digest in rows
        ]

    def _keys(self, statement: Select[Any]) -> list[ApiKey]:
        return [_api_key(row) for row in self._connection.execute(statement.order_by(api_key.c.position))]


def _organisation(row: Any, parties: Iterable[PartyId]) -> Organisation:
    return Organisation(
        row.organisation, row.name, Role(row.role), tuple(sorted(parties)), row.created_at, row.closed_at
    )


def _api_key(row: Any) -> ApiKey:
    key, holder, name, digest, scopes, *times = row
    return ApiKey(key, holder, name, digest, tuple(Scope(scope) for scope in scopes.split()), *times)


def _details(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = orjson.loads(text)
    return found
