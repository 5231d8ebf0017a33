"""Runs each test on SQLite in memory and in a file, and on PostgreSQL.

Every test has a database of its own: a new file, or a new schema that is dropped afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.store.sql import SqlStore, open_store


@pytest.fixture(params=["sqlite-file", "postgresql"])
def lasting_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database that outlives its connections."""
    if request.param == "sqlite-file":
        return f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(params=["sqlite-memory", "sqlite-file", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    elif request.param == "sqlite-file":
        url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    else:
        url = "sqlite://"
    opened = open_store(url)
    yield opened
    opened.close()
