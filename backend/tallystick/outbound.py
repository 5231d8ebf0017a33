"""Sends to URLs that others named, without being sent where they could not go themselves (SSRF).

Rules:

- https only; http to this machine itself where the settings allow it, for tests and for receivers beside the server;
- a name is resolved here and now, every address that it has must be a public one, and the connection goes to the
  address that was looked at: a name that means another place a moment later (DNS rebinding) changes nothing;
- a redirect is an answer like any other, and is not followed;
- the whole of it takes at most ``TOTAL_SECONDS``, however slowly the other side reads or answers, and of an answer only
  its status is read.

Source: OWASP API Security Top 10 (2023), API7; addresses: IANA special-purpose registries, as ``ipaddress`` has them.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from tallystick.errors import MalformedInput, Undelivered
from tallystick.protocol.types import clip

TOTAL_SECONDS = 10.0
MAX_URL = 2_000
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Poster:
    """Posts to public addresses; with ``to_loopback`` to this machine too, where http will do."""

    def __init__(self, *, to_loopback: bool = False, total_seconds: float = TOTAL_SECONDS) -> None:
        self._to_loopback = to_loopback
        self._total_seconds = total_seconds
        self._tls = ssl.create_default_context()

    def check(self, url: str) -> None:
        """Raises ``MalformedInput`` if nothing is ever sent to ``url``, whatever its name means."""
        parts = _split(url)
        host = parts.hostname or ""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            is_here = host.lower() == "localhost"
        else:
            is_here = address.is_loopback
            if not self._may_go(address):
                raise MalformedInput(f"url: expected a public address, got {clip(host)}.", todo="Use a public one.")
        if parts.scheme == "https" and (not is_here or self._to_loopback):
            return
        if parts.scheme != "http" or not (is_here and self._to_loopback):
            raise MalformedInput(
                f"url: expected https:// and a public host, got {clip(url)}.",
                todo="Use https; to this machine only where `webhooks_to_loopback` in `[service]` allows it.",
            )

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer to ``body``.

        Raises:
            Undelivered: no connection, no answer in time, or an address that nothing is sent to.
        """
        try:
            self.check(url)
        except MalformedInput as error:
            raise Undelivered(error.message, todo=error.todo) from error
        parts = _split(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            connected = self._connect(host, port)
        except OSError as error:
            raise Undelivered(f"{clip(host)}: no connection ({error.strerror or error}).") from error
        # the time-out of a socket is for each step: this is for all of them
        deadline = threading.Timer(self._total_seconds, _break, (connected,))
        deadline.daemon = True
        deadline.start()
        try:
            if parts.scheme == "https":
                connected = self._tls.wrap_socket(connected, server_hostname=host)
            connection = http.client.HTTPConnection(host, port)
            connection.sock = connected
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, {**headers, "Host": parts.netloc, "Connection": "close"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise Undelivered(f"{clip(host)}: no answer ({type(error).__name__}).") from error
        finally:
            deadline.cancel()
            connected.close()

    def _connect(self, host: str, port: int) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, address in found:
            if not self._may_go(ipaddress.ip_address(str(address[0]).partition("%")[0])):
                raise Undelivered(
                    f"{clip(host)}: expected public addresses, got {address[0]}.", todo="Use a name of a public host."
                )
        failure: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in found:
            attempt = socket.socket(family, kind, protocol)
            attempt.settimeout(self._total_seconds)
            try:
                attempt.connect(address)
                return attempt
            except OSError as error:
                attempt.close()
                failure = error
        raise failure

    def _may_go(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped is not None:
                return self._may_go(address.ipv4_mapped)
            if address.sixtofour is not None or address.teredo is not None or address in _NAT64:
                return False  # an address within an address
        if address.is_loopback:
            return self._to_loopback
        return address.is_global and not address.is_multicast


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and (parts.port is None or 0 < parts.port < 65_536)
    except ValueError:
        is_whole = False
    if not is_whole or len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise MalformedInput(f"url: expected one of at most {MAX_URL} ASCII characters, got {clip(url)}.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise MalformedInput("url: expected neither user nor fragment in it.", todo="The signature proves the sender.")
    return parts


def _break(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        connected.close()
