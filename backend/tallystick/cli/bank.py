"""``tallystick bank``: bank statements become payments; what is not sure becomes a list of what to look at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tallystick import bootstrap
from tallystick.cli.output import console, print_json
from tallystick.cli.verify import read_bounded
from tallystick.config import Home
from tallystick.errors import UsageError
from tallystick.intake.archives import MAX_ARCHIVE
from tallystick.intake.bank.files import read_messages
from tallystick.intake.bank.records import Message
from tallystick.render.labels import LANGUAGES
from tallystick.service.bank.importing import BankImport, Made, WorkLine, import_statements
from tallystick.service.bank.telling import import_json, other_name
from tallystick.service.bank.words import finding_says, rule_word, todo, why
from tallystick.service.parties import find_party

_WORDS = {
    "statement": (
        "{file}: {kind}, account {account}{owner}, entries: {entries}, totals compared: {totals}",
        "{file}：{kind}，账户 {account}{owner}，分录 {entries} 条，已核对总额 {totals} 项",
    ),
    "mismatch": ("does not add up", "金额不符"),
    "made": ("payments recorded", "已记录的付款"),
    "would": ("payments that would be recorded", "将会记录的付款"),
    "work": ("to look at", "待处理"),
    "day": ("day", "日期"),
    "amount": ("amount", "金额"),
    "who": ("from or to", "对方"),
    "reference": ("reference", "银行参考号"),
    "invoice": ("invoice", "发票"),
    "by": ("found by", "匹配依据"),
    "returned": ("returned: the payment is corrected", "已退回：付款已更正"),
    "todo": ("what to do", "处理方法"),
    "perhaps": ("perhaps", "可能"),
    "open": ("open", "未付"),
    "counts": (
        "recorded: {made}, known already: {known}, not booked yet: {not_booked}, of no invoice: {not_concerned}, "
        "to look at: {work}",
        "已记录 {made}，此前已记录 {known}，尚未入账 {not_booked}，与发票无关 {not_concerned}，待处理 {work}",
    ),
    "dry": ("nothing was recorded: this was a dry run", "未记录任何内容：此为试运行"),
    "seal": ("next: tallystick seal", "下一步：tallystick seal"),
}


def bank_command(
    files: Annotated[
        list[Path], typer.Argument(help="camt.053 or camt.054 files, or ZIPs of them.", show_default=False)
    ],
    party: Annotated[str, typer.Option(help="Whose account it is: a party of this home.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be recorded; record nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    language: Annotated[str, typer.Option("--lang", help="en or zh (简体中文).")] = "en",
) -> None:
    """Import bank statements (ISO 20022): booked money becomes payments, what is not sure a list to look at."""
    if language not in LANGUAGES:
        raise UsageError(f"--lang: expected one of {', '.join(LANGUAGES)}, got {language}.")
    messages = [message for path in files for message in _read(path)]
    with bootstrap.open_home(Home.of(os.environ)) as opened:
        with opened.context.store.transaction(read_only=True) as transaction:
            owner = find_party(transaction, party)
        done = import_statements(opened.context, owner, messages, dry_run=dry_run)
    if as_json:
        print_json(import_json(messages, done, language, dry_run=dry_run))
    else:
        _print(messages, done, language, dry_run=dry_run)


def _read(path: Path) -> list[Message]:
    return read_messages(path.name, read_bounded(path, MAX_ARCHIVE, "bank statement"))


def _word(key: str, language: str) -> str:
    return _WORDS[key][language == "zh"]


def _print(messages: list[Message], done: BankImport, language: str, *, dry_run: bool) -> None:
    for message in messages:
        for statement in message.statements:
            owner = f" ({statement.account.owner})" if statement.account.owner else ""
            told = _word("statement", language).format(
                file="" if message.source is None else message.source.name,
                kind=message.kind.value,
                account=statement.account.number,
                owner=owner,
                entries=len(statement.entries),
                totals=statement.totals_checked,
            )
            console.print(escape(told), soft_wrap=True)
            for finding in statement.findings:
                mark = _word("mismatch", language)
                console.print(f"  [yellow]{mark}:[/] {escape(finding_says(finding, language))}", soft_wrap=True)
    if done.made:
        console.print(_made_table(done, language, dry_run=dry_run))
    if done.work:
        console.print(f"\n[bold]{_word('work', language)}[/]")
        for line in done.work:
            _print_work(line, done, language)
    counts = _word("counts", language).format(
        made=len(done.made),
        known=done.known,
        not_booked=done.not_booked,
        not_concerned=done.not_concerned,
        work=len(done.work),
    )
    console.print(f"\n{counts}", soft_wrap=True)
    if dry_run:
        console.print(_word("dry", language))
    elif done.made:
        console.print(_word("seal", language))


def _made_table(done: BankImport, language: str, *, dry_run: bool) -> Table:
    title = _word("would" if dry_run else "made", language)
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(_word("day", language), no_wrap=True)
    # a sum is never cut short: it would read as another one
    table.add_column(_word("amount", language), justify="right", no_wrap=True)
    for key in ("who", "reference", "invoice", "by"):
        table.add_column(_word(key, language), overflow="fold")
    for made in done.made:
        table.add_row(*(escape(cell) for cell in _made_row(made, done, language)))
    return table


def _made_row(made: Made, done: BankImport, language: str) -> tuple[str, ...]:
    booking = made.booking
    sign = "" if booking.transaction.direction.sign > 0 else "-"
    head = (booking.day.isoformat(), f"{sign}{booking.transaction.amount}", other_name(made.booking), booking.reference)
    if made.matched is None:
        return (*head, "", _word("returned", language))
    invoices = [
        f"{_number(allocation.invoice, done)}: {allocation.amount:f}" for allocation in made.matched.allocations
    ]
    rules = dict.fromkeys(rule_word(allocation.rule, language) for allocation in made.matched.allocations)
    return (*head, "\n".join(invoices), f"{', '.join(rules)} ({made.matched.confidence} %)")


def _print_work(line: WorkLine, done: BankImport, language: str) -> None:
    booking, found = line.booking, line.found
    sign = "" if booking.transaction.direction.sign > 0 else "-"
    who = other_name(booking)
    head = f"{booking.day}  {sign}{booking.transaction.amount}  {booking.reference}" + (f"  {who}" if who else "")
    console.print(f"[cyan]{escape(head)}[/]", soft_wrap=True)
    console.print(f"  {escape(why(found.reason, found.facts, language))}", soft_wrap=True)
    for candidate in found.candidates:
        invoice = done.invoices[candidate.invoice]
        told = (
            f"{_word('perhaps', language)} {_number(candidate.invoice, done)} "
            f"({_word('open', language)} {invoice.open_amount:f} {invoice.currency}; "
            f"{rule_word(candidate.rule, language)}, {candidate.confidence} %) {candidate.invoice[:18]}…"
        )
        console.print(f"  {escape(told)}", soft_wrap=True)
    console.print(f"  [dim]{_word('todo', language)}: {escape(todo(found.reason, language))}[/]", soft_wrap=True)


def _number(invoice: str, done: BankImport) -> str:
    return done.invoices[invoice].number or f"{invoice[:18]}…"
