"""Routes of signers: who signs for a party; each change is one act, which a worker takes to the chain."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path

from tallystick.protocol.types import Timestamp, parse_address, to_hex
from tallystick.service import signers
from tallystick.service.context import Context
from tallystick.service.entitled import own_party, visible_party
from tallystick.service.policy import Asker
from tallystick.store.records import PartyRecord
from tallystick.web.identity import Asking
from tallystick.web.identity_models import (
    NEW_WALLET,
    WALLET,
    CompromiseBody,
    CompromiseView,
    NewSignerBody,
    SignerBody,
    SignerRotationBody,
)
from tallystick.web.openapi import answers, writing
from tallystick.web.parties import PartyPath
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/parties/{party}/signers", tags=["signers"], route_class=StrictRoute)

SignerPath = Annotated[
    str,
    Path(description="The signer's account.", examples=[WALLET], json_schema_extra={"pattern": "^0x[0-9a-f]{40}$"}),
]
_ASKED_FOR = "It is asked for, and journaled; `state` tells how far it is."


@router.get(
    "",
    operation_id="listSigners",
    summary="List a party's signers",
    responses=answers(404, 422, 503),
    response_description="All that it ever had, and those that were asked for.",
)
def list_signers(party: PartyPath, installed: Installed, asking: Asking) -> list[SignerBody]:
    """List who signs, signed or is to sign for a party, and since when."""
    with installed.store.transaction(read_only=True) as transaction:
        found = visible_party(transaction, asking, party)
    return _views(installed, found)


@router.post(
    "",
    status_code=202,
    operation_id="addSigner",
    summary="Let a further account sign for a party",
    responses=writing(404, 409, 503),
    response_description=_ASKED_FOR,
)
def add_signer(party: PartyPath, body: NewSignerBody, installed: Installed, asking: Asking) -> list[SignerBody]:
    """Ask that an account whose key is elsewhere sign for the party as well."""
    found = _own(installed, asking, party)
    signers.add_signer(installed, asking.key, found, parse_address(body.signer, "signer"))
    return _views(installed, found)


@router.post(
    "/rotation",
    status_code=202,
    operation_id="rotateSigner",
    summary="Rotate a party's signer",
    responses=writing(404, 409, 503),
    response_description=_ASKED_FOR,
)
def rotate_signer(
    party: PartyPath,
    installed: Installed,
    asking: Asking,
    body: Annotated[
        SignerRotationBody | None,
        Body(
            openapi_examples={
                "managed": {"summary": "A new key, made here", "value": {}},
                "own": {"summary": "A new account of its own", "value": {"signer": NEW_WALLET, "replaces": [WALLET]}},
            }
        ),
    ] = None,
) -> list[SignerBody]:
    """Put a new key in the place of the old: it signs as soon as it is final, and nothing that was signed is void."""
    found, wanted = _own(installed, asking, party), body or SignerRotationBody()
    new = None if wanted.signer is None else parse_address(wanted.signer, "signer")
    signers.rotate(installed, asking.key, found, new, [parse_address(one, "replaces") for one in wanted.replaces])
    return _views(installed, found)


@router.delete(
    "/{signer}",
    status_code=202,
    operation_id="revokeSigner",
    summary="Revoke a party's signer",
    responses=answers(404, 409, 422, 503),
    response_description=_ASKED_FOR,
)
def revoke_signer(party: PartyPath, signer: SignerPath, installed: Installed, asking: Asking) -> list[SignerBody]:
    """Revoke a signer for ever; nothing that it signs is accepted here from now on."""
    found = _own(installed, asking, party)
    signers.revoke(installed, asking.key, found, parse_address(signer, "signer"))
    return _views(installed, found)


@router.post(
    "/{signer}/compromise",
    status_code=202,
    operation_id="stateCompromise",
    summary="State that a signer's key is in other hands",
    responses=writing(404, 409, 503),
    response_description="It is revoked at once; what it signed since then is listed.",
)
def state_compromise(
    party: PartyPath, signer: SignerPath, body: CompromiseBody, installed: Installed, asking: Asking
) -> CompromiseView:
    """Revoke a signer at once, add another if named, and keep since when the key was in other hands."""
    found = _own(installed, asking, party)
    made = signers.state_compromise(
        installed,
        asking.key,
        found,
        parse_address(signer, "signer"),
        Timestamp(body.since),
        new=None if body.signer is None else parse_address(body.signer, "signer"),
        makes_new=body.makes_new,
    )
    return CompromiseView(
        signer=None if made.new is None else to_hex(made.new),
        suspects=[to_hex(one) for one in made.suspects],
        signers=_views(installed, found),
    )


def _own(installed: Context, asking: Asker, party: str) -> PartyRecord:
    with installed.store.transaction(read_only=True) as transaction:
        return own_party(transaction, asking, party)


def _views(installed: Context, party: PartyRecord) -> list[SignerBody]:
    with installed.store.transaction(read_only=True) as transaction:
        return [SignerBody.of(view) for view in signers.signers_of(transaction, party)]
