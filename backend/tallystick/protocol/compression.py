"""Bundles and archives on their way: one gzip member, and no more of it than the reader wants.

Source: RFC 1952; protocol section 10.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from tallystick.errors import MalformedInput

MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_PIECE_BYTES = 1 << 20


def compress(data: bytes) -> bytes:
    """``data`` as one gzip member without name and time, so that the same data give the same bytes here."""
    return b"".join(compressing([data]))


def compressing(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """``compress`` of all ``pieces`` joined, piece by piece."""
    stream = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        yield stream.compress(piece)
    yield stream.flush()


def is_compressed(data: bytes) -> bool:
    """Whether ``data`` begins as gzip does; no JSON does."""
    return data[:2] == MAGIC


def expanding(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """What the gzip member that ``chunks`` spell holds, piece by piece, at most ``limit`` bytes in all.

    Raises:
        MalformedInput: as ``expand``, once the piece in question is reached.
    """
    stream = zlib.decompressobj(_GZIP)
    size = 0
    for chunk in chunks:
        rest = chunk
        while rest and not stream.eof:
            try:
                piece = stream.decompress(rest, _PIECE_BYTES)
            except zlib.error as error:
                raise _damaged(error) from error
            rest = stream.unconsumed_tail
            size += len(piece)
            if size > limit:
                raise _too_much(limit)
            yield piece
        if stream.eof and (rest or stream.unused_data):
            break
    if not stream.eof or stream.unused_data or next(chunks, b""):
        raise _not_one(stream.eof)


def expand(data: bytes, limit: int) -> bytes:
    """What the gzip member ``data`` holds, at most ``limit`` bytes; not one more is unpacked.

    Raises:
        MalformedInput: not exactly one gzip member, damaged, or it holds more.
    """
    stream = zlib.decompressobj(_GZIP)
    try:
        expanded = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise _damaged(error) from error
    if len(expanded) > limit:
        raise _too_much(limit)
    if not stream.eof or stream.unused_data:
        raise _not_one(stream.eof)
    return expanded


def _damaged(error: Exception) -> MalformedInput:
    return MalformedInput(f"gzip: expected one whole member, got damaged data ({error}).")


def _too_much(limit: int) -> MalformedInput:
    return MalformedInput(f"gzip: expected at most {limit} bytes in it, got more.")


def _not_one(is_whole: bool) -> MalformedInput:
    found = "more behind it" if is_whole else "the beginning of one"
    return MalformedInput(f"gzip: expected one whole member, got {found}.", todo="Get the file again.")
