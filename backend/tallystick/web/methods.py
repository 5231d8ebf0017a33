"""Which methods a path takes: all of them are named where one is refused, and no word of a path is taken for an id.

Example: ``GET /v1/evidence/bulk`` is 405 with ``Allow: POST``, not a question about an evidence called ``bulk``.

Source: RFC 9110 sections 10.2.1 and 15.5.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.routing import APIRoute


def know_routes(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Let ``app`` know the routes of ``routers``; call it before they are included.

    Where a route spells out a word of its path that fits the template of another, the other one's methods are refused.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    app.state.routes = routes
    for template in sorted({route.path for route in routes}):
        path = re.sub(r"\{[^}]*\}", "0", template)
        caught = {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}
        if wrong := caught - methods_at(app, path):
            app.add_api_route(template, _refuse, methods=sorted(wrong), include_in_schema=False)


def methods_at(app: FastAPI, path: str) -> set[str]:
    """The methods that ``path`` takes; none where ``app`` does not know its routes."""
    routes: Sequence[APIRoute] = getattr(app.state, "routes", ())
    fitting = [route for route in routes if route.path_regex.match(path)]
    spelled = min((route.path.count("{") for route in fitting), default=0)
    return {method for route in fitting if route.path.count("{") == spelled for method in route.methods or ()}


async def _refuse() -> None:
    raise HTTPException(405)
