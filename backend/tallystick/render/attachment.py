"""The proof that a certificate carries, taken out of the PDF again, so that the PDF itself can be verified.

Rules: only PDFs as ``pdf.py`` makes them are read, with bounds; what another program saved anew is refused, with what
to do. Nothing printed on the pages is looked at: only what is attached can be checked.
"""

from __future__ import annotations

import re
import zlib

from tallystick.errors import MalformedInput

_FILE = re.compile(
    rb"<</Length (\d{1,10})/Type/EmbeddedFile(/Filter/FlateDecode)?/Subtype/application#2Fjson"
    rb"/Params<</Size (\d{1,10})[^<>\n]{0,200}>>>>\nstream\n"
)


def is_pdf(data: bytes) -> bool:
    """Whether ``data`` is a PDF, by how it begins."""
    return data.startswith(b"%PDF-")


def attached_file(data: bytes, limit: int) -> bytes:
    """The one JSON file that is attached to the certificate ``data``, at most ``limit`` bytes.

    Raises:
        MalformedInput: none, several, too large, or not as it was made.
    """
    found = list(_FILE.finditer(data))
    if len(found) != 1:
        raise MalformedInput(
            f"certificate: expected a PDF with one proof attached, as it was made, found {len(found)}.",
            todo="Save the attachment with your PDF reader and verify that file; or ask for the bundle it names.",
        )
    length, packed, size = int(found[0][1]), found[0][2] is not None, int(found[0][3])
    if size > limit:
        raise MalformedInput(f"certificate: expected an attachment of at most {limit} bytes, got {size}.")
    stream = data[found[0].end() : found[0].end() + length]
    try:
        content = zlib.decompressobj().decompress(stream, size + 1) if packed else stream
    except zlib.error as error:
        raise MalformedInput(f"certificate: the attachment can't be unpacked ({error}).") from error
    if len(content) != size:
        raise MalformedInput(f"certificate: expected an attachment of {size} bytes, got {len(content)}.")
    return content
