"""``tallystick archive export``: write what an auditor needs beside a node."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import auditing, bootstrap
from tallystick.cli.output import bars, console
from tallystick.config import Home
from tallystick.protocol.types import to_hex
from tallystick.service import archive

archive_app = typer.Typer(help="What an auditor needs beside a node: export it.", no_args_is_help=True)


@archive_app.callback()
def group() -> None:
    """What an auditor needs beside a node: export it."""


@archive_app.command("export")
def export(
    output: Annotated[Path, typer.Option("-o", "--output", help="The directory to write, also of an earlier export.")],
    recipient: Annotated[
        str | None, typer.Option(help="The auditor's age public key, age1...: only they can read it.")
    ] = None,
) -> None:
    """Write all final evidence of this home, with who is who, as files named by what they hold."""
    writer = auditing.archive_writer(output, recipient)
    with bootstrap.open_home(Home.of(os.environ)) as opened, bars() as progress:
        made = archive.export(opened.context, writer, progress)
    evidence = sum(file.content.lines for file in made.entries)
    files = len(made.entries) + (made.bindings is not None)
    console.print(
        f"wrote {escape(str(output))}: {evidence} evidence in {files} files, as of block {made.as_of.number}"
        + (", encrypted" if made.encryption else "")
    )
    named = f"--archive {escape(str(output))} --ledger {to_hex(made.deployment.ledger)}"
    console.print(f"audit it with a node: tallystick audit replay --rpc URL {named}", soft_wrap=True)
