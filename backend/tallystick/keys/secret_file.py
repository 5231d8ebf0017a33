"""Secrets that a person keeps in a file of their own: a private key, a network key. None is ever shown in an error."""

from __future__ import annotations

import re
from pathlib import Path

from tallystick.errors import MalformedInput, NotFound, UsageError
from tallystick.keys.files import write_new

_DIGITS = re.compile(r"[0-9a-f]{64}\Z")
_MAX_FILE_BYTES = 1024


def parse_secret(text: str, name: str, *, prefix: str = "") -> bytes:
    """The 32 bytes that ``text`` spells: ``prefix`` and 64 lower-case hex digits, with blanks around.

    Raises:
        MalformedInput: another form; names ``name`` and the length, and nothing of the text.
    """
    found = text.strip()
    digits = found.removeprefix(prefix)
    if not found.startswith(prefix) or not _DIGITS.match(digits):
        want = f"{prefix} and 64 lower-case hex digits" if prefix else "64 lower-case hex digits"
        raise MalformedInput(
            f"{name}: expected {want}, got {len(found)} characters of another form.", todo="Check the file."
        )
    return bytes.fromhex(digits)


def read_secret(path: Path, name: str, *, prefix: str = "") -> bytes:
    """The 32 bytes spelled in the file at ``path``, as ``parse_secret`` reads them.

    Raises:
        NotFound: it can't be read. MalformedInput: another form, or a file too long to be one.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise NotFound(f"{name}: {path}: can't be read ({error.strerror}).", todo="Check the path.") from error
    return parse_secret(content.decode("ascii", "replace"), f"{name}: {path}", prefix=prefix)


def write_secret(path: Path, value: bytes) -> None:
    """Put the digits of the 32 bytes ``value`` at ``path``, readable by its owner only, for ``read_secret``.

    Raises:
        UsageError: something is there already, and is left as it is; or it can't be written.
    """
    assert len(value) == 32, "a secret has 32 bytes"
    try:
        write_new(path, value.hex().encode() + b"\n")
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror}).", todo="Name a new file.") from error
