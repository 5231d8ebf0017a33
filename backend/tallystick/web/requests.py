"""What the routes share: the installation behind them, and strict reading of JSON bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from tallystick.web.installation import Installation


class StrictRequest(Request):
    """A request whose JSON must be RFC 8259 in UTF-8: no NaN, no half surrogate pairs, no unbounded numbers."""

    async def json(self) -> Any:
        """The value of the body. Raises ``json.JSONDecodeError``, which FastAPI makes a validation error."""
        try:
            return orjson.loads(await self.body())
        except orjson.JSONDecodeError as error:
            # without the document: it may be megabytes, and not text at all
            raise json.JSONDecodeError(error.msg, "", 0) from None


class StrictRoute(APIRoute):
    """A route whose handler reads ``StrictRequest``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler that FastAPI makes, given a strict request."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


def _installation(request: Request) -> Installation:
    found = request.app.state.installation
    assert isinstance(found, Installation), "create_app puts it there"
    return found


async def _body(request: Request) -> bytes:
    return await request.body()


Installed = Annotated[Installation, Depends(_installation)]
RawBody = Annotated[bytes, Depends(_body)]
