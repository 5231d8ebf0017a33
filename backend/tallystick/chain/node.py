"""One node before one chain: JSON-RPC requests through a provider, typed answers, typed errors.

- No exception of requests or the JSON parser leaves this module: no answer is ``ChainUnreachable``, a JSON-RPC
  error is ``NodeRefused``, an answer of the wrong form is ``ChainInconsistent``.
- State is read at a block named by its hash (EIP-1898). A node that knows only numbers is asked by number, and the hash
  of that number is compared afterwards, so that a reorganisation in between is noticed.
- A node is held to know only numbers when it says that it does not understand the question. A block that it lacks, a
  busy node and a broken one say nothing about that.
"""

from __future__ import annotations

import re
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import requests

from tallystick.chain import wire
from tallystick.chain.wire import Header, Json, NodeRefused
from tallystick.errors import ChainError, ChainInconsistent, ChainUnreachable, WrongChain
from tallystick.protocol.types import Address, BlockRef, Hash, to_hex

Tag = Literal["latest", "finalized"]

INVALID_PARAMS = -32602
_NO_HASHES = re.compile(
    r"cannot unmarshal (object|non-string)|invalid (block )?(argument|params|parameter|type)|"
    r"(hex|block number|block tag|string)\b.*\bexpected|eip-?1898",
    re.IGNORECASE,
)
"""What nodes from before EIP-1898 say of an object where they want a number, if not by their error's code."""
_NO_BLOCK = re.compile(r"out ?of ?range|not found|unknown block|beyond", re.IGNORECASE)
"""What nodes say of a block that they lack; anvil does so by the code of invalid parameters."""
_CHECK_NODE = "Check that the node runs and that its URL is right, then try again; nothing was lost."


class Provider(Protocol):
    """What carries a request to a node: the embedded chain, or any synchronous provider of web3.py."""

    def make_request(self, method: Any, params: Any, /) -> Any:
        """The JSON-RPC answer to ``method`` with ``params``, errors included."""


class NodeTimeout(ChainUnreachable):
    """The node did not answer in time; a smaller question may be answered."""


