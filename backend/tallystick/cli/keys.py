"""``tallystick key``: what of a home's keys another home needs."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import bootstrap
from tallystick.cli.output import bars, console
from tallystick.config import Home
from tallystick.errors import UsageError
from tallystick.keys.passphrase import NEW_VARIABLE, read_passphrase
from tallystick.keys.rewrap import rewrap
from tallystick.keys.sources import check_source

key_app = typer.Typer(help="The keystore: what it is wrapped under, and what another home needs.", no_args_is_help=True)


@key_app.callback()
def keys() -> None:
    """The keystore: what it is wrapped under, and what another home needs of it."""


@key_app.command("export-network-key")
def export_network_key(
    output: Annotated[Path, typer.Option("-o", "--output", help="The new file, readable by you only.")],
) -> None:
    """Write the secret that parties' ids are made with, for `tallystick init --contracts` elsewhere."""
    bootstrap.export_network_key(Home.of(os.environ), output)
    console.print(f"wrote {escape(str(output))}: whoever has it can tell which company a party id is", soft_wrap=True)


@key_app.command("rewrap")
def rewrap_command(
    to: Annotated[
        str,
        typer.Option(
            help="passphrase, file:PATH, environment:VARIABLE, or pkcs11:token=LABEL;object=LABEL?module-path=PATH",
            show_default=False,
        ),
    ],
    make: Annotated[bool, typer.Option(help="Make the key first, inside the token of a pkcs11: URI.")] = False,
) -> None:
    """Put the keystore under another key-encryption key; run it again if it was interrupted."""
    home, source = Home.of(os.environ), check_source(to)
    home.settings()
    if make:
        if not source.startswith("pkcs11:"):
            raise UsageError("--make: expected a pkcs11: URI, got another source.", todo="Make other keys yourself.")
        from tallystick.keys.token import make_token_key

        make_token_key(source, os.environ)
    with bars() as progress:
        changed = rewrap(
            home.keys_path,
            source,
            passphrase=cache(lambda: read_passphrase(os.environ)),
            new_passphrase=cache(lambda: read_passphrase(os.environ, confirm=True, variable=NEW_VARIABLE)),
            environment=os.environ,
            progress=lambda done, total: progress("rewrapped", done, total),
        )
    console.print(f"rewrapped {changed} files: the keystore opens with {escape(source)} from now on", soft_wrap=True)
    console.print("start the programs anew that have it open")
