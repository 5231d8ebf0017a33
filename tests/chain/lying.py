"""A node that does not tell the truth: passes requests on to a real one and changes its answers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

Tamper = Callable[[str, list[Any], Any], Any]
"""Makes the response to a method and its parameters out of the true response."""


class LyingProvider(BaseProvider):
    """Asks ``honest`` and answers what ``tamper`` makes of it."""

    def __init__(self, honest: BaseProvider, tamper: Tamper) -> None:
        super().__init__()
        self._honest = honest
        self._tamper = tamper

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        true = copy.deepcopy(self._honest.make_request(method, params))
        changed: RPCResponse = self._tamper(str(method), list(params), true)
        return changed


def refusal(message: str, code: int = -32000) -> Any:
    """A JSON-RPC response that refuses with ``message``."""
    return {"jsonrpc": "2.0", "id": 0, "error": {"code": code, "message": message}}
