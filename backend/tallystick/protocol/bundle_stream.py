"""A bundle file read and written one append at a time, so that no history is too long for the memory at hand.

Rules:

- what is read here is what ``parse_bundle`` reads: each append and what stands around them re-encode to the very bytes,
  and canonical JSON has no other way to join them, so the whole file is canonical where its parts are;
- the file is cut where an append ends: before ``,{"batchId":``, and before ``],"asOf":`` after the last. In JSON a text
  holds no bare quotation mark, and what closes one is followed by none of these letters, so neither can stand inside a
  text; and no object inside an append has such a member. In a file that is no bundle a cut may be wrong: then a part
  does not re-encode;
- what surrounds the appends stands behind them, so a file is gone through twice;
- what is not read here is refused with ``UnstreamableError``, which says nothing about the file: ``parse_bundle`` does.

::

    {"appends":[ {"batchId":0,...} ,{"batchId":1,...} ],"asOf":{...},...,"subject":"0x..."}
                 one append         another            what surrounds them

Source: protocol section 10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import orjson

from tallystick.errors import MalformedEvidence, MalformedInput
from tallystick.protocol import canonical
from tallystick.protocol.bundle import (
    MAX_BUNDLE_BYTES,
    MEMBERS,
    BundleAppend,
    Frame,
    check_members,
    format_append,
    format_frame,
    parse_append,
    parse_frame,
)

Chunks = Callable[[], Iterator[bytes]]
"""Begins to read a file anew: its bytes in pieces of any size."""

_START, _NEXT, _END = b'{"appends":[', b',{"batchId":', b'],"asOf":'
_COUNT = re.compile(rb'\{"batchId":[0-9]+,"count":([0-9]{1,10}),')
_BESIDE = MEMBERS - {"appends"}


class UnstreamableError(Exception):
    """The bytes are not a bundle, or one that can't be read append by append; never leaves this package."""


def read_frame(chunks: Chunks) -> tuple[Frame, int]:
    """What surrounds the appends of a file, and how many entries these say to have. Raises ``UnstreamableError``."""
    entries = 0
    frame: Frame | None = None
    for part, is_frame in _parts(chunks()):
        if is_frame:
            frame = _read_frame(part)
        elif found := _COUNT.match(part):
            entries += int(found[1])
    if frame is None:
        raise UnstreamableError
    return frame, entries


def read_appends(chunks: Chunks) -> Iterator[BundleAppend]:
    """The appends of a file in order, each read when it is asked for. Raises ``UnstreamableError``."""
    for position, (part, is_frame) in enumerate(_parts(chunks())):
        if not is_frame:
            try:
                yield parse_append(_canonical(part), position)
            except (MalformedEvidence, MalformedInput, RecursionError, TypeError) as error:
                raise UnstreamableError from error


def write(frame: Callable[[], Frame], appends: Iterable[BundleAppend]) -> Iterator[bytes]:
    """The pieces of the file that ``format_bundle`` makes; ``frame`` is asked for once all ``appends`` are written.

    Raises:
        MalformedInput: as ``format_bundle`` does.
    """
    yield _START
    between = b""
    for append in appends:
        yield between + canonical.encode(format_append(append))
        between = b","
    yield b"]," + canonical.encode(format_frame(frame()))[1:]


def _read_frame(part: bytes) -> Frame:
    try:
        return parse_frame(check_members(_canonical(part), _BESIDE, "bundle"))
    except (MalformedEvidence, MalformedInput, RecursionError, TypeError) as error:
        raise UnstreamableError from error


def _canonical(part: bytes) -> object:
    """The JSON value of ``part``, which must be its one spelling."""
    try:
        value = orjson.loads(part)
    except orjson.JSONDecodeError as error:
        raise UnstreamableError from error
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != part:
        raise UnstreamableError
    return value


def _parts(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The JSON text of each append, then that of an object of what surrounds them; the flag says which of the two."""
    buffer = bytearray()
    begin = len(_START)
    while len(buffer) < begin + 2 and (chunk := next(chunks, b"")):
        buffer += chunk
    if not buffer.startswith(_START):
        raise UnstreamableError
    if buffer[begin : begin + 2] != b"],":
        searched = begin
        while True:
            cut = buffer.find(_NEXT, searched)
            end = buffer.find(_END, searched, len(buffer) if cut < 0 else cut)
            if end >= 0:
                yield bytes(buffer[begin:end]), False
                begin = end
                break
            if cut >= 0:
                yield bytes(buffer[begin:cut]), False
                begin = searched = cut + 1
                continue
            searched = max(begin, len(buffer) - len(_NEXT))
            chunk = next(chunks, b"")
            if not chunk or len(buffer) - begin > MAX_BUNDLE_BYTES:
                raise UnstreamableError
            del buffer[:begin]
            buffer += chunk
            begin, searched = 0, searched - begin
    rest = [bytes(buffer[begin + 2 :])]
    size = len(rest[0])
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_BUNDLE_BYTES:
            raise UnstreamableError
        rest.append(chunk)
    yield b"{" + b"".join(rest), True
