"""Routes of members: the persons of an organisation, and the end of their sessions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response

from tallystick.errors import NotFound
from tallystick.protocol.types import clip, parse_address
from tallystick.service import members
from tallystick.store.identities import Scope
from tallystick.web.accounts import given, one_of, reached
from tallystick.web.identity import Asking
from tallystick.web.identity_models import NEW_MEMBER, WALLET, MemberBody, MemberView
from tallystick.web.openapi import answers, writing
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1", tags=["sign-in"], route_class=StrictRoute)


@router.get(
    "/members",
    operation_id="listMembers",
    summary="List members",
    responses=answers(404, 422, 503),
    response_description="All members that the organisation ever had, oldest first.",
)
def list_members(
    installed: Installed,
    asking: Asking,
    organisation: Annotated[
        str | None, Query(max_length=64, description="Whose; your own without it.", examples=["9f" * 16])
    ] = None,
) -> list[MemberView]:
    """List the members of your organisation; an operator those of any."""
    holder = reached(installed, asking, organisation)
    with installed.store.transaction(read_only=True) as transaction:
        return [MemberView.of(one) for one in transaction.members(holder)]


@router.post(
    "/members",
    status_code=201,
    operation_id="addMember",
    summary="Add a member",
    responses=writing(404, 409, 503),
    response_description="The member: it can sign in from now on.",
)
def add_member(
    body: Annotated[
        MemberBody,
        Body(
            openapi_examples={
                "person": {"summary": "By an issuer's subject", "value": NEW_MEMBER},
                "wallet": {"summary": "By a wallet", "value": {"name": "Ada's wallet", "address": WALLET}},
            }
        ),
    ],
    installed: Installed,
    asking: Asking,
) -> MemberView:
    """Add a person or a wallet, of at most the scopes of the key that asks; an operator adds any anywhere."""
    holder = reached(installed, asking, body.organisation)
    scopes = None if body.scopes is None else [one_of(Scope, scope, "scopes") for scope in body.scopes]
    made = members.add_member(
        installed,
        asking.key,
        holder,
        body.name,
        issuer=body.issuer,
        subject=body.subject,
        address=None if body.address is None else parse_address(body.address, "address"),
        scopes=given(asking, scopes),
    )
    return MemberView.of(made)


@router.delete(
    "/members/{member}",
    status_code=204,
    operation_id="removeMember",
    summary="Remove a member",
    responses=answers(404, 422, 503),
    response_description="It is no member any more, and its sessions are over.",
)
def remove_member(
    member: Annotated[str, Path(description="The member's id.", examples=["k3mq7wd2za5h"])],
    installed: Installed,
    asking: Asking,
) -> Response:
    """Remove a member at once, with its sessions."""
    with installed.store.transaction(read_only=True) as transaction:
        known = transaction.member(member)
    if known is None or not asking.reaches_organisation(known.organisation):
        raise NotFound(f"member {clip(member)}: not known here, or removed.")
    given(asking, known.scopes)
    members.remove_member(installed, asking.key, member)
    return Response(status_code=204)


@router.delete(
    "/sessions/{session}",
    status_code=204,
    operation_id="endSession",
    summary="Sign out",
    responses=answers(404, 422, 503),
    response_description="The session is over.",
)
def end_session(
    session: Annotated[str, Path(description="The session's id.", examples=["q7wd3zk5m2ha"])],
    installed: Installed,
    asking: Asking,
) -> Response:
    """End a session of your own; with the scope account:write, of any member of your organisation."""
    with installed.store.transaction(read_only=True) as transaction:
        known = transaction.session(session)
        member = None if known is None else transaction.member(known.member)
    if member is None or not asking.reaches_organisation(member.organisation):
        raise members.unknown_session(session)
    if member.member != asking.key and Scope.WRITE_ACCOUNTS not in asking.scopes:
        raise members.unknown_session(session)
    members.end_session(installed, session)
    return Response(status_code=204)
