"""How often an address may ask for what needs no key: to sign in, the OpenAPI document, and how the server is.

Rules:

- the address is the peer's, or what a proxy that the settings trust says of it (``X-Forwarded-For``);
- of IPv6 it is the network of 64 bits: whoever has one address there has all of them;
- how the server is, this machine itself may ask as often as it likes: a watch that gets 429 is a false alarm;
- a refusal costs no body, no thread and no look at the database.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable

from starlette.types import Scope

from tallystick.protocol.types import clip
from tallystick.web import operation, sign_in
from tallystick.web.rate import Rate

DOCUMENT_PATH = "/v1/openapi.json"
COUNTED = frozenset([*sign_in.PATHS, DOCUMENT_PATH])
"""What is counted by address, whoever asks."""
WATCHED = frozenset(operation.PATHS)
"""What is counted so unless this machine itself asks."""


class Strangers:
    """``per_minute`` requests for each address, counted by ``clock`` (monotonic seconds)."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = Rate(per_minute, clock, "address", "")

    def admit(self, scope: Scope) -> None:
        """Let one request pass. Raises ``RateExceeded``."""
        if scope["path"] in COUNTED or (scope["path"] in WATCHED and not _is_here(scope)):
            self._rate.take(address_of(scope))


def address_of(scope: Scope) -> str:
    """Whom a request is counted for: an IPv4 address, or an IPv6 network; what is neither, by its name."""
    host = _host(scope)
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return clip(host)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))


def _host(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _is_here(scope: Scope) -> bool:
    try:
        return ipaddress.ip_address(_host(scope)).is_loopback
    except ValueError:
        return False
