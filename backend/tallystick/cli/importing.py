"""``tallystick import``: documents that companies already have become evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick import bootstrap
from tallystick.cli.documents import DocumentsByDefault, check_language, import_command
from tallystick.cli.import_jobs import Language, jobs_command, rejected_command, retry_command, waiting_command
from tallystick.cli.opening import AsJson, File, opened, read_input
from tallystick.cli.output import bars, console, print_json
from tallystick.errors import UsageError
from tallystick.intake.mapping import parse_mapping, ready_made
from tallystick.intake.receivables import Receivable, read_receivables
from tallystick.intake.rows import ReadRows, Rejected, rejected_csv
from tallystick.service import importing, parties
from tallystick.service.context import Context
from tallystick.service.phrases import Phrases
from tallystick.service.sending import seal_beside_others
from tallystick.store.records import PartyRecord

_SAMPLE = 10
"""Rows that a dry run shows."""

_WORDS = Phrases(
    {
        "lines": (
            "{lines} lines: {recorded} recorded, {known} known already{paid}",
            "{lines} 行：已记录 {recorded}，此前已记录 {known}{paid}",
        ),
        "would": (
            "{lines} lines: {recorded} would be recorded, {known} known already{paid}",
            "{lines} 行：将记录 {recorded}，此前已记录 {known}{paid}",
        ),
        "paid": (", {count} of them paid since", "，其中 {count} 行此后已付款"),
        "evidence": (
            "{evidence} evidence recorded for {owner}, {customers} customers added",
            "已为 {owner} 记录证据 {evidence} 条，新增客户 {customers} 个",
        ),
        "wouldEvidence": (
            "{evidence} evidence would be recorded, not counting what simulated counterparties answer",
            "将记录证据 {evidence} 条，不含模拟交易对手的答复",
        ),
        "sealed": ("all sealed and final, batches: {batches}", "已全部封存并最终确认，批次 {batches} 个"),
        "dry": ("nothing was recorded: this was a dry run", "未记录任何内容：此为试运行"),
        "read": ("read as {as}, by the mapping {mapping}", "按 {as} 读取，映射为 {mapping}"),
        "rejected": (
            "rows rejected: {count}; --rejected FILE writes them with the reasons",
            "未接受 {count} 行；--rejected FILE 可附原因导出",
        ),
        "differ": (
            "{count} known lines bill something else than was recorded, in rows {rows}",
            "{count} 行与已有记录不符，行号 {rows}",
        ),
        "correct": (
            "nothing of them is changed: state a CORRECTION with `tallystick record`",
            "未作任何更改：请用 `tallystick record` 记录更正（CORRECTION）",
        ),
        "disputes": (
            "{count} disputed lines: a dispute is the customer's to state, so none is recorded",
            "{count} 行有争议：争议须由客户提出，故未记录",
        ),
        "row": ("row", "行"),
        "customer": ("customer", "客户"),
        "invoice": ("invoice", "发票"),
        "issued": ("issued", "开票日期"),
        "due": ("due", "到期日"),
        "amount": ("amount", "金额"),
        "settled": ("paid", "付款日期"),
        "disputed": ("disputed", "有争议"),
        "yes": ("yes", "是"),
        "rejectedRow": ("rejected row", "未接受的行"),
        "column": ("column", "列"),
        "expected": ("expected", "应为"),
        "got": ("got", "实为"),
    }
)

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
    language: Language = "en",
) -> None:
    """Import an accounts-receivable ledger from CSV or XLSX: invoices, payments, and what customers answer."""
    check_language(language)
    chosen = None
    if mapping is not None:
        made = ready_made()
        chosen = made[mapping] if mapping in made else parse_mapping(read_input(Path(mapping)), mapping)
    read = read_receivables(read_input(file), chosen, bootstrap.limits().csv_rows)
    if rejected is not None:
        _write_rejected(rejected, read)
    if dry_run:
        _preview(read, supplier, language, as_json=as_json)
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
    _print_read(read, language)
    _tell("lines", language, **_counts(len(lines), result, language))
    _tell("evidence", language, evidence=result.evidence, owner=owner.name, customers=result.customers_added)
    _print_remarks(result, language)
    if not no_seal:
        _tell("sealed", language, batches=sealed)


def _tell(key: str, language: str, **facts: object) -> None:
    said = _WORDS.say(key, language, {name: str(value) for name, value in facts.items()})
    console.print(escape(said), soft_wrap=True)


def _counts(lines: int, result: importing.ImportResult, language: str) -> dict[str, object]:
    """The figures of ``result`` on so many ``lines``."""
    paid = _WORDS.say("paid", language, {"count": str(result.settled)}) if result.settled else ""
    return {"lines": lines, "recorded": result.recorded, "known": result.known, "paid": paid}


def _preview(read: ReadRows[Receivable], supplier: str | None, language: str, *, as_json: bool) -> None:
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
    _print_read(read, language)
    if read.good:
        console.print(_sample(read, language))
    if read.rejected:
        console.print(_rejected_table(read.rejected, language))
    _tell("would", language, **_counts(len(read.good), result, language))
    _tell("wouldEvidence", language, evidence=result.evidence)
    _print_remarks(result, language)
    _tell("dry", language)


def _sample(read: ReadRows[Receivable], language: str) -> Table:
    """The first rows as they were understood."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("row", "customer", "invoice", "issued", "due", "amount", "", "settled", "disputed"):
        table.add_column(
            _WORDS.say(column, language) if column else "",
            justify="right" if column == "amount" else "left",
            overflow="fold",
        )
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
            _WORDS.say("yes", language) if line.disputed else "",
        )
    return table


def _rejected_table(rejected: Sequence[Rejected], language: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("rejectedRow", "column", "expected", "got"):
        table.add_column(_WORDS.say(column, language), overflow="fold")
    for each in rejected[:_SAMPLE]:
        error = each.error
        table.add_row(str(error.row), escape(error.column), escape(error.expected), escape(error.got))
    return table


def _write_rejected(path: Path, read: ReadRows[Receivable]) -> None:
    try:
        path.write_bytes(rejected_csv(read.header, read.rejected))
    except OSError as error:
        raise UsageError(f"{path}: can't be written ({error.strerror}).", todo="Check the path.") from error


def _print_read(read: ReadRows[Receivable], language: str) -> None:
    """How the file was read, and how much of it was not."""
    _tell("read", language, **{"as": read.read_as, "mapping": repr(read.mapping.title)})
    if read.rejected:
        _tell("rejected", language, count=len(read.rejected))


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


def _print_remarks(result: importing.ImportResult, language: str) -> None:
    """What of an import a person should know."""
    if result.differing:
        rows = ", ".join(map(str, result.differing[:10])) + (", ..." if len(result.differing) > 10 else "")
        _tell("differ", language, count=len(result.differing), rows=rows)
        _tell("correct", language)
    if result.unstated_disputes:
        _tell("disputes", language, count=result.unstated_disputes)


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
