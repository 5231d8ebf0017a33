"""How far the chain is indexed, asked by many at a time: one of them asks the node, the others wait for what it finds.

Rules:

- whoever asks within ``TRUSTED_SECONDS`` of the last look at the chain asks nobody: what the index says by then counts,
  which is never older than what its asker may have read of it before;
- a look that fails, fails all that wait for it: a node that is down is not asked once for each of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.store.records import Cursor

TRUSTED_SECONDS = 1.0
"""What a worker has indexed meanwhile counts all the same; without one, nobody sees a block later than that."""


class Newest:
    """The newest final block as ``index`` knows it, by a ``clock`` in monotonic seconds. Any thread may ask."""

    def __init__(self, context: Context, clock: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._clock = clock
        self._lock = threading.Lock()
        self._look: Future[None] | None = None
        self._looked_at: float | None = None

    def __call__(self) -> Cursor:
        """How far the index is final, after a look at the chain that is at most ``TRUSTED_SECONDS`` old.

        Raises as ``index``.
        """
        with self._lock:
            if self._looked_at is not None and self._clock() - self._looked_at < TRUSTED_SECONDS:
                look = None
            else:
                look = self._look
                mine = look is None
                if look is None:
                    look = self._look = Future()
        if look is not None:
            if mine:
                self._take(look)
            look.result()
        with self._context.store.transaction(read_only=True) as transaction:
            found = transaction.cursor()
        assert found is not None, "a look at the chain keeps how far it came"
        return found

    def _take(self, look: Future[None]) -> None:
        began = self._clock()
        try:
            index(self._context)
        except BaseException as error:
            with self._lock:
                self._look = None
            look.set_exception(error)
            return
        with self._lock:
            self._look, self._looked_at = None, began
        look.set_result(None)
