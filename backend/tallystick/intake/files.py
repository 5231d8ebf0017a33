"""Files as people have them, one by one or packed in a ZIP file: each read, or with the reason why it is not.

Example: ``list(read_files("january.zip", data))`` has a ``Reading`` or an ``Unread`` for every file within.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO
from zipfile import ZipInfo

from tallystick.errors import MalformedInput
from tallystick.intake.archives import is_zip, members, read_again
from tallystick.intake.documents import Source
from tallystick.intake.readers import Options, Reading, is_document, read_file

MAX_DOCUMENTS = 1_000_000
"""In one archive, rows of tables too: each takes some 1 kB of memory, however well it was packed."""
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read as what it is, and why."""

    source: Source
    error: MalformedInput


def read_files(
    name: str, data: bytes, options: Options | None = None, reopen: Callable[[], BinaryIO] | None = None
) -> Iterator[Reading | Unread]:
    """What the file ``name`` that holds ``data`` says, or what each file in it says where it is a ZIP file.

    ``reopen`` opens ``data`` once more, for whoever wants a file that can't be recorded yet; None: it is held.
    """
    reopen = reopen or partial(io.BytesIO, data)
    if not is_zip(data) or is_document(data):
        yield _read(name, data, options, partial(_whole, reopen, len(data)))
        return
    documents = 0
    try:
        for info, inside in members(data):
            within = f"{name}/{info.filename}"
            if isinstance(inside, MalformedInput):
                yield Unread(Source.of(within, _UNKNOWN, b""), inside)
                continue
            read = _read(within, inside, options, partial(_member, reopen, info))
            documents += len(read.items) if isinstance(read, Reading) else 1
            if documents > MAX_DOCUMENTS:
                raise MalformedInput(
                    f"ZIP: expected at most {MAX_DOCUMENTS} documents in one archive, got more.", todo="Split it."
                )
            yield read
    except MalformedInput as error:
        yield Unread(Source.of(name, "application/zip", data), error)


def _whole(reopen: Callable[[], BinaryIO], size: int) -> bytes:
    with reopen() as file:
        return file.read(size + 1)


def _member(reopen: Callable[[], BinaryIO], info: ZipInfo) -> bytes:
    with reopen() as archive:
        return read_again(archive, info)


def _read(name: str, data: bytes, options: Options | None, again: Callable[[], bytes]) -> Reading | Unread:
    try:
        return read_file(name, data, options).kept_by(again)
    except MalformedInput as error:
        return Unread(Source.of(name, _UNKNOWN, data), error)
