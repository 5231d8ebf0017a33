"""Organisations and their API keys, and the journal of what was done to them.

::

    tallystick_<key id>_<secret>        key id: 12, secret: 52 characters of lower-case base32 (60 and 256 random bits)

Rules:

- a secret is shown once, when it is made; kept is its SHA-256. Nothing slower is needed: it has 256 random bits;
- a wrong key id, a wrong secret, an expired and a revoked key are one answer, after the same work;
- a revocation holds from the next request on; a rotation leaves the old key good for as long as is asked;
- every administrative act is in the journal: each entry's digest covers the one before, so that none can be taken
  out or altered without a break, except at its end. Nothing in it is a secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from tallystick.errors import MalformedInput, NotFound, StoreError, StoreUnavailable, Unauthenticated, UsageError
from tallystick.protocol import canonical
from tallystick.protocol.types import ZERO32, Hash, PartyId, Timestamp, clip, to_hex
from tallystick.service.context import Context
from tallystick.service.policy import scopes_of
from tallystick.service.ports import Transaction
from tallystick.store.identities import MAX_ORGANISATION_NAME, ApiKey, Deed, Organisation, Role, Scope

PREFIX = "tallystick"
_KEY = re.compile(rf"{PREFIX}_([a-z2-7]{{12}})_([a-z2-7]{{52}})\Z")
_NOBODY = bytes(32)
"""Compared with where there is no such key."""
USE_NOTED_SECONDS = 60
"""The time of last use is kept to this: not every request writes."""
DEEDS_AT_ONCE = 1_000
COMMAND_LINE = "command line"
"""The actor of what is done in the home itself."""


def add_organisation(
    context: Context, actor: str, name: str, role: Role, parties: Sequence[PartyId] = ()
) -> Organisation:
    """A new organisation of ``role`` that acts for ``parties``.

    Raises:
        Duplicate: its name is taken. NotFound: no such party. MalformedInput: a bad name.
        UsageError: the role acts for nobody, but parties were named.
    """
    if not name.strip() or name != name.strip() or len(name) > MAX_ORGANISATION_NAME or not name.isprintable():
        raise MalformedInput(
            f"name: expected 1 to {MAX_ORGANISATION_NAME} printable characters without blanks around, got {clip(name)}."
        )
    if parties and role in (Role.AUDITOR, Role.OPERATOR, Role.REGISTRAR):
        raise UsageError(f"parties: expected none for role {role}, which acts for nobody, got {len(parties)}.")
    now = context.clock.now()
    identifier = context.entropy.bytes(16).hex()
    made = Organisation(identifier, name, role, tuple(sorted(set(parties))), now)
    with context.store.transaction() as transaction:
        for party in made.parties:
            if transaction.party(party) is None:
                raise NotFound(f"party {to_hex(party)}: not known here.", todo="Add the party first.")
        transaction.add_organisation(made)
        told = {
            "organisation": identifier,
            "name": name,
            "role": role.value,
            "parties": [to_hex(p) for p in made.parties],
        }
        note_within(transaction, now, actor, "organisation added", told)
    return made


def let_act_for(context: Context, actor: str, organisation: str, party: PartyId) -> None:
    """Let ``organisation`` act for ``party`` as well. Raises ``NotFound``."""
    now = context.clock.now()
    with context.store.transaction() as transaction:
        open_organisation(transaction, organisation)
        if transaction.party(party) is None:
            raise NotFound(f"party {to_hex(party)}: not known here.", todo="Add the party first.")
        transaction.let_act_for(organisation, party)
        note_within(transaction, now, actor, "party given", {"organisation": organisation, "party": to_hex(party)})


def close_organisation(context: Context, actor: str, organisation: str) -> None:
    """Close ``organisation``: none of its keys is good any more. Raises ``NotFound``."""
    now = context.clock.now()
    with context.store.transaction() as transaction:
        transaction.close_organisation(organisation, now)
        note_within(transaction, now, actor, "organisation closed", {"organisation": organisation})


def issue_key(
    context: Context,
    actor: str,
    organisation: str,
    name: str,
    scopes: Iterable[Scope] | None = None,
    expires_at: Timestamp | None = None,
) -> tuple[ApiKey, str]:
    """A new key of ``organisation``, and the text that authenticates: nobody can show it again.

    Without ``scopes`` it has all that its role can use.

    Raises:
        NotFound: no such open organisation. MalformedInput: a bad name, a time that is past, a scope of no use.
    """
    now = context.clock.now()
    with context.store.transaction() as transaction:
        holder = open_organisation(transaction, organisation)
        made = _issue(transaction, context, holder, name, scopes, expires_at)
        told = {
            "organisation": organisation,
            "key": made[0].key,
            "scopes": _names(made[0].scopes),
            "expires": expires_at,
        }
        note_within(transaction, now, actor, "key issued", told)
    return made


def rotate_key(context: Context, actor: str, key: str, overlap_seconds: int = 0) -> tuple[ApiKey, str]:
    """A key in the place of ``key``, with the same scopes and expiry; the old one is good for ``overlap_seconds``.

    Raises:
        NotFound: no such key, or it is not good any more.
    """
    now = context.clock.now()
    with context.store.transaction() as transaction:
        known = transaction.key(key)
        if known is None or not _is_good(known, now):
            raise NotFound(f"key {clip(key)}: not known here, or not good any more.", todo="Issue a new one.")
        holder = open_organisation(transaction, known.organisation)
        made = _issue(transaction, context, holder, known.name, known.scopes, known.expires_at)
        transaction.end_key(key, Timestamp(now + overlap_seconds), revoked=False)
        told = {"organisation": known.organisation, "key": made[0].key, "instead": key, "overlap": overlap_seconds}
        note_within(transaction, now, actor, "key rotated", told)
    return made


def revoke_key(context: Context, actor: str, key: str) -> None:
    """``key`` is not good from now on; to revoke it again changes nothing. Raises ``NotFound``."""
    now = context.clock.now()
    with context.store.transaction() as transaction:
        known = transaction.key(key)
        if known is None:
            raise NotFound(f"key {clip(key)}: not known here.")
        if known.revoked_at is None:
            transaction.end_key(key, now, revoked=True)
            note_within(transaction, now, actor, "key revoked", {"organisation": known.organisation, "key": key})


def authenticate(context: Context, text: str | None) -> tuple[Organisation, ApiKey]:
    """Whose key ``text`` is.

    Raises:
        Unauthenticated: it is none, or none that is good; which of these is not said.
    """
    found = None if text is None else _KEY.match(text)
    if found is None:
        raise Unauthenticated(
            f"Authorization: expected Bearer and an API key ({PREFIX}_...), got "
            + ("none." if text is None else "no key."),
            todo="Send the header `Authorization: Bearer KEY`.",
        )
    now = context.clock.now()
    with context.store.transaction(read_only=True) as transaction:
        key, holder = transaction.holder(found[1]) or (None, None)
    is_same = hmac.compare_digest(_digest(found[2]), _NOBODY if key is None else key.digest)
    if key is None or holder is None or not is_same or not _is_good(key, now) or holder.closed_at is not None:
        raise Unauthenticated(
            "Authorization: the API key is not good.", todo="It may be expired or revoked: ask for a new one."
        )
    if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_SECONDS:
        # a database that can't be written is no reason to refuse a reader
        with suppress(StoreUnavailable), context.store.transaction() as transaction:
            transaction.note_use(key.key, now)
    return holder, key


def check_open(context: Context, organisation: str | None) -> None:
    """Raises ``NotFound`` if ``organisation`` is named and is none that is open."""
    if organisation is not None:
        with context.store.transaction(read_only=True) as transaction:
            open_organisation(transaction, organisation)


def journal(context: Context) -> Iterator[Deed]:
    """All administrative acts, oldest first, each checked against the one before.

    Raises:
        StoreError: an entry was altered, or one is missing before another.
    """
    after, previous = 0, Hash(ZERO32)
    while True:
        with context.store.transaction(read_only=True) as transaction:
            some = transaction.deeds(after, DEEDS_AT_ONCE)
        for one in some:
            if one.previous != previous or one.digest != _deed_digest(
                previous, one.at, one.actor, one.act, one.details
            ):
                raise StoreError(
                    f"journal: entry {one.position} does not follow from the one before: altered, or one is gone.",
                    todo="Compare with a backup; somebody wrote to the database past this program.",
                )
            yield one
            after, previous = one.position, one.digest
        if len(some) < DEEDS_AT_ONCE:
            return


def note(context: Context, actor: str, act: str, details: Mapping[str, Any]) -> None:
    """Put an administrative act that is done into the journal."""
    with context.store.transaction() as transaction:
        note_within(transaction, context.clock.now(), actor, act, details)


def _issue(
    transaction: Transaction,
    context: Context,
    holder: Organisation,
    name: str,
    scopes: Iterable[Scope] | None,
    expires_at: Timestamp | None,
) -> tuple[ApiKey, str]:
    now, useful = context.clock.now(), scopes_of(holder.role)
    wanted = useful if scopes is None else tuple(dict.fromkeys(scopes))
    useless = [scope for scope in wanted if scope not in useful]
    if useless:
        raise MalformedInput(
            f"scopes: expected some of {', '.join(useful)} for role {holder.role}, got {', '.join(useless)}."
        )
    if not name.strip() or len(name) > MAX_ORGANISATION_NAME or not name.isprintable():
        raise MalformedInput(f"name: expected 1 to {MAX_ORGANISATION_NAME} printable characters, got {clip(name)}.")
    if expires_at is not None and expires_at <= now:
        raise MalformedInput(f"expiresAt: expected a time after {now}, got {expires_at}.")
    identifier, secret = _base32(context.entropy.bytes(8))[:12], _base32(context.entropy.bytes(32))
    made = ApiKey(identifier, holder.organisation, name, _digest(secret), wanted, now, expires_at)
    transaction.add_key(made)
    return made, f"{PREFIX}_{identifier}_{secret}"


def open_organisation(transaction: Transaction, organisation: str) -> Organisation:
    """The organisation of that id, if it is open. Raises ``NotFound``."""
    found = transaction.organisation(organisation)
    if found is None or found.closed_at is not None:
        raise NotFound(f"organisation {clip(organisation)}: not known here, or closed.")
    return found


def _is_good(key: ApiKey, now: Timestamp) -> bool:
    return all(end is None or now < end for end in (key.expires_at, key.revoked_at))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def note_within(transaction: Transaction, at: Timestamp, actor: str, act: str, details: Mapping[str, Any]) -> None:
    """Put an administrative act into the journal, in the ``transaction`` that does it."""
    previous = transaction.last_deed()
    digest = _deed_digest(previous, at, actor, act, details)
    transaction.add_deed(Deed(0, at, actor, act, details, previous, digest))


def _deed_digest(previous: Hash, at: Timestamp, actor: str, act: str, details: Mapping[str, Any]) -> Hash:
    """SHA-256 over the digest before and the canonical JSON (RFC 8785) of the act."""
    told = canonical.encode({"at": at, "actor": actor, "act": act, "details": dict(details)})
    return Hash(hashlib.sha256(previous + told).digest())


def _names(scopes: Iterable[Scope]) -> list[str]:
    return [scope.value for scope in scopes]
