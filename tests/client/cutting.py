"""A proxy on real sockets that cuts answers off where it is told to, as a network does that fails."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER by which a close is a reset."""


class Cut:
    """Cuts the next answer after ``marker`` comes by for the ``count``-th time; then passes all."""

    def __init__(self) -> None:
        self.marker = b""
        self.left = 0
        self.cuts = 0

    def after(self, marker: bytes, count: int = 1) -> None:
        """Arm it."""
        self.marker, self.left = marker, count

    def place(self, seen: bytes) -> int | None:
        """After how many bytes of ``seen``, all of an answer so far, it is to be cut; None: not yet."""
        if not self.left:
            return None
        at = -1
        for _ in range(self.left):
            at = seen.find(self.marker, at + 1)
            if at < 0:
                return None
        self.left = 0
        self.cuts += 1
        return at + len(self.marker)


@contextmanager
def cutting(url: str) -> Iterator[tuple[str, Cut]]:
    """The URL of a proxy to the server at ``url``, and what cuts its answers."""
    parts, cut, stops = urlsplit(url), Cut(), threading.Event()
    assert parts.hostname is not None
    target = (parts.hostname, parts.port or 80)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, target, cut, stops), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", cut
        stops.set()


def _accept(listener: socket.socket, target: tuple[str, int], cut: Cut, stops: threading.Event) -> None:
    with suppress(OSError):
        while not stops.is_set():
            client, _ = listener.accept()
            server = socket.create_connection(target)
            threading.Thread(target=_forward, args=(client, server), daemon=True).start()
            threading.Thread(target=_answer, args=(server, client, cut), daemon=True).start()


def _forward(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _answer(server: socket.socket, client: socket.socket, cut: Cut) -> None:
    seen = b""
    with suppress(OSError), server, client:
        while data := server.recv(1 << 16):
            place = cut.place(seen + data)
            if place is None:
                client.sendall(data)
                seen += data
                continue
            client.sendall((seen + data)[len(seen) : place])
            client.shutdown(socket.SHUT_WR)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return
