"""Who may ask: organisations, their API keys, and the journal of what was done to either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tallystick.protocol.types import Address, Hash, PartyId, Timestamp

MAX_ORGANISATION_NAME = 150


class Role(StrEnum):
    """What an organisation is to this service; one organisation has one."""

    PARTY = "party"
    """Trades: states and reads evidence of the parties that it acts for."""
    LENDER = "lender"
    """Finances what others trade, and is a party of its own."""
    AUDITOR = "auditor"
    """Reads everything, and changes nothing."""
    OPERATOR = "operator"
    """Runs the service: accounts, health and the list of parties; no evidence and no history."""
    REGISTRAR = "registrar"
    """Admits parties to the ledger."""
    PROVIDER = "data-provider"
    """States evidence on behalf of the parties that let it."""


class Scope(StrEnum):
    """What a key is good for, within what its organisation's role allows."""

    READ_EVIDENCE = "evidence:read"
    WRITE_EVIDENCE = "evidence:write"
    READ_HISTORIES = "history:read"
    READ_PARTIES = "party:read"
    WRITE_PARTIES = "party:write"
    READ_ACCOUNTS = "account:read"
    WRITE_ACCOUNTS = "account:write"
    READ_STATUS = "status:read"
    WRITE_SIGNERS = "signer:write"


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation: ``organisation`` is its id (32 hex digits), ``parties`` those that it acts for, ascending."""

    organisation: str
    name: str
    role: Role
    parties: tuple[PartyId, ...]
    created_at: Timestamp
    closed_at: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: of its secret only the SHA-256 ``digest`` (32 bytes). From its ends on it fails."""

    key: str
    organisation: str
    name: str
    digest: bytes
    scopes: tuple[Scope, ...]
    created_at: Timestamp
    expires_at: Timestamp | None = None
    revoked_at: Timestamp | None = None
    last_used_at: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A person of an organisation, known by what an OpenID Connect issuer calls it, or else by a wallet's address."""

    member: str
    organisation: str
    name: str
    issuer: str | None
    subject: str | None
    address: Address | None
    scopes: tuple[Scope, ...]
    created_at: Timestamp
    removed_at: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in with a wallet: of the token's secret only the SHA-256 ``digest``, and the ``nonce`` that it used up."""

    session: str
    member: str
    digest: bytes
    nonce: str
    created_at: Timestamp
    expires_at: Timestamp
    ended_at: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """One administrative act: ``digest`` covers it and the digest of the one before, so that none can be taken out."""

    position: int
    at: Timestamp
    actor: str
    act: str
    details: Mapping[str, Any]
    previous: Hash
    digest: Hash
