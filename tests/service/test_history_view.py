"""A history on a narrow terminal: figures are whole, wide characters stand in line."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from service.world import ACKNOWLEDGEMENT, BUYER, INVOICE, World, changed
from tallystick.cli.history import render
from tallystick.service import index, parties, report, seal


def shown(world: World, language: str, width: int) -> list[str]:
    """The lines of the buyer's history."""
    cursor = index.index(world.context)
    with world.context.store.transaction() as transaction:
        party = parties.find_party(transaction, BUYER).party
    [made] = report.histories(world.context, cursor.block, [party])
    out = io.StringIO()
    Console(file=out, width=width).print(render(made, {}, language))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_figure_is_cut_short(trading: World, language: str) -> None:
    """At 80 columns every amount of a trade line stands whole on one line, and no line is longer than the terminal."""
    invoice: dict[str, Any] = changed(INVOICE, payableAmount="1234567.89")
    trading.record(invoice, ACKNOWLEDGEMENT)
    seal.seal(trading.context)
    lines = shown(trading, language, 80)
    [line] = [line for line in lines if line.count("1,234,567.89") == 2]
    assert line.split()[-2] == "–"
    assert {cell_len(line) for line in lines} == {80}


def test_ageing_labels_stand_in_line(trading: World) -> None:
    """The bars of the ageing begin in one column, whatever the width of the characters before them."""
    trading.record(INVOICE)
    seal.seal(trading.context)
    bars = [line for line in shown(trading, "zh", 80) if "█" in line or "·····" in line]
    starts = {cell_len(line[: min(line.find(mark) for mark in "█·" if mark in line)]) for line in bars}
    assert (len(bars), len(starts)) == (5, 1)
