"""Credit histories: show them, hand them out as bundles, and tell what changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import bootstrap
from tallystick.cli import history as history_view
from tallystick.cli.changes import render as render_changes
from tallystick.cli.output import bars, console, print_json
from tallystick.cli.verify import check_file, never_reads_as_invalid, parse_trust, print_verdict
from tallystick.config import Home
from tallystick.credit import changes as credit_changes
from tallystick.errors import UsageError
from tallystick.protocol.compression import compressing
from tallystick.protocol.types import to_hex
from tallystick.render.labels import LANGUAGES
from tallystick.service import changes, parties, report
from tallystick.service.as_of import find_block
from tallystick.service.bundle_file import write_pieces
from tallystick.service.index import index
from tallystick.service.share import Export

AS_OF = "As of the end of this day (YYYY-MM-DD, UTC) or this block; else the newest final block."
Party = Annotated[str, typer.Argument(help="Party id, SCHEME:identifier or unique name.", show_default=False)]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE|BLOCK", help=AS_OF)]
Language = Annotated[str, typer.Option("--lang", help="en or zh (简体中文).")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a party.")]


def history_command(
    party: Annotated[list[str] | None, typer.Argument(help="Party id, SCHEME:identifier or unique name.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="All parties.")] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
    language: Language = "en",
) -> None:
    """Show the complete credit history of parties, derived from what the chain holds."""
    if bool(party) == everyone:
        raise UsageError("history: expected parties or --all, one of the two.", todo="See `tallystick history --help`.")
    _check_language(language)
    with bootstrap.open_home(Home.of(os.environ)) as opened:
        context = opened.context
        block = find_block(context, index(context).block, as_of)
        with context.store.transaction(read_only=True) as transaction:
            known = transaction.parties()
            chosen = known if everyone else [parties.find_party(transaction, name) for name in party or ()]
        names = {to_hex(item.party): item.name for item in known}
        for made in report.histories(context, block, [item.party for item in chosen]):
            if as_json:
                print_json(made)
            else:
                console.print(history_view.render(made, names, language))


def bundle_command(
    party: Party,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The file to write, NAME.tally.json, or .gz for it compressed.")
    ],
    as_of: AsOf = None,
    hide: Annotated[
        list[str] | None,
        typer.Option(
            "--hide", metavar="FIELD[@PARTY]", help="Keep a field to yourself, with all or with one; * is every field."
        ),
    ] = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Do not say who the counterparties are.")] = False,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", help="Carry the kept time-stamps (RFC 3161) of the batches.")
    ] = False,
) -> None:
    """Export a party's complete history as one file that anyone can verify offline."""
    with bootstrap.open_home(Home.of(os.environ)) as opened:
        context = opened.context
        with context.store.transaction(read_only=True) as transaction:
            found = parties.find_party(transaction, party)
        with bars() as progress:
            export = Export(
                context,
                found.party,
                as_of,
                hide or (),
                names_others=not anonymous,
                progress=lambda done, total: progress("written", done, total),
                timestamps=timestamps,
            )
            pieces = export.pieces()
            written = write_pieces(output, compressing(pieces) if output.suffix == ".gz" else pieces)
    made = export.frame
    assert made is not None, "the file is written"
    console.print(
        f"wrote {escape(str(output))}: {export.entries} entries, {written:,} bytes, as of block {made.as_of.number}"
    )
    if export.hidden:
        console.print(
            f"hidden    {export.hidden} fields; the figures that rest on them are marked, and can't be called valid"
        )
    if timestamps:
        console.print(f"stamped   {export.stamped} appends carry a time-stamp; others: run `tallystick timestamp`")
    trusted = f"--block-hash {to_hex(made.as_of.hash)} --ledger {to_hex(made.ledger)}"
    console.print(f"check it anywhere: tallystick verify {escape(str(output))} {trusted}", soft_wrap=True)


def changes_command(
    party: Party,
    since: Annotated[
        str, typer.Option("--since", metavar="DATE|BLOCK", help="From the end of this day, or this block, on.")
    ],
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    language: Language = "en",
) -> None:
    """Show what changed in a party's history, and by which evidence."""
    _check_language(language)
    with bootstrap.open_home(Home.of(os.environ)) as opened:
        context = opened.context
        with context.store.transaction(read_only=True) as transaction:
            found = parties.find_party(transaction, party)
            names = {to_hex(item.party): item.name for item in transaction.parties()}
        made = changes.changes_since(context, found.party, since, as_of)
    _show(made, names, as_json, language)


def diff_command(
    earlier: Annotated[Path, typer.Argument(help="The older bundle.", show_default=False)],
    later: Annotated[Path, typer.Argument(help="The newer one.", show_default=False)],
    rpc: Annotated[list[str] | None, typer.Option(help="A node you trust; several must agree on the blocks.")] = None,
    ledger: Annotated[str | None, typer.Option(help="The ledger contract you know; others are refused.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    language: Language = "en",
) -> None:
    """Check two bundles of one party, and show what changed from one to the other, and by which evidence."""
    _check_language(language)
    trust = parse_trust(None, ledger)
    with bars(quiet=as_json) as progress, never_reads_as_invalid():
        verdicts = [check_file(file, trust, rpc or (), progress) for file in (earlier, later)]
    made = changes.changes_between(*verdicts)
    if not as_json:
        for file, verdict in zip((earlier, later), verdicts, strict=True):
            console.print(f"[bold]{escape(str(file))}[/]")
            print_verdict(verdict)
    names = {
        to_hex(binding.party): binding.name
        for verdict in verdicts
        if verdict.bundle is not None
        for binding in verdict.bundle.bindings
    }
    _show(made, names, as_json, language)


def _show(made: credit_changes.Changes, names: dict[str, str], as_json: bool, language: str) -> None:
    value = credit_changes.to_json(made)
    if as_json:
        print_json(value)
    else:
        console.print(render_changes(value, names, language))


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise UsageError(f"--lang: expected one of {', '.join(LANGUAGES)}, got {language}.")
