"""A time-stamping authority over HTTP: one request, one token, checked before it is kept. Source: RFC 3161 3.4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.errors import TimestampError
from tallystick.protocol.stamps import MAX_TOKEN_BYTES
from tallystick.protocol.types import Hash, Timestamp
from tallystick.protocol.verdict import Outcome
from tallystick.timestamp.token import check_token

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class HttpAuthority:
    """The authority at ``url``, believed where its tokens lead to one of ``roots``."""

    url: str
    roots: Sequence[Certificate]

    def stamp(self, root: Hash) -> tuple[bytes, Timestamp]:
        """A token on the batch root ``root``, and the time it tells.

        Raises:
            TimestampError: no answer, a refusal, or a token that does not hold; nothing of it is to be kept.
        """
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

        request = TimestampRequestBuilder(data=root, hash_algorithm=HashAlgorithm.SHA256).build()
        token = self._post(request.as_bytes())
        verdict = check_token(token, root, self.roots, nonce=request.nonce)
        if verdict.outcome is not Outcome.VALID or verdict.at is None:
            raise TimestampError(
                f"{self.url}: expected a time-stamp that holds, got one that is not: {verdict.message}.",
                todo="Ask the authority; check [timestamp] authority_roots in tallystick.toml.",
            )
        return token, verdict.at

    def _post(self, request: bytes) -> bytes:
        import requests

        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        try:
            with requests.post(
                self.url, data=request, headers=headers, timeout=TIMEOUT_SECONDS, stream=True
            ) as response:
                body = b"".join(_bounded(response.iter_content(8192)))
                if response.status_code != 200:
                    raise self._failed(f"it answered with status {response.status_code}")
                return body
        except requests.RequestException as error:
            raise self._failed(f"it did not answer ({type(error).__name__})") from error

    def _failed(self, what: str) -> TimestampError:
        return TimestampError(
            f"{self.url}: expected a time-stamp, but {what}.",
            todo="Run `tallystick timestamp` again later: what is sealed stays sealed, what is stamped stays stamped.",
        )


def _bounded(parts: Iterable[bytes]) -> list[bytes]:
    """``parts`` up to just beyond the limit, so that a longer answer reads as malformed, not as endless."""
    taken: list[bytes] = []
    size = 0
    for part in parts:
        taken.append(part)
        size += len(part)
        if size > MAX_TOKEN_BYTES:
            break
    return taken
