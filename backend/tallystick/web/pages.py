"""Pages of a list: at most ``limit`` items, and in ``Link`` where the next ones are.

::

    Link: </v1/evidence?kind=INVOICE&limit=2&cursor=WzEsIj...>; rel="next"      RFC 8288; none on the last page
    cursor = base64url(JSON [1, digest of operation and filters, place ...])

Rules:

- a cursor tells its place, not a number of items to skip: what comes or goes meanwhile repeats and skips nothing;
- it is good for the list it came from, with the same filters. It is not signed, for it opens nothing: whoever makes one
  up sees another page of what they may see anyway;
- the link is relative, so that it holds behind any proxy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Query, Request, Response

from tallystick.errors import MalformedInput
from tallystick.protocol.types import clip

MOST = 1_000
_VERSION = 1
_T = TypeVar("_T")

LINK: dict[str, Any] = {
    "Link": {
        "description": 'Where the next page is: `<...>; rel="next"` (RFC 8288). Left out on the last page.',
        "schema": {"type": "string"},
    }
}
"""The header of an answer that is a page, for the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page that is asked for: at most ``limit`` items after ``place`` (None: from the start)."""

    request: Request
    response: Response
    limit: int
    place: tuple[int | str, ...] | None

    @property
    def number(self) -> int | None:
        """The place as one whole number; None from the start. Raises ``MalformedInput``."""
        if self.place is None:
            return None
        (number,) = self._of_form(int)
        assert isinstance(number, int), "its form was checked"
        return number

    @property
    def name(self) -> str | None:
        """The place as one text; None from the start. Raises ``MalformedInput``."""
        if self.place is None:
            return None
        (name,) = self._of_form(str)
        assert isinstance(name, str), "its form was checked"
        return name

    def go_on_after(self, *place: int | str) -> None:
        """Say that there is more after ``place``."""
        go_on_at(self.request, self.response, cursor=_encoded([_VERSION, _list_of(self.request), *place]))

    def cut(self, items: Sequence[_T]) -> Sequence[_T]:
        """``items``, of which one more than ``limit`` was asked for, without that one."""
        return items[: self.limit]

    def _of_form(self, kind: type) -> tuple[int | str, ...]:
        place = self.place or ()
        if len(place) != 1 or type(place[0]) is not kind or (kind is int and not 0 <= int(place[0]) < 2**63):
            raise _refused("one of this list")
        return place


def go_on_at(request: Request, response: Response, **place: int | str) -> None:
    """Say in ``response`` that the next page is what ``request`` asked for, with ``place`` in its query."""
    url = request.url.include_query_params(**place)
    response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'


def page(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=MOST, description="At most so many.", examples=[100])] = 100,
    cursor: Annotated[
        str | None, Query(max_length=1_000, description="Where to go on: from the `Link` of the page before.")
    ] = None,
) -> Page:
    """The page that ``request`` asks for. Raises ``MalformedInput`` for a cursor of another list."""
    if cursor is None:
        return Page(request, response, limit, None)
    try:
        made = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except ValueError as error:
        raise _refused("what `Link` gave", clip(cursor)) from error
    if not isinstance(made, list) or len(made) < 3 or _encoded(made) != cursor or made[0] != _VERSION:
        raise _refused("what `Link` gave", clip(cursor))
    if made[1] != _list_of(request):
        raise _refused("one of the same list with the same filters")
    return Page(request, response, limit, tuple(made[2:]))


Paged = Annotated[Page, Depends(page)]


def _list_of(request: Request) -> str:
    """What names the list that ``request`` asks for: its operation and what narrows it."""
    filters = sorted((name, value) for name, value in request.query_params.multi_items() if name not in _NO_FILTERS)
    named = [request.scope["route"].operation_id, filters]
    return hashlib.sha256(orjson.dumps(named)).hexdigest()[:16]


_NO_FILTERS = ("cursor", "limit")


def _encoded(made: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(made)).decode().rstrip("=")


def _refused(expected: str, got: str = "another") -> MalformedInput:
    return MalformedInput(f"cursor: expected {expected}, got {got}.", todo="Start again without a cursor.")
