"""``tallystick import``: documents that companies already have become evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick import bootstrap
from tallystick.cli.documents import DocumentsByDefault, import_command
from tallystick.cli.import_jobs import jobs_command, rejected_command, retry_command, waiting_command
from tallystick.cli.opening import AsJson, File, opened, read_input
from tallystick.cli.output import bars, console, print_json
from tallystick.errors import UsageError
from tallystick.intake.mapping import parse_mapping, ready_made
from tallystick.intake.receivables import Receivable, read_receivables
from tallystick.intake.rows import ReadRows, Rejected, rejected_csv
from tallystick.service import importing, parties
from tallystick.service.context import Context
from tallystick.service.sending import seal_beside_others
from tallystick.store.records import PartyRecord

_SAMPLE = 10
"""Rows that a dry run shows."""

import_app = typer.Typer(
    cls=DocumentsByDefault,
    help="Turn documents that companies already have into evidence: `tallystick import FILE...`.",
    no_args_is_help=True,
)
import_app.command("documents")(import_command)
import_app.command("jobs")(jobs_command)
import_app.command("rejected")(rejected_command)
import_app.command("waiting")(waiting_command)
import_app.command("retry")(retry_command)


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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be recorded; record nothing.")] = False,
    rejected: Annotated[
        Path | None,
        typer.Option(help="Write rows that can't be read to this CSV file, and import the others.", show_default=False),
    ] = None,
    no_seal: Annotated[bool, typer.Option("--no-seal", help="Record only; seal later with `tallystick seal`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import an accounts-receivable ledger from CSV or XLSX: invoices, payments, and what customers answer."""
    chosen = None
    if mapping is not None:
        made = ready_made()
        chosen = made[mapping] if mapping in made else parse_mapping(read_input(Path(mapping)), mapping)
    read = read_receivables(read_input(file), chosen, bootstrap.limits().csv_rows)
    if rejected is not None:
        _write_rejected(rejected, read)
    if dry_run:
        _preview(read, supplier, as_json=as_json)
        return
    lines = read.good if rejected is not None else read.or_raise()
    with opened() as context, bars(quiet=as_json) as progress:
        owner = _ledger_owner(context, supplier)
        result = importing.import_receivables(
            context,
            owner,
            lines,
            read.mapping.customer_scheme,
            simulate_counterparties=simulate_counterparties,
            progress=progress,
        )
        sealed = 0 if no_seal else seal_beside_others(context, progress)
    if as_json:
        print_json(
            {
                **_read_json(read),
                **_result_json(result),
                "customersAdded": result.customers_added,
                "batches": sealed,
            }
        )
        return
    _print_read(read)
    paid = f", {result.settled} of them paid since" if result.settled else ""
    console.print(f"{len(lines)} lines: {result.recorded} recorded, {result.known} known already{paid}")
    console.print(
        f"{result.evidence} evidence recorded for {escape(owner.name)}, {result.customers_added} customers added"
    )
    _print_remarks(result)
    if not no_seal:
        console.print(f"all sealed and final, batches: {sealed}")


def _preview(read: ReadRows[Receivable], supplier: str | None, *, as_json: bool) -> None:
    """Say what an import of ``read`` would do."""
    with opened() as context:
        with context.store.transaction(read_only=True) as transaction:
            if supplier is not None:
                owner: PartyRecord | None = parties.find_party(transaction, supplier)
            else:
                owner = transaction.party_by_identifier(importing.LEDGER_OWNER)
        result = importing.preview_receivables(context, owner, read.good, read.mapping.customer_scheme)
    if as_json:
        print_json({"dryRun": True, **_read_json(read), **_result_json(result)})
        return
    _print_read(read)
    if read.good:
        console.print(_sample(read))
    if read.rejected:
        console.print(_rejected_table(read.rejected))
    paid = f", {result.settled} of them paid since" if result.settled else ""
    console.print(f"{len(read.good)} lines: {result.recorded} would be recorded, {result.known} known already{paid}")
    console.print(f"{result.evidence} evidence would be recorded, not counting what simulated counterparties answer")
    _print_remarks(result)
    console.print("nothing was recorded: this was a dry run")


def _sample(read: ReadRows[Receivable]) -> Table:
    """The first rows as they were understood."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("row", "customer", "invoice", "issued", "due", "amount", "", "paid", "disputed"):
        table.add_column(column, justify="right" if column == "amount" else "left", overflow="fold")
    for line in read.good[:_SAMPLE]:
        table.add_row(
            str(line.row),
            escape(f"{read.mapping.customer_scheme}:{line.customer}"),
            escape(line.invoice_number),
            line.issue_date.isoformat(),
            line.due_date.isoformat(),
            line.amount,
            line.currency,
            line.settled.isoformat() if line.settled else "",
            "yes" if line.disputed else "",
        )
    return table


def _rejected_table(rejected: Sequence[Rejected]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("rejected row", "column", "expected", "got"):
        table.add_column(column, overflow="fold")
    for each in rejected[:_SAMPLE]:
        error = each.error
        table.add_row(str(error.row), escape(error.column), escape(error.expected), escape(error.got))
    return table


def _write_rejected(path: Path, read: ReadRows[Receivable]) -> None:
    try:
        path.write_bytes(rejected_csv(read.header, read.rejected))
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror}).", todo="Check the path.") from error


def _print_read(read: ReadRows[Receivable]) -> None:
    """How the file was read, and how much of it was not."""
    console.print(escape(f"read as {read.read_as}, by the mapping {read.mapping.title!r}"))
    if read.rejected:
        console.print(f"rows rejected: {len(read.rejected)}; --rejected FILE writes them with the reasons")


def _read_json(read: ReadRows[Receivable]) -> dict[str, object]:
    rejected = [each.error for each in read.rejected]
    return {
        "readAs": read.read_as,
        "mapping": read.mapping.title,
        "lines": len(read.good),
        "rejected": [
            {"row": each.row, "column": each.column, "expected": each.expected, "got": each.got, "todo": each.todo}
            for each in rejected
        ],
    }


def _result_json(result: importing.ImportResult) -> dict[str, object]:
    return {
        "recorded": result.recorded,
        "known": result.known,
        "differing": list(result.differing),
        "settled": result.settled,
        "evidence": result.evidence,
        "unstatedDisputes": result.unstated_disputes,
    }


def _print_remarks(result: importing.ImportResult) -> None:
    """What of an import a person should know."""
    if result.differing:
        rows = ", ".join(map(str, result.differing[:10])) + (", ..." if len(result.differing) > 10 else "")
        console.print(f"{len(result.differing)} known lines bill something else than was recorded, in rows {rows}")
        console.print("nothing of them is changed: state a CORRECTION with `tallystick record`")
    if result.unstated_disputes:
        console.print(
            f"{result.unstated_disputes} disputed lines: a dispute is the customer's to state, so none is recorded"
        )


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
