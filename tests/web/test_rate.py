"""One key asks so often and no oftener; others do not pay for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bootstrap import Opened
from tallystick.errors import RateExceeded
from tallystick.web.app import create_app
from tallystick.web.rate import BURST_SECONDS, MOST_KEYS, Rate
from web.conftest import trusting_no_authority
from web.keys import Keys


class Clock:
    """A clock that stands until it is moved on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def passes(rate: Rate, key: str) -> bool:
    try:
        rate.take(key)
    except RateExceeded:
        return False
    return True


def test_a_key_that_asks_too_often_waits_and_others_do_not() -> None:
    """The burst passes, the next one is told how long to wait, and after that time it passes."""
    clock = Clock()
    rate = Rate(30, clock)
    assert [passes(rate, "a") for _ in range(6)] == [True] * 5 + [False]
    with pytest.raises(RateExceeded) as caught:
        rate.take("a")
    assert caught.value.seconds == 2
    assert passes(rate, "b")
    clock.now = 1.9
    assert not passes(rate, "a")
    clock.now = 2.0
    assert passes(rate, "a")


@given(st.integers(1, 600), st.lists(st.floats(0, 20), max_size=200))
def test_no_key_gets_more_than_its_rate_and_its_burst(per_minute: int, pauses: list[float]) -> None:
    """However it spreads its requests, at most the burst and what the time since the first allows pass."""
    clock = Clock()
    rate = Rate(per_minute, clock)
    passed = 0
    for pause in pauses:
        clock.now += pause
        passed += passes(rate, "a")
    assert passed <= max(1, BURST_SECONDS * per_minute / 60) + clock.now * per_minute / 60 + 1e-6


def test_memory_is_bounded_and_who_waits_is_not_forgotten() -> None:
    """Any number of keys: some full buckets are dropped, an empty one is kept."""
    clock = Clock()
    rate = Rate(60, clock)
    while passes(rate, "busy"):
        pass
    for number in range(2 * MOST_KEYS):
        clock.now += 0.00001
        rate.take(str(number))
    assert not passes(rate, "busy")
    assert len(rate._left) <= MOST_KEYS


def test_over_http_it_is_429_with_retry_after(opened: Opened, keys: Keys) -> None:
    """The problem says what was expected; another key goes on meanwhile."""
    context = replace(opened.context, limits=replace(opened.context.limits, requests_per_minute=6))
    app = create_app(context, idle_seconds=None, check_token=trusting_no_authority)
    with TestClient(app, base_url="http://localhost") as client:
        headers = {"Authorization": f"Bearer {keys.group}"}
        assert client.get("/v1/account", headers=headers).status_code == 200
        answer = client.get("/v1/account", headers=headers)
        assert answer.status_code == 429
        assert answer.json()["type"] == "urn:tallystick:problem:rate-exceeded"
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        other = {"Authorization": f"Bearer {keys.operator}"}
        assert client.get("/v1/account", headers=other).status_code == 200
