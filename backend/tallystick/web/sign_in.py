"""Routes for whoever is not known yet: a nonce and a message to sign, and a session for the signature (EIP-4361)."""

from __future__ import annotations

from fastapi import APIRouter, Request

from tallystick.protocol.types import parse_address, parse_hex
from tallystick.service import sign_in
from tallystick.web.identity import SignIn
from tallystick.web.identity_models import NonceBody, NonceView, SessionView, SignInBody
from tallystick.web.openapi import writing
from tallystick.web.requests import Installed, StrictRoute

router = APIRouter(prefix="/v1/sign-in", tags=["sign-in"], route_class=StrictRoute)

PATHS = ("/v1/sign-in", "/v1/sign-in/nonce")
BODY_BYTES = 16 * 1024
"""What whoever is not known may send at most."""


@router.post(
    "/nonce",
    operation_id="askNonce",
    summary="Ask for a message to sign in with",
    responses=writing(409, 503),
    response_description="The message that the wallet signs, good for ten minutes and once.",
)
def ask_nonce(body: NonceBody, request: Request, installed: Installed) -> NonceView:
    """Make a nonce and the message with it; nothing is kept, and nothing told of who has an account."""
    public_url = sign_in.check_public_url(_sign_in(request).public_url)
    nonce, expires_at = sign_in.new_nonce(installed)
    message = sign_in.message_for(installed, public_url, parse_address(body.address, "address"), nonce)
    return NonceView(nonce=nonce, expires_at=expires_at, message=message)


@router.post(
    "",
    status_code=201,
    operation_id="signIn",
    summary="Sign in with a wallet",
    responses=writing(409, 503),
    response_description="A session of the member with that wallet, for an hour at most.",
)
def sign_in_with_wallet(body: SignInBody, request: Request, installed: Installed) -> SessionView:
    """Check the message and its signature, and begin a session: a token that is shown this once."""
    public_url = sign_in.check_public_url(_sign_in(request).public_url)
    signature = parse_hex(body.signature, "signature")
    return SessionView.of(sign_in.sign_in(installed, public_url, body.message, signature))


def _sign_in(request: Request) -> SignIn:
    found: SignIn = request.app.state.sign_in
    return found