class Node:
    """The node behind ``provider``."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._reads_by_hash: bool | None = None

    def request(self, method: str, *params: Json) -> Json:
        """The result of JSON-RPC ``method`` with ``params``.

        Raises:
            NodeRefused: the node answered with an error.
            ChainUnreachable: it gave no answer, or something that is no JSON-RPC answer.
        """
        try:
            response = self._provider.make_request(method, list(params))
        except ChainError:
            raise
        except requests.HTTPError as error:
            response = self._error_body(error, method)
        except requests.Timeout as error:
            raise NodeTimeout(f"{self._name}: {method}: no answer in time.", todo=_CHECK_NODE) from error
        except (OSError, ValueError) as error:
            raise ChainUnreachable(f"{self._name}: {method}: {_reason(error)}.", todo=_CHECK_NODE) from error
        if not isinstance(response, dict) or ("result" not in response and response.get("error") is None):
            raise ChainUnreachable(f"{self._name}: {method}: expected a JSON-RPC answer.", todo=_CHECK_NODE)
        if response.get("error") is not None:
            raise wire.parse_error(response["error"], method)
        return response.get("result")

    def block_json(self, number: int | Tag) -> Json:
        """The block ``number`` as the node tells it, transactions by hash; None if it has none."""
        name = hex(number) if isinstance(number, int) else number
        return self.request("eth_getBlockByNumber", name, False)

    def header(self, number: int | Tag) -> Header | None:
        """The canonical header ``number``, or None if the node has none. Raises ``ChainInconsistent``."""
        block = self.block_json(number)
        if block is None:
            return None
        header = wire.parse_header(block)
        if isinstance(number, int) and header.ref.number != number:
            raise ChainInconsistent(f"node: expected block {number}, got block {header.ref.number}.")
        return header

    def block(self, number: int) -> BlockRef:
        """The canonical block ``number``. Raises ``ChainInconsistent`` if there is none."""
        header = self.header(number)
        if header is None:
            raise ChainInconsistent(
                f"node: expected block {number}, found none.",
                todo="Wait until the node has caught up, or ask another node.",
            )
        return header.ref

    def newest(self) -> Header:
        """The newest block. Raises ``ChainInconsistent`` if the node has not even a genesis block."""
        header = self.header("latest")
        if header is None:
            raise ChainInconsistent("node: expected a newest block, found none.", todo="Wait until it has caught up.")
        return header

    def confirm(self, number: int, block_hash: Hash) -> BlockRef:
        """The block ``number``, which must be the one of ``block_hash``.

        Raises:
            ChainInconsistent: the canonical block of that number is another.
        """
        block = self.block(number)
        if block.hash != block_hash:
            raise ChainInconsistent(
                f"node: block {number}: expected {to_hex(block_hash)}, got {to_hex(block.hash)}.",
                todo="The chain was reorganised meanwhile, or the node contradicts itself; try again.",
            )
        return block

    def read_at(self, method: str, *params: Json, block: BlockRef | None) -> Json:
        """The result of ``method`` with ``params`` in the state after ``block`` (None: the newest, whatever it is).

        Raises:
            ChainInconsistent: ``block`` is not canonical.
            NodeRefused: the node has no such state, or does not answer the question for a reason of its own.
        """
        if block is None:
            return self.request(method, *params, "latest")
        if self._reads_by_hash is not False:
            try:
                result = self.request(method, *params, {"blockHash": to_hex(block.hash)})
            except NodeRefused as error:
                if error.revert_data is not None:
                    raise
                if self._reads_by_hash or not _knows_no_hashes(error):
                    self.confirm(block.number, block.hash)
                    raise
            else:
                self._reads_by_hash = True
                return result
        result = self.request(method, *params, hex(block.number))
        self.confirm(block.number, block.hash)
        self._reads_by_hash = False
        return result

    def call(self, to: Address, calldata: bytes, block: BlockRef | None, sender: Address | None = None) -> bytes:
        """What the contract ``to`` returns for ``calldata`` at ``block``. Raises ``NodeRefused`` if it reverts."""
        request = {"to": to_hex(to), "data": to_hex(calldata)}
        if sender is not None:
            request["from"] = to_hex(sender)
        return wire.data(self.read_at("eth_call", request, block=block), "eth_call")

    def call_next(self, to: Address, calldata: bytes, sender: Address) -> bytes:
        """What ``to`` returns to ``sender`` for ``calldata`` in the next block. Raises ``NodeRefused``."""
        request = {"from": to_hex(sender), "to": to_hex(to), "data": to_hex(calldata)}
        return wire.data(self.request("eth_call", request, "pending"), "eth_call")

    def read_word(self, to: Address, calldata: bytes, block: BlockRef | None) -> bytes:
        """The one word that the contract ``to`` returns for ``calldata`` at ``block``: see ``read_words``."""
        return self.read_words(to, calldata, 1, block)

    def read_words(self, to: Address, calldata: bytes, count: int, block: BlockRef | None) -> bytes:
        """The ``count`` words that the contract ``to`` returns for ``calldata`` at ``block``: 32 bytes each.

        Raises:
            WrongChain: another number of bytes: there is no such contract at that address and block.
        """
        answer = self.call(to, calldata, block)
        if len(answer) != 32 * count:
            where = "the newest block" if block is None else f"block {block.number}"
            raise WrongChain(
                f"contract {to_hex(to)}: expected {32 * count} bytes at {where}, got {len(answer)}.",
                todo="Check the contract addresses and the chain; the contract may be younger than the block.",
            )
        return answer

    def code(self, address: Address, block: BlockRef | None) -> bytes:
        """The code at ``address`` at ``block``; empty if there is none."""
        return wire.data(self.read_at("eth_getCode", to_hex(address), block=block), "eth_getCode")

    def chain_id(self) -> int:
        """The chain id that the node serves."""
        return wire.quantity(self.request("eth_chainId"), "eth_chainId")

    @property
    def _name(self) -> str:
        """Host and port only: the rest of a node's URL often holds a key."""
        parts = urlsplit(str(getattr(self._provider, "endpoint_uri", "") or ""))
        port = f":{parts.port}" if parts.port else ""
        return f"node {parts.hostname}{port}" if parts.hostname else "node"

    def _error_body(self, error: requests.HTTPError, method: str) -> Json:
        """The JSON-RPC error in an HTTP error's body (some nodes answer so), else one made of the status."""
        answer = error.response
        assert answer is not None, "requests raises it for an answer"
        if answer.status_code in (429, 502, 503, 504):
            message = f"{self._name}: {method}: HTTP status {answer.status_code}."
            raise ChainUnreachable(message, todo=_CHECK_NODE) from error
        try:
            body = answer.json()
        except ValueError:
            body = None
        if isinstance(body, dict) and body.get("error") is not None:
            return body
        return {"error": {"code": answer.status_code, "message": f"HTTP status {answer.status_code}"}}


def _knows_no_hashes(error: NodeRefused) -> bool:
    """Whether the node, by ``error``, did not understand that a block was named by its hash."""
    if _NO_BLOCK.search(error.message):
        return False
    return error.code == INVALID_PARAMS or _NO_HASHES.search(error.message) is not None


def _reason(error: Exception) -> str:
    """A short cause without the URL, which requests puts into its messages."""
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return "not a JSON answer" if isinstance(error, ValueError) else type(error).__name__
