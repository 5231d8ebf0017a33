"""What nodes of different makes say about a transaction that they do not take, and about a tag that they do not know.

Each is a JSON-RPC error object; the numbers in the texts are filled in. Those of geth are its core/txpool/errors.go,
those of Erigon its tests and what other programs match, "AlreadyKnown" is Nethermind issue 4148 (its newer versions
speak as geth does), "Known transaction" is ethers.js issue 1183, and those about the tag ethereum/execution-apis issue
879. All others are likely, not looked up: a program must not live by the words.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Make(StrEnum):
    """Which node it is."""

    GETH = "geth"
    NETHERMIND = "nethermind"
    BESU = "besu"
    ERIGON = "erigon"
    RETH = "reth"


SERVER_ERROR = -32000
INTERNAL_ERROR = -32603
INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601
LIMIT_EXCEEDED = -32005
EXECUTION_REVERTED = 3

_ALREADY_KNOWN = {
    Make.GETH: (SERVER_ERROR, "already known"),
    Make.NETHERMIND: (-32010, "AlreadyKnown"),
    Make.BESU: (SERVER_ERROR, "Known transaction"),
    Make.ERIGON: (SERVER_ERROR, "ALREADY_EXISTS: already known"),
    Make.RETH: (SERVER_ERROR, "already known"),
}
_NONCE_TOO_LOW = {
    Make.GETH: (SERVER_ERROR, "nonce too low: next nonce {next}, tx nonce {nonce}"),
    Make.NETHERMIND: (-32010, "OldNonce, Current nonce: {next}, nonce of rejected tx: {nonce}"),
    Make.BESU: (-32001, "Nonce too low"),
    Make.ERIGON: (SERVER_ERROR, "INTERNAL_ERROR: nonce too low"),
    Make.RETH: (SERVER_ERROR, "nonce too low: next nonce {next}, tx nonce {nonce}"),
}
_UNDERPRICED = {
    Make.GETH: (SERVER_ERROR, "replacement transaction underpriced"),
    Make.NETHERMIND: (-32010, "ReplacementNotAllowed"),
    Make.BESU: (SERVER_ERROR, "Replacement transaction underpriced"),
    Make.ERIGON: (SERVER_ERROR, "INTERNAL_ERROR: could not replace existing tx"),
    Make.RETH: (SERVER_ERROR, "replacement transaction underpriced"),
}
_NO_FINALITY: dict[Make, tuple[int, str] | None] = {
    Make.GETH: (SERVER_ERROR, "finalized block not found"),
    Make.NETHERMIND: None,
    Make.BESU: (-39001, "Unknown block"),
    Make.ERIGON: (-39001, "Unknown block"),
    Make.RETH: None,
}


class RpcError(Exception):
    """A request is answered with the JSON-RPC error ``code``, ``message`` and, where not None, ``data``."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.body: dict[str, Any] = {"code": code, "message": message}
        if data is not None:
            self.body["data"] = data


def already_known(make: Make) -> RpcError:
    """The node has the transaction."""
    return RpcError(*_ALREADY_KNOWN[make])


def nonce_too_low(make: Make, next_nonce: int, nonce: int) -> RpcError:
    """The account's next transaction has ``next_nonce``, which is above ``nonce``."""
    code, text = _NONCE_TOO_LOW[make]
    return RpcError(code, text.format(next=next_nonce, nonce=nonce))


def underpriced(make: Make) -> RpcError:
    """Another transaction of the nonce waits, and the new one does not pay a tenth more."""
    return RpcError(*_UNDERPRICED[make])


def no_finality(make: Make) -> RpcError | None:
    """The node has no final block; None where it says so by a null result."""
    found = _NO_FINALITY[make]
    return None if found is None else RpcError(*found)
