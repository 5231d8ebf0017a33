"""Serves the application on a loopback address until it is told to stop.

Rules: keys go over the wire, so that nobody but a proxy with TLS on this machine may connect; a stop lets the requests
and the step of the worker that are under way finish.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from tallystick.chain.meter import Meter
from tallystick.errors import UsageError
from tallystick.protocol.types import clip
from tallystick.service.context import Context
from tallystick.service.ports import TokenIssuer
from tallystick.service.stamp import CheckToken
from tallystick.service.work import IDLE_SECONDS, Worker
from tallystick.web.app import create_app, create_watch
from tallystick.web.guard import is_loopback
from tallystick.web.identity import SignIn
from tallystick.web.patience import DEFAULT, Patience, patient

BACKLOG = 128
GRACEFUL_SHUTDOWN_SECONDS = 10

logger = logging.getLogger("tallystick.web")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host``, a loopback address, and ``port`` (0: any that is free).

    Raises:
        UsageError: another machine could connect to ``host``, or the port can't be had.
    """
    if not is_loopback(host):
        raise UsageError(
            f"--host: expected a loopback address, got {clip(host)}: this server speaks no TLS, and API keys must not "
            "cross a network in the clear.",
            todo="Use 127.0.0.1, and a proxy with TLS in front of it; see docs/operations.md.",
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{host} port {port}: can't listen there ({reason}).", todo="Choose another port.") from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The URL at which ``listener`` is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(
    context: Context,
    *,
    idle_seconds: float | None = IDLE_SECONDS,
    meter: Meter | None = None,
    directory: Path | None = None,
    check_token: CheckToken,
    sign_in_by: SignIn | None = None,
    trusted_proxies: Sequence[str] = (),
    patience: Patience = DEFAULT,
) -> uvicorn.Server:
    """The server of the application over ``context``, not running yet; the options are those of ``create_app``.

    Of ``trusted_proxies`` (addresses, networks) it believes who their clients are, and of nobody else.
    """
    return _server(
        create_app(
            context,
            idle_seconds=idle_seconds,
            meter=meter,
            directory=directory,
            check_token=check_token,
            sign_in_by=sign_in_by,
            patience=patience,
        ),
        trusted_proxies,
        patience,
    )


def run(
    context: Context,
    listener: socket.socket,
    ready: Callable[[str], None],
    *,
    works: bool = True,
    meter: Meter | None = None,
    directory: Path | None = None,
    check_token: CheckToken,
    public_url: str | None = None,
    issuer: TokenIssuer | None = None,
    trusted_proxies: Sequence[str] = (),
) -> None:
    """Serve ``context`` on ``listener`` until SIGINT or SIGTERM; calls ``ready`` with the URL first.

    It has a worker of its own if it ``works``; wallets sign in at ``public_url``, tokens of ``issuer`` are taken; the
    other options as ``make_server``.
    """
    idle_seconds = IDLE_SECONDS if works else None
    server = make_server(
        context,
        idle_seconds=idle_seconds,
        meter=meter,
        directory=directory,
        check_token=check_token,
        sign_in_by=SignIn(public_url, issuer),
        trusted_proxies=trusted_proxies,
    )
    # uvicorn raises the signal again when it is done: a termination then leaves through the callers, who close the home
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)
    with context.store.transaction(read_only=True) as transaction:
        if not transaction.organisations():
            logger.warning("no accounts yet, so nobody may ask anything: tallystick account add NAME --role operator")
    if public_url is not None and not is_local(public_url) and not trusted_proxies:
        logger.warning("all who sign in by the proxy count as one address: name it in trusted_proxies under [service]")
    ready(url_of(listener))
    server.run(sockets=[listener])


@contextmanager
def watching(
    context: Context, worker: Worker, listener: socket.socket, meter: Meter | None, directory: Path | None
) -> Iterator[str]:
    """Tell on ``listener`` how ``worker`` is, from a thread, until the block ends; gives the URL."""
    server = _server(create_watch(context, worker, meter, directory))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="watch", daemon=True)
    thread.start()
    try:
        yield url_of(listener)
    finally:
        server.should_exit = True
        thread.join(GRACEFUL_SHUTDOWN_SECONDS)


def is_local(url: str) -> bool:
    """Whether ``url`` leads to this machine itself, with no proxy in between."""
    return is_loopback(urlsplit(url).hostname or "")


def _server(app: FastAPI, trusted_proxies: Sequence[str] = (), patience: Patience = DEFAULT) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=patient(patience),
        ws="none",
        # without a word from the settings nobody may say for whom they ask, whatever the environment holds
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )
    return uvicorn.Server(config)


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
