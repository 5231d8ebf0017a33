"""The thread that tells webhooks, round after round, beside the worker."""

from __future__ import annotations

import logging
import threading

from tallystick.errors import TallystickError
from tallystick.service.context import Context
from tallystick.service.webhooks import deliver, tell

STOP_SECONDS = 15.0
logger = logging.getLogger("tallystick.webhooks")


class Notifier:
    """Tells the webhooks of ``context``; looks every ``idle_seconds`` where there was nothing to do."""

    def __init__(self, context: Context, *, idle_seconds: float) -> None:
        self._context = context
        self._idle_seconds = idle_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._noted = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let what is being sent end, for ``STOP_SECONDS``."""
        self._stop.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._round():
                self._stop.wait(self._idle_seconds)

    def _round(self) -> int:
        try:
            done = tell(self._context) + deliver(self._context)
        except TallystickError as error:
            if error.message != self._noted:
                logger.warning("webhooks: %s", error)
            self._noted = error.message
            return 0
        except Exception:
            logger.exception("webhooks: an error that nobody expected")
            return 0
        self._noted = ""
        return done
