"""How often one key may ask, or one address: a bucket of tokens that fills again as time goes by.

Rule: who rests has ``BURST_SECONDS`` worth of requests at once, and who never rests their rate on average.
The buckets are this process's own: of several API processes each gives the whole rate.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from tallystick.errors import RateExceeded

BURST_SECONDS = 10
MOST_KEYS = 10_000
"""Buckets that are kept at most; a full one says nothing that a new one does not, and is the first to go."""


class Rate:
    """``per_minute`` requests for each key, counted by ``clock`` (monotonic seconds). Any thread may ask.

    ``what`` is counted, and ``hint`` what else to do than wait.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        what: str = "key",
        hint: str = "; ask for many things in one request, as /v1/evidence/bulk does",
    ) -> None:
        assert per_minute > 0, "a key that may never ask is revoked"
        self._what, self._hint = what, hint
        self._per_second = per_minute / 60
        self._size = max(1.0, BURST_SECONDS * self._per_second)
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}
        """Tokens by key, and as of when."""

    def take(self, key: str) -> None:
        """Let one request of ``key`` pass. Raises ``RateExceeded`` with the whole seconds to wait."""
        with self._lock:
            now = self._clock()
            left = self._tokens(key, now)
            if left < 1:
                wait = math.ceil((1 - left) / self._per_second)
                raise RateExceeded(
                    f"{self._what} {key}: expected at most {self._per_second * 60:g} requests a minute, got more.",
                    todo=f"Wait {wait} s{self._hint}.",
                    seconds=wait,
                )
            if key not in self._left and len(self._left) >= MOST_KEYS:
                self._forget(now)
            self._left[key] = (left - 1, now)

    def _tokens(self, key: str, now: float) -> float:
        left, then = self._left.get(key, (self._size, now))
        return min(self._size, left + (now - then) * self._per_second)

    def _forget(self, now: float) -> None:
        """Drop the fuller half."""
        by_tokens = sorted(self._left, key=lambda key: self._tokens(key, now))
        for key in by_tokens[len(by_tokens) // 2 :]:
            del self._left[key]
