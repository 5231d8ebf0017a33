"""Members: the persons of an organisation, known by an OpenID Connect subject or by a wallet; and whoever asks.

::

    tallystick_...            an API key              service/accounts.py
    tallystick-session_...    a sign-in with a wallet service/sign_in.py
    three parts with dots     a token of the issuer   identity/openid.py, where one is configured

Rules:

- a person or wallet is a member of one organisation at a time, and can do what its scopes name within the role;
- a name or an address for mail makes nobody a member: an issuer's subject never changes hands, those may;
- whoever is removed is out from the next request on, with every session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tallystick.errors import MalformedInput, NotFound, Unauthenticated
from tallystick.protocol.types import Address, clip, to_hex
from tallystick.service import accounts
from tallystick.service.context import Context
from tallystick.service.policy import scopes_of
from tallystick.service.ports import TokenIssuer
from tallystick.store.identities import MAX_ORGANISATION_NAME, Member, Organisation, Scope

SESSION_PREFIX = "tallystick-session"
_SESSION = re.compile(rf"{SESSION_PREFIX}_([a-z2-7]{{12}})_([a-z2-7]{{52}})\Z")
_TOKEN = re.compile(r"[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*\Z")
_NOBODY = bytes(32)
MAX_ISSUER = 500
MAX_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks: an organisation, the ``key`` or member that asks for it, and the scopes that it has."""

    organisation: Organisation
    key: str
    scopes: tuple[Scope, ...]


def authenticate(context: Context, issuer: TokenIssuer | None, text: str | None) -> Credentials:
    """Who came with ``text``: a key, a session, or a token of ``issuer``.

    Raises:
        Unauthenticated: nobody, or nobody any more. IssuerUnavailable: nobody can tell whose token it is.
    """
    if text is not None and (found := _SESSION.match(text)) is not None:
        return _of_session(context, found[1], found[2])
    if text is not None and issuer is not None and _TOKEN.match(text):
        return _of_token(context, issuer, text)
    organisation, key = accounts.authenticate(context, text)
    return Credentials(organisation, key.key, key.scopes)


def add_member(
    context: Context,
    actor: str,
    organisation: str,
    name: str,
    *,
    issuer: str | None = None,
    subject: str | None = None,
    address: Address | None = None,
    scopes: Iterable[Scope] | None = None,
) -> Member:
    """A new member of ``organisation``: ``subject`` as ``issuer`` calls it, or else the wallet ``address``.

    Without ``scopes`` it has all that the role can use.

    Raises:
        NotFound: no such open organisation. Duplicate: it is a member already, here or elsewhere.
        MalformedInput: a bad name, a scope of no use, both or neither of the two.
    """
    _check(name, issuer, subject, address)
    now = context.clock.now()
    with context.store.transaction() as transaction:
        holder = accounts.open_organisation(transaction, organisation)
        useful = scopes_of(holder.role)
        wanted = useful if scopes is None else tuple(dict.fromkeys(scopes))
        if useless := [scope for scope in wanted if scope not in useful]:
            raise MalformedInput(
                f"scopes: expected some of {', '.join(useful)} for role {holder.role}, got {', '.join(useless)}."
            )
        made = Member(_base32(context.entropy.bytes(8))[:12], organisation, name, issuer, subject, address, wanted, now)
        transaction.add_member(made)
        told: dict[str, object] = {"organisation": organisation, "member": made.member, "name": name}
        told["scopes"] = [scope.value for scope in wanted]
        told |= {"issuer": issuer, "subject": subject} if address is None else {"address": to_hex(address)}
        accounts.note_within(transaction, now, actor, "member added", told)
    return made


def remove_member(context: Context, actor: str, member: str) -> None:
    """``member`` is none any more, and its sessions end. Raises ``NotFound``."""
    now = context.clock.now()
    with context.store.transaction() as transaction:
        known = transaction.member(member)
        transaction.remove_member(member, now)
        assert known is not None, "what was removed was there"
        told = {"organisation": known.organisation, "member": member}
        accounts.note_within(transaction, now, actor, "member removed", told)


def end_session(context: Context, session: str) -> None:
    """``session`` is not good from now on; to end it again changes nothing. Raises ``NotFound``."""
    with context.store.transaction() as transaction:
        if transaction.session(session) is None:
            raise unknown_session(session)
        transaction.end_session(session, context.clock.now())


def unknown_session(session: str) -> NotFound:
    """What is said of a session that is not known, or that the asker may not know of."""
    return NotFound(f"session {clip(session)}: not known here.")


def digest_of(secret: str) -> bytes:
    """What is kept of a secret: its SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


def new_secret(context: Context) -> tuple[str, str]:
    """A new id and a new secret: 60 and 256 random bits."""
    return _base32(context.entropy.bytes(8))[:12], _base32(context.entropy.bytes(32))


def _of_session(context: Context, name: str, secret: str) -> Credentials:
    now = context.clock.now()
    with context.store.transaction(read_only=True) as transaction:
        session = transaction.session(name)
        member = None if session is None else transaction.member(session.member)
        holder = None if member is None else transaction.organisation(member.organisation)
    is_same = hmac.compare_digest(digest_of(secret), _NOBODY if session is None else session.digest)
    is_good = session is not None and session.ended_at is None and now < session.expires_at
    if not is_same or not is_good or member is None or member.removed_at is not None:
        raise _not_good()
    return _credentials(holder, member)


def _of_token(context: Context, issuer: TokenIssuer, token: str) -> Credentials:
    subject = issuer.subject(token)
    with context.store.transaction(read_only=True) as transaction:
        member = transaction.member_by_subject(issuer.issuer, subject)
        holder = None if member is None else transaction.organisation(member.organisation)
    if member is None:
        raise Unauthenticated(
            "Authorization: the token is good, but it is of nobody who is a member of an organisation here.",
            todo="Ask your organisation to add you: it needs your issuer and your subject (iss and sub of the token).",
        )
    return _credentials(holder, member)


def _credentials(holder: Organisation | None, member: Member) -> Credentials:
    if holder is None or holder.closed_at is not None:
        raise _not_good()
    return Credentials(holder, member.member, member.scopes)


def _not_good() -> Unauthenticated:
    return Unauthenticated("Authorization: the session is not good.", todo="It may be over: sign in again.")


def _check(name: str, issuer: str | None, subject: str | None, address: Address | None) -> None:
    if not name.strip() or len(name) > MAX_ORGANISATION_NAME or not name.isprintable():
        raise MalformedInput(f"name: expected 1 to {MAX_ORGANISATION_NAME} printable characters, got {clip(name)}.")
    if (issuer is None) != (subject is None) or (issuer is None) == (address is None):
        raise MalformedInput("member: expected issuer and subject, or else an address.")
    for field, value, most in (("issuer", issuer, MAX_ISSUER), ("subject", subject, MAX_SUBJECT)):
        if value is not None and (not 0 < len(value) <= most or not value.isprintable()):
            raise MalformedInput(f"{field}: expected 1 to {most} printable characters, got {clip(value)}.")


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
