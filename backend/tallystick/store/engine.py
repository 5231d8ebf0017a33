"""Opens a database of SQLite or PostgreSQL: connection, settings, migration to the tables of this version.

- SQLite: write-ahead log, every commit on the disk before it returns, foreign keys checked, a writer takes its
  lock at the start (``BEGIN IMMEDIATE``) and so never fails half way for another one;
- PostgreSQL: a pool of connections, each looked at before it is used, unless it was used a moment ago; nothing waits
  for ever (``_postgresql_engine``);
  migrations take an advisory lock, and so does a writer: what a use case has checked still holds when it commits, as
  on SQLite, and readers wait for nobody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, make_url, text
from sqlalchemy.pool import NullPool, StaticPool

from tallystick.errors import StoreError
from tallystick.store.failures import commit_failure, translated
from tallystick.store.schema import HEAD

READ_ONLY = "tallystick_read_only"
"""The execution option of a connection whose transaction only reads."""

POOL_CONNECTIONS = 10
"""Connections to PostgreSQL that a process keeps open once it needed them."""
POOL_EXTRA_CONNECTIONS = 10
"""Connections it opens beyond those while many requests are under way, and closes when they are answered."""
TRUSTED_SECONDS = 1.0
"""A connection that was used so short a time ago is there still: many requests a second don't look each time."""
CONNECT_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_SECONDS = 300
"""No statement of ours takes minutes: one that does waits for a disk or a plan that went wrong."""
IDLE_IN_TRANSACTION_TIMEOUT_SECONDS = 600
"""A program that hangs inside a transaction holds its locks and keeps old rows alive: the server ends it then. Above
what the longest transaction computes between two statements."""
LOST_AFTER_SECONDS = 30
"""A peer that answers nothing for so long is gone; without this, TCP would wait for hours."""
OLDEST_SERVER = 15
"""The oldest major version of PostgreSQL that is tested."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x7A11
"""Any number of our own, the same in every process: the key of the advisory lock."""
_WRITER_LOCK = 0x7A12
_USED_AT = "tallystick_used_at"


def open_engine(url: str | Path, busy_timeout_seconds: float) -> tuple[Engine, str]:
    """The engine for ``url``, its tables at ``HEAD``, and the name of the database for messages (no password).

    Raises:
        StoreError: not a database URL, no driver, another program's database, or one of a newer version.
        StoreUnavailable: no such directory, locked for ``busy_timeout_seconds``, or no answer.
    """
    parsed = _parse(url)
    place = _without_secrets(parsed)
    sqlite = parsed.get_backend_name() == "sqlite"
    try:
        engine = (_sqlite_engine if sqlite else _postgresql_engine)(parsed, busy_timeout_seconds)
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
def begun(engine: Engine, place: str, *, read_only: bool) -> Iterator[Connection]:
    """One transaction of ``engine`` at ``place``: committed when the block ends, rolled back when it raises.

    Raises:
        StoreUnavailable: the connection was lost during the commit, so that nobody knows whether it was kept.
    """
    with engine.connect() as connection:
        connection = connection.execution_options(**{READ_ONLY: read_only})
        transaction = connection.begin()
        try:
            yield connection
        except BaseException:
            # Where the connection is gone the server has rolled back already, and what was raised first counts.
            with suppress(exc.SQLAlchemyError):
                transaction.rollback()
            raise
        try:
            transaction.commit()
        except exc.SQLAlchemyError as error:
            if read_only:
                raise
            raise commit_failure(error, place) from error


def dedicated_engine(engine: Engine, application_name: str) -> Engine:
    """An engine to the PostgreSQL database of ``engine`` for a session that is held for long, outside of its pool.

    Such a session is idle on purpose: no timeout of the server's ends it. A client that is gone without a word is
    noticed by the server after ``LOST_AFTER_SECONDS``.
    """
    options = {
        "statement_timeout": 0,
        "idle_session_timeout": 0,
        "tcp_keepalives_idle": LOST_AFTER_SECONDS // 3,
        "tcp_keepalives_interval": LOST_AFTER_SECONDS // 3,
        "tcp_keepalives_count": 2,
    }
    arguments = _postgresql_arguments(engine.url, options) | {"application_name": application_name}
    return create_engine(engine.url, connect_args=arguments, poolclass=NullPool, isolation_level="AUTOCOMMIT")


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


def _without_secrets(url: URL) -> str:
    """``url`` for messages: libpq takes a password among the parameters too, where SQLAlchemy does not hide it."""
    shown = {name: "***" if "password" in name.lower() else value for name, value in url.query.items()}
    return url.set(query=shown).render_as_string(hide_password=True)


def _postgresql_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    options = {
        # As on SQLite: who waits for another writer gives up after this; 0 would mean for ever.
        "lock_timeout": max(1, round(busy_timeout_seconds * 1000)),
        "statement_timeout": STATEMENT_TIMEOUT_SECONDS * 1000,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_SECONDS * 1000,
    }
    engine = create_engine(
        url,
        connect_args=_postgresql_arguments(url, options),
        pool_size=POOL_CONNECTIONS,
        max_overflow=POOL_EXTRA_CONNECTIONS,
        pool_timeout=busy_timeout_seconds,
    )

    @event.listens_for(engine, "connect")
    @event.listens_for(engine, "checkin")
    def note_use(_connection, record) -> None:  # type: ignore[no-untyped-def]
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection, record, _proxy) -> None:  # type: ignore[no-untyped-def]
        # A server that was restarted leaves dead connections in the pool: a ping costs less than a failed request.
        if time.monotonic() - record.info[_USED_AT] > TRUSTED_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise exc.DisconnectionError from error  # the pool opens another one in its place

    return engine


def _postgresql_arguments(url: URL, options: Mapping[str, int]) -> dict[str, Any]:
    """What libpq is told: ``options`` of the session, unless ``url`` says otherwise."""
    arguments: dict[str, Any] = {
        "application_name": "tallystick",
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "keepalives_idle": LOST_AFTER_SECONDS // 3,
        "keepalives_interval": LOST_AFTER_SECONDS // 3,
        "keepalives_count": 2,
        "tcp_user_timeout": LOST_AFTER_SECONDS * 1000,
    }
    ours = {name: value for name, value in arguments.items() if name not in url.query}
    # Of two options of one name the later one holds: what the URL says has the last word.
    given = url.query.get("options", ())
    spelled = [
        *(f"-c{name}={value}" for name, value in options.items()),
        *([given] if isinstance(given, str) else given),
    ]
    return {**ours, "options": " ".join(spelled)}


def _sqlite_engine(url: URL, busy_timeout_seconds: float) -> Engine:
    arguments = {"timeout": busy_timeout_seconds, "isolation_level": None, "check_same_thread": False}
    if url.database in (None, "", ":memory:"):
        engine = create_engine(url, connect_args=arguments, poolclass=StaticPool)
    else:
        engine = create_engine(url, connect_args=arguments, pool_timeout=busy_timeout_seconds)

    @event.listens_for(engine, "connect")
    def configure(connection, _record) -> None:  # type: ignore[no-untyped-def]
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    if connection.info.get(READ_ONLY) != read_only:  # the pragma outlives the transaction
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
        connection.info[READ_ONLY] = read_only
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    from psycopg import IsolationLevel

    read_only = connection.get_execution_options().get(READ_ONLY, False)
    wanted = (IsolationLevel.REPEATABLE_READ, True) if read_only else (None, None)
    driver: Any = connection.connection.driver_connection
    if (driver.isolation_level, driver.read_only) != wanted:  # part of the BEGIN that the driver sends
        driver.isolation_level, driver.read_only = wanted
    if not read_only:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK}, hashtext(current_schema()))")


def check_revision(engine: Engine, place: str) -> None:
    """Raises ``StoreError`` if the tables of ``engine`` are not at ``HEAD`` (any more)."""
    with begun(engine, place, read_only=True) as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision != HEAD:
        raise StoreError(
            f"The database {place}: expected revision {HEAD}, got {revision}: another version of Tallystick "
            "migrated it.",
            todo="Start this program anew, with that version.",
        )


def _migrate(engine: Engine, place: str) -> None:
    """Bring the tables to ``HEAD``, all of it or nothing; reads only where they are there already."""
    with begun(engine, place, read_only=True) as connection:
        if connection.dialect.name == "postgresql":
            _check_server(connection, place)
        if _revision(connection, place) == HEAD:
            return
    with begun(engine, place, read_only=False) as connection:
        if connection.dialect.name == "postgresql":
            # A revision may rewrite a large table.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        _upgrade(connection, _revision(connection, place), place)


def _check_server(connection: Connection, place: str) -> None:
    major = connection.execute(text("SHOW server_version_num")).scalar_one()
    if int(major) // 10_000 < OLDEST_SERVER:
        raise StoreError(
            f"The database {place}: expected PostgreSQL {OLDEST_SERVER} or later, got {int(major) // 10_000}.",
            todo="Use a newer server.",
        )
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"The database {place}: expected the encoding UTF8, got {encoding}, which can't hold every name.",
            todo="Make a database with it: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
        )


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
