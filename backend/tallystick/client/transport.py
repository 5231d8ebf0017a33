"""How requests are made: keys, retries, idempotency, problems, pages and files.

Rules:

- an API key goes to a loopback address, or through TLS; never elsewhere, also not where a ``Link`` points to;
- asked again is what surely had no effect (429, 503, no connection), and what may have had one (504, a lost answer) but
  can't have it twice: a GET, a DELETE, or a POST whose operation takes an ``Idempotency-Key`` by the server's own
  document; then the server may be busy with it still (409, ``UnderWay``), which is waited for;
- waits are what ``Retry-After`` says, else 0.5 s, 1 s, 2 s ... with a share of chance, of at most 30 s each.

Source: RFC 9110 section 9.2.2 and 10.2.3, RFC 9457, RFC 8288.
"""

from __future__ import annotations

import email.utils
import hashlib
import ipaddress
import random
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar
from urllib.parse import quote

import httpx
import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from tallystick.client.problems import problem_of
from tallystick.errors import RemoteProblem, ServerUnreachable, UnderWay, UsageError
from tallystick.protocol.types import clip

T = TypeVar("T")

AGAIN = (429, 503)
LATE = 504
TIMEOUT_SECONDS = 75.0
"""More than an answer may take by the server's own limit, so that the server says first what may have been done."""
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
HELD_BYTES = 1 << 20
"""What is kept in memory of something that is sent, before it goes to a temporary file."""
_CHUNK_BYTES = 1 << 18
_NAME = re.compile(r'filename="([^"]+)"')


@dataclass(frozen=True, slots=True)
class File:
    """A file that the server made; ``etag`` given back as ``if_none_match`` asks for it only if it is another one."""

    name: str
    etag: str | None
    data: bytes


class Tagged(dict[str, Any]):
    """A report, as a dict; ``etag`` given back as ``if_none_match`` asks for it only if it is another one."""

    etag: str | None = None


