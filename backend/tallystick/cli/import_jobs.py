"""``tallystick import jobs``, ``rejected``, ``waiting`` and ``retry``: what imports did, and what they left to do."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tallystick.cli.documents import check_language, parties_named, print_import
from tallystick.cli.opening import AsJson, opened
from tallystick.cli.output import bars, console, print_json
from tallystick.errors import UsageError
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import import_documents
from tallystick.service.documents.jobs import rejected_rows
from tallystick.service.documents.outcomes import Status
from tallystick.service.documents.telling import job_json, waiting_json
from tallystick.service.documents.words import document_word, status_word, waits_for
from tallystick.store.records import ImportedDocument, ImportRecord
from tallystick.store.waiting_records import COMMAND_LINE

_WORDS = {
    "none": ("nothing waits", "没有待补充的单据"),
    "next": (
        "they are taken up by an import of what is missing; all at once: tallystick import retry",
        "导入所缺单据时会自动处理；全部重试：tallystick import retry",
    ),
}
Language = Annotated[str, typer.Option("--lang", help="en or zh (简体中文).")]


def jobs_command(
    job: Annotated[str | None, typer.Argument(help="A job, to see what became of its documents.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many jobs to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the imports, newest first, or what became of each document of one."""
    with opened() as context, context.store.transaction(read_only=True) as transaction:
        told: list[tuple[ImportRecord, list[ImportedDocument] | None]]
        told = [(each, None) for each in transaction.imports(limit)] if job is None else [transaction.imported(job)]
        counts = transaction.count_imported(each.job for each, _ in told)
    for record, documents in told:
        if as_json:
            print_json(job_json(record, counts[record.job], documents))
            continue
        said = ", ".join(f"{status_word(s)}: {n}" for s in Status if (n := counts[record.job].get(s.value)))
        ended = "" if record.ended_at is not None else ", interrupted"
        console.print(f"{record.job}  {_time(record.begun_at)}  files: {record.files}, {said}{ended}", soft_wrap=True)
        for document in documents or ():
            names = " ".join(document.evidence) or document.detail or ""
            line = f"  {document.file}  {document.number or ''}  {status_word(Status(document.status))}  {names}"
            console.print(escape(line), soft_wrap=True)


def rejected_command(
    job: Annotated[str, typer.Argument(help="The import.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The CSV file to write.", show_default=False)],
    file: Annotated[str | None, typer.Option(help="Which of its tables, where rows of several were rejected.")] = None,
) -> None:
    """Write the rows that an import rejected as CSV, with the reasons: corrected in place, it is imported again."""
    with opened() as context:
        data = rejected_rows(context, job, file)
    try:
        out.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{out}: can't be written ({error.strerror}).", todo="Check the path.") from error
    console.print(f"written {escape(str(out))}")


def waiting_command(as_json: AsJson = False, language: Language = "en") -> None:
    """List the documents that wait for something that is not recorded yet."""
    check_language(language)
    with opened() as context, context.store.transaction(read_only=True) as transaction:
        found = transaction.waiting_documents(COMMAND_LINE)
    if as_json:
        print_json(waiting_json(found, language))
        return
    chinese = language == "zh"
    for each in found:
        why, todo = waits_for(each, language)
        head = f"{each.file}  {document_word(each.document, language)}  {each.number}  {_time(each.since)}"
        console.print(f"[cyan]{escape(head)}[/]", soft_wrap=True)
        console.print(f"  {escape(why)}\n  [dim]{escape(todo)}[/]", soft_wrap=True)
    console.print(_WORDS["next" if found else "none"][chinese], soft_wrap=True)


def retry_command(
    party: Annotated[
        list[str] | None,
        typer.Option(help="Sign for this party only (may be given again); else for all whose keys are here."),
    ] = None,
    terms_days: Annotated[
        int | None, typer.Option(min=0, max=3650, help="Days to pay, where neither document nor contract says.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be recorded; record nothing.")] = False,
    as_json: AsJson = False,
    language: Language = "en",
) -> None:
    """Take up all documents that wait, by the rules that they came with."""
    check_language(language)
    with opened() as context, bars(quiet=as_json) as progress:
        rules = Rules(terms_days, parties=parties_named(context, party))
        done = import_documents(context, [], rules, dry_run=dry_run, progress=progress, retry=True)
    print_import(done, language, as_json=as_json)


def _time(at: int) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
