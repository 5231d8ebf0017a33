"""Runs each test on SQLite in memory and in a file, and on PostgreSQL where ``TALLYSTICK_TEST_DATABASE_URL`` names one.

Every test has a database of its own: a new file, or a new schema that is dropped afterwards.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tallystick.store.sql import SqlStore, open_store

VARIABLE = "TALLYSTICK_TEST_DATABASE_URL"


@pytest.fixture(params=["sqlite-file", "postgresql"])
def lasting_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database that outlives its connections."""
    if request.param == "sqlite-file":
        yield f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
        return
    with _postgresql_schema() as url:
        yield url


@pytest.fixture(params=["sqlite-memory", "sqlite-file", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store."""
    if request.param == "postgresql":
        with _postgresql_schema() as url:
            yield from _opened(url)
    elif request.param == "sqlite-file":
        yield from _opened(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    else:
        yield from _opened("sqlite://")


def _opened(url: str) -> Iterator[SqlStore]:
    opened = open_store(url)
    yield opened
    opened.close()


class _postgresql_schema:  # noqa: N801  read as a with statement
    def __enter__(self) -> str:
        base = os.environ.get(VARIABLE)
        if not base:
            pytest.skip(f"{VARIABLE} names no PostgreSQL database")
        self.name = f"tallystick_{uuid.uuid4().hex}"
        url = make_url(base).set(drivername="postgresql+psycopg")
        self.engine = create_engine(url)
        with self.engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {self.name}"))
        named = url.update_query_dict({"options": f"-csearch_path={self.name}"})
        return named.render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {self.name} CASCADE"))
        self.engine.dispose()
