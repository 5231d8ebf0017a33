"""How long the server waits for its clients, and they for it, over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tallystick.bootstrap import Opened
from tallystick.service.context import Context
from tallystick.web.guard import Guard
from tallystick.web.patience import Patience
from web.conftest import serving
from web.keys import Keys
from web.support import Api, problem

HASTY = Patience(head_seconds=0.4, body_seconds=0.4, slowest_bytes_per_second=1_000, stall_seconds=0.4)
LONG = 30.0
"""Seconds after which a test gives up that waits for the server."""


@pytest.fixture
def brief(opened: Opened) -> Context:
    """An installation whose answers may take a second."""
    return replace(opened.context, limits=replace(opened.context.limits, request_seconds=1))


@pytest.fixture
def url(opened: Opened, brief: Context) -> Iterator[str]:
    """A server of it with little patience."""
    with serving(opened, brief, patience=HASTY) as url:
        yield url


@contextmanager
def connected(url: str, **options: int) -> Iterator[socket.socket]:
    host, port = httpx.URL(url).host, httpx.URL(url).port
    assert port is not None
    with socket.socket() as made:
        for name, value in options.items():
            made.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        made.settimeout(LONG)
        made.connect((host, port))
        yield made


def received(connection: socket.socket) -> bytes:
    """All that still comes before the server closes or cuts off."""
    pieces = []
    try:
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    except ConnectionError:
        pass
    return b"".join(pieces)


def dripped(connection: socket.socket, text: bytes) -> bytes:
    """What is answered to ``text``, a byte at a time, none of which comes ``HASTY.head_seconds`` after the last."""

    def drip() -> None:
        try:
            for byte in text:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
        except OSError:
            pass

    thread = threading.Thread(target=drip)
    thread.start()
    answer = received(connection)
    connection.close()
    thread.join()
    return answer


def head(key: str, method: str, path: str, length: int) -> bytes:
    lines = (
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {key}",
        "Content-Type: application/octet-stream",
        f"Content-Length: {length}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def told(answer: bytes) -> tuple[int, Any]:
    """Status and body of an answer in raw bytes."""
    first, _, rest = answer.partition(b"\r\n")
    return int(first.split()[1]), json.loads(rest.partition(b"\r\n\r\n")[2])


def test_a_body_that_comes_a_byte_at_a_time_is_given_up(url: str, keys: Keys) -> None:
    """Bytes that keep coming do not help: 408 with how fast it must be, and the connection is closed."""
    with connected(url) as connection:
        connection.sendall(head(keys.group, "POST", "/v1/evidence", 1_000))
        status, found = told(dripped(connection, b" " * 1_000))
    assert (status, found["type"]) == (408, "urn:tallystick:problem:request-timeout")
    assert "expected it within 0.4 s, or 1000 bytes a second" in found["detail"]


def test_a_body_that_never_comes_is_given_up(url: str) -> None:
    """Whoever announces a body and sends nothing holds no connection; no key is needed to be refused."""
    with connected(url) as connection:
        connection.sendall(head("nobody", "POST", "/v1/sign-in", 10))
        assert told(received(connection))[0] == 408


def test_a_head_that_comes_a_byte_at_a_time_is_cut_off(url: str) -> None:
    """Also as the second request of a connection; there is nobody to answer yet, so there is no answer."""
    with connected(url) as connection:
        assert dripped(connection, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 2_000) == b""
    with connected(url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert dripped(connection, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 2_000).count(b"HTTP/1.1 ") == 1


def test_a_connection_without_a_word_is_cut_off(url: str) -> None:
    """Connecting alone holds nothing either."""
    with connected(url) as connection:
        assert received(connection) == b""


def test_what_is_left_of_a_refused_body_buys_no_time(url: str) -> None:
    """A body whose request was answered already may not go on dripping."""
    with connected(url) as connection:
        connection.sendall(head("nobody", "POST", "/v1/evidence", 5_000).replace(b"Host: localhost", b"Host: evil.com"))
        assert dripped(connection, b" " * 5_000).startswith(b"HTTP/1.1 421 ")


@pytest.fixture
def document(url: str, keys: Keys) -> bytes:
    """A document of 16 MiB that the server keeps: more than sockets hold by themselves."""
    made = os.urandom(16 << 20)
    path = f"{url}/v1/documents/{hashlib.sha256(made).hexdigest()}"
    headers = {"Authorization": f"Bearer {keys.group}", "Content-Type": "application/octet-stream"}
    assert httpx.put(path, content=made, headers=headers, timeout=LONG).status_code == 201
    return made


def asked_for(url: str, key: str, document: bytes) -> bytes:
    path = f"/v1/documents/{hashlib.sha256(document).hexdigest()}"
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n".encode()
    )


def test_whoever_does_not_take_an_answer_loses_it(url: str, keys: Keys, document: bytes) -> None:
    """A reader that stands still is cut off; one that goes on reading gets the whole."""
    asked = asked_for(url, keys.group, document)
    with connected(url, SO_RCVBUF=4_096) as connection:
        connection.sendall(asked)
        time.sleep(5 * HASTY.stall_seconds)
        assert len(received(connection)) < len(document)
    with connected(url) as connection:
        connection.sendall(asked)
        assert received(connection).partition(b"\r\n\r\n")[2] == document


def test_a_body_that_comes_steadily_has_the_time_it_needs(url: str, keys: Keys) -> None:
    """Longer than the grace, at more than the least speed: it is read to its end."""
    made = os.urandom(40_000)
    with connected(url) as connection:
        path = f"/v1/documents/{hashlib.sha256(made).hexdigest()}"
        connection.sendall(head(keys.group, "PUT", path, len(made)))
        for start in range(0, len(made), 4_000):
            connection.sendall(made[start : start + 4_000])
            time.sleep(HASTY.body_seconds / 4)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 201 ")


def test_a_late_answer_says_how_to_find_out_what_was_done(url: str, api: Api, brief: Context) -> None:
    """504 while the database is held; the work goes on, and the same key gets what it made: never a second evidence."""
    draft = api.invoice()
    headers = {"Authorization": f"Bearer {api.keys.group}", "Idempotency-Key": "late"}
    with httpx.Client(base_url=url, headers=headers, timeout=LONG) as client:
        with brief.store.transaction():
            found = problem(client.post("/v1/evidence", json=draft), 504, "out-of-time")
            assert "may have been done, or may be done yet" in found["todo"]
            assert "same Idempotency-Key" in found["todo"]
            problem(client.post("/v1/evidence", json=draft), 409, "under-way")
        deadline = time.monotonic() + LONG
        while (again := client.post("/v1/evidence", json=draft)).status_code == 409 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
        number = draft["content"]["invoiceNumber"]
        assert len(client.get("/v1/evidence", params={"number": number}).json()) == 1


@pytest.mark.parametrize(
    ("method", "todo"),
    [("GET", "Ask again later"), ("DELETE", "which does no harm"), ("POST", "with the same Idempotency-Key")],
)
def test_what_comes_after_the_time_goes_nowhere(method: str, todo: str, caplog: pytest.LogCaptureFixture) -> None:
    """One answer a request: the problem, with what to do after that method; the work ends, and the log has how."""
    ended = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)
        await Response("secret of another time", 201)(scope, receive, send)
        ended.append(scope["method"])

    async def ask() -> httpx.Response:
        guard = Guard(slow, lambda _: 10, lambda _: None, seconds=lambda _: 0.05)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://localhost") as client:
            return await client.request(method, "/")

    with caplog.at_level(logging.INFO, "tallystick.web"):
        answer = asyncio.run(ask())
    found = problem(answer, 504, "out-of-time")
    assert todo in found["todo"]
    assert answer.headers["connection"] == "close"
    assert "secret" not in answer.text
    assert ended == [method]
    assert [vars(one)["fields"]["status"] for one in caplog.records] == [201, 504]


def test_a_stream_of_events_outlives_the_time_of_an_answer(url: str, api: Api) -> None:
    """The time is for the answer to begin; a stream goes on, and tells what happens after it."""
    headers = {"Authorization": f"Bearer {api.keys.group}"}
    with httpx.stream("GET", url + "/v1/events", headers=headers, timeout=LONG) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry")
        time.sleep(1.5)
        made = api.record(api.invoice())["evidence"]
        assert any(made in line for line in lines if line.startswith("data"))
