"""Who asks: the API key of each request, and how far it reaches for the operation that is asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tallystick.service import accounts, policy
from tallystick.service.policy import Asker
from tallystick.web.requests import Installed

_BEARER = HTTPBearer(
    scheme_name="apiKey", bearerFormat="tallystick_...", description="An API key of an organisation.", auto_error=False
)


def identify(
    request: Request, installed: Installed, given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Asker:
    """Who asks for the operation of this route.

    Raises:
        Unauthenticated: no key, or none that is good. NotEntitled: it does not reach this operation at all.
    """
    organisation, key = accounts.authenticate(installed, None if given is None else given.credentials)
    return policy.admit(request.scope["route"].operation_id, organisation, key.key, key.scopes)


Asking = Annotated[Asker, Depends(identify)]
