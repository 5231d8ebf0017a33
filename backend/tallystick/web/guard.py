"""What every request passes first: a name for the log, whence it comes, how large it is, and the last catch.

Rules:

- each request has an id: ``X-Request-Id`` in the answer, ``instance`` in a problem, and in the log;
- a web page must not reach this API through its reader's browser, whatever key it found: the ``Host`` must be a
  loopback name (DNS rebinding) and an ``Origin`` this server's own or one that the settings allow (no CORS without);
- a body is read up to a limit, and is of a media type that no form of a web page can send. It is kept for the routes in
  a nameless temporary file, ``state["body"]``; up to ``HELD_BYTES`` that is memory, and more is taken only from whoever
  is known: a disk is not for everybody to fill;
- what needs no key is counted by address, before anything of the body is read;
- a body that comes too slowly is given up (408), and an answer that takes too long to begin (504);
- every answer is one line in the log: method, route template, status and time; never a path, a query or a body, which
  may name parties. Those of ``/healthz``, ``/readyz`` and ``/metrics`` are left out unless they failed;
- what nobody else caught is logged with the request's id, and the client learns just that.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
import uuid
from collections.abc import Callable, Collection
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallystick import logs
from tallystick.errors import TallystickError
from tallystick.protocol.types import clip
from tallystick.web import problems
from tallystick.web.deadline import Seconds, answer_in_time
from tallystick.web.operation import PATHS
from tallystick.web.patience import DEFAULT, Patience
from tallystick.web.problems import Problem

HELD_BYTES = 1 << 20
ANSWER_SECONDS = 60.0
BODY_TYPES = (
    "application/json",
    "application/x-ndjson",
    "application/octet-stream",
    "application/gzip",
    "application/xml",
    "application/zip",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/csv",
    "text/xml",
)

Observe = Callable[[str, str, int, float], None]
"""Called with method, route, status and seconds of every request."""

logger = logging.getLogger("tallystick.web")
_EXPOSED = "ETag, Idempotent-Replayed, Link, Location, Retry-After, X-Request-Id"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID",
    "Access-Control-Max-Age": "600",
}
"""What a page of an allowed origin may ask (Fetch standard, CORS protocol); keys come in a header, never as cookies."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Guard:
    """Wraps ``app``; ``body_limit`` says how many bytes the body of a request to a path may have.

    ``check_known`` raises for an ``Authorization`` header that tells of nobody, ``admit`` for a request of whoever asks
    too often; ``observe`` is told of every answer. ``patience`` is had with bodies, ``seconds`` with answers.
    """

    def __init__(
        self,
        app: ASGIApp,
        body_limit: Callable[[str], int],
        check_known: Callable[[str | None], None],
        observe: Observe = lambda *_: None,
        allowed_origins: Collection[str] = (),
        admit: Callable[[Scope], None] = lambda _: None,
        patience: Patience = DEFAULT,
        seconds: Seconds = lambda _: ANSWER_SECONDS,
    ) -> None:
        self._admit = admit
        self._patience = patience
        self._seconds = seconds
        self._allowed_origins = allowed_origins
        self._app = app
        self._body_limit = body_limit
        self._check_known = check_known
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        logs.request.set(request_id)
        status, began = 0, time.monotonic()
        origin = Headers(scope=scope).get("origin")
        shared = origin if origin in self._allowed_origins else None

        async def named_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
                headers.setdefault("Referrer-Policy", "no-referrer")
                headers.setdefault("Cache-Control", "no-store")
                if shared is not None:
                    headers["Access-Control-Allow-Origin"] = shared
                    headers["Access-Control-Expose-Headers"] = _EXPOSED
                    headers.add_vary_header("Origin")
            await send(message)

        try:
            with SpooledTemporaryFile(HELD_BYTES) as body:
                if shared is not None and scope["method"] == "OPTIONS" and _refuse_caller(scope, shared) is None:
                    await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, named_send)
                    return
                refused = _refuse_caller(scope, shared) or self._refuse_often(scope)
                refused = refused or await self._read_body(scope, receive, body)
                if refused is not None:
                    await problems.response(refused, request_id)(scope, receive, named_send)
                    return
                scope["state"]["body"] = body
                seconds = self._seconds(scope["path"])
                await answer_in_time(self._app, scope, _replay(body, receive), named_send, seconds)
        except Exception:
            logger.exception("request %s: an error that nobody expected", request_id)
            if status:
                raise
            unexpected = problems.of_status(
                500, "The server met an error that it did not expect.", f"Look for {request_id} in the server's log."
            )
            await problems.response(unexpected, request_id)(scope, receive, named_send)
        finally:
            self._note(scope, status, time.monotonic() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "unmatched")
        self._observe(method, route, status, seconds)
        fields = {"method": method, "route": route, "status": status, "milliseconds": round(seconds * 1000, 1)}
        level = logging.DEBUG if route in PATHS and status < 500 else logging.INFO
        logger.log(level, "answered", extra={"fields": fields})

    def _refuse_often(self, scope: Scope) -> Problem | None:
        try:
            self._admit(scope)
        except TallystickError as error:
            return problems.of_error(error)
        return None

    async def _read_body(self, scope: Scope, receive: Receive, body: IO[bytes]) -> Problem | None:
        """Write the body of the request to ``body``; why it is refused, or None."""
        headers, limit = Headers(scope=scope), self._body_limit(scope["path"])
        length = headers.get("content-length", "")
        if length.isdecimal() and (len(length) > 18 or int(length) > limit):
            return _too_large(limit, length[:18])
        size, is_known = 0, False
        began = asyncio.get_running_loop().time()
        while True:
            try:
                async with asyncio.timeout_at(began + self._patience.of_body(size)):
                    message = await receive()
            except TimeoutError:
                return _too_slow(size, self._patience)
            if message["type"] == "http.disconnect":
                return problems.of_status(400, "body: the connection was closed before its end.", "Send it again.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                return _too_large(limit, "more")
            if size > HELD_BYTES and not is_known:
                try:
                    await run_in_threadpool(self._check_known, headers.get("authorization"))
                except TallystickError as error:
                    return problems.of_error(error)
                is_known = True
            if size <= HELD_BYTES:
                body.write(chunk)
            elif problem := await run_in_threadpool(_write, body, chunk):
                return problem
            if not message.get("more_body", False):
                break
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if size and media_type not in BODY_TYPES:
            return problems.of_status(
                415, f"Content-Type: expected application/json, got {clip(media_type)}.", "Name the media type."
            )
        return None


def _refuse_caller(scope: Scope, shared: str | None) -> Problem | None:
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if not is_loopback(_host_name(host)):
        return problems.of_status(
            421, f"Host: expected a loopback name, got {clip(host)}.", "Use http://127.0.0.1 and the port."
        )
    origin = headers.get("origin")
    if origin is not None and origin not in (shared, f"{scope['scheme']}://{host}"):
        return problems.of_status(
            403,
            f"Origin: expected none or this server's own, got {clip(origin)}.",
            "Call the API from a program, not from a web page.",
        )
    return None


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name, or an IP address without brackets) means this machine, seen from itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    """The name in a ``Host`` header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _too_large(limit: int, got: str) -> Problem:
    problem = problems.of_status(413, f"body: expected at most {limit} bytes, got {got}.", "Send less at once.")
    return problems.closing(problem)


def _too_slow(size: int, patience: Patience) -> Problem:
    expected = f"{patience.body_seconds:g} s, or {patience.slowest_bytes_per_second:g} bytes a second"
    problem = problems.of_status(
        408, f"body: expected it within {expected}, got {size} bytes.", "Send it again, over a better connection."
    )
    return problems.closing(problem)


def _write(body: IO[bytes], chunk: bytes) -> Problem | None:
    try:
        body.write(chunk)
    except OSError as error:
        return problems.of_status(503, f"body: it can't be kept ({error.strerror}).", "Make room for temporary files.")
    return None


def _replay(body: IO[bytes], receive: Receive) -> Receive:
    """What ``body`` holds in one message, then whatever ``receive`` still says (that the client is gone)."""
    done = False

    async def replay() -> Message:
        nonlocal done
        if done:
            return await receive()
        done = True
        body.seek(0)
        return {"type": "http.request", "body": body.read(), "more_body": False}

    return replay
