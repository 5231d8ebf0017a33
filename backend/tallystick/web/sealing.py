"""The sealing loop: a thread that admits, seals and indexes what is pending, for as long as the server runs.

Rules: an error is logged once and shown by ``/v1/health``, never fatal, and tried again; ``stop`` lets the batch under
way finish, and leaves one that the chain holds up to the next start: it is frozen, so nothing is lost.
"""

from __future__ import annotations

import logging
import threading
import time

from tallystick.errors import TallystickError
from tallystick.service.parties import complete_admissions
from tallystick.service.seal import seal
from tallystick.web.installation import Installation

SEAL_INTERVAL_SECONDS = 2.0
STOP_TIMEOUT_SECONDS = 30.0
_STOP_POLL_SECONDS = 0.05

logger = logging.getLogger("tallystick.web")


class _Stopped(Exception):
    """The loop was asked to stop: leaves ``seal`` between two batches, or where the chain takes too long."""


class Sealer:
    """Seals what is pending in ``installation`` every ``interval_seconds``; started once, stopped once."""

    def __init__(self, installation: Installation, interval_seconds: float = SEAL_INTERVAL_SECONDS) -> None:
        assert interval_seconds > 0, "an interval is a time"
        self._installation = installation
        self._interval_seconds = interval_seconds
        self._stop = threading.Event()
        self._deadline = float("inf")
        self._parties_admitted = 0
        self._thread = threading.Thread(target=self._run, name="sealing", daemon=True)
        self.last_error: str | None = None
        """Why the newest round failed, or None where it did not."""

    def start(self) -> None:
        """Begin: the first round runs at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch under way, or after ``STOP_TIMEOUT_SECONDS`` where the chain does not make it final."""
        self._deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        self._stop.set()
        self._thread.join(STOP_TIMEOUT_SECONDS + 10)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._round()
                self.last_error = None
            except _Stopped:
                return
            except TallystickError as error:
                self._failed(str(error))
            except Exception as error:
                if self._failed(f"unexpected {type(error).__name__}"):
                    logger.exception("sealing: unexpected error")
            self._stop.wait(self._interval_seconds)

    def _round(self) -> None:
        with self._installation.reading.store.transaction(read_only=True) as transaction:
            parties = transaction.counts().parties
        with self._installation.working() as context:
            try:
                if parties != self._parties_admitted:
                    complete_admissions(context)
                    self._parties_admitted = parties
            finally:  # a registrar that can't admit must not keep the operator from sealing
                seal(context, self._after_batch, self._wait)

    def _failed(self, message: str) -> bool:
        """Note ``message``; whether it is news: a node that is down for a night fills no log."""
        is_new = message != self.last_error
        self.last_error = message
        if is_new:
            logger.warning("sealing: %s Trying again every %g s.", message, self._interval_seconds)
        return is_new

    def _after_batch(self, what: str, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _wait(self, seconds: float) -> None:
        """Wait up to ``seconds`` for the chain while others work."""
        if self._stop.is_set() and time.monotonic() >= self._deadline:
            raise _Stopped
        if self._stop.is_set():
            self._installation.give_way(lambda: time.sleep(min(seconds, _STOP_POLL_SECONDS)))
        else:
            self._installation.give_way(lambda: self._stop.wait(seconds))
