"""Counts what is asked of a node and what becomes of it, for whoever watches the service.

Example: ``EvmChain(meter.around(provider), deployment)``; then ``meter.counts()`` is ``{("eth_call", "ok"): 12}``.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import requests

from tallystick.chain.node import NodeTimeout, Provider

OUTCOMES = ("ok", "refused", "timeout", "unreachable")
"""Answered; answered with a JSON-RPC error; no answer in time; no answer at all, or none that is JSON-RPC."""


class Meter:
    """Requests by (method, outcome), since the program began; any thread may use it."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many requests of each method had each outcome, as of now."""
        with self._lock:
            return dict(self._counts)

    def around(self, provider: Provider) -> Provider:
        """``provider``, counted."""
        return _Metered(provider, self)

    def note(self, method: str, outcome: str) -> None:
        """Count one request of ``method``."""
        with self._lock:
            self._counts[method, outcome] += 1


class _Metered:
    def __init__(self, provider: Provider, meter: Meter) -> None:
        self._provider = provider
        self._meter = meter

    def make_request(self, method: Any, params: Any, /) -> Any:
        try:
            response = self._provider.make_request(method, params)
        except (requests.Timeout, NodeTimeout):
            self._meter.note(str(method), "timeout")
            raise
        except Exception:
            self._meter.note(str(method), "unreachable")
            raise
        is_error = isinstance(response, dict) and response.get("error") is not None
        self._meter.note(str(method), "refused" if is_error else "ok")
        return response
