"""``tallystick key``: what of a home's keys another home needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import bootstrap
from tallystick.cli.output import console
from tallystick.config import Home

key_app = typer.Typer(help="Hand a key of this home to another one.", no_args_is_help=True)


@key_app.callback()
def keys() -> None:
    """Hand a key of this home to another one."""


@key_app.command("export-network-key")
def export_network_key(
    output: Annotated[Path, typer.Option("-o", "--output", help="The new file, readable by you only.")],
) -> None:
    """Write the secret that parties' ids are made with, for `tallystick init --contracts` elsewhere."""
    bootstrap.export_network_key(Home.of(os.environ), output)
    console.print(f"wrote {escape(str(output))}: whoever has it can tell which company a party id is", soft_wrap=True)
