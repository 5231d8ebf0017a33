"""Files to download: with a name, and an ETag by which a reader that has the bytes already is told so.

A file may be larger than memory: it is written to a nameless temporary file first, so that its ETag is known, and what
goes wrong while it is made is answered as an error. One of at most ``HELD_BYTES`` never gets to a disk.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Header, Response
from fastapi.responses import StreamingResponse

from tallystick.errors import StoreUnavailable

HELD_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 18

IfNoneMatch = Annotated[str | None, Header(description="ETags that the reader has.")]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The reader has these bytes already."}}


def headers_of(suffix: str) -> dict[str, Any]:
    """The headers of a file in the document, for names that end in ``suffix``."""
    return {
        "ETag": {"description": "SHA-256 of the bytes.", "schema": {"type": "string"}},
        "Content-Disposition": {"description": f"attachment; NAME{suffix}", "schema": {"type": "string"}},
    }


def file_answer(
    pieces: Iterable[bytes], media_type: str, name: str, suffix: str, if_none_match: str | None
) -> Response:
    """The file that ``pieces`` are, to be kept as ``name`` with ``suffix``; 304 where the reader has it.

    Raises:
        StoreUnavailable: the disk of temporary files is full.

    Source: RFC 9110 section 13.1.2.
    """
    spool, sha256, size = SpooledTemporaryFile(HELD_BYTES), hashlib.sha256(), 0  # noqa: SIM115 - read after this
    try:
        for piece in pieces:
            sha256.update(piece)
            size += _write(spool, piece)
    except BaseException:
        spool.close()
        raise
    etag = f'"{sha256.hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if if_none_match is not None and (if_none_match.strip() == "*" or etag in if_none_match):
        spool.close()
        return Response(status_code=304, headers=headers)
    headers |= {"Content-Disposition": disposition(name, suffix), "Content-Length": str(size)}
    return StreamingResponse(_read(spool), headers=headers, media_type=media_type)


def _write(spool: SpooledTemporaryFile[bytes], piece: bytes) -> int:
    try:
        return spool.write(piece)
    except OSError as error:
        raise StoreUnavailable(
            f"temporary file: it can't be written ({error.strerror}).",
            todo="Make room where temporary files go, or name another directory in TMPDIR.",
        ) from error


def _read(spool: SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with spool:
        spool.seek(0)
        while chunk := spool.read(_CHUNK_BYTES):
            yield chunk


def disposition(name: str, suffix: str) -> str:
    """``Content-Disposition`` of a download called ``name``. Source: RFC 6266 sections 4.3 and 5."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "party"
    exact = quote(name.replace("/", "-"), safe="")
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{exact}{suffix}"
