"""PDF files as the tests write them: objects by hand, so that each may be as broken as a test needs."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence


def pdf(objects: Mapping[int, bytes], trailer: bytes = b"/Root 1 0 R") -> bytes:
    """A PDF file of numbered ``objects``, with its table of offsets."""
    made, offsets = b"%PDF-1.7\n", {}
    for number, body in objects.items():
        offsets[number] = len(made)
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    size = max(objects) + 1
    table = b"".join(
        b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 65535 f \n"
        for number in range(size)
    )
    return made + b"xref\n0 %d\n%strailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        table,
        size,
        trailer,
        len(made),
    )


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object that holds ``data`` as it is."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def packed(data: bytes, times: int = 1) -> bytes:
    """A stream object that holds ``data``, deflated ``times`` times."""
    for _ in range(times):
        data = zlib.compress(data, 9)
    return stream(data, b"/Filter [%s]" % (b"/FlateDecode " * times))


def with_files(files: Sequence[tuple[str, bytes]], *, names: bool = True, associated: bool = True) -> bytes:
    """A PDF that embeds ``files``: name and stream object; named in the tree of names, and as associated files."""
    objects: dict[int, bytes] = {2: b"<< /Type /Pages /Kids [] /Count 0 >>"}
    listed, specifications = b"", b""
    for at, (name, body) in enumerate(files):
        number = 10 + 2 * at
        objects[number] = body
        objects[number + 1] = b"<< /Type /Filespec /F (%s) /EF << /F %d 0 R >> >>" % (name.encode(), number)
        listed += b"(%s) %d 0 R " % (name.encode(), number + 1)
        specifications += b"%d 0 R " % (number + 1)
    tree = b"/Names << /EmbeddedFiles << /Names [%s] >> >>" % listed if names else b""
    array = b"/AF [%s]" % specifications if associated else b""
    objects[1] = b"<< /Type /Catalog /Pages 2 0 R %s %s >>" % (tree, array)
    return pdf(objects)
