"""The bodies of requests and answers about accounts; rules as in ``models``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tallystick.protocol.types import to_hex
from tallystick.store.identities import ApiKey, Deed, Organisation, Role, Scope
from tallystick.web import examples
from tallystick.web.models import Hex32, PartyReference, Seconds, body_config

RoleName = Annotated[str, Field(json_schema_extra={"enum": [*Role]}, description="What it is to this service.")]
ScopeName = Annotated[str, Field(json_schema_extra={"enum": [*Scope]})]


class OrganisationBody(BaseModel):
    """An organisation to open."""

    model_config = body_config(examples.NEW_ORGANISATION)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    role: RoleName
    parties: Annotated[list[PartyReference], Field(max_length=1000, description="The parties that it acts for.")] = []


class OrganisationView(BaseModel):
    """An organisation."""

    model_config = body_config(examples.ORGANISATION)

    organisation: Annotated[str, Field(description="Its id.")]
    name: str
    role: RoleName
    parties: Annotated[list[Hex32], Field(description="The parties that it acts for.")]
    created_at: Seconds
    closed_at: Annotated[int | None, Field(description="Since when none of its keys is good.")] = None

    @classmethod
    def of(cls, one: Organisation) -> OrganisationView:
        """The view of ``one``."""
        return cls(
            organisation=one.organisation,
            name=one.name,
            role=one.role.value,
            parties=[to_hex(party) for party in one.parties],
            created_at=one.created_at,
            closed_at=one.closed_at,
        )


class GivenPartyBody(BaseModel):
    """A party that an organisation is to act for."""

    model_config = body_config({"party": examples.NEW_PARTY["identifiers"][0]})

    party: PartyReference


class NewKeyBody(BaseModel):
    """A key to issue."""

    model_config = body_config(examples.NEW_KEY)

    name: Annotated[str, Field(min_length=1, max_length=200, description="What it is for.")]
    scopes: Annotated[
        list[ScopeName] | None,
        Field(max_length=20, description="What it is good for, within the role; left out: all that you may give."),
    ] = None
    expires_at: Annotated[int | None, Field(ge=0, description="Seconds since 1970 from which it fails.")] = None
    organisation: Annotated[
        str | None, Field(max_length=64, description="Whose key; your own without it. Others': for operators.")
    ] = None


class RotationBody(BaseModel):
    """How long the old key stays good beside the new one."""

    model_config = body_config({"overlapSeconds": 3600})

    overlap_seconds: Annotated[int, Field(ge=0, le=30 * 86_400)] = 0


class KeyView(BaseModel):
    """An API key without its secret."""

    model_config = body_config(examples.KEY)

    key: Annotated[str, Field(description="Its id: the middle of the key's text.")]
    organisation: str
    name: str
    scopes: list[ScopeName]
    created_at: Seconds
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: Annotated[int | None, Field(description="To the minute.")] = None

    @classmethod
    def of(cls, one: ApiKey) -> KeyView:
        """The view of ``one``."""
        return cls(**_members_of(one))


class IssuedKey(KeyView):
    """A new API key with its text, which nobody can show again."""

    model_config = body_config({**examples.KEY, "secret": examples.SECRET})

    secret: Annotated[str, Field(description="What to send as `Authorization: Bearer`; keep it, it is shown once.")]

    @classmethod
    def made(cls, one: ApiKey, secret: str) -> IssuedKey:
        """The view of ``one`` with its text."""
        return cls(**_members_of(one), secret=secret)


class AccountView(BaseModel):
    """Who you are to this service."""

    model_config = body_config(
        {"organisation": examples.ORGANISATION, "key": examples.KEY["key"], "scopes": examples.KEY["scopes"]}
    )

    organisation: OrganisationView
    key: str
    scopes: list[ScopeName]


class DeedView(BaseModel):
    """An administrative act; its digest covers it and the one before (docs/security.md)."""

    model_config = body_config(examples.DEED)

    position: int
    at: Seconds
    actor: Annotated[str, Field(description="The key that did it, or the command line.")]
    act: str
    details: dict[str, Any]
    previous: Hex32
    digest: Hex32

    @classmethod
    def of(cls, one: Deed) -> DeedView:
        """The view of ``one``."""
        return cls(
            position=one.position,
            at=one.at,
            actor=one.actor,
            act=one.act,
            details=dict(one.details),
            previous=to_hex(one.previous),
            digest=to_hex(one.digest),
        )


def _members_of(one: ApiKey) -> dict[str, Any]:
    return {
        "key": one.key,
        "organisation": one.organisation,
        "name": one.name,
        "scopes": [scope.value for scope in one.scopes],
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "revoked_at": one.revoked_at,
        "last_used_at": one.last_used_at,
    }
