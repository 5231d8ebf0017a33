"""No answer takes for ever to begin: after its time the client is told so, whatever the work is at.

Rules:

- the time ends with the first byte of the answer: a file that is sent, or a stream of events, has bounds of its own
  (``patience.py``);
- work in a thread can't be stopped, and is not: what was accepted is done, its answer is dropped. So the problem never
  says that it failed, but how to find out: with the same ``Idempotency-Key``, which is carried out once;
- the request is over when its work is: it counts among those that a stop of the server waits for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallystick.errors import OutOfTime
from tallystick.web import problems
from tallystick.web.problems import Problem

Seconds = Callable[[str], float]
"""How long the answer to a request to a path may take to begin."""

logger = logging.getLogger("tallystick.web")


async def answer_in_time(app: ASGIApp, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
    """Have ``app`` answer; if it did not begin to within ``seconds``, a problem (504) is sent in its place."""
    has_begun = False
    late: asyncio.Task[None] | None = None
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def in_time(message: Message) -> None:
        nonlocal has_begun
        if late is None:
            has_begun = True
            await send(message)
        elif message["type"] == "http.response.start":
            fields = {"status": message["status"], "milliseconds": round((loop.time() - began) * 1000, 1)}
            logger.warning("done after its time", extra={"fields": fields})

    def give_up() -> None:
        nonlocal late
        if not has_begun:
            answer = problems.response(_late(scope["method"], seconds), scope["state"]["request_id"])
            late = asyncio.create_task(answer(scope, receive, send))

    timer = loop.call_later(seconds, give_up)
    try:
        await app(scope, receive, in_time)
    finally:
        timer.cancel()
        if late is not None:
            await late


def _late(method: str, seconds: float) -> Problem:
    todo = "Ask again later, or for less at once."
    if method == "POST":
        todo = (
            "It may have been done, or may be done yet. Ask again with the same Idempotency-Key, which is carried out "
            "once; without one, look whether it was done before you ask again."
        )
    elif method not in ("GET", "HEAD"):
        todo = "It may have been done, or may be done yet. Ask again, which does no harm (RFC 9110 section 9.2.2)."
    problem = problems.of_error(OutOfTime(f"expected an answer within {seconds:g} s, got none so far.", todo=todo))
    return problems.closing(problem)
