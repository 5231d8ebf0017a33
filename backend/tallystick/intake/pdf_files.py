"""The embedded files of a PDF, found in a process of its own: ``python -m tallystick.intake.pdf_files SECONDS BYTES``.

Reads the PDF from standard input and writes the embedded document to standard output; or exits with ``REFUSED`` and
writes why, as JSON. ``intake/pdf.py`` starts it. Imports little, for it starts once a file.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pypdf
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

from tallystick.errors import MalformedInput
from tallystick.intake.pdf import REFUSED

NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml", "order-x.xml", "zugferd-order.xml")
MAX_XML = 16 * 1024 * 1024
MAX_FILES = 100
_MAX_NODES = 1_000
_ASK = "Ask for the XML, or for an invoice that embeds it (Factur-X, ZUGFeRD): a page is a picture, and is not read."


def main() -> int:
    """Set the limits, and read standard input."""
    seconds, limit = map(int, sys.argv[1:3])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        found = embedded(sys.stdin.buffer.read())
    except MalformedInput as error:
        sys.stdout.buffer.write(orjson.dumps({"message": error.message, "todo": error.todo}))
        return REFUSED
    sys.stdout.buffer.write(found)
    return 0


def embedded(data: bytes) -> bytes:
    """The one invoice or order that is embedded in ``data``.

    Raises:
        MalformedInput: encrypted, damaged, or without such a document; says which.
    """
    with pypdf.apply_configuration(
        zlib_maximum_output_length=MAX_XML,
        zlib_maximum_recovery_input_length=0,
        lzw_maximum_output_length=MAX_XML,
        run_length_maximum_output_length=MAX_XML,
        array_based_stream_maximum_output_length=MAX_XML,
        stream_filters_maximum_length=2,
        jbig2dec_binary=None,
    ):
        try:
            return _embedded(pypdf.PdfReader(io.BytesIO(data)))
        except (MalformedInput, MemoryError):
            raise
        except PyPdfError as error:
            raise _damaged(error) from error
        except Exception as error:  # pypdf raises whatever broken objects make of its code
            raise _damaged(error) from error


def _damaged(error: Exception) -> MalformedInput:
    said = f"{type(error).__name__}: {ascii(str(error))[:120]}"
    return MalformedInput(f"PDF: expected a file that can be read, got one that is damaged ({said}).", todo=_ASK)


def _embedded(reader: pypdf.PdfReader) -> bytes:
    if reader.is_encrypted:
        raise MalformedInput("PDF: expected a file that is not encrypted.", todo="Save it without its password.")
    names: list[str] = []
    found: set[bytes] = set()
    for name, stream in _files(reader.root_object):
        names.append(name)
        if len(names) > MAX_FILES:
            raise MalformedInput(f"PDF: expected at most {MAX_FILES} embedded files, got more.", todo=_ASK)
        if name.casefold() in NAMES:
            found.add(stream.get_data())
    if not found:
        told = f"only {', '.join(map(ascii, sorted(names)))[:200]}" if names else "none"
        raise MalformedInput(f"PDF: expected an embedded {', '.join(NAMES)}; got {told}.", todo=_ASK)
    if len(found) > 1:
        raise MalformedInput(f"PDF: expected one embedded document, got {len(found)} that differ.", todo=_ASK)
    return found.pop()


def _files(root: DictionaryObject) -> Iterator[tuple[str, StreamObject]]:
    """The embedded files beneath ``root``, by the name tree and by the associated files (ISO 32000-2, 7.7.4, 14.13)."""
    specifications = list(_of_array(_get(root, "/AF")))
    names = _get(root, "/Names")
    if isinstance(names, DictionaryObject):
        specifications += _leaves(_get(names, "/EmbeddedFiles"))
    seen: set[int] = set()
    for specification in specifications:
        if not isinstance(specification, DictionaryObject) or id(specification) in seen:
            continue
        seen.add(id(specification))
        name = _get(specification, "/UF") or _get(specification, "/F")
        files = _get(specification, "/EF")
        if isinstance(name, str) and isinstance(files, DictionaryObject):
            stream = _get(files, "/F") or _get(files, "/UF")
            if isinstance(stream, StreamObject):
                yield name, stream


def _leaves(tree: Any) -> Iterator[Any]:
    """The values of a name tree (ISO 32000-2, 7.9.6), of at most ``_MAX_NODES`` nodes, each once."""
    waiting = [tree]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_NODES:
        node = waiting.pop()
        if not isinstance(node, DictionaryObject) or id(node) in seen:
            continue
        seen.add(id(node))
        yield from list(_of_array(_get(node, "/Names")))[1::2]
        waiting += _of_array(_get(node, "/Kids"))


def _of_array(value: Any) -> Iterator[Any]:
    if isinstance(value, ArrayObject):
        for item in value:
            yield item.get_object() if isinstance(item, IndirectObject) else item


def _get(within: DictionaryObject, key: str) -> Any:
    value = within.get(key)
    return value.get_object() if isinstance(value, IndirectObject) else value


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        status = main()
        sys.stdout.flush()
        os._exit(status)  # what a damaged file left behind is not worth collecting
