"""Large bytes by name in any place that fsspec reaches: a local folder, memory (for tests), S3 by the extra.

Rules:

- a blob is written under a name of its own and never changed; on a local disk it is flushed and renamed into place, in
  a bucket it is there when its upload is complete;
- a bucket must be there: none is made;
- names are made by this program (hex digits), so that none leads out of the place.

Example: ``open_blobs("s3://bucket/documents")``, ``open_blobs("/var/lib/tallystick/documents")``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

from tallystick.errors import StoreError, StoreUnavailable

_WRITTEN_BYTES = 8 << 20
"""Sent to a bucket at once; fsspec's default would hold 50 MiB of each document. S3 takes 10,000 parts from 5 MiB."""
_READ_BYTES = 1 << 20
_NAME = re.compile(r"[0-9a-f]{32}\Z")


class FsspecBlobs:
    """Blobs under ``root`` of a file system of fsspec."""

    def __init__(self, filesystem: Any, root: str, place: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")
        self._place = place
        self._failures = _failures_of(filesystem)

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """A new blob to write; it is there when the block ends, and not at all when it raises.

        Raises:
            StoreUnavailable: the place can't be written.
        """
        path = self._path(name)
        is_local = self._is_local()
        written = f"{path}.new" if is_local else path
        with self._translated(name, is_new=True):
            if is_local:  # a bucket has no folders, and is not made here: its name may be misspelt
                self._filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
            file = self._filesystem.open(written, "wb", block_size=_WRITTEN_BYTES)
        try:
            with self._translated(name, is_new=True):
                yield cast(BinaryIO, file)
                if is_local:
                    file.flush()
                    os.fsync(file.fileno())
                file.close()
                if is_local:
                    os.replace(written, path)
        except BaseException:
            self._abandon(file, written)
            raise

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """The blob ``name`` to read.

        Raises:
            StoreError: it is not there. StoreUnavailable: the place can't be read, at first or in the middle.
        """
        path = self._path(name)
        with self._translated(name):
            file = self._filesystem.open(path, "rb", block_size=_READ_BYTES)
        with file, self._translated(name):
            yield cast(BinaryIO, file)

    def remove(self, name: str) -> None:
        """Remove the blob ``name``, if it is there."""
        with self._translated(name), suppress(FileNotFoundError):
            self._filesystem.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        assert _NAME.match(name), "a name is made here"
        return f"{self._root}/{name[:2]}/{name}"

    def _is_local(self) -> bool:
        return _speaks(self._filesystem, "file")

    def _abandon(self, file: Any, path: str) -> None:
        """Leave nothing of ``file``, which was to be written to ``path``."""
        with suppress(Exception):
            if self._is_local():
                file.close()
            else:
                file.discard()
                file.closed = True  # to close it would upload it
        with suppress(Exception):
            self._filesystem.rm_file(path)

    @contextmanager
    def _translated(self, name: str, *, is_new: bool = False) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if is_new:
                raise self._unavailable(name, "there is no such place") from error
            raise StoreError(
                f"document {name}: its bytes are not in {self._place}.", todo="Restore them from a backup."
            ) from error
        except self._failures as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise self._unavailable(name, reason) from error

    def _unavailable(self, name: str, reason: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"document {name}: {self._place} did not do its work ({reason}).",
            todo="Check that it can be reached and written, and has room; then try again.",
        )


def _failures_of(filesystem: Any) -> tuple[type[Exception], ...]:
    """What ``filesystem`` raises where it can't do its work; that of S3 lets its client's errors through."""
    if not _speaks(filesystem, "s3"):
        return (OSError,)
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, BotoCoreError, ClientError)


def _speaks(filesystem: Any, protocol: str) -> bool:
    spoken = filesystem.protocol
    return protocol in ((spoken,) if isinstance(spoken, str) else spoken)


def open_blobs(place: str) -> FsspecBlobs:
    """The blobs at ``place``: a path, or a URL that fsspec knows (``file://``, ``memory://``, ``s3://``).

    Raises:
        StoreError: no such kind of place, or the package for it is not installed.
    """
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(place)
    except ImportError as error:
        raise StoreError(
            f"documents_url: {place.partition('://')[0]}:// needs a package that is not installed ({error}).",
            todo="Install it: pip install 'tallystick[s3]' for s3://.",
        ) from error
    except ValueError as error:
        raise StoreError(f"documents_url: expected a path or URL, got {place!r:.80} ({error}).") from error
    return FsspecBlobs(filesystem, root, place)
