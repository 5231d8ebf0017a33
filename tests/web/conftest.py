"""One real server for all tests here: its own home, keystore, database and embedded chain, over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tallystick import bootstrap
from tallystick.bootstrap import Opened
from tallystick.config import Home
from tallystick.protocol.types import Hash
from tallystick.service.context import Context
from tallystick.timestamp.token import TokenVerdict, check_token
from tallystick.web.server import listen, make_server, url_of
from web.keys import Keys
from web.support import PASSPHRASE, Api

IDLE_SECONDS = 0.2
ENVIRONMENT = {"TALLYSTICK_PASSPHRASE": PASSPHRASE}


def trusting_no_authority(token: bytes, root: Hash) -> TokenVerdict:
    """How a home judges time-stamps that names no authority's certificates."""
    return check_token(token, root, ())


@contextmanager
def serving(opened: Opened, context: Context | None = None, **options: Any) -> Iterator[str]:
    """The URL of a server over ``opened``, which seals, until the block ends; over another ``context`` it only serves.

    ``options`` are those of ``make_server``.
    """
    idle_seconds = IDLE_SECONDS if context is None else None
    context = context or opened.context
    server = make_server(context, idle_seconds=idle_seconds, check_token=trusting_no_authority, **options)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which nothing is recorded; copy it before use."""
    home = Home(tmp_path_factory.mktemp("web") / "empty")
    bootstrap.init_home(home, environment=ENVIRONMENT)
    with bootstrap.open_home(home, environment=ENVIRONMENT) as opened:
        Keys.made(opened.context).keep(home.directory)
    return home.directory


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The home that the server works in."""
    home = Home(tmp_path_factory.mktemp("web") / "home")
    bootstrap.init_home(home, environment=ENVIRONMENT)
    with bootstrap.open_home(home, environment=ENVIRONMENT) as opened:
        yield opened


@pytest.fixture(scope="session")
def keys(opened: Opened) -> Keys:
    """The keys of the accounts there."""
    return Keys.made(opened.context)


@pytest.fixture(scope="session")
def api(opened: Opened, keys: Keys) -> Iterator[Api]:
    """The server with a supplier and a buyer that have a contract, and a lender that has none."""
    with serving(opened) as url, Api(url, keys) as api:
        for role in ("Supplier", "Buyer", "Lender"):
            made = api.post("/v1/parties", {"name": role, "identifiers": [f"LEI:{role.upper()}"]})
            assert made.status_code == 201, made.text
            api.parties[role] = made.json()["party"]
        api.deal = api.record(api.contract())["deal"]
        yield api
