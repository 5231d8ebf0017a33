"""A file that one process at a time holds locked: by ``flock``, which the kernel gives back even after kill -9.

- the file stays when the lock is given back: a lock on a name that somebody else may make anew would protect nothing;
- while it is held it names the process that holds it, as a courtesy to those who wait.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.05


class Held(Exception):
    """Another holder kept the file longer than one would wait; ``holder`` is its process id, or ``unknown``."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class FileLock:
    """The lock on the file at ``path``, held from ``take`` to ``release``; another one of this process waits too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self, timeout_seconds: float) -> None:
        """Take the lock, waiting for it up to ``timeout_seconds``.

        Raises:
            Held: somebody else has it all that time. OSError: the file can't be made or locked.
        """
        assert self._descriptor is None, "taken once at a time"
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _wait(descriptor, timeout_seconds)
            with suppress(OSError):  # who holds the lock is a courtesy: on a full disk it can't be told
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def is_held(self) -> bool:
        """Whether this still keeps others out: not after its file was removed, for they would lock another one."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self.path))
        except OSError:
            return False

    def release(self) -> None:
        """Give the lock back."""
        assert self._descriptor is not None, "taken before it is given back"
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = None


def _wait(descriptor: int, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Held(os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown") from None
            time.sleep(POLL_SECONDS)
