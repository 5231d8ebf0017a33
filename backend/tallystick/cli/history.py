"""A credit history on the terminal: the figures, the ageing as bars, the trade lines."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tallystick.render.labels import METRICS, kind_word, word

_BUCKETS = ("current", "d1to30", "d31to60", "d61to90", "d91plus")
_BUCKET_STYLES = ("green", "yellow", "dark_orange", "red", "bold red")
_BAR_WIDTH = 24
_TRADELINE_METRICS = (
    "invoiceCount",
    "invoicedAmount",
    "openAmount",
    "overdueAmount",
    "daysBeyondTermsMean",
    "paymentIndex",
)


def render(report: Mapping[str, Any], names: Mapping[str, str], language: str) -> RenderableType:
    """The credit ``report`` of one party as panels; ``names`` tells parties' names by id."""
    party = report["party"]
    as_of = report["asOf"]
    complete = Text(word("complete", language), style="bold green")
    if not report["complete"]:
        complete = Text(word("incomplete", language), style="bold red")
    head = Text.assemble(
        (names.get(party, party[:18]), "bold"),
        f"  {party[:10]}…{party[-4:]}\n",
        complete,
        f" · {report['entryCount']} {word('entries', language)} · {word('asOf', language)} {as_of['blockNumber']} "
        f"{as_of['blockHash'][:10]}…",
    )
    parts: list[RenderableType] = [head]
    for role in ("asBuyer", "asSeller"):
        for currency, metrics in report[role].items():
            mark = " *" if metrics["restsOnHidden"] else ""
            parts.append(_metrics(f"{word(role, language)} ({currency}){mark}", metrics, currency, language))
    if len(parts) == 1:
        parts.append(Text(word("nothing", language), style="dim"))
    if report["tradelines"]:
        parts.append(_tradelines(report["tradelines"], names, language))
    if report["stories"]:
        parts.append(_stories(report["stories"], names, language))
    if _rests_on_hidden(report):
        parts.append(Text(word("hiddenNote", language), style="yellow"))
    if erased := report.get("erased"):
        parts.append(Text(f"{len(erased)} {word('erasedNote', language)}", style="yellow"))
    parts.append(Text(word("limits", language), style="dim italic"))
    return Panel(Group(*parts), border_style="blue")


