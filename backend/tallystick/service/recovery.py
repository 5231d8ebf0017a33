"""Recovers the signers of many evidence by several processes: the step of verification that takes most of the time.

Rules: processes are started anew (``spawn``), so that they share nothing with threads or sockets of this one; what they
are sent and give back are bytes alone, in chunks; the answers come in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from multiprocessing import get_context

from tallystick.protocol.standing import RecoverAll, Signers, recover_one_by_one
from tallystick.protocol.types import EvidenceId

CHUNK = 500
"""Evidence sent to a process at once: some twenty milliseconds of work."""
WORTH_IT = 4_000
"""A process needs some tenths of a second to start: as long as so many signatures take."""
_AHEAD = 4
"""Chunks that wait or work for each process; the rest is not even read."""

_Signed = tuple[EvidenceId, bytes, int]


@contextmanager
def recovering(jobs: int) -> Iterator[RecoverAll]:
    """A ``RecoverAll`` of ``jobs`` processes, which end with the block; of this process alone where ``jobs`` is 1.

    So few evidence that the processes would not have started before they are done are left to this one.
    """
    if jobs <= 1:
        yield recover_one_by_one
        return
    with ExitStack() as stack:

        def recover_all(signed: Iterable[_Signed]) -> Iterator[Signers]:
            rest = iter(signed)
            first = list(islice(rest, WORTH_IT))
            if len(first) < WORTH_IT:
                yield from recover_one_by_one(first)
                return
            pool = stack.enter_context(ProcessPoolExecutor(jobs, mp_context=get_context("spawn")))
            waiting: deque[Future[list[Signers]]] = deque()
            rest = chain(first, rest)
            while chunk := list(islice(rest, CHUNK)):
                waiting.append(pool.submit(_recover, chunk))
                if len(waiting) >= jobs * _AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()

        yield recover_all


def _recover(chunk: Sequence[_Signed]) -> list[Signers]:
    return list(recover_one_by_one(chunk))