class Transport:
    """Asks the server at ``url`` with the API key, session or token ``key``; without one, all there is is to sign in.

    ``retries`` is how often a request is made again, ``timeout`` how many seconds an answer may take; ``sleep`` waits.
    ``http`` is a client of httpx to use instead of an own one: proxies and certificates are its affair.

    Raises:
        UsageError: ``url`` is neither HTTPS nor a loopback address, which would show the key to a network; or it holds
            a password, which would stand in messages.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        retries: int = 5,
        timeout: float = TIMEOUT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        http: httpx.Client | None = None,
    ) -> None:
        self._url = httpx.URL(url.rstrip("/"))
        if self._url.scheme != "https" and not (self._url.scheme == "http" and _is_loopback(self._url.host)):
            raise UsageError(
                f"url: expected https://, or http:// to a loopback address, got {clip(url)}: an API key must not cross "
                "a network in the clear.",
                todo="Use the address of the proxy with TLS.",
            )
        if self._url.userinfo:
            raise UsageError("url: expected no name and password in it.", todo="The API key is all that is sent.")
        self._key = key
        self._retries = retries
        self._sleep = sleep
        self._http = httpx.Client(timeout=timeout) if http is None else http
        self._document: Mapping[str, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._url)!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _one(
        self,
        operation: str,
        kind: Any,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: BaseModel | Sequence[BaseModel] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """The answer as ``kind`` (a model, or a list of them); None where there is nothing in it."""
        content = None if body is None else json_of(body)
        headers = {"Content-Type": "application/json"} if content is not None else {}
        answer = self._ask(operation, method, path, query, content, headers, idempotency_key)
        return self._read(operation, kind, answer) if answer.content else None

    def _each(self, operation: str, kind: type[T], path: str, *, query: Mapping[str, Any] | None = None) -> Iterator[T]:
        """The items of a list as ``kind``, page after page."""
        answer = self._ask(operation, "GET", path, query)
        while True:
            yield from self._read(operation, list[kind], answer)  # type: ignore[valid-type]
            following = answer.links.get("next", {}).get("url")
            if following is None:
                return
            answer = self._ask(operation, "GET", self._path_of(following), None)

    def _report(self, operation: str, path: str, query: Mapping[str, Any], if_none_match: str | None) -> Tagged | None:
        """The report at ``path``; None if it is still ``if_none_match``."""
        headers = {} if if_none_match is None else {"If-None-Match": if_none_match}
        answer = self._ask(operation, "GET", path, query, None, headers)
        if answer.status_code == 304:
            return None
        told = Tagged(self._read(operation, dict[str, Any], answer))
        told.etag = answer.headers.get("ETag")
        return told

    def _file(
        self,
        operation: str,
        path: str,
        query: Mapping[str, Any],
        if_none_match: str | None,
        to: Path | None,
        sha256: str | None = None,
    ) -> File | None:
        """The file at ``path``, None if it is still ``if_none_match``; its bytes go to ``to``, where that is named.

        Bytes that have not the hash ``sha256`` go nowhere.
        """
        headers = {} if if_none_match is None else {"If-None-Match": if_none_match}
        if to is None:
            answer = self._ask(operation, "GET", path, query, None, headers)
            data = answer.content
            _check_hash(operation, sha256, hashlib.sha256(data))
        else:
            answer = self._ask(operation, "GET", path, query, None, headers, to=to, sha256=sha256)
            data = b""
        if answer.status_code == 304:
            return None
        found = _NAME.search(answer.headers.get("Content-Disposition", ""))
        return File(found[1] if found else "file", answer.headers.get("ETag"), data)

    def _ask(
        self,
        operation: str,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        content: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        to: Path | None = None,
        answers: Collection[int] = (304,),
        *,
        streams: bool = False,
        sha256: str | None = None,
    ) -> httpx.Response:
        """The answer: a success, or one of the statuses ``answers`` with a body that is no problem.

        With ``streams`` the body of a success is still to be read, by ``lines_of``; with ``to`` it is kept there, if it
        has the hash ``sha256``.

        Raises:
            RemoteProblem: it is a problem, or has another hash. ServerUnreachable: there is none, or it was lost.
        """
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        if self._key is not None:
            sent["Authorization"] = f"Bearer {self._key}"
        if method == "POST":
            sent["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        query = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        is_lost = False
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            if content is not None and not isinstance(content, bytes):
                content.seek(0)
            try:
                answer = self._send(operation, method, path, query, content, sent, to, streams=streams, sha256=sha256)
            except httpx.TransportError as error:
                may_have_arrived = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
                is_lost = is_lost or may_have_arrived
                if is_last or (may_have_arrived and not self._may_repeat(operation, method)):
                    raise ServerUnreachable(
                        f"{operation}: no answer from {self._url} ({type(error).__name__})"
                        + (": nobody knows whether it was done." if may_have_arrived else "."),
                        todo="Look whether it was done, then ask again." if may_have_arrived else "Try again later.",
                    ) from error
                self._sleep(wait_seconds(attempt, None))
                continue
            is_problem = answer.headers.get("Content-Type", "").startswith("application/problem+json")
            if answer.is_success or (answer.status_code in answers and not is_problem):
                return answer
            problem = problem_of(operation, answer.status_code, answer.headers, answer.content)
            is_late = answer.status_code == LATE and self._may_repeat(operation, method)
            is_busy = is_lost and isinstance(problem, UnderWay)
            if is_last or not (is_late or is_busy or answer.status_code in AGAIN):
                raise problem
            is_lost = is_lost or is_late
            self._sleep(wait_seconds(attempt, answer.headers.get("Retry-After")))
        raise AssertionError("the last attempt returns or raises")

    def _send(
        self,
        operation: str,
        method: str,
        path: str,
        query: Mapping[str, Any],
        content: bytes | IO[bytes] | None,
        headers: Mapping[str, str],
        to: Path | None,
        *,
        streams: bool,
        sha256: str | None,
    ) -> httpx.Response:
        url = self._url.copy_with(raw_path=self._url.raw_path.rstrip(b"/") + path.encode())
        request = self._http.build_request(
            method, url, params={**httpx.URL(url).params, **query}, content=content, headers=dict(headers)
        )
        if to is None and not streams:
            return self._http.send(request, follow_redirects=False)
        answer = self._http.send(request, stream=True, follow_redirects=False)
        if to is None and answer.is_success:
            return answer
        try:
            if to is None or not answer.is_success:
                answer.read()
                return answer
            part = to.with_name(f"{to.name}.part")
            try:
                got = hashlib.sha256()
                with part.open("wb") as file:
                    for chunk in answer.iter_bytes(_CHUNK_BYTES):
                        got.update(chunk)
                        file.write(chunk)
                _check_hash(operation, sha256, got)
                part.replace(to)
            finally:
                part.unlink(missing_ok=True)
            return answer
        finally:
            answer.close()

    def _wait_again(self, operation: str, failures: int, error: Exception) -> None:
        """Wait after a stream was lost for the ``failures``-th time. Raises ``ServerUnreachable`` after so many."""
        if failures > self._retries:
            raise ServerUnreachable(
                f"{operation}: the answer from {self._url} broke off ({type(error).__name__}).", todo="Try again later."
            ) from error
        self._sleep(wait_seconds(failures - 1, None))

    @staticmethod
    def _read(operation: str, kind: Any, answer: httpx.Response) -> Any:
        """``answer`` as ``kind``; members that it does not know are ignored: a newer server may send more."""
        try:
            return answer.json() if kind is dict else TypeAdapter(kind).validate_json(answer.content, extra="ignore")
        except (ValidationError, ValueError) as error:
            raise RemoteProblem(
                f"{operation}: expected {getattr(kind, '__name__', kind)}, got {clip(answer.content)}.",
                todo="The server may be of another version: compare /v1/openapi.json.",
                status=answer.status_code,
                request_id=answer.headers.get("x-request-id"),
            ) from error

    def _may_repeat(self, operation: str, method: str) -> bool:
        """Whether a request that may have been carried out can be made again without harm."""
        return method != "POST" or self._takes_key(operation)

    def _takes_key(self, operation: str) -> bool:
        """Whether ``operation`` takes an ``Idempotency-Key``, as the server's own document says."""
        if self._document is None:
            try:
                answer = self._http.get(f"{self._url}/v1/openapi.json")
                self._document = orjson.loads(answer.content) if answer.is_success else {}
            except (httpx.TransportError, orjson.JSONDecodeError):
                return False
        for item in self._document.get("paths", {}).values():
            for found in item.values():
                if found.get("operationId") == operation:
                    names = [parameter["name"].lower() for parameter in found.get("parameters", ())]
                    return "idempotency-key" in names
        return False

    def _path_of(self, link: str) -> str:
        """The path and query of ``link``, which must lead to the same server."""
        following = self._url.join(link)
        if (following.scheme, following.host, following.port) != (self._url.scheme, self._url.host, self._url.port):
            raise RemoteProblem(
                f"Link: expected the next page at {self._url}, got {clip(link)}.", todo="Ask who runs the server."
            )
        return following.raw_path.decode()


