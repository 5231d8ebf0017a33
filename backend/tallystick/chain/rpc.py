"""The provider for a node behind HTTP: a time limit on every request, and repetition of reads only.

A transaction is never sent twice by the transport: whether it arrived is asked by its hash.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider
from web3.providers.rpc.utils import ExceptionRetryConfiguration

from tallystick.errors import UsageError

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


def open_http(url: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> HTTPProvider:
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
    return HTTPProvider(url, request_kwargs={"timeout": timeout_seconds}, exception_retry_configuration=retries)
