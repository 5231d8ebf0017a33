"""The stream of events: what becomes of evidence, as it happens (server-sent events, WHATWG HTML section 9.2).

::

    id: 42
    event: evidence.final
    data: {"id":42,"type":"evidence.final","at":1767345612,"evidence":"0x…","status":"final","block":{…}}

Rules:

- ``Last-Event-ID`` (or ``after``) resumes: every event after it is told, once; without it, what happens from now on;
- a comment every ``HEARTBEAT_SECONDS`` shows that the connection lives; then it is looked whether the key still does;
- a key has at most ``OF_ONE_KEY`` streams, a server ``OF_ALL``; one ends by itself after ``LONGEST_SECONDS``, and its
  reader comes again. Between two looks a stream holds neither a thread nor a transaction.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated

import anyio
import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from tallystick.errors import MalformedInput, RateExceeded, TallystickError
from tallystick.protocol.types import clip
from tallystick.service.context import Context
from tallystick.service.policy import Asker, Reach
from tallystick.service.webhooks import EVENTS_AT_ONCE, event_json
from tallystick.web.identity import Asking, check_known
from tallystick.web.openapi import answers
from tallystick.web.requests import Installed

router = APIRouter(prefix="/v1", tags=["events"])

LOOK_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 3_600.0
OF_ONE_KEY = 5
OF_ALL = 200
_BEGIN = b"retry: 2000\nid: %d\n\n"
"""Said first: who loses the connection before any event comes back to where it began."""

_STREAM = {
    "description": "Events as they happen; the stream goes on until either side ends it.",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: 42\nevent: evidence.final\ndata: {"id":42,"type":"evidence.final","status":"final"}\n\n',
        }
    },
}


class Streams:
    """How many streams there are, by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    def enter(self, key: str) -> None:
        """Let ``key`` open one more. Raises ``RateExceeded``."""
        with self._lock:
            if self._open[key] >= OF_ONE_KEY or self._open.total() >= OF_ALL:
                raise RateExceeded(
                    f"events: expected at most {OF_ONE_KEY} streams of a key and {OF_ALL} in all, got more.",
                    todo="Close one, or read all events of the organisation from one.",
                    seconds=10,
                )
            self._open[key] += 1

    def leave(self, key: str) -> None:
        """``key`` has one less."""
        with self._lock:
            self._open[key] -= 1
            if self._open[key] <= 0:
                del self._open[key]


@router.get(
    "/events",
    operation_id="streamEvents",
    summary="Follow what becomes of your evidence",
    responses={200: _STREAM, **answers(422, 503)},
    response_class=Response,
)
def stream_events(
    request: Request,
    installed: Installed,
    asking: Asking,
    after: Annotated[
        int | None, Query(ge=0, le=2**53, description="Events after this id; else from now on.", examples=[0])
    ] = None,
    follow: Annotated[bool, Query(description="False: end after the events that there are now.")] = True,
    last_event_id: Annotated[str | None, Header(description="As a browser sends it; goes before `after`.")] = None,
) -> Response:
    """Follow the status of evidence in the logs of your parties; auditors follow all: pending, included, final."""
    start = after
    if last_event_id is not None:
        if not last_event_id.isascii() or not last_event_id.isdecimal() or len(last_event_id) > 16:
            raise MalformedInput(f"Last-Event-ID: expected the id of an event, got {clip(last_event_id)}.")
        start = int(last_event_id)
    with installed.store.transaction(read_only=True) as transaction:
        last = transaction.last_event()
    streams: Streams = request.app.state.streams
    streams.enter(asking.key)
    told = _told(request, installed, asking, streams, last if start is None else start, follow=follow)
    return StreamingResponse(told, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _told(
    request: Request, installed: Context, asking: Asker, streams: Streams, after: int, *, follow: bool
) -> AsyncIterator[bytes]:
    began = heard = time.monotonic()
    try:
        yield _BEGIN % after
        while time.monotonic() - began < LONGEST_SECONDS and not request.app.state.stopping.is_set():
            try:
                told, after, is_behind = await run_in_threadpool(_look, installed, asking, after)
                if time.monotonic() - heard >= HEARTBEAT_SECONDS:
                    await run_in_threadpool(
                        check_known, installed, request.app.state.sign_in, request.headers.get("authorization")
                    )
                    told, heard = told + b": alive\n\n", time.monotonic()
            except TallystickError:
                return  # the reader comes again, and is told why
            if told:
                yield told
            if not is_behind and not follow:
                return
            if not is_behind:
                await anyio.sleep(LOOK_SECONDS)
    finally:
        streams.leave(asking.key)


def _look(installed: Context, asking: Asker, after: int) -> tuple[bytes, int, bool]:
    """Some events after ``after`` as text, up to where that is, and whether there are more by now."""
    with installed.store.transaction(read_only=True) as transaction:
        last = transaction.last_event()
        until = max(after, min(last, after + EVENTS_AT_ONCE))
        parties = None if asking.reach is Reach.ALL else asking.organisation.parties
        events = transaction.events_of(parties, after, until) if until > after else []
    told = b"".join(
        b"id: %d\nevent: evidence.%s\ndata: %s\n\n"
        % (event.position, event.status.value.encode(), orjson.dumps(event_json(event)))
        for event in events
    )
    return told, until, until < last
