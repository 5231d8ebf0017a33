"""A statement's own totals against what its entries add up to, wherever the bank states them.

Rules:

- the summary (``TxsSummry``) counts and sums all entries, booked or not, without signs; the net has one;
- the booked entries lead from the opening to the closing balance, where both are stated once, in one currency, and the
  statement is not cut into pages;
- a sum over entries of several currencies can't be compared and is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from lxml import etree

from tallystick.intake.bank.records import Balance, Direction, Entry, Finding, FindingCode
from tallystick.intake.bank.values import direction_at, flag_at, number_at
from tallystick.intake.xml import child, text

_OPENING = ("OPBD", "PRCD")
_CLOSING = "CLBD"


def check_totals(
    statement: etree._Element, entries: Sequence[Entry], balances: Sequence[Balance]
) -> tuple[int, list[Finding]]:
    """How many totals of ``statement`` could be compared, and those that differ from what ``entries`` add up to."""
    compared = [*_summary(statement, entries), *_balances(statement, entries, balances)]
    return len(compared), [
        Finding(code, None, f"{stated:f}", f"{found:f}") for code, stated, found in compared if stated != found
    ]


def _summary(statement: etree._Element, entries: Sequence[Entry]) -> Iterator[tuple[FindingCode, Decimal, Decimal]]:
    summary = child(statement, "TxsSummry")
    if summary is None:
        return
    received = [entry for entry in entries if entry.direction is Direction.CREDIT]
    spent = [entry for entry in entries if entry.direction is Direction.DEBIT]
    for name, count, total, part in (
        ("TtlNtries", FindingCode.ENTRIES_COUNT, FindingCode.ENTRIES_SUM, list(entries)),
        ("TtlCdtNtries", FindingCode.CREDITS_COUNT, FindingCode.CREDITS_SUM, received),
        ("TtlDbtNtries", FindingCode.DEBITS_COUNT, FindingCode.DEBITS_SUM, spent),
    ):
        stated = number_at(summary, name, "NbOfNtries")
        if stated is not None:
            yield count, stated, Decimal(len(part))
        stated = number_at(summary, name, "Sum")
        if stated is not None and _is_one_currency(part):
            yield total, stated, sum((entry.amount.value for entry in part), Decimal(0))
    net = number_at(summary, "TtlNtries", "TtlNetNtry", "Amt")
    direction = direction_at(summary, "TtlNtries", "TtlNetNtry", "CdtDbtInd")
    if net is None:  # before version 4
        net, direction = (
            number_at(summary, "TtlNtries", "TtlNetNtryAmt"),
            direction_at(summary, "TtlNtries", "CdtDbtInd"),
        )
    if net is not None and direction is not None and _is_one_currency(entries):
        yield FindingCode.ENTRIES_NET, net * direction.sign, _net(entries)


def _balances(
    statement: etree._Element, entries: Sequence[Entry], balances: Sequence[Balance]
) -> Iterator[tuple[FindingCode, Decimal, Decimal]]:
    page, is_last = text(statement, "StmtPgntn", "PgNb"), flag_at(statement, "StmtPgntn", "LastPgInd")
    if page is not None and not (page == "1" and is_last):
        return
    opening = next((found for code in _OPENING if (found := [b for b in balances if b.code == code])), [])
    closing = [balance for balance in balances if balance.code == _CLOSING]
    if len(opening) != 1 or len(closing) != 1:
        return
    booked = [entry for entry in entries if entry.is_booked]
    currencies = {opening[0].amount.currency, closing[0].amount.currency, *(entry.amount.currency for entry in booked)}
    if len(currencies) == 1:
        total = opening[0].amount.value * opening[0].direction.sign + _net(booked)
        yield FindingCode.BALANCE, closing[0].amount.value * closing[0].direction.sign, total


def _net(entries: Sequence[Entry]) -> Decimal:
    return sum((entry.amount.value * entry.direction.sign for entry in entries), Decimal(0))


def _is_one_currency(entries: Sequence[Entry]) -> bool:
    return len({entry.amount.currency for entry in entries}) <= 1
