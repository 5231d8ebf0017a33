"""One deployment per module; each test finds it as it was deployed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.deployment import Deployment


@pytest.fixture(scope="module")
def shared_deployment() -> Deployment:
    return Deployment()


@pytest.fixture
def chain(shared_deployment: Deployment) -> Iterator[Deployment]:
    snapshot = shared_deployment.tester.take_snapshot()
    yield shared_deployment
    shared_deployment.tester.revert_to_snapshot(snapshot)
