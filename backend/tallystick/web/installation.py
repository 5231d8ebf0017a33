"""The one installation that all requests and the sealing loop share.

Rules:

- use cases that write, index or send run one at a time: ``working`` holds the one lock;
- ``reading`` needs no lock: a read-only transaction sees one moment, and the chain answers from any thread;
- whoever works and must wait for the chain gives way meanwhile, so that finality holds up nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tallystick.service.context import Context


class Installation:
    """``context`` as many threads may use it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()

    @property
    def reading(self) -> Context:
        """The context for read-only transactions and facts that never change; do not write with it."""
        return self._context

    @contextmanager
    def working(self) -> Iterator[Context]:
        """The context for one use case, while no other one works."""
        with self._lock:
            yield self._context

    def give_way(self, wait: Callable[[], object]) -> None:
        """Let others work while ``wait`` runs; called inside ``working``, between two steps that are each whole."""
        self._lock.release()
        try:
            wait()
        finally:
            self._lock.acquire()
