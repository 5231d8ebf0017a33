"""What most commands share: the home they open, the files they read, their options."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tallystick import bootstrap
from tallystick.config import Home
from tallystick.errors import NotFound, UsageError
from tallystick.service.context import Context

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
File = Annotated[Path, typer.Argument(help="The file to read.", show_default=False)]


@contextlib.contextmanager
def opened() -> Iterator[Context]:
    """The installation of this home, ready to work."""
    with bootstrap.open_home(Home.of(os.environ)) as found:
        yield found.context


def read_input(path: Path) -> bytes:
    """The bytes of ``path``. Raises ``NotFound`` where it can't be read, also where it is larger than the limit."""
    limit = bootstrap.limits().bundle_bytes
    try:
        if path.stat().st_size > limit:
            raise UsageError(f"{path}: expected at most {limit} bytes, got {path.stat().st_size}.", todo="Split it.")
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path}: can't be read ({error.strerror}).", todo="Check the path.") from error
