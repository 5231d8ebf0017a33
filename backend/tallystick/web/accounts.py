"""Routes of accounts: organisations, their API keys, and the journal of what was done to them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Annotated, TypeVar

from fastapi import APIRouter, Body, Path, Query, Response

from tallystick.errors import MalformedInput, NotEntitled, NotFound
from tallystick.protocol.types import Timestamp, clip
from tallystick.service import accounts
from tallystick.service.context import Context
from tallystick.service.parties import find_party
from tallystick.service.policy import Asker, Reach
from tallystick.store.identities import Role, Scope
from tallystick.web import examples
from tallystick.web.account_models import (
    AccountView,
    DeedView,
    GivenPartyBody,
    IssuedKey,
    KeyView,
    NewKeyBody,
    OrganisationBody,
    OrganisationView,
    RotationBody,
)
from tallystick.web.identity import Asking
from tallystick.web.openapi import answers, writing
from tallystick.web.pages import LINK, Paged
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=StrictRoute)

T = TypeVar("T", Role, Scope)

OrganisationPath = Annotated[str, Path(description="The organisation's id.", examples=["9f" * 16])]
KeyPath = Annotated[str, Path(description="The key's id.", examples=[examples.KEY["key"]])]


@router.get(
    "/account",
    operation_id="readOwnAccount",
    summary="Say who you are",
    responses=answers(503),
    response_description="Your organisation, and what the key you use is good for.",
)
def read_own_account(asking: Asking) -> AccountView:
    """Read your own organisation, and the key that this request came with."""
    return AccountView(
        organisation=OrganisationView.of(asking.organisation), key=asking.key, scopes=[*sorted(asking.scopes)]
    )


@router.get(
    "/organisations",
    operation_id="listOrganisations",
    summary="List the organisations",
    responses={200: {"headers": LINK}, **answers(422, 503)},
    response_description="All of them, by id.",
)
def list_organisations(installed: Installed, _asking: Asking, page: Paged) -> list[OrganisationView]:
    """List every organisation, closed ones too."""
    with installed.store.transaction(read_only=True) as transaction:
        found = transaction.organisations_after(page.name or "", page.limit + 1)
    if len(found) > page.limit:
        page.go_on_after(found[page.limit - 1].organisation)
    return [OrganisationView.of(one) for one in page.cut(found)]


@router.post(
    "/organisations",
    status_code=201,
    operation_id="addOrganisation",
    summary="Open an organisation",
    responses=writing(404, 409, 503),
    response_description="It is open; issue it a key.",
)
def add_organisation(body: OrganisationBody, installed: Installed, asking: Asking) -> OrganisationView:
    """Open an organisation that acts for the parties named."""
    role = one_of(Role, body.role, "role")
    with installed.store.transaction(read_only=True) as transaction:
        parties = [find_party(transaction, party).party for party in body.parties]
    return OrganisationView.of(accounts.add_organisation(installed, asking.key, body.name, role, parties))


@router.delete(
    "/organisations/{organisation}",
    status_code=204,
    operation_id="closeOrganisation",
    summary="Close an organisation",
    responses=answers(404, 422, 503),
    response_description="None of its keys is good any more.",
)
def close_organisation(organisation: OrganisationPath, installed: Installed, asking: Asking) -> Response:
    """Close an organisation at once; what it stated stays."""
    accounts.close_organisation(installed, asking.key, organisation)
    return Response(status_code=204)


@router.post(
    "/organisations/{organisation}/parties",
    status_code=204,
    operation_id="giveParty",
    summary="Let an organisation act for a party",
    responses=writing(404, 503),
    response_description="It acts for the party from now on.",
)
def give_party(organisation: OrganisationPath, body: GivenPartyBody, installed: Installed, asking: Asking) -> Response:
    """Let an organisation state and read evidence as a party."""
    with installed.store.transaction(read_only=True) as transaction:
        party = find_party(transaction, body.party).party
    accounts.let_act_for(installed, asking.key, organisation, party)
    return Response(status_code=204)


@router.get(
    "/keys",
    operation_id="listKeys",
    summary="List API keys",
    responses={200: {"headers": LINK}, **answers(404, 422, 503)},
    response_description="All keys that the organisation ever had, oldest first, without their secrets.",
)
def list_keys(
    installed: Installed,
    asking: Asking,
    page: Paged,
    organisation: Annotated[
        str | None, Query(max_length=64, description="Whose; your own without it.", examples=["9f" * 16])
    ] = None,
) -> list[KeyView]:
    """List the keys of your organisation; an operator those of any."""
    holder = reached(installed, asking, organisation)
    skip = page.number or 0  # keys are added at the end and never removed: a count is a place
    with installed.store.transaction(read_only=True) as transaction:
        found = transaction.keys(holder, skip, page.limit + 1)
    if len(found) > page.limit:
        page.go_on_after(skip + page.limit)
    return [KeyView.of(key) for key in page.cut(found)]


@router.post(
    "/keys",
    status_code=201,
    operation_id="issueKey",
    summary="Issue an API key",
    responses=writing(404, 503),
    response_description="The key with its secret, which is shown this once.",
)
def issue_key(
    body: Annotated[
        NewKeyBody, Body(openapi_examples={"erp": {"summary": "A key for one program", "value": examples.NEW_KEY}})
    ],
    installed: Installed,
    asking: Asking,
) -> IssuedKey:
    """Issue a key, of at most the scopes of the one that asks; an operator issues any to any organisation."""
    holder = reached(installed, asking, body.organisation)
    scopes = None if body.scopes is None else [one_of(Scope, scope, "scopes") for scope in body.scopes]
    expires_at = None if body.expires_at is None else Timestamp(body.expires_at)
    made, secret = accounts.issue_key(installed, asking.key, holder, body.name, given(asking, scopes), expires_at)
    return IssuedKey.made(made, secret)


@router.post(
    "/keys/{key}/rotation",
    status_code=201,
    operation_id="rotateKey",
    summary="Rotate an API key",
    responses=writing(404, 503),
    response_description="The key that takes its place, with its secret, which is shown this once.",
)
def rotate_key(
    key: KeyPath,
    installed: Installed,
    asking: Asking,
    body: Annotated[
        RotationBody | None,
        Body(openapi_examples={"hour": {"summary": "An hour to change over", "value": {"overlapSeconds": 3600}}}),
    ] = None,
) -> IssuedKey:
    """Give a key a successor of the same scopes; the old one is good for `overlapSeconds` more."""
    _check_key(installed, asking, key)
    made, secret = accounts.rotate_key(installed, asking.key, key, 0 if body is None else body.overlap_seconds)
    return IssuedKey.made(made, secret)


@router.delete(
    "/keys/{key}",
    status_code=204,
    operation_id="revokeKey",
    summary="Revoke an API key",
    responses=answers(404, 422, 503),
    response_description="It is not good any more.",
)
def revoke_key(key: KeyPath, installed: Installed, asking: Asking) -> Response:
    """Revoke a key at once; to revoke it again changes nothing."""
    _check_key(installed, asking, key)
    accounts.revoke_key(installed, asking.key, key)
    return Response(status_code=204)


@router.get(
    "/journal",
    operation_id="readJournal",
    summary="Read the journal of administrative acts",
    responses={200: {"headers": LINK}, **answers(422, 500, 503)},
    response_description="Acts, oldest first; each digest covers the one before.",
)
def read_journal(
    installed: Installed,
    _asking: Asking,
    page: Paged,
    after: Annotated[int, Query(ge=0, le=2**53, description="Those after this position.", examples=[0])] = 0,
) -> list[DeedView]:
    """Read what was done to accounts, by whom and when; the whole chain up to it is checked first."""
    start = max(after, page.number or 0)
    found = list(islice((one for one in accounts.journal(installed) if one.position > start), page.limit + 1))
    if len(found) > page.limit:
        page.go_on_after(found[page.limit - 1].position)
    return [DeedView.of(one) for one in page.cut(found)]


def reached(installed: Context, asking: Asker, organisation: str | None) -> str:
    """``organisation``, or the asker's own. Raises ``NotFound`` if it is out of reach, as if there were none."""
    if organisation is None:
        return asking.organisation.organisation
    if not asking.reaches_organisation(organisation):
        raise NotFound(f"organisation {clip(organisation)}: not known here, or closed.")
    accounts.check_open(installed, organisation)
    return organisation


