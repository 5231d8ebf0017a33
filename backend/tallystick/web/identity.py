"""Who asks: the key, session or token of each request, and how far it reaches for the operation that is asked for."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tallystick.errors import StoreUnavailable
from tallystick.service import members, policy
from tallystick.service.context import Context
from tallystick.service.members import Credentials
from tallystick.service.policy import Asker
from tallystick.service.ports import TokenIssuer
from tallystick.web.rate import Rate
from tallystick.web.requests import Installed, check_query

logger = logging.getLogger("tallystick.web")

_BEARER = HTTPBearer(
    scheme_name="apiKey",
    bearerFormat="tallystick_...",
    description="An API key, a session or a token.",
    auto_error=False,
)


@dataclass(frozen=True)
class SignIn:
    """How persons sign in here: where wallets do, and whose tokens are taken; None where nobody can."""

    public_url: str | None = None
    issuer: TokenIssuer | None = None


def identify(
    request: Request, installed: Installed, given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Asker:
    """Who asks for the operation of this route.

    Raises:
        Unauthenticated: nobody who is known. IssuerUnavailable: nobody can tell.
        NotEntitled: it does not reach this operation at all. RateExceeded: it asks too often.
        StoreUnavailable: the database does not answer.
        RequestValidationError: a query parameter that the operation does not have.
    """
    sign_in: SignIn = request.app.state.sign_in
    found = _authenticate(installed, sign_in.issuer, None if given is None else given.credentials)
    rate: Rate = request.app.state.rate
    rate.take(found.key)
    asker = policy.admit(request.scope["route"].operation_id, found.organisation, found.key, found.scopes)
    check_query(request)
    return asker


def check_known(installed: Context, sign_in: SignIn, header: str | None) -> None:
    """Raises as ``identify`` where the ``Authorization`` ``header`` holds no key that is good."""
    scheme, _, credentials = (header or "").partition(" ")
    _authenticate(installed, sign_in.issuer, credentials if scheme.lower() == "bearer" else None)


def _authenticate(installed: Context, issuer: TokenIssuer | None, text: str | None) -> Credentials:
    try:
        return members.authenticate(installed, issuer, text)
    except StoreUnavailable as error:
        # nobody knows yet who asks: not for them is which database that is, and where
        logger.warning("authentication: %s", error.message)
        raise StoreUnavailable(
            "The database does not answer.", todo="Try again later: nothing of this request was kept."
        ) from error


Asking = Annotated[Asker, Depends(identify)]
