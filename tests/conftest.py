"""A PostgreSQL server for the tests that need one; at the end of every run, what was not tested and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from postgresql import NoServer, Schemas, Server, schemas


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Schemas]:
    """A PostgreSQL server for the whole run; skips where there is none."""
    try:
        with schemas() as made:
            yield made
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture
def postgresql_url(postgresql: Schemas) -> Iterator[str]:
    """The URL of an empty schema of this test's own."""
    with postgresql.schema() as url:
        yield url


@pytest.fixture(scope="module")
def restartable() -> Iterator[Server]:
    """A PostgreSQL server that the tests of one module may stop and kill; skips where it can't be made."""
    try:
        with Server.of_this_machine().running() as server:
            yield server
    except NoServer as error:
        pytest.skip(str(error))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that at the end no process waits for another one's."""
    items.sort(key=lambda item: "/end_to_end/" not in item.path.as_posix())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests were skipped for each reason."""
    skipped: list[Any] = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.section("not tested")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:5} tests: {reason}")
