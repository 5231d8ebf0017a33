"""Large bytes by name in any place that fsspec reaches: a local folder, memory (for tests), S3 by the extra.

Rules:

- a blob is written under a name of its own and never changed; on a local disk it is flushed and renamed into place, in
  a bucket it is there when its upload is complete;
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

_NAME = re.compile(r"[0-9a-f]{32}\Z")


class FsspecBlobs:
    """Blobs under ``root`` of a file system of fsspec."""

    def __init__(self, filesystem: Any, root: str, place: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")
        self._place = place

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """A new blob to write; it is there when the block ends, and not at all when it raises.

        Raises:
            StoreUnavailable: the place can't be written.
        """
        path = self._path(name)
        beside = f"{path}.new"
        with self._translated(name):
            self._filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        is_local = self._is_local()
        try:
            with self._filesystem.open(beside if is_local else path, "wb") as file:
                try:
                    yield cast(BinaryIO, file)
                except BaseException:
                    if hasattr(file, "discard") and not is_local:
                        with suppress(Exception):
                            file.discard()
                    raise
                if is_local:
                    file.flush()
                    os.fsync(file.fileno())
            if is_local:
                os.replace(beside, path)
        except OSError as error:
            self._forget(beside if is_local else path)
            raise self._unavailable(name, error) from error
        except BaseException:
            self._forget(beside if is_local else path)
            raise

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """The blob ``name`` to read. Raises ``StoreError`` where it is not there."""
        path = self._path(name)
        with self._translated(name):
            file = self._filesystem.open(path, "rb")
        with file:
            yield cast(BinaryIO, file)

    def remove(self, name: str) -> None:
        """Remove the blob ``name``, if it is there."""
        with self._translated(name), suppress(FileNotFoundError):
            self._filesystem.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        assert _NAME.match(name), "a name is made here"
        return f"{self._root}/{name[:2]}/{name}"

    def _is_local(self) -> bool:
        protocol = self._filesystem.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    def _forget(self, path: str) -> None:
        with suppress(Exception):
            self._filesystem.rm_file(path)

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise StoreError(
                f"document {name}: its bytes are not in {self._place}.", todo="Restore them from a backup."
            ) from error
        except OSError as error:
            raise self._unavailable(name, error) from error

    def _unavailable(self, name: str, error: OSError) -> StoreUnavailable:
        return StoreUnavailable(
            f"document {name}: {self._place} did not do its work ({error.strerror or type(error).__name__}).",
            todo="Check that it can be reached and written, and has room; then try again.",
        )


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
