"""A bundle as a file, read and written one append at a time, so that no history is too long for the memory at hand.

Rules:

- the file is canonical JSON (RFC 8785), so that one history has one spelling. It is cut where an append ends, and each
  part must re-encode to its very bytes; canonical JSON has no other way to join such parts, so the whole file is
  canonical where they are;
- an append ends before ``,{"batchId":``, and the last one before ``],"asOf":``. In JSON a text holds no bare quotation
  mark, and what closes one is followed by none of these letters, so neither can stand inside a text; and no object
  inside an append has such a member. In a file that is no bundle a cut may be wrong: then a part does not re-encode;
- what surrounds the appends, the frame, stands behind them. So a file is gone through twice, and must be the same;
- what is held as bytes is read by the same reader: there is no other.

::

    {"appends":[ {"batchId":0,...} ,{"batchId":1,...} ],"asOf":{...},...,"subject":"0x..."}
                 one append         another            the frame

Source: protocol section 10.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import orjson

from tallystick.errors import FileChanged, MalformedBundle, MalformedEvidence, MalformedInput
from tallystick.protocol import canonical, compression
from tallystick.protocol.bundle import (
    Bundle,
    BundleAppend,
    Frame,
    format_append,
    format_frame,
    parse_append,
    parse_frame,
)
from tallystick.protocol.types import clip

Chunks = Callable[[], Iterator[bytes]]
"""Begins to read a file anew: its bytes in pieces of any size, the first of two bytes at least."""

MAX_BUNDLE_BYTES = 1 << 28
"""Size of a bundle that is held; of a larger one, size of each append and of the frame."""

MAX_PART_VALUES = 1 << 23
"""Values of such a part: what is small in a file is large in memory. Counted are commas and opening brackets."""

START = b'{"appends":['
"""How every bundle begins."""
_NEXT, _END = b',{"batchId":', b'],"asOf":'
_COUNT = re.compile(rb'\{"batchId":[0-9]+,"count":([0-9]{1,10}),')
_EMPTY = START + b"],"
_AS_EXPORTED = "Verify the file as it was exported, byte for byte."


@dataclass(frozen=True)
class BundleFile:
    """A bundle file whose frame is read: ``entries`` is how many its appends say to have."""

    frame: Frame
    entries: int
    _chunks: Chunks
    _digest: bytes

    def appends(self) -> Iterator[BundleAppend]:
        """The appends in order, each read when it is asked for.

        Raises:
            MalformedBundle: an append is not of its form; says which.
            FileChanged: the file is not the one that ``frame`` was read from, which is known once all of it is read.
        """
        cuts = _Cuts(self._chunks())
        try:
            for position, part in enumerate(cuts.appends()):
                with _malformed():
                    append = parse_append(_canonical(part, f"appends[{position}]"), position)
                yield append
        except MalformedBundle:
            self._compare(cuts)
            raise
        self._compare(cuts)

    def _compare(self, cuts: _Cuts) -> None:
        try:
            is_same = cuts.digest() == self._digest
        except MalformedBundle:  # it was read to its end before
            is_same = False
        if not is_same:
            raise FileChanged(
                "bundle: the file changed while it was read.", todo="Verify a copy of it that nothing writes to."
            )


def read_bundle(chunks: Chunks) -> BundleFile:
    """The bundle file that ``chunks`` read, its appends not yet looked into. Raises ``MalformedBundle``."""
    cuts = _Cuts(chunks())
    entries = sum(int(found[1]) for part in cuts.appends() if (found := _COUNT.match(part)))
    with _malformed():
        frame = parse_frame(_canonical(cuts.frame(), "bundle beside its appends"))
    return BundleFile(frame, entries, chunks, cuts.digest())


def parse_bundle(data: bytes) -> Bundle:
    """The bundle that ``data`` spells, plain or as gzip.

    Raises:
        MalformedBundle: not canonical JSON, too large, a member missing, unknown or not of its form; says which.
    """
    read = read_bundle(unpacked(lambda: iter([data]), MAX_BUNDLE_BYTES))
    return Bundle(**vars(read.frame), appends=tuple(read.appends()))


def unpacked(raw: Chunks, limit: int) -> Chunks:
    """What the file that ``raw`` reads holds, which is plain or one gzip member, at most ``limit`` bytes of it.

    Raises ``MalformedBundle`` when it is read: it holds more, or is damaged.
    """

    def chunks() -> Iterator[bytes]:
        pieces = raw()
        first = next(pieces, b"")
        whole, size = chain([first], pieces), 0
        with _malformed():
            for chunk in compression.expanding(whole, limit) if compression.is_compressed(first) else whole:
                size += len(chunk)
                if size > limit:
                    raise MalformedBundle(f"bundle: expected at most {limit} bytes, got more.")
                yield chunk

    return chunks


def write_bundle(frame: Callable[[], Frame], appends: Iterable[BundleAppend]) -> Iterator[bytes]:
    """The pieces of a bundle file; ``frame`` is asked for once all ``appends`` are written.

    Raises:
        MalformedInput: a report that is no canonical JSON.
    """
    yield START
    between = b""
    for append in appends:
        yield between + canonical.encode(format_append(append))
        between = b","
    yield b"]," + canonical.encode(format_frame(frame()))[1:]


def format_bundle(bundle: Bundle) -> bytes:
    """The canonical bytes of ``bundle``; ``parse_bundle`` gives it back."""
    return b"".join(write_bundle(lambda: bundle, bundle.appends))


@contextmanager
def _malformed() -> Iterator[None]:
    """Whatever is found wrong with a part is wrong with the bundle."""
    try:
        yield
    except MalformedBundle:
        raise
    except (MalformedEvidence, MalformedInput, RecursionError, TypeError) as error:
        raise MalformedBundle(f"bundle: {error}") from error


def _canonical(part: bytes, name: str) -> object:
    """The JSON value of ``part``, which must be its one spelling."""
    if (values := sum(map(part.count, (b",", b"[", b"{")))) > MAX_PART_VALUES:
        raise MalformedBundle(
            f"{name}: expected at most {MAX_PART_VALUES} values in one part, got up to {values}.",
            todo="No history needs so many: do not trust who sent it.",
        )
    try:
        value = orjson.loads(part)
    except orjson.JSONDecodeError as error:
        raise MalformedBundle(
            f"{name}: expected canonical JSON, got {clip(part)} ({error}).", todo=_AS_EXPORTED
        ) from error
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != part:
        raise MalformedBundle(
            f"{name}: expected canonical JSON (RFC 8785), got another spelling of the same values.", todo=_AS_EXPORTED
        )
    return value


class _Cuts:
    """The parts of the file that ``chunks`` spell: ``appends`` first and then, once, ``frame``; no part is checked."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._sha256 = hashlib.sha256()
        self._buffer = bytearray()
        self._begin = 0
        """Where in the buffer the next part begins."""

    def appends(self) -> Iterator[bytes]:
        """The JSON text of each append."""
        while len(self._buffer) < len(_EMPTY) and self._read():
            pass
        if not self._buffer.startswith(START):
            found = clip(bytes(self._buffer[: len(_EMPTY)]))
            raise MalformedBundle(
                f"bundle: expected canonical JSON (RFC 8785) that begins with {START.decode()}, got {found}.",
                todo=_AS_EXPORTED,
            )
        self._begin = searched = len(START)
        if self._buffer.startswith(_EMPTY):
            return
        while True:
            cut = self._buffer.find(_NEXT, searched)
            end = self._buffer.find(_END, searched, len(self._buffer) if cut < 0 else cut)
            if end >= 0:
                yield _part(self._buffer[self._begin : end])
                self._begin = end
                return
            if cut >= 0:
                yield _part(self._buffer[self._begin : cut])
                self._begin = searched = cut + 1
                continue
            searched = max(self._begin, len(self._buffer) - len(_NEXT)) - self._begin
            self._forget()
            if not self._read():
                raise MalformedBundle(
                    f"bundle: expected {_END.decode()} behind the appends, got the end of the file.", todo=_AS_EXPORTED
                )

    def frame(self) -> bytes:
        """The JSON text of an object that holds what stands behind the appends."""
        self._forget()
        while self._read():
            pass
        return _part(b"{" + self._buffer[2:])

    def digest(self) -> bytes:
        """SHA-256 of the file, the rest of which is read for it."""
        self._buffer.clear()
        while self._read():
            self._buffer.clear()
        return self._sha256.digest()

    def _forget(self) -> None:
        del self._buffer[: self._begin]
        self._begin = 0

    def _read(self) -> bool:
        """Read one more piece; whether there was one."""
        if len(self._buffer) - self._begin > MAX_BUNDLE_BYTES + len(_NEXT):
            raise _too_large()  # whatever comes: what is behind a part is shorter than that until it is found
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self._sha256.update(chunk)
        self._buffer += chunk
        return True


def _part(text: bytes | bytearray) -> bytes:
    if len(text) > MAX_BUNDLE_BYTES:
        raise _too_large()
    return bytes(text)


def _too_large() -> MalformedBundle:
    return MalformedBundle(
        f"bundle: expected each append, and what stands beside them, of at most {MAX_BUNDLE_BYTES} bytes, got more."
    )
