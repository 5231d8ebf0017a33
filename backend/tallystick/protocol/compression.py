"""Bundles and archives on their way: one gzip member, and no more of it than the reader wants.

Source: RFC 1952; protocol section 10.
"""

from __future__ import annotations

import gzip
import zlib

from tallystick.errors import MalformedInput

MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS


def compress(data: bytes) -> bytes:
    """``data`` as one gzip member without name and time, so that the same data give the same bytes here."""
    return gzip.compress(data, compresslevel=9, mtime=0)


def is_compressed(data: bytes) -> bool:
    """Whether ``data`` begins as gzip does; no JSON does."""
    return data[:2] == MAGIC


def expand(data: bytes, limit: int) -> bytes:
    """What the gzip member ``data`` holds, at most ``limit`` bytes; not one more is unpacked.

    Raises:
        MalformedInput: not exactly one gzip member, damaged, or it holds more.
    """
    stream = zlib.decompressobj(_GZIP)
    try:
        expanded = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise MalformedInput(f"gzip: expected one whole member, got damaged data ({error}).") from error
    if len(expanded) > limit:
        raise MalformedInput(f"gzip: expected at most {limit} bytes in it, got more.")
    if not stream.eof or stream.unused_data:
        found = "more behind it" if stream.eof else "the beginning of one"
        raise MalformedInput(f"gzip: expected one whole member, got {found}.", todo="Get the file again.")
    return expanded
