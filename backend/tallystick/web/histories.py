"""Histories as answers: what a consent lets through, and an ETag that is known before anything is derived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from fastapi import Response

from tallystick.errors import UsageError
from tallystick.protocol.types import BlockRef
from tallystick.service.context import Context
from tallystick.service.granted import View, pseudonymous
from tallystick.service.histories import tag
from tallystick.service.showing import Showing

HISTORY_HEADERS: dict[str, Any] = {
    "ETag": {
        "description": "Strong: of the head of the log, the block, and the scope of the consent.",
        "schema": {"type": "string"},
    }
}


def history_answer(
    installed: Context, view: View, blocks: Sequence[BlockRef], make: Callable[[], Any], if_none_match: str | None
) -> Response:
    """What ``make`` tells of ``view`` as of ``blocks``; 304, without it being made, where the reader has it.

    Source: RFC 9110 sections 8.8.3 and 13.1.2.
    """
    etag = f'"{tag(installed, view.what.value, view.party.party, blocks, view.grant)}"'
    headers = {"ETag": etag}  # and no-store, as all answers: a program that asks again keeps it by itself
    if if_none_match is not None and (if_none_match.strip() == "*" or etag in if_none_match):
        return Response(status_code=304, headers=headers)
    told = pseudonymous(installed, view, make())
    return Response(orjson.dumps(told), headers=headers, media_type="application/json")


def consented(view: View, hide: Sequence[str] | None, *, anonymous: bool = False) -> Showing | None:
    """What the consent of ``view`` shows; None where there is none, and the reader chooses what to hide.

    Raises:
        UsageError: under a consent nothing is chosen by who reads.
    """
    if view.grant is None:
        return None
    if hide or anonymous:
        raise UsageError(
            "hide: expected none under a consent: what is shown is what the party consented to.",
            todo="Leave `hide` and `anonymous` out.",
        )
    return view.showing()
