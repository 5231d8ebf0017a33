"""What the routes share: the installation behind them, and strict reading of JSON bodies.

A query parameter that an operation does not have, or that comes twice where it has one value, is refused: a misspelt
``asof`` must not be answered with another day's figures.

Any number of requests use the one context at once. Nothing here locks: those that write take turns in the store's
transactions, and those that send in the lock of their account. Recording waits for the database, never for the chain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import IO, Annotated, Any, get_args, get_origin

import orjson
from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response

from tallystick.service.context import Context
from tallystick.service.newest import Newest


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


def check_query(request: Request) -> None:
    """Raises ``RequestValidationError`` for query parameters that the route does not have, or not more than once."""
    if not request.query_params:
        return
    known = dict(_parameters(request.scope["route"].dependant))
    wrong: list[dict[str, Any]] = []
    for name in request.query_params:
        values = request.query_params.getlist(name)
        if name not in known:
            wrong.append({"type": "extra_forbidden", "loc": ("query", name), "msg": "", "input": values[0]})
        elif len(values) > 1 and not known[name]:
            wrong.append({"type": "given_twice", "loc": ("query", name), "msg": "one value", "input": values})
    if wrong:
        raise RequestValidationError(wrong)


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The query parameters of a route, and whether each may have many values."""
    for parameter in dependant.query_params:
        yield parameter.alias, _is_list(parameter.field_info.annotation)
    for below in dependant.dependencies:
        yield from _parameters(below)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))


# these two look nothing up: as coroutines they need no thread of the pool, which every request would wait for twice
async def _context(request: Request) -> Context:
    found = request.app.state.context
    assert isinstance(found, Context), "create_app puts it there"
    return found


async def _newest(request: Request) -> Newest:
    found = request.app.state.newest
    assert isinstance(found, Newest), "create_app puts it there"
    return found


async def _body(request: Request) -> IO[bytes]:
    found: IO[bytes] = request.state.body
    return found


Installed = Annotated[Context, Depends(_context)]
Indexed = Annotated[Newest, Depends(_newest)]
"""How far the chain is indexed: called, it tells the newest final block."""
BodyFile = Annotated[IO[bytes], Depends(_body)]
"""The body as the guard received it, in a file: it may be larger than memory."""
