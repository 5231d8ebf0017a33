"""Files as people have them, one by one or packed in a ZIP file: each read, or with the reason why it is not.

Example: ``list(read_files("january.zip", data))`` has a ``Reading`` or an ``Unread`` for every file within.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tallystick.errors import MalformedInput
from tallystick.intake.archives import is_zip, members
from tallystick.intake.documents import Source
from tallystick.intake.readers import Options, Reading, is_document, read_file

_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read as what it is, and why."""

    source: Source
    error: MalformedInput


def read_files(
    name: str, data: bytes, options: Options | None = None, again: Callable[[], bytes] | None = None
) -> Iterator[Reading | Unread]:
    """What the file ``name`` that holds ``data`` says, or what each file in it says where it is a ZIP file.

    ``again`` gives ``data`` once more, for whoever wants a file that can't be recorded yet; None: it is held.
    """
    load = again or (lambda: data)
    if not is_zip(data) or is_document(data):
        yield _read(name, data, options, load)
        return
    try:
        for member, inside in members(data):
            if isinstance(inside, MalformedInput):
                yield Unread(Source.of(f"{name}/{member}", _UNKNOWN, b""), inside)
            else:
                yield _read(f"{name}/{member}", inside, options, partial(_member, load, member))
    except MalformedInput as error:
        yield Unread(Source.of(name, "application/zip", data), error)


def _member(load: Callable[[], bytes], name: str) -> bytes:
    """The bytes of the file ``name`` in the ZIP file that ``load`` gives; nothing where it is there no more."""
    inside = next((inside for member, inside in members(load()) if member == name), b"")
    return inside if isinstance(inside, bytes) else b""


def _read(name: str, data: bytes, options: Options | None, again: Callable[[], bytes]) -> Reading | Unread:
    try:
        return read_file(name, data, options).kept_by(again)
    except MalformedInput as error:
        return Unread(Source.of(name, _UNKNOWN, data), error)
