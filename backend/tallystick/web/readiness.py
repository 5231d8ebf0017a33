"""Whether the server can do its work: database, tables, chain, worker and disk, each asked in bounded time.

Rules:

- a part that does not answer within ``PATIENCE_SECONDS`` is failing; it is asked once at a time, however many want to
  know, so that it holds up neither the others nor the next question;
- to see that the node lives costs two requests; that it is the right one is looked at every ``CHECK_SECONDS``, and
  after it was gone;
- a failing part says why, and nothing secret: addresses of databases come without their passwords.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tallystick.errors import TallystickError
from tallystick.protocol.types import BlockRef
from tallystick.service.context import Context
from tallystick.service.work import Worker

CHECK_SECONDS = 10.0
PATIENCE_SECONDS = 3.0
LEAST_FREE_BYTES = 64 * 1024 * 1024
"""With less free space on the disk of the home, what comes next may not be kept."""


@dataclass(frozen=True, slots=True)
class ChainNow:
    """The newest block of a node that serves the right chain, and its newest final one."""

    newest: BlockRef
    final: BlockRef


class Readiness:
    """The parts of a server of ``context``; ``worker`` None: another process works; ``directory`` is its home."""

    def __init__(self, context: Context, worker: Worker | None, directory: Path | None) -> None:
        self._context = context
        self._worker = worker
        self._directory = directory
        self._database = _Bounded("database", self._look_at_database)
        self._chain = _Bounded("chain", self._look_at_chain)
        self._checked_at = float("-inf")
        self.chain_now: ChainNow | None = None
        """What the chain was when it was asked last; None where it could not be."""

    def failures(self) -> Mapping[str, str | None]:
        """Why each part fails, None where it does not; a part that is not of this server is not there."""
        found = {"database": self._database.failure(), "chain": self._chain.failure()}
        if self._worker is not None:
            found["worker"] = self._worker.last_error
        if self._directory is not None:
            found["disk"] = _disk_failure(self._directory)
        return found

    def _look_at_database(self) -> None:
        self._context.store.check()

    def _look_at_chain(self) -> None:
        chain, checked_at = self._context.chain, self._checked_at
        self.chain_now, self._checked_at = None, float("-inf")
        if time.monotonic() - checked_at >= CHECK_SECONDS:
            chain.check()
            checked_at = time.monotonic()
        newest = chain.header(None)
        assert newest is not None, "a chain has a block"
        self.chain_now, self._checked_at = ChainNow(newest.block, chain.final_block()), checked_at


class _Look:
    """One question that is under way, or answered."""

    def __init__(self) -> None:
        self.began_at = time.monotonic()
        self.done = threading.Event()
        self.failure: str | None = None


class _Bounded:
    """Asks ``look`` in a thread of its own, and waits only so long for it."""

    def __init__(self, name: str, look: Callable[[], None]) -> None:
        self._name = name
        self._look = look
        self._lock = threading.Lock()
        self._under_way: _Look | None = None

    def failure(self) -> str | None:
        """Why it fails now; None where it does not."""
        with self._lock:
            if self._under_way is None:
                self._under_way = _Look()
                threading.Thread(target=self._run, args=(self._under_way,), name=self._name, daemon=True).start()
            look = self._under_way
        if look.done.wait(max(0.0, look.began_at + PATIENCE_SECONDS - time.monotonic())):
            return look.failure
        return f"{self._name}: no answer within {PATIENCE_SECONDS:g} s."

    def _run(self, look: _Look) -> None:
        try:
            self._look()
        except TallystickError as error:
            look.failure = error.message
        except Exception as error:
            look.failure = f"{self._name}: unexpected {type(error).__name__}."
        with self._lock:
            self._under_way = None
        look.done.set()


def _disk_failure(directory: Path) -> str | None:
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        return f"{directory}: {error.strerror}."
    if free < LEAST_FREE_BYTES:
        return f"{directory}: expected {LEAST_FREE_BYTES} bytes of free space or more, got {free}."
    return None
