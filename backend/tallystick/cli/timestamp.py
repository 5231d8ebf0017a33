"""``tallystick timestamp``: have an outside authority stamp the roots of final batches, and check its tokens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import bootstrap, stamping
from tallystick.cli.output import EXIT_FAILED, EXIT_OK, EXIT_UNCHECKED, bars, console, print_json
from tallystick.config import Home
from tallystick.errors import UsageError
from tallystick.protocol.verdict import Outcome
from tallystick.service import stamp

_EXITS = {Outcome.VALID: EXIT_OK, Outcome.INVALID: EXIT_FAILED, Outcome.UNCHECKED: EXIT_UNCHECKED}


def timestamp_command(
    check: Annotated[bool, typer.Option("--check", help="Check the kept tokens instead of getting new ones.")] = False,
    roots: Annotated[
        Path | None, typer.Option(help="With --check: PEM file of root certificates, instead of the configured one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Have the configured authority time-stamp (RFC 3161) every final batch that has no time-stamp yet."""
    home = Home.of(os.environ)
    if check:
        _check(home, roots, as_json)
        return
    if roots is not None:
        raise UsageError("--roots: expected with --check, got it without.")
    authority = stamping.authority(home)
    with bootstrap.store_of(home) as store, bars(quiet=as_json) as progress:
        kept = stamp.stamp_batches(store, authority, progress)
    if as_json:
        print_json({"stamped": kept})
    else:
        console.print(f"time-stamped batches: {kept}" if kept else "nothing to time-stamp")


def _check(home: Home, roots: Path | None, as_json: bool) -> None:
    with bootstrap.store_of(home) as store:
        checked = stamp.check_timestamps(store, stamping.token_check(home, roots))
    for one in checked:
        if as_json:
            print_json(stamp.timestamp_json(one))
        else:
            verdict = one.verdict
            text = f"batch {one.stamp.batch_id:<6} {verdict.outcome.value}: {verdict.message}"
            console.print(escape(text + (f" ({verdict.authority})" if verdict.authority else "")), soft_wrap=True)
    if not checked and not as_json:
        console.print("no batch is time-stamped yet: tallystick timestamp")
    raise typer.Exit(_EXITS[stamp.worst(checked)])
