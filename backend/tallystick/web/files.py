"""Files to download: with a name, and an ETag by which a reader that has the bytes already is told so."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Header, Response

IfNoneMatch = Annotated[str | None, Header(description="ETags that the reader has.")]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The reader has these bytes already."}}


def headers_of(suffix: str) -> dict[str, Any]:
    """The headers of a file in the document, for names that end in ``suffix``."""
    return {
        "ETag": {"description": "SHA-256 of the bytes.", "schema": {"type": "string"}},
        "Content-Disposition": {"description": f"attachment; NAME{suffix}", "schema": {"type": "string"}},
    }


def file_answer(data: bytes, media_type: str, name: str, suffix: str, if_none_match: str | None) -> Response:
    """The file ``data``, to be kept as ``name`` with ``suffix``; 304 where the reader has it.

    Source: RFC 9110 section 13.1.2.
    """
    etag = f'"{hashlib.sha256(data).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if if_none_match is not None and (if_none_match.strip() == "*" or etag in if_none_match):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = _disposition(name, suffix)
    return Response(data, headers=headers, media_type=media_type)


def _disposition(name: str, suffix: str) -> str:
    """Source: RFC 6266 sections 4.3 and 5."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "party"
    exact = quote(name.replace("/", "-"), safe="")
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{exact}{suffix}"
