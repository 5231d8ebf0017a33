"""A request that may come again is carried out once: its answer is kept with what it recorded, and given again.

::

    first     look: nothing kept      record + keep the answer      one transaction      -> answer
    again     look: the answer                                                           -> the same bytes
    crash     before the commit: neither evidence nor answer; after it: both, and whoever asks again gets the answer

Rules (Stripe's "Idempotent requests", draft-ietf-httpapi-idempotency-key-header-07):

- a key is its organisation's: others may use the same text;
- the same key with another request (operation, path or body) is refused, and so is one that is still under way here;
  under way in another process, the store's order of writers makes the later one find the answer;
- what was refused recorded nothing and is not kept: the key may be used again, also for a corrected request;
- an answer is kept for ``KEPT_SECONDS``; after that the same key names a new request.

Source of the order: writers of one store take turns (``store/engine.py``), so that what ``begin`` did not find is not
there when the transaction commits.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import orjson

from tallystick.errors import KeyReused, MalformedInput, UnderWay
from tallystick.protocol.types import Timestamp, clip
from tallystick.service.context import Context
from tallystick.service.ports import Transaction
from tallystick.store.records import EvidenceRecord
from tallystick.store.searching import KeptAnswer

KEPT_SECONDS = 7 * 24 * 3600
MAX_KEY = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered: status, ``Location`` and body, byte for byte."""

    status: int
    location: str | None
    body: bytes


class Replayed(Exception):
    """The request was carried out before; ``answer`` is what it was answered. No error: a way out of the work."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("answered before")
        self.answer = answer


class Once(Protocol):
    """What a use case that records calls within its one transaction: ``begin`` first, ``end`` before the commit."""

    def begin(self, transaction: Transaction) -> None:
        """Raises ``Replayed`` if the request was carried out before, ``KeyReused`` if another one was."""

    def end(self, transaction: Transaction, made: Sequence[EvidenceRecord]) -> None:
        """Keep the answer that tells of ``made``."""


class _AtWill:
    """A request without a key: carried out as often as it comes."""

    def begin(self, transaction: Transaction) -> None:
        """Nothing is looked for."""

    def end(self, transaction: Transaction, made: Sequence[EvidenceRecord]) -> None:
        """Nothing is kept."""


AT_WILL: Once = _AtWill()


@dataclass(frozen=True, slots=True)
class Telling:
    """A request without a key whose answer ``tell`` makes, within the transaction."""

    tell: Callable[[Transaction, Sequence[EvidenceRecord]], Answer]

    def begin(self, transaction: Transaction) -> None:
        """Nothing is looked for."""

    def end(self, transaction: Transaction, made: Sequence[EvidenceRecord]) -> None:
        """Make the answer; nothing is kept."""
        self.tell(transaction, made)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request that ``organisation`` named ``key``; ``tell`` makes its answer, within the transaction."""

    context: Context
    organisation: str
    key: str
    fingerprint: bytes
    tell: Callable[[Transaction, Sequence[EvidenceRecord]], Answer] | None = None

    def begin(self, transaction: Transaction) -> None:
        """Raises ``Replayed`` if the request was carried out before, ``KeyReused`` if another one was."""
        kept = transaction.kept_answer(self.organisation, self.key)
        if kept is None or kept.kept_at + KEPT_SECONDS <= self.context.clock.now():
            return
        if kept.fingerprint != self.fingerprint:
            raise KeyReused(
                f"Idempotency-Key {clip(self.key)}: expected the request that it named before, got another.",
                todo="Use a new key for a new request.",
            )
        raise Replayed(Answer(kept.status, kept.location, kept.body))

    def end(self, transaction: Transaction, made: Sequence[EvidenceRecord]) -> None:
        """Keep the answer that tells of ``made``."""
        assert self.tell is not None, "who records says what is answered"
        self.keep(transaction, self.tell(transaction, made))

    def keep(self, transaction: Transaction, answer: Answer) -> None:
        """Keep ``answer``, and forget some that are old."""
        now = self.context.clock.now()
        transaction.forget_answers(Timestamp(max(0, now - KEPT_SECONDS)))
        transaction.keep_answer(
            KeptAnswer(self.organisation, self.key, self.fingerprint, answer.status, answer.location, answer.body, now)
        )


class UnderWayKeys:
    """The keys whose requests this process is carrying out. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[tuple[str, str]] = set()

    @contextmanager
    def taken(self, organisation: str, key: str) -> Iterator[None]:
        """Until the block ends the key is taken. Raises ``UnderWay`` if it is."""
        name = (organisation, key)
        with self._lock:
            if name in self._held:
                raise UnderWay(
                    f"Idempotency-Key {clip(key)}: expected no request of that key under way, got one.",
                    todo="Wait for its answer, or send the same request again in a moment.",
                )
            self._held.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(name)


def check_key(key: str) -> str:
    """``key`` if it can name a request. Raises ``MalformedInput``."""
    if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        raise MalformedInput(
            f"Idempotency-Key: expected 1 to {MAX_KEY} printable ASCII characters, got {clip(key)}.",
            todo="Use a random one, such as a UUID, for each new request.",
        )
    return key


def fingerprint(operation: str, target: str, body: bytes) -> bytes:
    """SHA-256 of a request to ``operation`` at ``target`` (path and query); of JSON, however it is spaced."""
    with suppress(orjson.JSONDecodeError):  # what is no JSON counts byte for byte
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256()
    for part in (operation.encode(), target.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
