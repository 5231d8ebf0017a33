"""A real browser without a window, to see pages as people do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def screenshot(page: Path, width: int = 1200, height: int = 1000) -> bytes:
    """The picture (PNG) of the HTML file ``page`` in a window of ``width`` and ``height`` pixels."""
    picture = page.with_suffix(".png")
    _run(page, f"--screenshot={picture}", f"--window-size={width},{height}")
    return picture.read_bytes()


def printed(page: Path) -> bytes:
    """The HTML file ``page`` as it is printed (PDF)."""
    paper = page.with_suffix(".pdf")
    _run(page, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    return paper.read_bytes()


def _run(page: Path, *options: str) -> None:
    assert CHROMIUM is not None, "marked with needs_browser"
    # one profile a page, beside it; root, as in many containers, has no sandbox
    own = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={page.parent / 'profile'}",
    )
    subprocess.run([CHROMIUM, *own, *options, page.as_uri()], check=True, capture_output=True, timeout=300)
