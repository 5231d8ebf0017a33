"""What runs until it is stopped: the server, a worker alone, the development chain.

Rule: the server stands on a floor above this one, and only this place knows which one it is; so it is imported by name.
"""

from __future__ import annotations

import importlib
import signal
from collections.abc import Callable
from contextlib import ExitStack

from tallystick.bootstrap import open_home
from tallystick.config import Home, SystemClock
from tallystick.errors import UsageError
from tallystick.service.ports import TokenIssuer
from tallystick.stamping import token_check

_SERVER = "tallystick.web.server"


def run_devnet(arguments: list[str]) -> int:
    """Run the stand-alone development chain with its own command line ``arguments``; returns its exit code."""
    from hardhat_free_devnet.__main__ import main

    return main(arguments)


def serve(home: Home, host: str, port: int, ready: Callable[[str], None], *, works: bool = True) -> None:
    """Serve the HTTP API of ``home`` on the loopback address ``host`` until stopped; ``ready`` is given the URL.

    It admits, seals and indexes as well if it ``works``; else ``work`` does in other processes.

    Raises:
        UsageError: ``host`` is not a loopback address, the port is taken, or nobody could work beside it.
        HomeError, ChainError: as ``open_home``.
    """
    if not works:
        _refuse_embedded(home, "serve --no-worker")
    server = importlib.import_module(_SERVER)
    with server.listen(host, port) as listener, open_home(home, needs_node=False, works=works) as opened:
        server.run(
            opened.context,
            listener,
            ready,
            works=works,
            meter=opened.meter,
            directory=home.directory,
            check_token=token_check(home),
            public_url=home.settings().public_url,
            issuer=_issuer(home),
            trusted_proxies=(home.settings().trusted_proxies or "").split(),
        )


def work(home: Home, ready: Callable[[str | None], None], metrics_port: int | None = None) -> None:
    """Admit, seal and index for ``home`` until SIGINT or SIGTERM; the step under way is finished first.

    With a ``metrics_port`` (0: any that is free) it tells how it is there, on loopback; ``ready`` is given the URL.

    Raises:
        UsageError: nobody could record beside it, or the port is taken. HomeError, ChainError: as ``open_home``.
    """
    from tallystick.service.notify import Notifier
    from tallystick.service.work import IDLE_SECONDS, Worker

    _refuse_embedded(home, "worker")
    with ExitStack() as stack:
        server = listener = None
        if metrics_port is not None:
            server = importlib.import_module(_SERVER)
            listener = stack.enter_context(server.listen("127.0.0.1", metrics_port))
        opened = stack.enter_context(open_home(home, needs_node=False))
        worker = Worker(opened.context)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: worker.ask_to_stop())
        url = None
        if server is not None:
            watched = server.watching(opened.context, worker, listener, opened.meter, home.directory)
            url = stack.enter_context(watched)
        ready(url)
        notifier = Notifier(opened.context, idle_seconds=IDLE_SECONDS)
        notifier.start()
        stack.callback(notifier.stop)
        worker.run()


def _issuer(home: Home) -> TokenIssuer | None:
    """The OpenID Connect issuer that ``home`` trusts to say who somebody is, if it names one."""
    settings = home.settings()
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    from tallystick.identity.openid import OpenIdIssuer

    return OpenIdIssuer(settings.oidc_issuer, settings.oidc_audience, SystemClock().now)


def _refuse_embedded(home: Home, command: str) -> None:
    if home.settings().rpc_url is None:
        raise UsageError(
            f"{command}: expected a home with a node, got one with an embedded chain, which one process has to itself.",
            todo="Use `tallystick serve`, which works as well; or make a home with `tallystick init --rpc URL`.",
        )
