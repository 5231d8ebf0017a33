"""What every request passes first: limits, whence it comes, a name for the log, and the last catch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from tallystick import errors
from tallystick.bootstrap import Opened
from tallystick.errors import TallystickError, UsageError
from tallystick.web import problems
from tallystick.web.guard import HELD_BYTES, Guard
from tallystick.web.server import listen, url_of
from web.support import Api, problem


def all_errors(base: type[TallystickError] = TallystickError) -> Iterator[type[TallystickError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from all_errors(kind)


def through_guard(app: object, **options: object) -> httpx.Response:
    """The answer to one request through a guard before ``app`` that takes 10 bytes."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=Guard(app, body_limit=lambda path: 10, check_known=lambda _: None))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/v1/evidence", **options)  # type: ignore[arg-type]

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.1", "example.com", "localhost.example.com", "", "127.0.0.1.example.com"]
)
def test_the_server_listens_on_loopback_only(host: str) -> None:
    """A host that another machine could reach is refused, and the refusal says why."""
    with pytest.raises(UsageError, match="API keys must not cross a network"):
        listen(host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3"])
def test_the_server_listens_on_any_loopback_address(host: str) -> None:
    """Every name of this machine, seen from itself, will do, and the URL names the port that was found free."""
    with listen(host, 0) as listener:
        assert url_of(listener) == f"http://{listener.getsockname()[0]}:{listener.getsockname()[1]}"


def test_a_taken_port_is_named() -> None:
    """A port that another server has is refused with its number."""
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "192.0.2.1", "localhost.evil.example", "[::2]"])
def test_a_foreign_host_name_is_refused(api: Api, host: str) -> None:
    """A page that rebinds its own name to loopback gets nothing: the Host header is not a loopback name."""
    problem(api.get("/v1/parties", headers={"host": host}), 421, "foreign-host")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1", "http://localhost:1"])
def test_a_page_of_another_origin_is_refused(api: Api, origin: str) -> None:
    """A web page elsewhere can't record evidence through its reader's browser, nor countersign with no body at all."""
    problem(api.post("/v1/evidence", api.invoice(), headers={"origin": origin}), 403, "foreign-origin")
    path = f"/v1/evidence/0x{'12' * 32}/countersignature"
    problem(api.post(path, headers={"origin": origin}), 403, "foreign-origin")


def test_the_own_origin_is_welcome(api: Api) -> None:
    """A page that this very server gave may call it."""
    own = str(api.base_url).rstrip("/")
    assert api.get("/v1/parties", headers={"origin": own}).status_code == 200


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; x=y", ""]
)
def test_a_body_that_a_form_could_send_is_refused(api: Api, media_type: str) -> None:
    """Only media types that a browser asks leave for are read as a body."""
    answer = api.post("/v1/evidence", content=b"{}", headers={"content-type": media_type})
    problem(answer, 415, "unsupported-media-type")


def test_a_body_beyond_the_limit_is_refused(api: Api, opened: Opened) -> None:
    """A body above the limit is refused, be its length announced or not."""
    limit = opened.context.limits.json_bytes
    headers = {"content-type": "application/json"}
    announced = api.post("/v1/evidence", content=b" " * (limit + 1), headers=headers)
    assert str(limit) in problem(announced, 413, "too-large")["detail"]
    chunked = through_guard(None, content=b"12345678901", headers={**headers, "transfer-encoding": "chunked"})
    problem(chunked, 413, "too-large")


def test_unknown_routes_and_methods_are_problems(api: Api) -> None:
    """A path or method that does not exist is answered like any other error, and says what there is."""
    for path in ("/", "/v1", "/v2/evidence", "/docs", "/redoc", "/openapi.json", "/v1/evidence/", "/v1/parties/a/b/c"):
        problem(api.get(path), 404, "unknown-route")
    answer = api.delete("/v1/health")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"
    assert api.put("/v1/parties").headers["allow"] == "GET, POST"
    # a word of a path is no id, whatever template it fits
    assert problem(api.get("/v1/evidence/bulk"), 405, "method-not-allowed")
    assert api.get("/v1/evidence/bulk").headers["allow"] == "POST"


def test_an_unexpected_error_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    """The client learns the request's id and nothing else; the log has the id and the stack."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("secret of the inside")

    with caplog.at_level(logging.ERROR, "tallystick.web"):
        answer = through_guard(broken)
    found = problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] in found["todo"]
    assert answer.headers["x-request-id"] in caplog.text
    assert "secret of the inside" in caplog.text


def test_every_error_has_its_line_in_the_table() -> None:
    """Each class of the exception tree has a status and title of its own, or those of the class above it."""
    assert set(problems.BY_ERROR) <= set(all_errors())
    placed = {
        errors.MalformedRow: {"got": "'x'", "row": 2, "column": "due"},
        errors.MalformedDocument: {"element": "Invoice/cbc:ID"},
    }
    for kind in all_errors():
        made = problems.of_error(kind("expected this, got that.", todo="Do so.", **placed.get(kind, {})))
        assert 400 <= made.status < 600
        assert made.title
    names = [problems.slug(kind) for kind in problems.BY_ERROR]
    assert len(set(names)) == len(names)


def test_an_answer_is_kept_by_nobody(api: Api) -> None:
    """Credit data is not to be cached on its way, and is never taken for another media type."""
    headers = api.get("/v1/parties/Buyer/history").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_nobody_unknown_fills_the_disk(api: Api) -> None:
    """A large body without a good key is refused before it is kept; with one it is read to its end."""
    large = b" " * (3 * HELD_BYTES)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer nobody"}
    problem(api.request("POST", "/v1/verify", content=large, headers=headers), 401, "unauthenticated")
    del headers["Authorization"]
    assert api.request("POST", "/v1/verify", content=large, headers=headers).json()["failed"] == "schema"
