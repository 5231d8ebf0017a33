"""Who asks: the API key of each request, and how far it reaches for the operation that is asked for."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tallystick.errors import StoreUnavailable
from tallystick.service import accounts, policy
from tallystick.service.context import Context
from tallystick.service.policy import Asker
from tallystick.store.identities import ApiKey, Organisation
from tallystick.web.rate import Rate
from tallystick.web.requests import Installed, check_query

logger = logging.getLogger("tallystick.web")

_BEARER = HTTPBearer(
    scheme_name="apiKey", bearerFormat="tallystick_...", description="An API key of an organisation.", auto_error=False
)


def identify(
    request: Request, installed: Installed, given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Asker:
    """Who asks for the operation of this route.

    Raises:
        Unauthenticated: no key, or none that is good. NotEntitled: it does not reach this operation at all.
        RateExceeded: the key asks too often. StoreUnavailable: the database does not answer.
        RequestValidationError: a query parameter that the operation does not have.
    """
    organisation, key = _authenticate(installed, None if given is None else given.credentials)
    rate: Rate = request.app.state.rate
    rate.take(key.key)
    asker = policy.admit(request.scope["route"].operation_id, organisation, key.key, key.scopes)
    check_query(request)
    return asker


def check_known(installed: Context, header: str | None) -> None:
    """Raises as ``identify`` where the ``Authorization`` ``header`` holds no key that is good."""
    scheme, _, credentials = (header or "").partition(" ")
    _authenticate(installed, credentials if scheme.lower() == "bearer" else None)


def _authenticate(installed: Context, text: str | None) -> tuple[Organisation, ApiKey]:
    try:
        return accounts.authenticate(installed, text)
    except StoreUnavailable as error:
        # nobody knows yet who asks: not for them is which database that is, and where
        logger.warning("authentication: %s", error.message)
        raise StoreUnavailable(
            "The database does not answer.", todo="Try again later: nothing of this request was kept."
        ) from error


Asking = Annotated[Asker, Depends(identify)]
