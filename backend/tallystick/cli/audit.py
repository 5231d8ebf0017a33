"""``tallystick audit replay``: rebuild a ledger from a node and an archive, and say everything that does not fit.

Exit codes: 0 nothing but notices, 1 at least one fault, 2 usage, 3 something could not be checked.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick import auditing, bootstrap
from tallystick.cli.output import EXIT_FAILED, EXIT_OK, EXIT_UNCHECKED, bars, console, print_error
from tallystick.cli.verify import never_reads_as_invalid, read_bounded
from tallystick.errors import MalformedInput, TallystickError, UsageError
from tallystick.protocol.types import parse_address, to_hex
from tallystick.protocol.verdict import Outcome
from tallystick.render.audit_page import render_page
from tallystick.render.labels import LANGUAGES
from tallystick.service.audit.findings import Severity
from tallystick.service.audit.replay import Audit
from tallystick.service.audit.report import format_report, outcome
from tallystick.service.audit.words import SEVERITIES, says

audit_app = typer.Typer(help="Check a whole ledger without trust in whoever keeps it.", no_args_is_help=True)

_EXITS = {Outcome.VALID: EXIT_OK, Outcome.INVALID: EXIT_FAILED, Outcome.UNCHECKED: EXIT_UNCHECKED}
_STYLES = {Severity.FAULT: "bold red", Severity.GAP: "bold yellow", Severity.NOTICE: "cyan"}
_VERDICTS = {
    Outcome.VALID: ("[bold green]NOTHING FOUND[/]: all that was sealed is here, and fits", "未发现问题"),
    Outcome.INVALID: ("[bold red]FAULTS FOUND[/]", "发现错误"),
    Outcome.UNCHECKED: ("[bold yellow]COULD NOT CHECK[/] everything; what could be checked fits", "部分无法检查"),
}
_SHOWN = 60
_MAX_CONTRACTS_BYTES = 1 << 20


@audit_app.callback()
def group() -> None:
    """Check a whole ledger without trust in whoever keeps it."""


@audit_app.command("replay")
def replay(
    rpc: Annotated[str, typer.Option(help="JSON-RPC URL of a node you trust.")],
    archive: Annotated[
        list[Path] | None, typer.Option(help="An archive, as `archive export` wrote it; one of each operator.")
    ] = None,
    contracts: Annotated[
        Path | None, typer.Option(help="Address file of the ledger; without it, the archive says which one.")
    ] = None,
    ledger: Annotated[str | None, typer.Option(help="The ledger contract you know; others are refused.")] = None,
    identity: Annotated[
        Path | None, typer.Option(help="File with your age key, where the archive is encrypted to it.")
    ] = None,
    from_block: Annotated[
        int | None, typer.Option(min=0, help="A block not younger than the contracts; else as the deployment says.")
    ] = None,
    finality_blocks: Annotated[
        int | None, typer.Option(min=0, help="Blocks that make one final, where the node does not tell.")
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option(metavar="DATABASE_URL", help="A live database to compare with; several.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Processes to use.")] = 1,
    work: Annotated[Path | None, typer.Option(help="Where the state is kept, to go on after an interruption.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as canonical JSON.")] = False,
    page: Annotated[Path | None, typer.Option("--report", help="Write a readable report, FILE.html.")] = None,
    language: Annotated[str, typer.Option("--lang", help="en or zh (简体中文).")] = "en",
) -> None:
    """Rebuild the ledger from node and archive; exit 0 nothing found, 1 faults, 3 could not check everything."""
    if language not in LANGUAGES:
        raise UsageError(f"--lang: expected one of {', '.join(LANGUAGES)}, got {language}.")
    try:
        known = None if ledger is None else parse_address(ledger.lower(), "--ledger")
    except MalformedInput as error:
        raise UsageError(error.message, todo=error.todo) from error
    order = auditing.AuditOrder(
        rpc_url=rpc,
        work=work or Path(f"{archive[0]}.audit" if archive else "tallystick-audit"),
        archives=tuple(archive or ()),
        contracts=None if contracts is None else read_bounded(contracts, _MAX_CONTRACTS_BYTES, "address file"),
        ledger=known,
        identity=None if identity is None else read_bounded(identity, 4096, "age key"),
        from_block=from_block,
        finality_blocks=finality_blocks,
        database_urls=tuple(against or ()),
        jobs=jobs,
    )
    try:
        with bars(quiet=as_json) as progress, never_reads_as_invalid(), auditing.open_audit(order, progress) as made:
            audit = made.run()
    except UsageError:
        raise
    except TallystickError as error:  # exit code 1 is for a ledger that was checked
        print_error(error)
        raise typer.Exit(EXIT_UNCHECKED) from error
    if page is not None:
        bootstrap.write_file(page, render_page(audit, language).encode())
    if as_json:
        sys.stdout.write(format_report(audit).decode() + "\n")
    else:
        _print(audit, language, is_named=known is not None or contracts is not None)
    raise typer.Exit(_EXITS[outcome(audit)])


def _print(audit: Audit, language: str, *, is_named: bool) -> None:
    """The audit for a person at the terminal."""
    english, chinese = _VERDICTS[outcome(audit)]
    counted = ", ".join(f"{audit.count(one)} {SEVERITIES[one][language == 'zh']}" for one in Severity)
    console.print(f"{english if language == 'en' else chinese}  ({counted})")
    table, names = Table.grid(padding=(0, 2)), audit.names
    table.add_column()
    # an id is never cut short: it would name something else
    table.add_column(overflow="fold")
    for finding in audit.findings[:_SHOWN]:
        style = _STYLES[finding.severity]
        table.add_row(f"[{style}]{finding.code.value}[/]", escape(says(finding, language, names)))
    console.print(table)
    if len(audit.findings) > _SHOWN:
        console.print(f"... and {len(audit.findings) - _SHOWN} more: see --json or --report")
    console.print(f"ledger     {to_hex(audit.deployment.ledger)} on chain {audit.deployment.chain_id}")
    if audit.as_of is not None:
        day = datetime.datetime.fromtimestamp(audit.as_of.timestamp, datetime.UTC)
        console.print(f"as of      block {audit.as_of.number}, {day:%Y-%m-%d %H:%M} UTC: what came later is not in it")
        entries = sum(party.entries for party in audit.parties)
        console.print(
            f"checked    {audit.batches} batches, {audit.evidence} evidence, {entries} entries of "
            f"{len(audit.parties)} parties" + (f", databases: {audit.databases}" if audit.databases else "")
        )
    if audit.digest is not None:
        console.print(f"digest     {audit.digest.hex()}", soft_wrap=True)
    if not is_named:
        console.print(
            "[yellow]mind[/]       no ledger was named: make sure that this is the one you rely on; anybody can deploy "
            "the same code elsewhere",
            soft_wrap=True,
        )
