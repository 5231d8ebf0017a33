"""The two kinds of failure: `DevnetError` to whoever runs the node, `RpcError` to whoever talks to it.

Exception
├── DevnetError   the node cannot be opened, configured or served; `todo` says what to do
└── RpcError      one request failed; `code`, `message` and `data` go onto the wire as they are
"""

from __future__ import annotations

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
LIMIT_EXCEEDED = -32005
EXECUTION_REVERTED = 3


class DevnetError(Exception):
    """The node cannot do what its operator asked: `message` says expected and got, `todo` says what to do."""

    def __init__(self, message: str, todo: str) -> None:
        super().__init__(f"{message}\n  what to do: {todo}")
        self.message = message
        self.todo = todo


class RpcError(Exception):
    """A request failed with the JSON-RPC error `code`, `message` and optional `data`.

    Codes: JSON-RPC 2.0 section 5.1 and EIP-1474; 3 is "execution reverted", whose `data` is the revert data.
    """

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def invalid_params(message: str) -> RpcError:
    """Return the error that says a parameter is malformed: `message` names it, expected and got."""
    return RpcError(INVALID_PARAMS, message)


def refused(message: str) -> RpcError:
    """Return the error that says the node understood and refuses: `message` gives the reason."""
    return RpcError(SERVER_ERROR, message)
