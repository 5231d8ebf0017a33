"""A real PostgreSQL server for the tests: the one that ``TALLYSTICK_TEST_DATABASE_URL`` names, or a throw-away one.

- the throw-away one is made by the newest server programs of this machine (15 or later), in a temporary directory, and
  listens on a Unix socket there; as root it runs as another user, for PostgreSQL refuses root;
- it is stopped and its directory removed at the end, also where the tests were killed: a process of its own waits for
  the end of this one;
- every test has a schema of its own, dropped afterwards.

::

    server = Server.of_this_machine()
    with server.running(), Schemas(server.url).schema() as url:
        store = open_store(url)
        server.restart(immediate=True)
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text

VARIABLE = "TALLYSTICK_TEST_DATABASE_URL"
OLDEST = 15
"""The oldest major version that is supported."""
START_SECONDS = 60

# What the tests do need not survive a power cut, so nothing waits for the disk; a killed server still loses nothing,
# for what it wrote is with the operating system.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "listen_addresses": "''",
}
# Not what TMPDIR names: a socket's path is at most some 100 bytes long, and another user has to get there.
_DIRECTORY = "/tmp"
# Reads until every writer of the pipe is gone, that is: until the tests are over, however they ended.
_CLEANER = 'cat; "$0" -D "$1/data" -m immediate -w stop; rm -rf "$1"'


class NoServer(Exception):
    """There are no server programs here; says what was looked for."""


class Server:
    """A server of its own, made by the programs in ``programs``; it can be stopped and started at any moment."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = _unprivileged()
        self._directory: Path | None = None

    @classmethod
    def of_this_machine(cls) -> Server:
        """A server made by the newest programs that are installed. Raises ``NoServer``."""
        return cls(server_programs())

    @property
    def url(self) -> str:
        """The URL of its database, as its administrator."""
        query = {"host": str(self._directory)}
        return URL.create("postgresql", "postgres", database="postgres", query=query).render_as_string()

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Make it and start it; gone without a trace when the block ends."""
        self._directory = Path(tempfile.mkdtemp(prefix="tally-pg-", dir=_DIRECTORY))
        if self._user is not None:
            os.chown(self._directory, self._user.pw_uid, self._user.pw_gid)
        cleaner = subprocess.Popen(
            ["sh", "-c", _CLEANER, self._programs / "pg_ctl", self._directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt from the keyboard is for the tests, not for what cleans up
            **self._as_user(),
        )
        try:
            self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
            self.start()
            yield self
        finally:
            cleaner.communicate()
            self._directory = None

    @property
    def process(self) -> int:
        """The id of its first process, which all others come from."""
        return int(self._log.with_name("data").joinpath("postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {**_SETTINGS, "unix_socket_directories": self._directory}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._run("pg_ctl", "-w", "-t", str(START_SECONDS), "-l", str(self._log), "-o", options, "start")

    def stop(self, *, immediate: bool = False) -> None:
        """End all sessions and stop it; ``immediate`` is as if its machine had failed."""
        self._run("pg_ctl", "-w", "-m", "immediate" if immediate else "fast", "stop")

    def restart(self, *, immediate: bool = False) -> None:
        """Stop it and start it again."""
        self.stop(immediate=immediate)
        self.start()

    @property
    def _log(self) -> Path:
        assert self._directory is not None, "running"
        return self._directory / "log"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._log.with_name("data")), *arguments]
        # To a file: a pipe would stay open as long as the server runs.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(command, stdout=output, stderr=output, check=False, **self._as_user())
            output.seek(0)
            told = output.read().decode(errors="replace")
        log = self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""
        assert done.returncode == 0, f"{program} {arguments}\n{told}\n{log}"

    def _as_user(self) -> dict:  # type: ignore[type-arg]
        options = {"cwd": "/", "env": {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}}
        if self._user is None:
            return options
        return {**options, "user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


class Schemas:
    """Makes and drops schemas in the database at ``url``."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self._url, pool_pre_ping=True)

    @contextmanager
    def schema(self) -> Iterator[str]:
        """The URL of an empty schema, which is dropped with all that it holds when the block ends."""
        name = f"tallystick_{uuid.uuid4().hex}"
        self._do(f"CREATE SCHEMA {name}")
        try:
            named = self._url.set(drivername="postgresql").update_query_dict({"options": f"-csearch_path={name}"})
            yield named.render_as_string(hide_password=False)
        finally:
            self._do(f"DROP SCHEMA {name} CASCADE")

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _do(self, statement: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(text("SET client_min_messages = warning"))
            connection.execute(text(statement))


@contextmanager
def schemas() -> Iterator[Schemas]:
    """Schemas on the server that the environment names, else on a throw-away one. Raises ``NoServer``."""
    named = os.environ.get(VARIABLE)
    if named:
        made = Schemas(named)
        yield made
        made.close()
        return
    with Server.of_this_machine().running() as server:
        made = Schemas(server.url)
        yield made
        made.close()


def emptied(url: str) -> None:
    """Remove every row of the store at ``url``, and count from 1 again: faster than to make the tables anew."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"))
        tables = ", ".join(f'"{name}"' for name in names.scalars() if name != "alembic_version")
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    engine.dispose()


def server_programs() -> Path:
    """The directory of the newest server programs here: on the path, of ``pg_config``, or where Debian has them.

    Raises:
        NoServer: there are none of version 15 or later.
    """
    candidates = [Path(found).resolve().parent for found in (shutil.which("initdb"), shutil.which("postgres")) if found]
    if shutil.which("pg_config"):
        told = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False)
        candidates.append(Path(told.stdout.strip()))
    candidates += Path("/usr/lib/postgresql").glob("*/bin")
    usable = {(version, path) for path in candidates if (version := _version(path)) >= OLDEST}
    if not usable:
        raise NoServer(
            f"no PostgreSQL {OLDEST} or later: {VARIABLE} is not set, and there are no server programs (initdb, "
            "pg_ctl, postgres) on the path, in `pg_config --bindir` or in /usr/lib/postgresql"
        )
    return max(usable)[1]


def _version(programs: Path) -> int:
    """The major version of the server programs in ``programs``; 0 where they are not whole."""
    if not all(os.access(programs / name, os.X_OK) for name in ("initdb", "pg_ctl", "postgres")):
        return 0
    told = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\) (\d+)", told.stdout)
    return int(found.group(1)) if found else 0


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as: None is whoever runs the tests."""
    if os.getuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]
