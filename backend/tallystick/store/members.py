"""Members of organisations, and the sessions of those who signed in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, select

from tallystick.errors import Duplicate, NotFound
from tallystick.protocol.types import Address, Timestamp, clip, to_hex
from tallystick.store.identities import Member, Scope, Session
from tallystick.store.identity_schema import member, session

_MEMBERS = select(
    member.c.member,
    member.c.organisation,
    member.c.name,
    member.c.issuer,
    member.c.subject,
    member.c.address,
    member.c.scopes,
    member.c.created_at,
    member.c.removed_at,
)
_HERE = _MEMBERS.where(member.c.removed_at.is_(None))

# Asked for each request: made once.

_BY_SUBJECT = _HERE.where(member.c.issuer == bindparam("issuer"), member.c.subject == bindparam("subject"))
_BY_ID = _MEMBERS.where(member.c.member == bindparam("wanted"))
_SESSIONS = select(
    session.c.session,
    session.c.member,
    session.c.digest,
    session.c.nonce,
    session.c.created_at,
    session.c.expires_at,
    session.c.ended_at,
)
_SESSION = _SESSIONS.where(session.c.session == bindparam("wanted"))


class MemberRows:
    """The part of a transaction that reads and writes members and their sessions."""

    _connection: Connection

    def add_member(self, one: Member) -> None:
        """Keep a new member. Raises ``Duplicate`` if the person or wallet is a member already, of any organisation."""
        if one.issuer is not None and one.subject is not None:
            known, who = self.member_by_subject(one.issuer, one.subject), f"{one.subject} of {one.issuer}"
        else:
            assert one.address is not None, "a member is known by one of the two"
            known, who = self.member_by_address(one.address), to_hex(one.address)
        if known is not None:
            raise Duplicate(f"member {clip(who)}: is a member already.", todo="Remove that membership first.")
        row = {
            "member": one.member,
            "organisation": one.organisation,
            "name": one.name,
            "issuer": one.issuer,
            "subject": one.subject,
            "address": one.address,
            "scopes": " ".join(one.scopes),
            "created_at": one.created_at,
        }
        self._connection.execute(member.insert(), row)

    def member(self, member_id: str) -> Member | None:
        """The member of that id, a removed one too, or None."""
        return self._one(self._connection.execute(_BY_ID, {"wanted": member_id}).one_or_none())

    def members(self, organisation_id: str) -> list[Member]:
        """All members that an organisation ever had, oldest first."""
        wanted = _MEMBERS.where(member.c.organisation == organisation_id).order_by(member.c.position)
        return [_member(row) for row in self._connection.execute(wanted)]

    def member_by_subject(self, issuer: str, subject: str) -> Member | None:
        """The member that ``issuer`` calls ``subject``, unless removed."""
        return self._one(self._connection.execute(_BY_SUBJECT, {"issuer": issuer, "subject": subject}).one_or_none())

    def member_by_address(self, address: Address) -> Member | None:
        """The member with that wallet, unless removed."""
        return self._one(self._connection.execute(_HERE.where(member.c.address == address)).one_or_none())

    def remove_member(self, member_id: str, at: Timestamp) -> None:
        """Neither the member nor its sessions are good from ``at`` on. Raises ``NotFound``."""
        here = (member.c.member == member_id, member.c.removed_at.is_(None))
        if self._connection.execute(member.update().where(*here).values(removed_at=at)).rowcount != 1:
            raise NotFound(f"member {clip(member_id)}: not known here, or removed.")
        running = (session.c.member == member_id, session.c.ended_at.is_(None))
        self._connection.execute(session.update().where(*running).values(ended_at=at))

    def add_session(self, one: Session) -> None:
        """Keep a new session. Raises ``Duplicate`` if its nonce was used."""
        used = select(session.c.session).where(session.c.nonce == one.nonce)
        if self._connection.execute(used).first() is not None:
            raise Duplicate("nonce: it was used already.", todo="Ask for a new one, and sign again.")
        row = {
            "session": one.session,
            "member": one.member,
            "digest": one.digest,
            "nonce": one.nonce,
            "created_at": one.created_at,
            "expires_at": one.expires_at,
        }
        self._connection.execute(session.insert(), row)

    def session(self, session_id: str) -> Session | None:
        """The session of that id, whatever became of it, or None."""
        row = self._connection.execute(_SESSION, {"wanted": session_id}).one_or_none()
        return None if row is None else Session(*row)

    def end_session(self, session_id: str, at: Timestamp) -> None:
        """The session is not good from ``at`` on."""
        running = (session.c.session == session_id, session.c.ended_at.is_(None))
        self._connection.execute(session.update().where(*running).values(ended_at=at))

    def _one(self, row: Any) -> Member | None:
        return None if row is None else _member(row)


def _member(row: Any) -> Member:
    name, organisation, shown, issuer, subject, address, scopes, *times = row
    return Member(
        name, organisation, shown, issuer, subject, address, tuple(Scope(scope) for scope in scopes.split()), *times
    )
