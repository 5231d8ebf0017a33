"""The worker: admits, follows the chain and carries batches, round after round, for as long as it is let.

::

    round:   check the chain (after it was gone) . index . lead? --no--> wait
                                                            | yes
                                      admit new parties . advance until there is nothing to do but wait

Rules:

- an error is logged when it is new, kept in ``last_error``, and tried again, ever more seldom; none ends the worker.
  One that nobody expects is logged with its traceback;
- after the chain gave no answer it is checked before anything is written: a node that came back may be another one. As
  long as it is another one nothing is sent, and ``last_error`` says so;
- of several workers one leads, for as long as it lives; the others only index, and one of them takes over when it is
  gone. Leading is a lock of its own: the right to send from the account is taken for each time that something is sent;
- a stop lets the step under way finish; what it leaves is frozen, and goes on with the next start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from tallystick.errors import AccountBusy, ChainUnreachable, StoreUnavailable, TallystickError, WrongChain
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address
from tallystick.service.context import Context
from tallystick.service.index import index
from tallystick.service.outbox import change_registry, sign_missing_receipts
from tallystick.service.parties import complete_admissions, sign_bindings
from tallystick.service.ports import Lease
from tallystick.service.seal import Move, advance
from tallystick.store.records import ON_ITS_WAY

IDLE_SECONDS = 2.0
"""Between two rounds where nothing is on its way."""
FIRST_WAIT_SECONDS = 0.05
"""After something was sent: a development chain has it at once."""
LAST_WAIT_SECONDS = 2.0
"""What the waits grow to while a batch is on its way."""
FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 20.0
"""Between the first error and the second try, and what that grows to."""
SEND_TIMEOUT_SECONDS = 1.0
"""How long the leader waits where somebody else sends from the account; then it looks again in the next round."""
STOP_TIMEOUT_SECONDS = 30.0

logger = logging.getLogger("tallystick.worker")


class Backoff:
    """Ever longer pauses, doubled up to a limit; ``reset`` begins anew."""

    def __init__(self, first_seconds: float, last_seconds: float, factor: float = 2.0) -> None:
        self._first = first_seconds
        self._last = max(first_seconds, last_seconds)
        self._factor = factor
        self._next = first_seconds

    def next(self) -> float:
        """The next pause in seconds."""
        pause, self._next = self._next, min(self._next * self._factor, self._last)
        return pause

    def reset(self) -> None:
        """Begin with the first pause again."""
        self._next = self._first


class Worker:
    """Works for ``context``; ``run`` in a thread of one's own, or ``start`` and ``stop`` one. Started once."""

    def __init__(
        self, context: Context, *, idle_seconds: float = IDLE_SECONDS, retry_seconds: float = FIRST_RETRY_SECONDS
    ) -> None:
        assert idle_seconds > 0, "an interval is a time"
        self._context = context
        self._idle_seconds = idle_seconds
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._waits = Backoff(FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS, 1.5)
        self._retries = Backoff(retry_seconds, LAST_RETRY_SECONDS)
        self._admission_retries = Backoff(retry_seconds, LAST_RETRY_SECONDS)
        self._admit_at = 0.0
        self._change_retries = Backoff(FIRST_WAIT_SECONDS, LAST_RETRY_SECONDS, 1.5)
        self._change_at = 0.0
        self._parties_bound = -1
        self._parties_admitted = -1
        self._check_chain = True
        self._leading = ExitStack()
        self._lease: Lease | None = None
        self._was_told_of_leader = False
        self._capped: int | None = None
        self._noted: dict[str, str] = {}

    @property
    def last_error(self) -> str | None:
        """Why the newest round failed, or None where it did not."""
        return next(iter(list(self._noted.values())), None)

    @property
    def leads(self) -> bool:
        """Whether this worker is the one that sends."""
        return self._lease is not None

    def start(self) -> None:
        """Begin in a thread of its own: the first round runs at once."""
        self._thread = threading.Thread(target=self.run, name="worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the step under way finish, for ``STOP_TIMEOUT_SECONDS``; the next start goes on with what is left."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT_SECONDS)
            if self._thread.is_alive():
                logger.warning("the step under way takes longer than %g s: left to itself", STOP_TIMEOUT_SECONDS)

    def ask_to_stop(self) -> None:
        """Let ``run`` end after the step under way; returns at once."""
        self._stop.set()

    def run(self) -> None:
        """Work until asked to stop."""
        logger.info("worker: started")
        try:
            while not self._stop.is_set():
                self._stop.wait(self._round())
        finally:
            self._step_down()
            logger.info("worker: stopped")

    def _round(self) -> float:
        """One round; returns how many seconds to wait for the next one."""
        try:
            pause = self._work()
        except TallystickError as error:
            self._check_chain = self._check_chain or isinstance(error, ChainUnreachable | WrongChain)
            pause = self._retries.next()
            self._note("round", str(error), pause)
        except Exception as error:
            pause = self._retries.next()
            if self._note("round", f"unexpected {type(error).__name__}", pause):
                logger.exception("worker: an error that nobody expected")
        else:
            self._retries.reset()
            self._forget("round")
        return pause

    def _work(self) -> float:
        context = self._context
        if self._check_chain:
            context.chain.check()
            self._check_chain = False
        index(context)
        if self._stop.is_set() or not self._is_leader():
            return self._idle_seconds
        self._admit()
        self._do_for_others()
        return self._carry()

    # leading

    def _is_leader(self) -> bool:
        if self._lease is not None:
            try:
                self._lease.check()
            except StoreUnavailable as error:
                logger.warning("worker: leads no longer: %s", error.message)
                self._step_down()
        if self._lease is None:
            try:
                lock = self._context.store.account_lock(leadership_of(self._context.operator), 0)
                self._lease = self._leading.enter_context(lock)
            except AccountBusy:
                if not self._was_told_of_leader:
                    logger.info("worker: another worker leads; this one follows the chain and takes over when it ends")
                self._was_told_of_leader = True
                return False
            self._was_told_of_leader = False
            logger.info("worker: leads")
        return True

    def _step_down(self) -> None:
        self._lease = None
        self._leading.close()

    # admitting

    def _admit(self) -> None:
        """Admit parties that are new here; a registrar that can't admit keeps nobody from sealing."""
        with self._context.store.transaction(read_only=True) as transaction:
            parties = transaction.count_parties()
        if parties == self._parties_admitted or time.monotonic() < self._admit_at:
            return
        try:
            if admitted := complete_admissions(self._context):
                logger.info("admitted parties: %d", admitted)
        except (ChainUnreachable, WrongChain, StoreUnavailable) as error:
            if not isinstance(error, AccountBusy):
                raise
        except TallystickError as error:
            pause = self._admission_retries.next()
            self._admit_at = time.monotonic() + pause
            self._note("admission", str(error), pause)
        else:
            self._parties_admitted = parties
            self._admission_retries.reset()
            self._forget("admission")

    # for processes without the keys

    def _do_for_others(self) -> None:
        """Sign and send what API processes leave to a worker; a registry that refuses keeps nobody from sealing."""
        sign_missing_receipts(self._context)
        with self._context.store.transaction(read_only=True) as transaction:
            parties = transaction.count_parties()
        if parties != self._parties_bound and not sign_bindings(self._context):
            self._parties_bound = parties
        if time.monotonic() < self._change_at:
            return
        try:
            left = change_registry(self._context, timeout_seconds=SEND_TIMEOUT_SECONDS)
        except (ChainUnreachable, WrongChain, StoreUnavailable) as error:
            if not isinstance(error, AccountBusy):
                raise
        except TallystickError as error:
            self._change_at = time.monotonic() + self._change_retries.next()
            self._note("registry", str(error), self._change_at - time.monotonic())
        else:
            if left:  # nothing but waiting, or a refusal that is kept beside the change
                self._change_at = time.monotonic() + self._change_retries.next()
            else:
                self._change_retries.reset()
            self._forget("registry")

    # carrying batches

    def _carry(self) -> float:
        """Take batches as far as they go now."""
        if not self._has_batches():
            self._waits.reset()
            return self._idle_seconds
        try:
            with self._context.store.account_lock(self._context.operator, SEND_TIMEOUT_SECONDS) as lease:
                return self._carry_holding(lease.check)
        except AccountBusy:  # somebody pledges, or runs `tallystick seal`
            return self._waits.next()

    def _carry_holding(self, check: Callable[[], None]) -> float:
        while not self._stop.is_set():
            check()
            move = advance(self._context)
            self._log(move)
            if move is Move.IDLE:
                self._waits.reset()
                return min(FIRST_WAIT_SECONDS, self._idle_seconds) if self._has_batches() else self._idle_seconds
            if move in (Move.WAITING, Move.CAPPED):
                return self._waits.next()
            self._waits.reset()
        return 0.0

    def _has_batches(self) -> bool:
        with self._context.store.transaction(read_only=True) as transaction:
            return bool(transaction.batches(ON_ITS_WAY)) or bool(transaction.count_pending())

    def _log(self, move: Move) -> None:
        if move in (Move.IDLE, Move.WAITING):
            return
        with self._context.store.transaction(read_only=True) as transaction:
            batches = transaction.batches(ON_ITS_WAY)
        batch = batches[0].batch_id if batches else None
        if move is not Move.CAPPED:
            level = logging.DEBUG if move is Move.SIGNED else logging.INFO
            logger.log(level, "batch %s: %s", batch, move.value, extra={"fields": {"batch": batch, "move": move.value}})
        elif batch != self._capped:
            self._capped = batch
            logger.warning(
                "batch %s: offers all that the limit on fees allows, and waits: it goes on when the chain is less busy",
                batch,
                extra={"fields": {"batch": batch, "move": move.value}},
            )

    # errors

    def _note(self, where: str, message: str, pause: float) -> bool:
        """Note ``message``; whether it is news: a node that is down for a night fills no log."""
        is_new = self._noted.get(where) != message
        self._noted[where] = message
        if is_new:
            logger.warning("worker: %s Trying again, first in %g s.", message, pause)
        return is_new

    def _forget(self, where: str) -> None:
        if self._noted.pop(where, None) is not None:
            logger.info("worker: %s is all right again", where)


def leadership_of(operator: Address) -> Address:
    """What a worker locks to lead: named after ``operator``, but not its account, which others must send from too."""
    return Address(keccak256(b"tallystick worker that leads 1" + operator)[12:])
