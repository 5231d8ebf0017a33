"""Who may send from an account: one process at a time, and nothing of its batches on the way meanwhile.

::

    worker         lock . freeze . sign . send . unlock      lock . send again . unlock
    a pledge                                     lock ......... wait until included . send . unlock

Rules:

- whoever sends holds the account's lock while it sends, and no longer: it is given back while the chain makes blocks;
- a batch that was sent and that no block holds has taken the operator's next nonce. Whoever wants to send something
  else from that account waits until it is included, for with the same nonce one of the two would be lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType

from tallystick.errors import AccountBusy
from tallystick.protocol.types import Address, to_hex
from tallystick.service.context import Context, Progress, silent
from tallystick.service.ports import Lease
from tallystick.service.seal import seal
from tallystick.store.records import ON_ITS_WAY

LOCK_TIMEOUT_SECONDS = 60.0
"""How long one waits for another sender, and then once more for a batch that is on its way."""
_FIRST_PAUSE_SECONDS = 0.05
_LAST_PAUSE_SECONDS = 1.0


@contextmanager
def sending(context: Context, account: Address, *, timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> Iterator[Lease]:
    """The right to send something else than a batch from ``account``.

    Raises:
        AccountBusy: another one sends from it, or a batch waits for its block, for longer than ``timeout_seconds``.
    """
    with context.store.account_lock(account, timeout_seconds) as lease:
        if account == context.operator:
            _wait_for_batches(context, timeout_seconds)
        lease.check()
        yield lease


def seal_beside_others(context: Context, progress: Progress = silent) -> int:
    """``seal``, where other processes may send from the operator's account too. Raises as ``seal``, and AccountBusy."""
    with _Turn(context) as turn:
        return seal(context, progress, turn.wait)


class _Turn:
    """The right to send from the operator's account, given back while its holder waits."""

    def __init__(self, context: Context, pause: Callable[[float], None] = time.sleep) -> None:
        self._context = context
        self._pause = pause
        self._held = ExitStack()

    def __enter__(self) -> _Turn:
        lock = self._context.store.account_lock(self._context.operator, LOCK_TIMEOUT_SECONDS)
        self._held.enter_context(lock)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def wait(self, seconds: float) -> None:
        """Let others send for ``seconds``."""
        self._held.close()
        self._pause(seconds)
        self.__enter__()


def _wait_for_batches(context: Context, timeout_seconds: float) -> None:
    deadline, pause = time.monotonic() + timeout_seconds, _FIRST_PAUSE_SECONDS
    while _waits_for_its_block(context):
        if time.monotonic() >= deadline:
            raise AccountBusy(
                f"A batch of {to_hex(context.operator)} is on its way; waited {timeout_seconds:g} s for its block.",
                todo="Try again when it is included; `tallystick doctor` checks the node and the fees.",
            )
        time.sleep(pause)
        pause = min(2 * pause, _LAST_PAUSE_SECONDS)


def _waits_for_its_block(context: Context) -> bool:
    """Whether a transaction with a batch was sent that may still be included."""
    with context.store.transaction(read_only=True) as transaction:
        submissions = [
            one
            for batch in transaction.batches(ON_ITS_WAY)
            for one in transaction.submissions(batch.operator, batch.batch_id)
            if batch.operator == context.operator and one.sent_at is not None
        ]
    return bool(submissions) and max(one.nonce for one in submissions) >= context.chain.account(context.operator).nonce
