"""``tallystick serve``, ``worker`` and ``doctor``: to run the service, and to find out why it does not run."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick import doctor, logs, running
from tallystick.cli.output import EXIT_FAILED, console, print_json
from tallystick.config import Home

LogFormat = Annotated[
    logs.Format | None,
    typer.Option("--log-format", help="Log lines: json or text. Without it, text on a terminal and json elsewhere."),
]
_STYLES = {doctor.Level.OK: "green", doctor.Level.WARN: "yellow", doctor.Level.FAIL: "bold red"}


def serve_command(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only the API: `tallystick worker` seals in other processes.")
    ] = False,
    log_format: LogFormat = None,
) -> None:
    """Serve the HTTP API under /v1, on loopback only, to whoever has an API key, and seal what is recorded."""
    logs.configure(log_format)

    def ready(url: str) -> None:
        console.print(f"serving {url}/v1, on loopback only")

    running.serve(Home.of(os.environ), host, port, ready, works=not no_worker)


def worker_command(
    log_format: LogFormat = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Answer /healthz, /readyz and /metrics on this loopback port.")
    ] = None,
) -> None:
    """Seal and index beside `serve --no-worker`; of several workers one seals, and another takes over when it ends."""
    logs.configure(log_format)

    def ready(url: str | None) -> None:
        console.print("working" if url is None else f"working, {url}/metrics")

    running.work(Home.of(os.environ), ready, metrics_port)


def doctor_command(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """Check settings, keys, database, chain, contracts, accounts, clock and disk, and say what to fix."""
    findings = doctor.examine(Home.of(os.environ))
    if as_json:
        print_json([{"check": one.check, "level": one.level, "says": one.says, "todo": one.todo} for one in findings])
    else:
        table = Table.grid(padding=(0, 2))
        for one in findings:
            style = _STYLES[one.level]
            todo = f"\n[dim]what to do:[/] {escape(one.todo)}" if one.todo else ""
            table.add_row(f"[{style}]{one.level}[/]", one.check, escape(one.says) + todo)
        console.print(table)
    if any(one.level is doctor.Level.FAIL for one in findings):
        raise typer.Exit(EXIT_FAILED)
