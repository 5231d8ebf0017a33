"""Secrets in files: read strictly, and never repeated in an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.errors import MalformedInput, NotFound
from tallystick.keys.secret_file import parse_secret, read_secret

DIGITS = "0123456789abcdef" * 4


def test_a_secret_is_64_digits_after_its_prefix(tmp_path: Path) -> None:
    """A network key has bare digits, a private key 0x before them; a line feed at the end does no harm."""
    path = tmp_path / "network.key"
    path.write_text(DIGITS + "\n")
    assert read_secret(path, "--network-key-file") == bytes.fromhex(DIGITS)
    assert parse_secret(f"0x{DIGITS}", "--key-file", prefix="0x") == bytes.fromhex(DIGITS)


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("", ""),
        (DIGITS[:-1], ""),
        (DIGITS + "0", ""),
        (DIGITS.upper(), ""),
        (f"0x{DIGITS}", ""),
        (DIGITS, "0x"),
        (f"{DIGITS}\n{DIGITS}", ""),
        (f"0x0x{DIGITS}", "0x"),
        (DIGITS[:-1] + "\u0660", ""),
    ],
)
def test_another_form_is_refused_without_being_shown(tmp_path: Path, text: str, prefix: str) -> None:
    """The error says what was expected and how long the text is, and holds no part of it."""
    path = tmp_path / "file"
    path.write_text(text)
    for read in (lambda: parse_secret(text, "key", prefix=prefix), lambda: read_secret(path, "key", prefix=prefix)):
        with pytest.raises(MalformedInput, match="64 lower-case hex digits, got") as raised:
            read()
        assert "cdef" not in str(raised.value).lower()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file and a folder are each told by name."""
    with pytest.raises(NotFound, match=r"--key-file: .*missing: can't be read"):
        read_secret(tmp_path / "missing", "--key-file")
    with pytest.raises(NotFound, match="can't be read"):
        read_secret(tmp_path, "--key-file")
