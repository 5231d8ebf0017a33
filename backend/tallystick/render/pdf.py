"""Pages to PDF: an archival file (PDF/A-3b) with its proof attached, the same bytes for the same pages.

Rules:

- every character is shown: one that no font has is an error that names the package to install, never an empty box;
- Latin letters and hashes are set in fonts that come with the typesetter, and Chinese in the first of ``CJK_FONTS``
  that the system has; no other system font is used, so that other fonts on a machine change nothing;
- no clock: the time of creation is an argument.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from tallystick.errors import RenderError
from tallystick.protocol.types import Timestamp
from tallystick.render.page import Page

if TYPE_CHECKING:
    from typst import Fonts

LATIN_FONTS = ("Libertinus Serif", "DejaVu Sans Mono")
"""Both are part of the typesetter's package."""
CJK_FONTS = ("Noto Serif CJK SC", "Noto Sans CJK SC", "Source Han Serif SC", "Source Han Sans SC", "Noto Sans SC")
"""Fonts for Simplified Chinese, the first that is there is used."""
INSTALL_FONT = (
    "Install one: `apt-get install fonts-noto-cjk` (Debian, Ubuntu), or the package of your system with Noto CJK."
)

_TEMPLATE = "certificate.typ"
_LATEST = 253_402_300_799
"""9999-12-31: the last day that a PDF can hold."""


def render_pdf(pages: Sequence[Page], attachments: Mapping[str, bytes], created_at: Timestamp) -> bytes:
    """One PDF of ``pages``, with the JSON files ``attachments`` by name.

    Raises:
        RenderError: a character that no font can show, or a font that is not installed.
    """
    import typst

    known = typst.Fonts()
    fonts = _chinese(known)
    data = {
        "documents": [{**page.to_json(), "qr": _qr(page.qr)} for page in pages],
        "attachments": [{"name": name, "data": content.decode()} for name, content in attachments.items()],
        "fonts": [LATIN_FONTS[0], *fonts],
        "monoFonts": [LATIN_FONTS[1], *fonts],
        "created": min(created_at, _LATEST),
    }
    template = (files("tallystick.render") / _TEMPLATE).read_bytes()
    try:
        made: bytes = typst.compile(
            template,
            format="pdf",
            pdf_standards=["a-3b"],
            font_paths=known,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            timestamp=min(created_at, _LATEST),
        )
        return made
    except typst.TypstError as error:
        if "could not be displayed" in error.message:
            shown = error.message.splitlines()[0].removeprefix("PDF/A-3b error: ")
            todo = INSTALL_FONT if not fonts else "Install a font that has it, or spell it in Latin or Chinese."
            raise RenderError(f"certificate: expected a font for every character, but {shown}.", todo=todo) from error
        raise RenderError(
            f"certificate: the page could not be laid out: {error.message.splitlines()[0]}.",
            todo="This is a fault of the program: report it.",
        ) from error


def has_chinese() -> bool:
    """Whether this system has a font for Chinese."""
    import typst

    return bool(_chinese(typst.Fonts()))


def _chinese(known: Fonts) -> list[str]:
    """The font for Chinese among those ``known``; none where there is none, which matters only where it is needed."""
    families = set(known.families())
    return [family for family in CJK_FONTS if family in families][:1]


def _qr(text: str) -> str:
    """The QR code of ``text`` as SVG."""
    import segno

    target = io.BytesIO()
    segno.make(text, error="m", micro=False).save(target, kind="svg", xmldecl=False, border=2)
    return target.getvalue().decode()
