"""JSON-RPC 2.0 over HTTP: one POST route, batches, bounded input.

- Loopback only unless `allow_remote` is set: there is no authentication, anyone who can reach it controls the chain.
- A web page must not reach it either: only `application/json` is accepted (which a page cannot send across origins
  without asking first, and nobody answers) and, on loopback, only a Host header that names this machine.
- Every JSON-RPC answer has HTTP status 200; 413 and 415 refuse a body before it is read as JSON-RPC.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hardhat_free_devnet.encoding import Json, error_object
from hardhat_free_devnet.errors import (
    INVALID_REQUEST,
    LIMIT_EXCEEDED,
    PARSE_ERROR,
    DevnetError,
    RpcError,
    refused,
)
from hardhat_free_devnet.node import DevNode

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_BATCH = 1_000
START_TIMEOUT_SECONDS = 10.0
_LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]


def serve(
    node: DevNode,
    host: str = "127.0.0.1",
    port: int = 8545,
    *,
    allow_remote: bool = False,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve `node` on `host` and `port` (0: any free one) until the process is told to stop; call `ready` with the URL.

    Raises: DevnetError when `host` is not a loopback address and `allow_remote` is not set, or the port is taken.
    """
    listener = _listen(host, port, allow_remote)
    if ready is not None:
        ready(_url(listener))
    _server(node, host).run(sockets=[listener])


@contextmanager
def serve_in_background(node: DevNode, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve `node` in a thread while the body runs, and give the body the URL; loopback only.

    Raises: DevnetError as `serve`, or when the server does not start.
    """
    listener = _listen(host, port, allow_remote=False)
    server = _server(node, host)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        # The socket listens already, so that a client connecting now waits in its queue until the server accepts.
        yield _url(listener)
    finally:
        server.should_exit = True
        thread.join(START_TIMEOUT_SECONDS)
        listener.close()


def create_app(node: DevNode, trusted_hosts: list[str] | None = None) -> Starlette:
    """Return the ASGI application that answers for `node` to requests whose Host is in `trusted_hosts` (None: any)."""

    async def answer(request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            return _reply(_failure(None, RpcError(INVALID_REQUEST, "expected content-type application/json")), 415)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                error = RpcError(LIMIT_EXCEEDED, f"request too large: expected at most {MAX_BODY_BYTES} bytes")
                return _reply(_failure(None, error), 413)
        result = await run_in_threadpool(answer_body, node, bytes(body))
        return Response(status_code=204) if result is None else _reply(result, 200)

    hosts = ["*"] if trusted_hosts is None else trusted_hosts
    return Starlette(
        routes=[Route("/", answer, methods=["POST"])],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)],
    )


def answer_body(node: DevNode, body: bytes) -> Json | None:
    """Answer the JSON-RPC request or batch in `body`; None when it holds only notifications.

    Source: JSON-RPC 2.0 sections 4 to 6.
    """
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _failure(None, RpcError(PARSE_ERROR, f"parse error: {error}"))
    if not isinstance(message, list):
        return _answer_one(node, message)
    if not message:
        return _failure(None, RpcError(INVALID_REQUEST, "invalid request: expected a batch of at least one"))
    if len(message) > MAX_BATCH:
        return _failure(None, RpcError(LIMIT_EXCEEDED, f"batch too large: expected at most {MAX_BATCH} requests"))
    answers = [answer for answer in (_answer_one(node, each) for each in message) if answer is not None]
    return answers or None


def _answer_one(node: DevNode, message: Json) -> Json | None:
    if not isinstance(message, dict):
        return _failure(None, RpcError(INVALID_REQUEST, "invalid request: expected an object"))
    request_id = message.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, str | int | float | None):
        return _failure(None, RpcError(INVALID_REQUEST, "invalid request: expected id to be a string or a number"))
    method, params = message.get("method"), message.get("params", [])
    if message.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return _failure(request_id, RpcError(INVALID_REQUEST, 'invalid request: expected jsonrpc "2.0" and a method'))
    if params is not None and not isinstance(params, list):
        return _failure(request_id, RpcError(INVALID_REQUEST, "invalid request: expected params to be a list"))
    try:
        answer: Json = {"jsonrpc": "2.0", "id": request_id, "result": node.request(method, params or [])}
    except RpcError as error:
        answer = _failure(request_id, error)
    except DevnetError as error:
        answer = _failure(request_id, refused(error.message))
    return answer if "id" in message else None


def _failure(request_id: Json, error: RpcError) -> Json:
    return {"jsonrpc": "2.0", "id": request_id, "error": error_object(error)}


def _reply(content: Json, status: int) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


def _listen(host: str, port: int, allow_remote: bool) -> socket.socket:
    if not allow_remote and not _is_loopback(host):
        raise DevnetError(
            f"host: expected a loopback address, got {host!r}",
            "use 127.0.0.1, or allow remote access if everyone who can reach this machine may control the chain",
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise DevnetError(f"cannot listen on {host} port {port}: {error.strerror}", "choose another port") from error
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _server(node: DevNode, host: str) -> uvicorn.Server:
    hosts = [*_LOOPBACK_HOSTS, host] if _is_loopback(host) else None
    return uvicorn.Server(
        uvicorn.Config(create_app(node, hosts), log_level="warning", access_log=False, timeout_keep_alive=60)
    )


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
