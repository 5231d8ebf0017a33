"""The invoice within a PDF: the XML that Factur-X, ZUGFeRD, XRechnung and Order-X embed, and nothing else of the file.

Rules:

- nothing is drawn, and no script or action is looked at: only the table of embedded files is;
- the PDF is opened in a process of its own that may use ``CPU_SECONDS`` and ``MEMORY_BYTES`` and not more: whatever a
  bomb unpacks to, it ends there, and the import goes on;
- the document of the evidence is the PDF itself, by its exact bytes.

Example: ``embedded_xml(data)[:5] == b"<?xml"``.
"""

from __future__ import annotations

import subprocess
import sys

import orjson

from tallystick.errors import MalformedInput

MAX_BYTES = 64 * 1024 * 1024
CPU_SECONDS = 10
MEMORY_BYTES = 1024 * 1024 * 1024
_WAIT_SECONDS = 6 * CPU_SECONDS
"""The processor may be busy with other things."""
REFUSED = 3
"""The exit status of the other process for a PDF that it can say something about; of the others it dies."""


def is_pdf(data: bytes) -> bool:
    """Whether ``data`` begins as a PDF file does."""
    return data[:5] == b"%PDF-"


def embedded_xml(data: bytes) -> bytes:
    """The XML document that is embedded in the PDF file ``data``.

    Raises:
        MalformedInput: too large, encrypted, damaged, without such a document, or a bomb; says which.
    """
    if len(data) > MAX_BYTES:
        raise MalformedInput(f"PDF: expected at most {MAX_BYTES} bytes, got {len(data)}.", todo="Import its XML.")
    command = [sys.executable, "-P", "-s", "-m", f"{__package__}.pdf_files", str(CPU_SECONDS), str(MEMORY_BYTES)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_WAIT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise _bomb() from error
    if done.returncode == REFUSED:
        raise MalformedInput(**orjson.loads(done.stdout))
    if done.returncode < 0 or b"MemoryError" in done.stderr:
        raise _bomb()
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def _bomb() -> MalformedInput:
    return MalformedInput(
        f"PDF: expected a file that opens within {CPU_SECONDS} seconds and {MEMORY_BYTES // 1024**2} MiB of memory, "
        "got one that takes more: it may be a bomb.",
        todo="Ask for the XML, or for the PDF made anew.",
    )
