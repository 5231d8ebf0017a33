"""Time that moves only as told, for what would else ask the machine's clock or sleep.

Example: ``clock.wait(5.0)`` returns at once, and ``clock.now()`` is five seconds later.
"""

from __future__ import annotations

from collections.abc import Callable

from tallystick.protocol.types import Timestamp


class SimulatedClock:
    """A clock that starts at ``start`` (seconds since 1970).

    ``on_wait`` is told of each wait before it ends, so that blocks can come meanwhile.
    """

    def __init__(self, start: Timestamp, *, on_wait: Callable[[float], None] | None = None) -> None:
        self._seconds = float(start)
        self.on_wait = on_wait

    def now(self) -> Timestamp:
        """The time in whole seconds."""
        return Timestamp(int(self._seconds))

    def monotonic(self) -> float:
        """The time with its fraction, in place of ``time.monotonic``."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        assert seconds >= 0, "time does not run backwards"
        self._seconds += seconds

    def move_to(self, timestamp: Timestamp) -> None:
        """Let time pass until ``timestamp``; nothing happens if that is past."""
        self._seconds = max(self._seconds, float(timestamp))

    def wait(self, seconds: float) -> None:
        """Let ``seconds`` pass, in place of ``time.sleep``."""
        self.advance(seconds)
        if self.on_wait is not None:
            self.on_wait(seconds)
