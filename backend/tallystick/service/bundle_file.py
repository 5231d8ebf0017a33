"""Bundle files on a disk, which are read and written piece by piece, plain or compressed."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from tallystick.errors import MalformedBundle, UsageError
from tallystick.protocol.bundle_stream import START, Chunks, unpacked

CHUNK_BYTES = 1 << 20


@contextmanager
def opened(file: Path, limit: int) -> Iterator[BinaryIO]:
    """``file``, to be read more than once: what can't be, such as a pipe, is copied to a nameless file first.

    Raises ``UsageError``: it can't be read, or has more than ``limit`` bytes.
    """
    with ExitStack() as stack:
        try:
            source: BinaryIO = stack.enter_context(file.open("rb"))
            if not source.seekable():
                source = _copy(source, stack.enter_context(tempfile.TemporaryFile()), limit)
            size = source.seek(0, io.SEEK_END)
        except OSError as error:
            raise _unreadable(str(file), error) from error
        if size > limit:
            raise UsageError(f"{file}: expected at most {limit} bytes, got more.", todo="Check that it is a bundle.")
        yield source


def _copy(source: BinaryIO, copy: BinaryIO, limit: int) -> BinaryIO:
    """``copy`` with what ``source`` has, of which no more is read than shows that it is above ``limit``."""
    size = 0
    while size <= limit and (chunk := source.read(CHUNK_BYTES)):
        size += copy.write(chunk)
    return copy


def _unreadable(name: str, error: OSError) -> UsageError:
    return UsageError(f"{name}: can't be read ({error.strerror}).", todo="Check the path.")


def begins_as_bundle(source: IO[bytes]) -> bool:
    """Whether ``source``, plain or compressed, begins as a bundle does."""
    try:
        return next(chunks_of(source, CHUNK_BYTES)(), b"").startswith(START)
    except MalformedBundle:
        return False


def chunks_of(source: IO[bytes], limit: int) -> Chunks:
    """What ``source`` holds, unpacked, at most ``limit`` bytes; goes through it anew at every call.

    Raises when it is read:
        MalformedBundle: it holds more, or is damaged. UsageError: it can't be read.
    """

    def raw() -> Iterator[bytes]:
        try:
            source.seek(0)
            while chunk := source.read(CHUNK_BYTES):
                yield chunk
        except OSError as error:
            raise _unreadable("bundle", error) from error

    return unpacked(raw, limit)


def write_pieces(path: Path, pieces: Iterable[bytes]) -> int:
    """Put ``pieces`` at ``path``, all or none; gives their size. Raises ``UsageError`` where they can't be written."""
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as opened:
            size = sum(opened.write(piece) for piece in pieces)
        beside.replace(path)
        return size
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"{path}: can't be written ({error.strerror}).", todo="Name another file.") from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
