"""The crew of an audit: does independent pieces of work in order, in this process or in several.

Rules: results come in the order of the work, so that the number of processes changes nothing but the time; at most
twice as many pieces as processes are on their way, so that memory does not grow with the work.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Any, Protocol, TypeVar

from tallystick.service.audit.desk import Desk, OpenDesk

W = TypeVar("W", contravariant=True)
R = TypeVar("R", covariant=True)


class Task(Protocol[W, R]):
    """What is done with a piece of work at a desk; it can be sent to another process."""

    def __call__(self, desk: Desk, work: W, /) -> R: ...


class Crew:
    """``jobs`` processes, each at a desk of its own that ``open_desk`` opens; one job works at ``desk`` itself."""

    def __init__(self, desk: Desk, open_desk: OpenDesk, jobs: int) -> None:
        assert jobs > 0, "somebody has to work"
        self._desk = desk
        self._jobs = jobs
        self._pool: ProcessPoolExecutor | None = None
        if jobs > 1:
            # a forked process would share this one's open databases
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_sit_down, initargs=(open_desk,))

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def run(self, task: Task[W, R], work: Iterable[W]) -> Iterator[R]:
        """What ``task`` gives for each piece of ``work``, in order."""
        if self._pool is None:
            for piece in work:
                yield _done(task, self._desk, piece)
            return
        under_way: deque[Future[R]] = deque()
        for piece in work:
            under_way.append(self._pool.submit(_do, task, piece))
            if len(under_way) >= 2 * self._jobs:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


_OWN: list[Desk] = []
"""The desk of this process, where it is one of a crew."""


def _sit_down(open_desk: OpenDesk) -> None:
    # Ctrl-C reaches the whole group: the first process ends the others when it stops
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _OWN[:] = [open_desk()]


def _do(task: Task[Any, R], piece: Any) -> R:
    return _done(task, _OWN[0], piece)


def _done(task: Task[W, R], desk: Desk, piece: W) -> R:
    """What ``task`` gives, without searching for cycles meanwhile: entries make none, and are looked at in vain."""
    gc.disable()
    try:
        return task(desk, piece)
    finally:
        gc.enable()
