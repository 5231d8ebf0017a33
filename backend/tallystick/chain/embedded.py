"""The embedded development chain as a provider: called in process, without HTTP and without web3.py.

Example: ``EvmChain(open_embedded(Path("chain.sqlite"), funded={operator: 10**18}), deployment)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hardhat_free_devnet.config import DevnetConfig
from hardhat_free_devnet.errors import DevnetError, RpcError
from hardhat_free_devnet.node import DevNode
from tallystick.errors import ChainError, ChainUnreachable
from tallystick.protocol.types import Address, Timestamp


class EmbeddedProvider:
    """A development chain of this process; ``close`` it when done, and its file is free for another process."""

    def __init__(self, node: DevNode) -> None:
        self._node = node

    def make_request(self, method: str, params: Any, /) -> dict[str, Any]:
        """The JSON-RPC response to ``method`` with ``params``; its errors are answers, as over HTTP.

        Raises:
            ChainUnreachable: the chain is closed.
        """
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": 0}
        try:
            answer["result"] = self._node.request(method, list(params))
        except RpcError as error:
            answer["error"] = {"code": error.code, "message": error.message, "data": error.data}
        except DevnetError as error:
            raise ChainUnreachable(f"embedded chain: {error.message}.", todo=error.todo) from error
        return answer

    def set_next_timestamp(self, timestamp: Timestamp) -> None:
        """Give the next block the time ``timestamp`` (seconds), which must be after the newest block's.

        Raises:
            ChainError: it is not.
        """
        response = self.make_request("evm_setNextBlockTimestamp", [hex(timestamp)])
        if "error" in response:
            message = f"embedded chain: {response['error']['message']}."
            raise ChainError(message, todo="Set a time after the newest block's.")

    def now(self) -> Timestamp:
        """The chain's clock, which a story may have set: the time that the next block would have."""
        return Timestamp(self._node.next_timestamp())

    def close(self) -> None:
        """Release the data file; closing twice does nothing."""
        self._node.close()


def open_embedded(
    path: Path | None,
    *,
    funded: Mapping[Address, int] | None = None,
    genesis_timestamp: Timestamp | None = None,
    chain_id: int | None = None,
    finality_depth: int = 0,
) -> EmbeddedProvider:
    """Open the chain in the file at ``path`` (None: in memory), or make it there.

    ``funded`` (wei by address), ``genesis_timestamp`` (seconds) and ``chain_id`` make a new chain; None means the
    default, or for an existing file as stored. ``finality_depth`` is how many blocks ``finalized`` stays behind.

    Raises:
        ChainError: the file is in use, is something else, or holds another chain than asked for.
    """
    try:
        config = DevnetConfig(
            chain_id=chain_id,
            genesis_timestamp=genesis_timestamp,
            funded=None if funded is None else {bytes(address): wei for address, wei in funded.items()},
            finality_depth=finality_depth,
        )
        return EmbeddedProvider(DevNode.open(path, config))
    except DevnetError as error:
        raise ChainError(f"embedded chain: {error.message}.", todo=error.todo) from error
    except OSError as error:
        message = f"embedded chain: expected a file that can be opened at {path}, got {error.strerror or error}."
        raise ChainError(message, todo="Check the path and its permissions.") from error