def _check_hash(operation: str, sha256: str | None, got: hashlib._Hash) -> None:
    if sha256 is not None and got.hexdigest() != sha256:
        raise RemoteProblem(
            f"{operation}: expected bytes of SHA-256 {clip(sha256)}, got {got.hexdigest()}.",
            todo="Nothing was kept: ask again, and who runs the server.",
            status=200,
        )


def lines_of(answer: httpx.Response) -> Iterator[bytes]:
    """The lines of a body that streams, as they come; only a line feed ends one. Close ``answer`` after them."""
    held: list[bytes] = []
    for chunk in answer.iter_bytes():
        first, *more = chunk.split(b"\n")
        held.append(first)
        for part in more:
            yield b"".join(held)
            held = [part]
    if last := b"".join(held):
        yield last


def opened(body: bytes | Path) -> AbstractContextManager[bytes | IO[bytes]]:
    """``body`` as it can be sent; a file is read as it goes."""
    return body.open("rb") if isinstance(body, Path) else nullcontext(body)


def path_of(*parts: str | int) -> str:
    """The path of ``parts`` under ``/v1``, each of them quoted."""
    return "/v1/" + "/".join(quote(str(part), safe="") for part in parts)


def json_of(body: BaseModel | Sequence[BaseModel]) -> bytes:
    if isinstance(body, BaseModel):
        return body.model_dump_json(by_alias=True, exclude_unset=True).encode()
    return b"[" + b",".join(json_of(one) for one in body) + b"]"


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def wait_seconds(attempt: int, retry_after: str | None) -> float:
    """Seconds to wait after the failed ``attempt`` (from 0)."""
    if (said := _seconds_of(retry_after)) is not None:
        return said
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0**attempt)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads clients over time  # nosec B311


def _seconds_of(retry_after: str | None) -> float | None:
    """Source: RFC 9110 section 10.2.3: seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.isdecimal():
        return min(float(retry_after), LONGEST_WAIT_SECONDS)
    try:
        at = email.utils.parsedate_to_datetime(retry_after).timestamp()
    except ValueError:
        return None
    return min(max(0.0, at - time.time()), LONGEST_WAIT_SECONDS)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
