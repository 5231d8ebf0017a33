"""Files that are whole or not there: written beside, flushed, then put in their place."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Any

import orjson

from tallystick.errors import KeystoreError
from tallystick.protocol.types import clip

MAX_FILE_BYTES = 1 << 20
"""No file of a keystore comes near this."""


def write_new(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``, readable by its owner only, flushed to the disk; ``flush_names`` makes it last.

    Raises:
        FileExistsError: something is at ``path``; it is left as it is.
    """
    written = _write_beside(path, content)
    try:
        os.link(written, path)
    finally:
        written.unlink()


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` in place of the file at ``path``: at any moment one of the two is there, whole."""
    os.replace(_write_beside(path, content), path)
    flush_names(path.parent)


def flush_names(directory: Path) -> None:
    """Make the names of the files in ``directory`` last; needed once after any number of ``write_new``."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_object(path: Path, names: Collection[str]) -> dict[str, Any]:
    """The JSON object in the file at ``path``, which has exactly the keys ``names``.

    Raises:
        KeystoreError: can't be read, is too long, is no JSON object, or has other keys; names the file.
    """
    todo = "Restore the file from a backup."
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise KeystoreError(f"{path}: can't be read: {error.strerror}.", todo=todo) from error
    try:
        # Not the json module: deep nesting crashes its interpreter where a library has raised the recursion limit.
        content = orjson.loads(text) if len(text) <= MAX_FILE_BYTES else None
    except orjson.JSONDecodeError as error:
        raise KeystoreError(f"{path}: expected JSON, got {clip(text[:60])}.", todo=todo) from error
    if not isinstance(content, dict) or set(content) != set(names):
        got = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise KeystoreError(f"{path}: expected an object of {sorted(names)}, got {clip(got)}.", todo=todo)
    return content


def _write_beside(path: Path, content: bytes) -> Path:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return beside
