"""ZIP files of documents: the files within, one after the other, bounded whatever the archive claims of itself.

Rules:

- what is inflated counts, not what a header says: each file, all files together, and how many times more than the
  archive itself;
- a file within that is encrypted, too large or damaged is an error in its place; a bomb ends the archive;
- an archive within an archive is not opened; folders, hidden files and what macOS adds are left out.

Example: ``dict(members(data))`` gives bytes, or the error, by name.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from tallystick.errors import MalformedInput
from tallystick.intake.xml import MAX_BYTES
from tallystick.protocol.types import clip

MAX_ARCHIVE = 512 * 1024 * 1024
MAX_MEMBERS = 100_000
MAX_TOTAL = 2 * 1024 * 1024 * 1024
MAX_RATIO = 200
_FREE = 16 * 1024 * 1024
"""Bytes up to which the ratio does not matter: small texts that repeat themselves are packed well."""
_ENCRYPTED = 0x1
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    IndexError,
    OverflowError,
)
"""What ``zipfile`` raises on archives that are damaged."""


def is_zip(data: bytes) -> bool:
    """Whether ``data`` begins as a ZIP file does."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def members(data: bytes) -> Iterator[tuple[str, bytes | MalformedInput]]:
    """The names of the files in the ZIP file ``data``, each with its bytes or with why there are none.

    Raises:
        MalformedInput: no ZIP file, too many files in it, or more data than its size can hold: a bomb.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _BROKEN as error:
        raise MalformedInput(f"ZIP: expected an archive, got one that is damaged ({clip(str(error))}).") from error
    found = [info for info in archive.infolist() if not _is_left_out(info.filename)]
    if len(found) > MAX_MEMBERS:
        raise MalformedInput(f"ZIP: expected at most {MAX_MEMBERS} files, got {len(found)}.", todo="Split it.")
    left = min(MAX_TOTAL, max(_FREE, MAX_RATIO * len(data)))
    for info in found:
        got = _inflate(archive, info, min(MAX_BYTES, left))
        if got is None and left < MAX_BYTES:
            raise MalformedInput(
                "ZIP: expected files that fit its size, got a bomb: what is packed in it goes on and on.",
                todo="Unpack it yourself, and import the folder.",
            )
        if got is None:
            got = MalformedInput(f"ZIP: expected at most {MAX_BYTES} bytes in one file, got more.", todo="Split it.")
        elif isinstance(got, bytes):
            left -= len(got)
            if is_zip(got) and not _is_sheet(info.filename):
                got = MalformedInput("ZIP: expected a document, got an archive within.", todo="Unpack it first.")
        yield info.filename, got


def _is_left_out(name: str) -> bool:
    return name.endswith("/") or any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _is_sheet(name: str) -> bool:
    return name.lower().endswith((".xlsx", ".xlsm"))


def _inflate(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes | MalformedInput | None:
    """The bytes of one file, or why there are none; None where it has more than ``limit``."""
    if info.flag_bits & _ENCRYPTED:
        return MalformedInput("ZIP: expected a file that is not encrypted.", todo="Unpack it with its password first.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return MalformedInput("ZIP: expected a file that is stored or deflated.", todo="Unpack it, and pack it anew.")
    try:
        with archive.open(info) as opened:
            data = opened.read(limit + 1)
    except _BROKEN as error:
        return MalformedInput(f"ZIP: expected a file that can be unpacked ({clip(str(error))}).")
    return data if len(data) <= limit else None
