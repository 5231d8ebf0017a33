"""How long the server waits for its clients: for a request's head, its body, and for them to take an answer.

::

    connected or answered ...... head ...... body ...... | work | ...... answer taken
       head_seconds in all        body_seconds, and          stall_seconds for each
                                  size / slowest beyond      piece of the answer

Rules: whoever sends a byte now and then holds a connection for a bounded time only (slow loris), and so does whoever
takes an answer a byte at a time. A body that comes at ``slowest_bytes_per_second`` or faster has all the time it needs.

Source: the grace and the growing bound are those of Apache's mod_reqtimeout; RFC 9110 section 15.5.9 (408).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds of waiting for a client, in seconds."""

    head_seconds: float = 20.0
    body_seconds: float = 20.0
    slowest_bytes_per_second: float = 4_096.0
    stall_seconds: float = 60.0

    def of_body(self, size: int) -> float:
        """Seconds from the start after which a body of which ``size`` bytes are there must have gone on."""
        return self.body_seconds + size / self.slowest_bytes_per_second


DEFAULT = Patience()


class Connection(H11Protocol):
    """A connection that is cut off where its client keeps it waiting between requests, or with an answer."""

    patience: ClassVar[Patience] = DEFAULT

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._idle: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The client is there: its first request is waited for."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """A request is answered: the next one is waited for, and what is left of the body of this one."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        super().pause_writing()
        self._stalled = self._cut_off_after(self.patience.stall_seconds)

    def resume_writing(self) -> None:
        """It took some of it."""
        super().resume_writing()
        self._has_taken()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._has_asked()
        self._has_taken()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Wait for the head of a request, unless one is being answered; bytes that are no whole head buy no time."""
        is_busy = self.cycle is not None and not self.cycle.response_complete
        if is_busy or self.transport.is_closing():
            self._has_asked()
        elif self._idle is None:
            self._idle = self._cut_off_after(self.patience.head_seconds)

    def _has_asked(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _has_taken(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _cut_off_after(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, self.transport.abort)


def patient(patience: Patience) -> type[Connection]:
    """The connections of a server with ``patience``."""
    return type("Connection", (Connection,), {"patience": patience})
