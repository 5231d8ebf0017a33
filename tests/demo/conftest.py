"""The whole story, told once; and its first quarter, played once for all tests that only read what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from demo.installation import Stage, built_before
from tallystick.service.demo.play import Played
from tallystick.service.demo.story import Story, tell


@pytest.fixture(scope="session")
def story() -> Story:
    """Both years."""
    return tell()


@pytest.fixture(scope="session")
def first_quarter() -> Story:
    """January to March 2024."""
    return tell(until=date(2024, 3, 29))


@pytest.fixture(scope="session")
def stage(first_quarter: Story) -> Iterator[Stage]:
    """An installation in which the first quarter is to be played."""
    with built_before(first_quarter) as built:
        yield built


@pytest.fixture(scope="session")
def played(stage: Stage, first_quarter: Story) -> Played:
    """What came of the first quarter, on ``stage``."""
    return stage.play(first_quarter)
