"""Route of further identifiers of a party."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from tallystick.service.entitled import own_party
from tallystick.service.identifying import add_identifier
from tallystick.service.parties import parse_identifier
from tallystick.web import examples
from tallystick.web.identity import Asking
from tallystick.web.models import NewIdentifierBody, PartyView
from tallystick.web.openapi import writing
from tallystick.web.parties import PartyPath
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/parties", tags=["parties"], route_class=StrictRoute)


@router.post(
    "/{party}/identifiers",
    status_code=201,
    operation_id="addIdentifier",
    summary="Give a party a further identifier",
    responses=writing(404, 409, 503),
    response_description="The party with it; giving it again changes nothing.",
)
def give_identifier(
    party: PartyPath,
    body: Annotated[
        NewIdentifierBody, Body(openapi_examples={"gln": {"summary": "A GLN", "value": examples.NEW_IDENTIFIER}})
    ],
    installed: Installed,
    asking: Asking,
) -> PartyView:
    """Let documents and bank statements find the party by this identifier too; the act is in the journal."""
    with installed.store.transaction(read_only=True) as transaction:
        found = own_party(transaction, asking, party)
    return PartyView.of(add_identifier(installed, asking.key, found.party, parse_identifier(body.identifier)))
