"""Time-stamps as a home or a reader wants them: which authority makes them, and whose certificates judge them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.config import Home, SystemClock
from tallystick.errors import HomeError, MalformedInput, UsageError
from tallystick.service.ports import Authority

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from tallystick.service.stamp import CheckToken


def authority(home: Home) -> Authority:
    """The time-stamping authority that ``home`` names.

    Raises:
        HomeError: it names none. UsageError: its root certificates can't be read.
    """
    from tallystick.timestamp.authority import HttpAuthority

    settings = home.settings()
    if settings.authority_url is None or settings.authority_roots is None:
        raise HomeError(
            f"{home.settings_path}: expected authority_url and authority_roots under [timestamp], got "
            f"{'none' if settings.authority_url is None else 'no authority_roots'}.",
            todo="Name an RFC 3161 authority, and a PEM file with its root certificates.",
        )
    return HttpAuthority(settings.authority_url, timestamp_roots(home.directory / settings.authority_roots))


def token_check(home: Home, roots_file: Path | None = None) -> CheckToken:
    """How ``home`` judges time-stamps: by ``roots_file``, else by the certificates that it names, else by none."""
    from tallystick.timestamp.token import check_token

    named = home.settings().authority_roots
    if roots_file is None and named is not None:
        roots_file = home.directory / named
    roots = () if roots_file is None else timestamp_roots(roots_file)
    return lambda token, root: check_token(token, root, roots, now=SystemClock().now())


def reader_token_check(roots_file: Path) -> CheckToken:
    """How a reader judges time-stamps by ``roots_file`` alone. Raises ``UsageError``: it can't be read."""
    from tallystick.timestamp.token import check_token

    roots = timestamp_roots(roots_file)
    return lambda token, root: check_token(token, root, roots, now=SystemClock().now())


def timestamp_roots(path: Path) -> tuple[Certificate, ...]:
    """The root certificates in the PEM file at ``path``. Raises ``UsageError``: it can't be read, or holds none."""
    from tallystick.timestamp.token import MAX_ROOTS_BYTES, parse_roots

    try:
        with path.open("rb") as file:
            return parse_roots(file.read(MAX_ROOTS_BYTES + 1), str(path))
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror}).", todo="Check the path.") from error
    except MalformedInput as error:
        raise UsageError(error.message, todo=error.todo) from error
