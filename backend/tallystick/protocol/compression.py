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


def expanding(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """What the gzip member that ``chunks`` spell holds, piece by piece; what is above ``limit`` is not unpacked.

    Raises:
        MalformedInput: not exactly one gzip member, damaged, or it holds more; once the piece in question is reached.
    """
    stream = zlib.decompressobj(_GZIP)
    size = 0
    for chunk in chunks:
        if chunk and stream.eof:
            raise _not_one("more behind it")
        rest = chunk
        while rest and not stream.eof:
            try:
                piece = stream.decompress(rest, min(_PIECE_BYTES, limit + 1 - size))
            except zlib.error as error:
                raise MalformedInput(f"gzip: expected one whole member, got damaged data ({error}).") from error
            rest = stream.unconsumed_tail
            size += len(piece)
            if size > limit:
                raise MalformedInput(f"gzip: expected at most {limit} bytes in it, got more.")
            if piece:
                yield piece
        if stream.unused_data:
            raise _not_one("more behind it")
    if not stream.eof:
        raise _not_one("the beginning of one")


def expand(data: bytes, limit: int) -> bytes:
    """``expanding`` of ``data``, joined."""
    return b"".join(expanding([data], limit))


def _not_one(found: str) -> MalformedInput:
    return MalformedInput(f"gzip: expected one whole member, got {found}.", todo="Get the file again.")
