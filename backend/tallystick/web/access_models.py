"""The bodies of requests and answers about consent, looks and erasures; rules as in ``models``."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, Field

from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import Timestamp, to_hex
from tallystick.service.erasure import Plan
from tallystick.service.scope import Identities, Shown
from tallystick.store.grants import Erasure, Grant, Use
from tallystick.web import access_examples as examples
from tallystick.web.models import Hex32, PartyReference, Seconds, body_config

Day = Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="A day (UTC), YYYY-MM-DD.")]


class ScopeBody(BaseModel):
    """What is shown; what is left out bounds nothing, but counterparties are pseudonymous unless said otherwise."""

    model_config = body_config(examples.SCOPE)

    objects: Annotated[
        list[Annotated[str, Field(json_schema_extra={"enum": [*Shown]})]] | None,
        Field(max_length=20, description="What may be asked for."),
    ] = None
    counterparties: Annotated[
        list[PartyReference] | None, Field(max_length=1000, description="With whom the shown entries are.")
    ] = None
    kinds: Annotated[
        list[Annotated[str, Field(json_schema_extra={"enum": [kind.name for kind in Kind]})]] | None,
        Field(max_length=20, description="Of which kinds they are."),
    ] = None
    fields: Annotated[
        list[Annotated[str, Field(pattern="^[a-zA-Z][a-zA-Z0-9]{0,63}$")]] | None,
        Field(max_length=64, description="Which of their fields are shown."),
    ] = None
    since: Day | None = None
    until: Day | None = None
    identities: Annotated[
        str, Field(json_schema_extra={"enum": [*Identities]}, description="How counterparties are called.")
    ] = Identities.PSEUDONYMS.value


class GrantBody(BaseModel):
    """Who may look, at what, until when. One of ``grantee`` and ``organisation``."""

    model_config = body_config(examples.NEW_GRANT)

    grantee: PartyReference | None = None
    organisation: Annotated[
        str | None, Field(max_length=64, description="The id of an organisation that is no party of this ledger.")
    ] = None
    name: Annotated[str | None, Field(min_length=1, max_length=150, description="What you call them.")] = None
    until: Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="The last day (UTC).")]
    scope: ScopeBody = ScopeBody()


class GrantView(BaseModel):
    """A consent to access: the evidence ``grant``, what it shows, and whether it is good."""

    model_config = body_config(examples.GRANT)

    grant: Annotated[Hex32, Field(description="The evidence id of the CONSENT.")]
    subject: Annotated[Hex32, Field(description="Whose history it is.")]
    grantee: Annotated[Hex32, Field(description="A party id, or the SHA-256 of an organisation's id.")]
    grantee_name: str | None
    recorder: Annotated[Hex32, Field(description="The party that notes each look.")]
    scope: dict[str, Any]
    granted_at: Seconds
    ends_at: Annotated[int, Field(ge=0, description="Seconds since 1970 from which nobody looks under it.")]
    withdrawn_at: Annotated[int | None, Field(description="Since when it is withdrawn.")] = None
    withdrawal: Annotated[Hex32 | None, Field(description="The evidence that withdrew it.")] = None
    good: Annotated[bool, Field(description="Whether somebody may look under it now.")]

    @classmethod
    def of(cls, one: Grant, now: Timestamp) -> GrantView:
        """The view of ``one`` at ``now``."""
        return cls(
            grant=to_hex(one.consent),
            subject=to_hex(one.subject),
            grantee=to_hex(one.grantee),
            grantee_name=one.grantee_name,
            recorder=to_hex(one.recorder),
            scope=orjson.loads(one.scope),
            granted_at=one.granted_at,
            ends_at=max(one.ends_at, 0),
            withdrawn_at=one.withdrawn_at,
            withdrawal=None if one.withdrawal is None else to_hex(one.withdrawal),
            good=one.is_good(now),
        )


class ReceivedGrantView(BaseModel):
    """A consent that lets you look, and whose history it is."""

    model_config = body_config(examples.RECEIVED_GRANT)

    subject_name: str
    grant: GrantView


class AccessView(BaseModel):
    """One look at your history: who, when, at what, under which consent, and the evidence that notes it."""

    model_config = body_config(examples.ACCESS)

    position: Annotated[int, Field(description="Counts up; for `before`.")]
    at: Seconds
    grant: Hex32
    grantee: Hex32
    grantee_name: str | None
    organisation: Annotated[str, Field(description="Whose key it was.")]
    key: str
    object: Annotated[str, Field(json_schema_extra={"enum": [*Shown]})]
    evidence: Annotated[Hex32 | None, Field(description="The evidence looked at, where it was one.")]
    block: Annotated[int | None, Field(description="The block that it was shown as of.")]
    access: Annotated[Hex32, Field(description="The ACCESS evidence, in your log once it is sealed.")]

    @classmethod
    def of(cls, use: Use, grant: Grant) -> AccessView:
        """The view of ``use`` under ``grant``."""
        return cls(
            position=use.position,
            at=use.at,
            grant=to_hex(use.consent),
            grantee=to_hex(grant.grantee),
            grantee_name=grant.grantee_name,
            organisation=use.organisation,
            key=use.key,
            object=use.object,
            evidence=None if use.evidence is None else to_hex(use.evidence),
            block=use.block,
            access=to_hex(use.access),
        )


class ErasureBody(BaseModel):
    """Whose content is to be deleted, and on what request."""

    model_config = body_config(examples.NEW_ERASURE)

    evidence: Hex32
    reason: Annotated[
        str, Field(min_length=10, max_length=2000, description="The lawful request: by whom, of when, under what law.")
    ]


class ConfirmationBody(BaseModel):
    """The code that the request for the erasure was answered with."""

    model_config = body_config({"confirmation": examples.PLAN["confirmation"]})

    confirmation: Annotated[str, Field(min_length=1, max_length=100)]


class PlanView(BaseModel):
    """What an erasure will delete. Nothing is deleted before it is confirmed with the code."""

    model_config = body_config(examples.PLAN)

    evidence: Hex32
    kind: str
    fields: Annotated[int, Field(description="How many fields will be deleted.")]
    parties: Annotated[list[Hex32], Field(description="In whose histories it will show as erased.")]
    answers: Annotated[int, Field(description="How many evidence answer it, and stay.")]
    confirmation: Annotated[str, Field(description="Send it to confirm.")]
    confirm_before: Seconds

    @classmethod
    def of(cls, plan: Plan) -> PlanView:
        """The view of ``plan``."""
        return cls(
            evidence=to_hex(plan.erasure.evidence),
            kind=plan.kind,
            fields=plan.fields,
            parties=[to_hex(party) for party in plan.parties],
            answers=plan.answers,
            confirmation=plan.confirmation,
            confirm_before=plan.confirm_before,
        )


class ErasureView(BaseModel):
    """An erasure, asked for or done."""

    model_config = body_config(examples.ERASURE)

    evidence: Hex32
    reason: str
    requested_by: str
    requested_at: Seconds
    confirmed_by: str | None
    erased_at: Annotated[int | None, Field(description="Null as long as it is not confirmed.")]
    fields: Annotated[int | None, Field(description="How many fields were deleted.")]
    documents: Annotated[int | None, Field(description="How many documents were deleted.")]

    @classmethod
    def of(cls, one: Erasure) -> ErasureView:
        """The view of ``one``."""
        return cls(
            evidence=to_hex(one.evidence),
            reason=one.reason,
            requested_by=one.requested_by,
            requested_at=one.requested_at,
            confirmed_by=one.confirmed_by,
            erased_at=one.erased_at,
            fields=one.fields,
            documents=one.documents,
        )
