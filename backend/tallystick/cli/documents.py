"""``tallystick import``: the documents that companies already have become evidence; each has a line that says so."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from tallystick.cli.opening import opened
from tallystick.cli.output import bars, console, print_json
from tallystick.cli.verify import read_bounded
from tallystick.errors import UsageError
from tallystick.intake.archives import MAX_ARCHIVE
from tallystick.intake.files import Unread, read_files
from tallystick.intake.readers import Options, Reading
from tallystick.protocol.types import PartyId
from tallystick.render.labels import LANGUAGES
from tallystick.service.context import Context, Progress
from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import DocumentImport, import_documents
from tallystick.service.documents.outcomes import Outcome, Status
from tallystick.service.documents.telling import import_json
from tallystick.service.documents.words import document_word, rows_read, status_word, todo, why
from tallystick.service.parties import find_party

MAX_LINES = 200
"""Lines of a table; the rest is in the JSON."""
_FEW = 40
_COLOURS = {Status.RECORDED: "green", Status.KNOWN: "dim", Status.WAITS: "yellow", Status.HELD: "yellow"}
_WORDS = {
    "file": ("file", "文件"),
    "document": ("document", "单据"),
    "number": ("number", "号码"),
    "became": ("what became of it", "结果"),
    "kind": ("evidence", "证据"),
    "why": ("why, and what to do", "原因与处理方法"),
    "counts": (
        "files: {files}; recorded: {recorded}, known already: {known}, waiting: {waits}, held back: {held}, "
        "refused: {refused}; evidence: {evidence}",
        "文件 {files} 个；已记录 {recorded}，此前已记录 {known}，待补充 {waits}，待人工处理 {held}，"
        "未接受 {refused}；证据 {evidence} 条",
    ),
    "more": ("... and {count} lines more: --json has them all", "……另有 {count} 行：--json 可输出全部"),
    "takenUp": ("documents that waited, taken up: {count}", "此前待补充、现已处理的单据：{count}"),
    "rejected": (
        "rows rejected: {count}; with the reasons: tallystick import rejected {job}",
        "未接受 {count} 行；附原因导出：tallystick import rejected {job}",
    ),
    "dry": ("nothing was recorded: this was a dry run", "未记录任何内容：此为试运行"),
    "seal": ("next: tallystick seal", "下一步：tallystick seal"),
}


class DocumentsByDefault(TyperGroup):
    """A group whose command ``documents`` is meant where none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``documents`` before anything that names no command and asks for no help."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["documents", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def import_command(
    files: Annotated[list[Path], typer.Argument(help="Files, folders and ZIP files.", show_default=False)],
    party: Annotated[
        list[str] | None,
        typer.Option(help="Sign for this party only (may be given again); else for all whose keys are here."),
    ] = None,
    terms_days: Annotated[
        int | None, typer.Option(min=0, max=3650, help="Days to pay, where neither document nor contract says.")
    ] = None,
    allow_similar: Annotated[
        bool, typer.Option("--allow-similar", help="Record invoices that are like another in all but their number.")
    ] = False,
    mapping: Annotated[Path | None, typer.Option(help="Column mapping (TOML) for tables.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be recorded; record nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    language: Annotated[str, typer.Option("--lang", help="en or zh (简体中文).")] = "en",
) -> None:
    """Import trade documents: orders, deliveries, invoices, answers and remittances become evidence.

    UBL, Peppol, Factur-X, ZUGFeRD, Order-X, Chinese e-invoices, PDF with embedded XML, CSV and XLSX.
    """
    check_language(language)
    options = Options() if mapping is None else Options(read_bounded(mapping, 1_000_000, "column mapping"))
    with bars(quiet=as_json) as progress:
        read = _read_all(files, options, progress)
    with opened() as context, bars(quiet=as_json) as progress:
        rules = Rules(terms_days, allow_similar, parties_named(context, party))
        done = import_documents(context, read, rules, dry_run=dry_run, progress=progress)
    print_import(done, language, as_json=as_json)


def check_language(language: str) -> None:
    """Raises ``UsageError`` for a ``--lang`` that is none."""
    if language not in LANGUAGES:
        raise UsageError(f"--lang: expected one of {', '.join(LANGUAGES)}, got {language}.")


def parties_named(context: Context, names: list[str] | None) -> frozenset[PartyId] | None:
    """The parties that are named, or None where all are meant."""
    if not names:
        return None
    with context.store.transaction(read_only=True) as transaction:
        return frozenset(find_party(transaction, name).party for name in names)


def _read_all(files: list[Path], options: Options, progress: Progress) -> list[Reading | Unread]:
    """What the ``files`` hold, folders and ZIP files taken apart."""
    paths = [path for file in files for path in _within(file)]
    read: list[Reading | Unread] = []
    for at, path in enumerate(paths):
        data = read_bounded(path, MAX_ARCHIVE, "document")
        read += read_files(path.name, data, options, partial(_reopened, path))
        progress("files", at + 1, len(paths))
    return read


def _reopened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: can't be read any more ({error.strerror}).", todo="Import it again.") from error


def _within(file: Path) -> list[Path]:
    """``file`` itself, or the files of the folder, by name; hidden ones are left out."""
    if not file.is_dir():
        return [file]
    inside = (path for path in file.rglob("*") if path.is_file())
    return sorted(path for path in inside if not any(part.startswith(".") for part in path.relative_to(file).parts))


def _word(key: str, language: str) -> str:
    return _WORDS[key][language == "zh"]


def print_import(done: DocumentImport, language: str, *, as_json: bool) -> None:
    """Say what an import did, or would do."""
    if as_json:
        print_json(import_json(done, language))
        return
    shown = done.outcomes
    if len(shown) > _FEW:
        shown = tuple(each for each in shown if each.status not in (Status.RECORDED, Status.KNOWN))
    if shown:
        console.print(_table(shown[:MAX_LINES], language))
    if len(shown) > MAX_LINES:
        console.print(_word("more", language).format(count=len(shown) - MAX_LINES))
    for table in done.tables:
        if table.rows is not None:
            console.print(escape(rows_read(table.source.name, table.rows, language)), soft_wrap=True)
    counts = {status.value: count for status, count in done.counts().items()}
    told = _word("counts", language).format(files=done.files, evidence=done.evidence, **counts)
    console.print(f"\n{told}", soft_wrap=True)
    if done.taken_up:
        console.print(_word("takenUp", language).format(count=done.taken_up))
    rejected = sum(table.rows.rejected_count for table in done.tables if table.rows is not None)
    if rejected and done.job is not None:
        console.print(_word("rejected", language).format(count=rejected, job=done.job), soft_wrap=True)
    if done.job is None:
        console.print(_word("dry", language))
    elif done.evidence:
        console.print(_word("seal", language))


def _table(outcomes: tuple[Outcome, ...], language: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for key in ("file", "document", "number", "became", "why"):
        table.add_column(_word(key, language), overflow="fold")
    for outcome in outcomes:
        colour = _COLOURS.get(outcome.status, "red")
        cell = escape(why(outcome, language) or ", ".join(made.kind for made in outcome.made))
        if told := todo(outcome, language):
            cell += f"\n[dim]{escape(told)}[/]"
        table.add_row(
            escape(outcome.source.name),
            document_word(outcome.document, language),
            escape(outcome.number or ""),
            f"[{colour}]{status_word(outcome.status, language)}[/]",
            cell,
        )
    return table
