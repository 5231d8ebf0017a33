"""The provider for a node behind HTTP: a time limit on every request, and repetition of reads only.

A transaction is never sent twice by the transport: whether it arrived is asked by its hash.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider
from web3.exceptions import Web3Exception
from web3.providers.rpc.utils import ExceptionRetryConfiguration
from web3.types import RPCEndpoint, RPCResponse

from tallystick.errors import ChainUnreachable, UsageError

DEFAULT_TIMEOUT_SECONDS = 30.0
READ_ATTEMPTS = 3
READ_METHODS = (
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_estimateGas",
    "eth_feeHistory",
    "eth_getBlockByNumber",
    "eth_getCode",
    "eth_getLogs",
    "eth_getProof",
    "eth_getStorageAt",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
)
_BACKOFF_SECONDS = 0.2


class HttpProvider(HTTPProvider):
    """web3.py's HTTP provider, whose own complaints about an answer are ours."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The node's answer. Raises ``ChainUnreachable`` where what came back is none."""
        try:
            return super().make_request(method, params)
        except Web3Exception as error:
            raise ChainUnreachable(
                f"node: {method}: expected a JSON-RPC answer, got {type(error).__name__}.",
                todo="Check that the URL is a node's JSON-RPC over HTTP.",
            ) from error


def open_http(url: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> HttpProvider:
    """A provider for the node at ``url`` that gives up a request after ``timeout_seconds``; connects to nothing yet.

    Raises:
        UsageError: ``url`` is not an http or https URL.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        raise UsageError(
            "node URL: expected http://HOST[:PORT][/PATH] or https://..., got another form.",
            todo="Give the URL of the node's JSON-RPC over HTTP.",
        )
    retries = ExceptionRetryConfiguration(
        errors=(requests.ConnectionError, requests.HTTPError),
        retries=READ_ATTEMPTS,
        backoff_factor=_BACKOFF_SECONDS,
        method_allowlist=READ_METHODS,
    )
    return HttpProvider(url, request_kwargs={"timeout": timeout_seconds}, exception_retry_configuration=retries)
