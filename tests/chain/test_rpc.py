"""A node behind HTTP that is absent, slow, broken or rude; what was asked for how often."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tallystick.chain.node import Node, NodeTimeout
from tallystick.chain.rpc import READ_ATTEMPTS, open_http
from tallystick.chain.sender import Sender
from tallystick.chain.wire import NodeRefused
from tallystick.errors import ChainUnreachable, UsageError

Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


@contextmanager
def http_server(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server that lets ``answer`` reply; gives its URL and the list of methods asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body["method"])
            answer(self, body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/secret-key", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def hang_up(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    handler.connection.close()


@pytest.mark.parametrize("url", ["", "localhost:8545", "ftp://localhost", "http://", "http://localhost:99999"])
def test_a_malformed_url_is_refused(url: str) -> None:
    """Anything but an http or https URL is refused before it is used."""
    with pytest.raises(UsageError, match="node URL: expected"):
        open_http(url)


def test_an_absent_node_is_unreachable() -> None:
    """A node that can't be connected to is unreachable, and the error does not show the key in its URL."""
    with http_server(hang_up) as (url, _):
        pass
    with pytest.raises(ChainUnreachable, match=r"node 127\.0\.0\.1:") as raised:
        Node(open_http(url)).chain_id()
    assert "secret-key" not in str(raised.value)


def test_a_silent_node_is_unreachable() -> None:
    """A node that does not answer in time is unreachable."""
    release = threading.Event()

    def keep_silent(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        release.wait()

    try:
        with http_server(keep_silent) as (url, _), pytest.raises(NodeTimeout):
            Node(open_http(url, timeout_seconds=0.1)).chain_id()
    finally:
        release.set()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, b"<html>", id="not JSON"),
        pytest.param(200, b"[]", id="not an object"),
        pytest.param(200, b"{}", id="neither result nor error"),
        pytest.param(503, b"", id="overloaded"),
    ],
)
def test_an_answer_that_is_none_is_unreachable(status: int, body: bytes) -> None:
    """What is not a JSON-RPC answer counts as no answer."""
    with http_server(lambda handler, _: reply(handler, status, body)) as (url, _), pytest.raises(ChainUnreachable):
        Node(open_http(url)).chain_id()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        pytest.param(200, b'{"error": {"code": -32005, "message": "limit"}}', "limit", id="JSON-RPC error"),
        pytest.param(400, b'{"error": {"code": -32005, "message": "limit"}}', "limit", id="error with HTTP status"),
        pytest.param(401, b"who are you", "HTTP status 401", id="HTTP status alone"),
        pytest.param(200, b'{"error": "odd"}', "odd", id="error that is no object"),
    ],
)
def test_a_refusal_is_told(status: int, body: bytes, reason: str) -> None:
    """An error that the node answers is passed on with its message."""
    with (
        http_server(lambda handler, _: reply(handler, status, body)) as (url, _),
        pytest.raises(NodeRefused, match=reason),
    ):
        Node(open_http(url)).chain_id()


def test_a_transaction_is_never_repeated_by_the_transport() -> None:
    """When the connection breaks, a read is asked again and a transaction is not."""
    with http_server(hang_up) as (url, asked):
        node = Node(open_http(url))
        with pytest.raises(ChainUnreachable):
            node.chain_id()
        assert asked == ["eth_chainId"] * READ_ATTEMPTS
        asked.clear()
        with pytest.raises(ChainUnreachable):
            Sender(node, 1).broadcast(b"\x02")
        assert asked == ["eth_sendRawTransaction"]


def test_a_node_that_comes_back_is_read() -> None:
    """A read whose first attempt fails succeeds with a later one."""
    broken = [hang_up]

    def answer(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        if broken:
            broken.pop()(handler, body)
        else:
            reply(handler, 200, json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": "0x7"}).encode())

    with http_server(answer) as (url, _):
        assert Node(open_http(url)).chain_id() == 7
