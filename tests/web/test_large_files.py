"""What is too large for memory passes through files without a name, in either direction."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from tallystick.errors import NotFound, StoreUnavailable
from tallystick.web import files, guard
from tallystick.web.files import file_answer
from tallystick.web.guard import Guard

SIZE = 3 * (1 << 20) + 5
"""More than is held, either way."""


def pieces() -> Iterator[bytes]:
    for at in range(0, SIZE, 1 << 16):
        yield bytes([at >> 16]) * min(1 << 16, SIZE - at)


def ask(app: FastAPI, method: str, path: str, **options: object) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=Guard(app, body_limit=lambda path: SIZE, check_known=lambda _: None))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)  # type: ignore[arg-type]

    return asyncio.run(send())


def test_a_full_disk_is_told_apart_from_a_fault() -> None:
    """Whoever uploads or downloads learns that it may work later."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        problem = guard._write(full, b"x")
        assert problem is not None
        assert problem.status == 503
        with pytest.raises(StoreUnavailable, match="No space left"):
            files._write(full, b"x")
    assert max(guard.HELD_BYTES, files.HELD_BYTES) < SIZE


def test_what_goes_wrong_while_a_file_is_made_is_an_error_and_no_file() -> None:
    def broken() -> Iterator[bytes]:
        yield from pieces()
        raise NotFound("gone")

    with pytest.raises(NotFound):
        file_answer(broken(), "application/json", "Name", ".json", None)


def test_a_file_larger_than_what_is_held_arrives_whole() -> None:
    app, data = FastAPI(), b"".join(pieces())

    @app.get("/file")
    def file(request: Request) -> Response:
        return file_answer(pieces(), "application/json", "Name", ".json", request.headers.get("if-none-match"))

    answer = ask(app, "GET", "/file")
    assert (answer.status_code, int(answer.headers["content-length"])) == (200, SIZE)
    assert answer.content == data
    assert answer.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    again = ask(app, "GET", "/file", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("size", [0, 10, guard.HELD_BYTES, guard.HELD_BYTES + 1, SIZE])
def test_a_body_is_a_file_for_the_routes_and_still_a_body(size: int) -> None:
    """Whether it is held or on a disk; above the limit it is refused."""
    app, data = FastAPI(), b"".join(pieces())[:size]
    held = []

    @app.post("/body")
    async def body(request: Request) -> Response:
        request.state.body.seek(0)
        kept = request.state.body.read()
        held.append(request.state.body._rolled)
        assert await request.body() == kept
        return Response(kept)

    answer = ask(app, "POST", "/body", content=data, headers={"content-type": "application/gzip"})
    assert (answer.status_code, answer.content) == (200, data)
    assert held == [size > guard.HELD_BYTES]
    larger = ask(app, "POST", "/body", content=bytes(SIZE + 1), headers={"content-type": "application/gzip"})
    assert larger.status_code == 413
