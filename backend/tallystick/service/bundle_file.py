"""Bundles as files that are too large to be held: read piece by piece, plain or compressed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tallystick.errors import MalformedInput
from tallystick.protocol.bundle_stream import Chunks, UnstreamableError
from tallystick.protocol.compression import MAGIC, expanding

CHUNK_BYTES = 1 << 20
_BUNDLE = b'{"appends":['


def is_bundle(file: Path) -> bool:
    """Whether ``file``, plain or compressed, begins as a bundle does. Raises ``OSError`` where it can't be read."""
    try:
        return next(chunks_of(file, CHUNK_BYTES)(), b"").startswith(_BUNDLE)
    except UnstreamableError:
        return False


def chunks_of(file: Path, limit: int) -> Chunks:
    """What ``file`` holds, unpacked, at most ``limit`` bytes; begins anew at every call."""

    def chunks() -> Iterator[bytes]:
        with file.open("rb") as opened:
            raw = iter(lambda: opened.read(CHUNK_BYTES), b"")
            is_compressed = opened.read(len(MAGIC)) == MAGIC
            opened.seek(0)
            size = 0
            try:
                for chunk in expanding(raw, limit) if is_compressed else raw:
                    size += len(chunk)
                    if size > limit:
                        raise UnstreamableError
                    yield chunk
            except MalformedInput as error:
                raise UnstreamableError from error

    return chunks
