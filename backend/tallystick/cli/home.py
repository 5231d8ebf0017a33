"""``tallystick init``, ``devnet`` and ``version``: what there is before a home is at work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import __version__, bootstrap, running
from tallystick.cli.opening import read_input
from tallystick.cli.output import console
from tallystick.config import Home
from tallystick.errors import UsageError
from tallystick.keys.secret_file import read_secret
from tallystick.protocol.types import to_hex


def version() -> None:
    """Print the version."""
    console.print(f"tallystick {__version__}")


def init(
    rpc: Annotated[str | None, typer.Option(help="JSON-RPC URL of an EVM node; else the embedded chain.")] = None,
    database: Annotated[str | None, typer.Option(help="Database URL; without it, SQLite in the home.")] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File with the funded account's private key in hex, for a node given by --rpc.")
    ] = None,
    contracts: Annotated[
        Path | None, typer.Option(help="Address file of contracts at --rpc to use; else they are deployed.")
    ] = None,
    network_key_file: Annotated[
        Path | None, typer.Option(help="File with the network key of the ledger of --contracts: 64 hex digits.")
    ] = None,
) -> None:
    """Make a home: keys, database, and a deployment of the contracts, new or existing."""
    home = Home.of(os.environ)
    existing = _existing(rpc, contracts, network_key_file)
    key = None if key_file is None else read_secret(key_file, "--key-file", prefix="0x")
    deployment = bootstrap.init_home(home, rpc_url=rpc, database_url=database, funded_key=key, existing=existing)
    console.print(f"home      {escape(str(home.directory))}")
    console.print(f"chain     {deployment.chain_id}" + ("" if rpc else " (embedded)"))
    console.print(f"ledger    {to_hex(deployment.ledger)}")
    console.print(f"registry  {to_hex(deployment.registry)}")
    if home.settings().registrar is None:
        console.print("registrar somebody else: only they admit parties; this home records and seals")
    console.print("next: tallystick party add NAME --id SCHEME:IDENTIFIER")


def _existing(rpc: str | None, contracts: Path | None, network_key_file: Path | None) -> bootstrap.Existing | None:
    """The existing contracts that ``init`` is to use, if any. Raises ``UsageError`` where an option is missing."""
    if contracts is None and network_key_file is None:
        return None
    given = {"--rpc": rpc, "--contracts": contracts, "--network-key-file": network_key_file}
    if contracts is None or network_key_file is None or rpc is None:
        missing = ", ".join(name for name, value in given.items() if value is None)
        raise UsageError(
            f"init: expected --rpc, --contracts and --network-key-file together, got none for {missing}.",
            todo="Take the network key from the first home of that ledger: `tallystick key export-network-key`.",
        )
    return bootstrap.Existing(read_input(contracts), read_secret(network_key_file, "--network-key-file"))


def devnet(context: typer.Context) -> None:
    """Run the development chain as a JSON-RPC server (no Node, no Hardhat); `devnet --help` lists its options."""
    raise typer.Exit(running.run_devnet(context.args))
