"""``tallystick import``: documents that companies already have become evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick import bootstrap
from tallystick.cli.documents import DocumentsByDefault, import_command, jobs_command
from tallystick.cli.opening import AsJson, File, opened, read_input
from tallystick.cli.output import bars, console, print_json
from tallystick.intake.receivables import parse_mapping, read_receivables, ready_made
from tallystick.service import importing, parties
from tallystick.service.context import Context
from tallystick.service.sending import seal_beside_others
from tallystick.store.records import PartyRecord

import_app = typer.Typer(
    cls=DocumentsByDefault,
    help="Turn documents that companies already have into evidence: `tallystick import FILE...`.",
    no_args_is_help=True,
)
import_app.command("documents")(import_command)
import_app.command("jobs")(jobs_command)


@import_app.command("receivables")
def import_receivables(
    file: File,
    mapping: Annotated[
        str | None,
        typer.Option(help="Column mapping: TOML file or name of a ready-made one; else by the header."),
    ] = None,
    supplier: Annotated[
        str | None, typer.Option(help="Whose ledger it is; without it, a party of its own named after the file.")
    ] = None,
    simulate_counterparties: Annotated[
        bool, typer.Option(help="Customers become managed parties that countersign, acknowledge, dispute and resolve.")
    ] = False,
    no_seal: Annotated[bool, typer.Option("--no-seal", help="Record only; seal later with `tallystick seal`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import an accounts-receivable ledger from CSV: invoices, payments, and what customers answer."""
    chosen = None
    if mapping is not None:
        made = ready_made()
        chosen = made[mapping] if mapping in made else parse_mapping(read_input(Path(mapping)), mapping)
    used, lines = read_receivables(read_input(file), chosen, bootstrap.limits().csv_rows)
    with opened() as context, bars(quiet=as_json) as progress:
        owner = _ledger_owner(context, supplier)
        result = importing.import_receivables(
            context,
            owner,
            lines,
            used.customer_scheme,
            simulate_counterparties=simulate_counterparties,
            progress=progress,
        )
        sealed = 0 if no_seal else seal_beside_others(context, progress)
    if as_json:
        print_json(
            {
                "lines": len(lines),
                "recorded": result.recorded,
                "known": result.known,
                "differing": list(result.differing),
                "settled": result.settled,
                "evidence": result.evidence,
                "customersAdded": result.customers_added,
                "unstatedDisputes": result.unstated_disputes,
                "batches": sealed,
            }
        )
        return
    paid = f", {result.settled} of them paid since" if result.settled else ""
    console.print(f"{len(lines)} lines: {result.recorded} recorded, {result.known} known already{paid}")
    console.print(
        f"{result.evidence} evidence recorded for {escape(owner.name)}, {result.customers_added} customers added"
    )
    if result.differing:
        rows = ", ".join(map(str, result.differing[:10])) + (", ..." if len(result.differing) > 10 else "")
        console.print(f"{len(result.differing)} known lines bill something else than was recorded, in rows {rows}")
        console.print("nothing of them was changed: state a CORRECTION with `tallystick record`")
    if result.unstated_disputes:
        console.print(
            f"{result.unstated_disputes} disputed lines: a dispute is the customer's to state, so none was recorded"
        )
    if not no_seal:
        console.print(f"all sealed and final, batches: {sealed}")


def _ledger_owner(context: Context, supplier: str | None) -> PartyRecord:
    """The party whose ledger is imported, made on the first import where nobody is named."""
    with context.store.transaction() as transaction:
        if supplier is not None:
            return parties.find_party(transaction, supplier)
        known = transaction.party_by_identifier(importing.LEDGER_OWNER)
    if known is not None:
        return known
    member = parties.NewParty("Ledger owner", (importing.LEDGER_OWNER,))
    return parties.add_parties(context, [member])[0]
