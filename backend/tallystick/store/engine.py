"""Opens a database of SQLite or PostgreSQL: connection, settings, migration to the tables of this version.

- SQLite: write-ahead log, every commit on the disk before it returns, foreign keys checked, a writer takes its
  lock at the start (``BEGIN IMMEDIATE``) and so never fails half way for another one;
- PostgreSQL: its own defaults are right; migrations take an advisory lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, make_url, text
from sqlalchemy.pool import StaticPool

from tallystick.errors import StoreError
from tallystick.store.failures import translated
from tallystick.store.schema import HEAD

READ_ONLY = "tallystick_read_only"
"""The execution option of a connection whose transaction only reads."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x7A11
"""Any number of our own, the same in every process: the key of the advisory lock."""


def open_engine(url: str | Path, busy_timeout_seconds: float) -> tuple[Engine, str]:
    """The engine for ``url``, its tables at ``HEAD``, and the name of the database for messages (no password).

    Raises:
        StoreError: not a database URL, no driver, another program's database, or one of a newer version.
        StoreUnavailable: no such directory, locked for ``busy_timeout_seconds``, or no answer.
    """
    parsed = _parse(url)
    place = parsed.render_as_string(hide_password=True)
    sqlite = parsed.get_backend_name() == "sqlite"
    try:
        engine = _sqlite_engine(parsed, busy_timeout_seconds) if sqlite else create_engine(parsed, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"The database {place} needs the Python package {error.name!r}, which is not installed.",
            todo="Install it: pip install 'psycopg[binary]'",
        ) from error
    event.listen(engine, "begin", _begin_sqlite if sqlite else _begin_postgresql)
    try:
        with translated(place):
            _migrate(engine, place)
    except BaseException:
        engine.dispose()
        raise
    return engine, place


def is_in_memory(engine: Engine) -> bool:
    """Whether the database of ``engine`` lives in this process only, on one connection."""
    return isinstance(engine.pool, StaticPool)


@contextmanager
def begun(engine: Engine, *, read_only: bool) -> Iterator[Connection]:
    """One transaction of ``engine``: committed when the block ends, rolled back when it raises."""
    with engine.connect() as connection:
        connection = connection.execution_options(**{READ_ONLY: read_only})
        with connection.begin():
            yield connection


def _parse(url: str | Path) -> URL:
    if isinstance(url, Path):
        return URL.create("sqlite", database=str(url))
    todo = "Give sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE."
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise StoreError("database_url: expected a database URL, got something else.", todo=todo) from error
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StoreError(f"database_url: expected sqlite or postgresql, got {parsed.drivername!r}.", todo=todo)
    return parsed


def _sqlite_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    arguments = {"timeout": busy_timeout_seconds, "isolation_level": None, "check_same_thread": False}
    if url.database in (None, "", ":memory:"):
        engine = create_engine(url, connect_args=arguments, poolclass=StaticPool)
    else:
        engine = create_engine(url, connect_args=arguments, pool_timeout=busy_timeout_seconds)

    @event.listens_for(engine, "connect")
    def configure(connection, _record) -> None:  # type: ignore[no-untyped-def]
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(READ_ONLY, False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _migrate(engine: Engine, place: str) -> None:
    """Bring the tables to ``HEAD``, all of it or nothing; reads only where they are there already."""
    with begun(engine, read_only=True) as connection:
        if _revision(connection, place) == HEAD:
            return
    with begun(engine, read_only=False) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        _upgrade(connection, _revision(connection, place), place)


def _revision(connection: Connection, place: str) -> str | None:
    """The revision of the tables that ``connection`` finds; None for an empty database."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise StoreError(
            f"The database {place}: expected an empty database or one of Tallystick, got the tables of another "
            f"program ({', '.join(sorted(tables)[:5])}).",
            todo="Name another database.",
        )
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection, revision: str | None, place: str) -> None:
    # Alembic takes a third of a second to import, and is needed only for a database that is not at HEAD.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreError(
            f"The database {place}: expected a revision that leads to {HEAD}, got {revision}: "
            f"another version of Tallystick wrote it.",
            todo="Use that version or a newer one, or an empty database; nothing was changed.",
        )
    command.upgrade(config, "head")