def _metrics(title: str, metrics: Mapping[str, Any], currency: str, language: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for _ in range(2):
        grid.add_column(style="dim")
        grid.add_column(justify="right")
    shown = [(word(key, language), _value(key, metrics, currency)) for key in METRICS if key in metrics]
    half = (len(shown) + 1) // 2
    for i in range(half):
        right = shown[half + i] if half + i < len(shown) else ("", "")
        grid.add_row(*shown[i], *right)
    evidence = metrics.get("evidence")
    shares = ""
    if evidence:
        shares = "  ".join(f"{word(k, language)} {_percent(v)}" for k, v in evidence.items() if _is_positive(v))
    lines: list[RenderableType | None] = [Text(f"\n{title}", style="bold cyan"), grid]
    for key in METRICS:
        if key in metrics["reasons"]:
            lines.append(Text(f"{word(key, language)} –: {metrics['reasons'][key]}", style="dim"))
    lines.append(_ageing(metrics["ageing"], language))
    if shares:
        lines.append(Text(f"{word('evidence', language)}: {shares}", style="dim"))
    lines.append(_trend(metrics["trend"], language))
    return Group(*(line for line in lines if line is not None))


def _value(key: str, metrics: Mapping[str, Any], currency: str) -> Text:
    value = metrics[key]
    if value is None:
        return Text("–", style="dim")
    if key == "highCredit":
        return Text(f"{_amount(value['amount'])} {currency} ({value['date']})")
    if key.endswith("Amount"):
        return Text(f"{_amount(value)} {currency}")
    if "Rate" in key:
        return Text(_percent(value))
    if key == "paymentIndex":
        score = Decimal(value)
        style = "bold green" if score >= 80 else "bold yellow" if score >= 50 else "bold red"
        return Text(f"{score:.1f}", style=style)
    return Text(f"{Decimal(value):.2f}" if isinstance(value, str) else str(value))


def _plain(key: str, line: Mapping[str, Any]) -> Text:
    """A figure of a trade line, whose currency stands beside its role."""
    return Text(_amount(line[key])) if key.endswith("Amount") else _value(key, line, line["currency"])


def _ageing(ageing: Mapping[str, str], language: str) -> RenderableType | None:
    amounts = {bucket: Decimal(ageing[bucket]) for bucket in _BUCKETS}
    total = sum(amounts.values())
    if total <= 0:
        return None
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", min_width=8)
    for bucket, style in zip(_BUCKETS, _BUCKET_STYLES, strict=True):
        width = int((amounts[bucket] / total * _BAR_WIDTH).to_integral_value())
        bar = Text("█" * width, style=style) + Text("·" * (_BAR_WIDTH - width), style="dim")
        grid.add_row(Text(word(bucket, language), style="dim"), bar, Text(_amount(ageing[bucket])))
    return Group(Text(word("ageing", language), style="dim"), grid)


def _trend(trend: Sequence[Mapping[str, Any]], language: str) -> Text | None:
    """Days beyond terms by quarter as a line of bars: the eye sees a payer slowing down before the mean does."""
    known = [(q["quarter"], Decimal(q["daysBeyondTermsWeighted"])) for q in trend if q["daysBeyondTermsWeighted"]]
    if len(known) < 2:
        return None
    top = max(value for _, value in known)
    blocks = "▁▂▃▄▅▆▇█"
    marks = "".join(blocks[int(value / top * 7) if top else 0] for _, value in known)
    (first, was), (last, now) = known[0], known[-1]
    return Text.assemble(
        (f"{word('trend', language)}: ", "dim"),
        (marks, "cyan"),
        (f"  {first} {was:.1f} → {last} {now:.1f}", "dim"),
    )


def _tradelines(lines: Sequence[Mapping[str, Any]], names: Mapping[str, str], language: str) -> RenderableType:
    title = word("tradelines", language)
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(word("counterparty", language), overflow="fold")
    table.add_column(word("role", language))
    figures = [[_plain(key, line) for key in _TRADELINE_METRICS] for line in lines]
    for key, column in zip(_TRADELINE_METRICS, zip(*figures, strict=True), strict=True):
        # a figure is never cut short: it would read as another figure
        width = max(cell.cell_len for cell in column)
        table.add_column(word(key, language), justify="right", min_width=width)
    for line, cells in zip(lines, figures, strict=True):
        counterparty = line["counterparty"]
        name = word("selfReported", language) if counterparty is None else names.get(counterparty, counterparty[:12])
        mark = " *" if line["restsOnHidden"] else ""
        table.add_row(Text(name + mark), f"{word(line['role'], language)} {line['currency']}", *cells)
    return Group(Text(""), table)


def _stories(stories: Sequence[Mapping[str, Any]], names: Mapping[str, str], language: str) -> RenderableType:
    """What was said against an invoice or to change it, by whom, in their own words."""
    lines = [Text(f"\n{word('stories', language)}", style="bold")]
    for story in stories:
        number = story["number"] or story["evidence"][:12] + "…"
        lines.append(Text(f"{kind_word(story['kind'], language)} {number}"))
        for said in story["said"]:
            day = datetime.datetime.fromtimestamp(said["anchoredAt"], datetime.UTC)
            who = names.get(said["issuer"], said["issuer"][:12])
            words = "; ".join(said["words"].values())
            hidden = f" ({said['hiddenFields']} {word('hiddenFields', language)})" if said["hiddenFields"] else ""
            hidden = f" ({word('erased', language)})" if said.get("erased") else hidden
            told = f"  {day:%Y-%m-%d}  {who}: {kind_word(said['kind'], language)}  {words}{hidden}"
            lines.append(Text(told, style="dim"))
    return Group(*lines)


def _rests_on_hidden(report: Mapping[str, Any]) -> bool:
    return any(metrics["restsOnHidden"] for role in ("asBuyer", "asSeller") for metrics in report[role].values())


def _amount(value: str) -> str:
    return f"{Decimal(value):,f}"


def _percent(value: str) -> str:
    return f"{Decimal(value) * 100:.1f} %"


def _is_positive(value: Any) -> bool:
    return value is not None and Decimal(value) > 0
