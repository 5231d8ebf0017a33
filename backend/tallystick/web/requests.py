"""What the routes share: the installation behind them, and strict reading of JSON bodies.

Any number of requests use the one context at once. Nothing here locks: those that write take turns in the store's
transactions, and those that send in the lock of their account. Recording waits for the database, never for the chain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import IO, Annotated, Any

import orjson
from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from tallystick.service.context import Context


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


def _context(request: Request) -> Context:
    found = request.app.state.context
    assert isinstance(found, Context), "create_app puts it there"
    return found


def _body(request: Request) -> IO[bytes]:
    found: IO[bytes] = request.state.body
    return found


Installed = Annotated[Context, Depends(_context)]
BodyFile = Annotated[IO[bytes], Depends(_body)]
"""The body as the guard received it, in a file: it may be larger than memory."""
