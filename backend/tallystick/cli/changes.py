"""What changed in a history, on the terminal: the figures, the invoices, and the evidence behind both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tallystick.render.labels import word

_ID_CHARACTERS = 10


def render(changes: Mapping[str, Any], names: Mapping[str, str], language: str) -> RenderableType:
    """``changes`` (``credit.changes.to_json``); ``names`` tells parties' names by id."""
    party, since, until = changes["party"], changes["from"], changes["to"]
    blocks = (
        f"{word('fromBlock', language)} {since['blockNumber']} → {word('toBlock', language)} {until['blockNumber']}"
    )
    added = f"{len(changes['added'])} {word('newEntries', language)}"
    parts: list[RenderableType] = [Text.assemble((names.get(party, party[:18]), "bold"), f"\n{blocks} · {added}")]
    if changes["shownOtherwise"]:
        text = f"{len(changes['shownOtherwise'])} {word('shownOtherwise', language)}"
        parts.append(Text(text, style="yellow"))
    if changes["figures"]:
        parts.append(_figures(changes, language))
    if changes["invoices"]:
        parts.append(_invoices(changes, names, language))
    if len(parts) == 1:
        parts.append(Text(word("noChange", language), style="dim"))
    return Group(*parts)


def _figures(changes: Mapping[str, Any], language: str) -> RenderableType:
    table = _table(word("figures", language))
    table.add_column(word("role", language))
    table.add_column("")
    table.add_column(word("before", language), justify="right")
    table.add_column(word("after", language), justify="right")
    for figure in changes["figures"]:
        metric = word(figure["metric"], language)
        for name, before, after in _flat(metric, figure["before"], figure["after"]):
            table.add_row(f"{word(figure['role'] + 'Short', language)} {figure['currency']}", name, before, after)
    return table


def _flat(name: str, before: Any, after: Any) -> list[tuple[str, str, str]]:
    """One line a value: a figure that has parts (the ageing, the shares of evidence) has one for each that changed."""
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        was, now = before or {}, after or {}
        keys = [key for key in {**now, **was} if was.get(key) != now.get(key)]
        return [line for key in keys for line in _flat(f"{name}: {key}", was.get(key), now.get(key))]
    return [(name, _shown(before), _shown(after))]


def _invoices(changes: Mapping[str, Any], names: Mapping[str, str], language: str) -> RenderableType:
    kinds = {entry["evidence"]: entry["kind"] for entry in changes["added"]}
    table = _table(word("invoiceChanges", language))
    table.add_column(word("invoice", language))
    table.add_column(word("counterparty", language))
    table.add_column(word("change", language))
    table.add_column(word("because", language))
    for invoice in changes["invoices"]:
        other = invoice["counterparty"]
        because = ", ".join(f"{kinds.get(name, '')} {name[:_ID_CHARACTERS]}…".strip() for name in invoice["because"])
        table.add_row(
            Text(invoice["number"] or invoice["evidence"][:_ID_CHARACTERS] + "…"),
            Text(word("selfReported", language) if other is None else names.get(other, other[:12])),
            Text(_change(invoice, language)),
            Text(because or word("time", language), style="" if because else "dim"),
        )
    return table


def _change(invoice: Mapping[str, Any], language: str) -> str:
    before, after = invoice["before"], invoice["after"]
    if before is None:
        return f"{word('new', language)}: {after['status']}, {word('openAmount', language)} {after['openAmount']}"
    if after is None:
        return word("gone", language)
    keys = [key for key in after if before[key] != after[key]]
    return "; ".join(f"{word(key, language)} {_shown(before[key])} → {_shown(after[key])}" for key in keys)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), pad_edge=False)


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)