def _check_key(installed: Context, asking: Asker, key: str) -> None:
    """Raises ``NotFound`` if ``key`` is out of reach, as if there were none; ``NotEntitled`` if it can do more."""
    with installed.store.transaction(read_only=True) as transaction:
        known = transaction.key(key)
    if known is None or not asking.reaches_organisation(known.organisation):
        raise NotFound(f"key {clip(key)}: not known here.")
    given(asking, known.scopes)


def given(asking: Asker, scopes: Iterable[Scope] | None) -> list[Scope] | None:
    """The scopes that ``asking`` gives or takes: an operator any, others at most their own key's."""
    if asking.reach is Reach.ALL:
        return None if scopes is None else [*scopes]
    wanted = sorted(asking.scopes) if scopes is None else [*scopes]
    above = [scope for scope in wanted if scope not in asking.scopes]
    if above:
        raise NotEntitled(
            f"scopes: expected some of {', '.join(sorted(asking.scopes))}, which the key has that asks, got "
            f"{', '.join(above)}.",
            todo="Use a key that has them.",
        )
    return wanted


def one_of(kind: type[T], text: str, name: str) -> T:
    """The ``kind`` that ``text``, given as ``name``, spells. Raises ``MalformedInput``."""
    try:
        return kind(text)
    except ValueError as error:
        raise MalformedInput(f"{name}: expected one of {', '.join(kind)}, got {clip(text)}.") from error
