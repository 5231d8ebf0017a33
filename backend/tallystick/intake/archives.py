"""ZIP files of documents: the files within, one after the other, bounded whatever the archive claims of itself.

Rules:

- what is inflated counts, not what a header says, and whether or not it comes to anything: each file, all files
  together, and how many times more than the archive itself;
- a file within that is encrypted, too large or damaged is an error in its place; a bomb ends the archive;
- an archive within an archive is not opened; folders, hidden files and what macOS adds are left out.

Example: ``{info.filename: inside for info, inside in members(data)}`` gives bytes, or the error, by name.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from tallystick.errors import MalformedInput
from tallystick.intake.xml import MAX_BYTES
from tallystick.protocol.types import clip

MAX_ARCHIVE = 512 * 1024 * 1024
MAX_MEMBERS = 100_000
MAX_TOTAL = 2 * 1024 * 1024 * 1024
MAX_RATIO = 200
_FREE = 16 * 1024 * 1024
"""Bytes up to which the ratio does not matter: small texts that repeat themselves are packed well."""
_PIECE = 64 * 1024
_ENCRYPTED = 0x1
_LOCAL_HEADER = struct.Struct("<26xHH")
"""PKWARE APPNOTE 4.3.7: the lengths of name and extra field, which come before the data."""
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


def members(data: bytes) -> Iterator[tuple[zipfile.ZipInfo, bytes | MalformedInput]]:
    """The files in the ZIP file ``data`` as its directory names them, each with its bytes or with why there are none.

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
        got, inflated = _inflate(archive, info, min(MAX_BYTES, left))
        left -= inflated
        if left < 0:
            raise MalformedInput(
                "ZIP: expected files that fit its size, got a bomb: what is packed in it goes on and on.",
                todo="Unpack it yourself, and import the folder.",
            )
        if got is None:
            got = MalformedInput(f"ZIP: expected at most {MAX_BYTES} bytes in one file, got more.", todo="Split it.")
        elif isinstance(got, bytes) and is_zip(got) and not _is_sheet(info.filename):
            got = MalformedInput("ZIP: expected a document, got an archive within.", todo="Unpack it first.")
        yield info, got


def read_again(archive: BinaryIO, info: zipfile.ZipInfo) -> bytes:
    """The bytes of the one file that ``members`` gave with ``info``, whatever else is in the ``archive``.

    Nothing where it is there no more; whether these are the same bytes, a hash of them tells.
    """
    try:
        archive.seek(info.header_offset)
        name_length, extra_length = _LOCAL_HEADER.unpack(archive.read(_LOCAL_HEADER.size))
        archive.seek(name_length + extra_length, io.SEEK_CUR)
        data = archive.read(min(info.compress_size, MAX_ARCHIVE))
        if info.compress_type == zipfile.ZIP_DEFLATED:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, MAX_BYTES)
    except (struct.error, zlib.error, OSError, ValueError, OverflowError):
        return b""
    return data[: info.file_size]


def _is_left_out(name: str) -> bool:
    return name.endswith("/") or any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _is_sheet(name: str) -> bool:
    return name.lower().endswith((".xlsx", ".xlsm"))


def _inflate(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> tuple[bytes | MalformedInput | None, int]:
    """The bytes of one file, or why there are none, None where it has more than ``limit``; and how many came out."""
    if info.flag_bits & _ENCRYPTED:
        todo = "Unpack it with its password first."
        return MalformedInput("ZIP: expected a file that is not encrypted.", todo=todo), 0
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        todo = "Unpack it, and pack it anew."
        return MalformedInput("ZIP: expected a file that is stored or deflated.", todo=todo), 0
    data = bytearray()
    try:
        with archive.open(info) as opened:
            while len(data) <= limit and (piece := opened.read(_PIECE)):
                data += piece
    except _BROKEN as error:
        # of the piece in which it broke, all may have come out
        inflated = len(data) + min(_PIECE, info.file_size)
        return MalformedInput(f"ZIP: expected a file that can be unpacked ({clip(str(error))})."), inflated
    return (bytes(data) if len(data) <= limit else None), len(data)
