"""ISO 20022 bank statements: camt.053 and camt.054 of every version, read by local name.

Rules:

- a message is read whole or refused with a sentence that names the element; nothing is repaired;
- camt.052 is refused: it tells of a day that is not over, and what it tells may not be booked in the end;
- entries that are not booked (PDNG, INFO, FUTR) are read and kept apart: they are no money;
- a booked entry needs a booking or a value date; either stands for the other;
- what does not add up is a finding that names both figures: the statement is read all the same.

Example: ``read_message(data).statements[0].entries[0].transactions[0].amount``.
"""

from __future__ import annotations

from lxml import etree

from tallystick.errors import MalformedInput
from tallystick.intake.bank.details import read_transactions
from tallystick.intake.bank.records import (
    BOOKED,
    Account,
    Balance,
    Entry,
    Finding,
    Message,
    MessageKind,
    Statement,
)
from tallystick.intake.bank.totals import check_totals
from tallystick.intake.bank.values import (
    account_number,
    amount_at,
    date_at,
    direction_at,
    flag_at,
    missing,
    read_amount,
    required_text,
    short_text,
)
from tallystick.intake.documents import Source
from tallystick.intake.xml import child, children, local_name, namespace, read_xml, text
from tallystick.protocol.types import clip

_MESSAGES = {
    "BkToCstmrStmt": (MessageKind.STATEMENT, "Stmt"),
    "BkToCstmrDbtCdtNtfctn": (MessageKind.NOTIFICATION, "Ntfctn"),
}
_INTRADAY = "BkToCstmrAcctRpt"


def read_message(data: bytes, file: str | None = None) -> Message:
    """The camt.053 or camt.054 message that ``data``, the content of ``file``, holds.

    Raises:
        MalformedInput: no XML, another message, or an element missing or not of its form; names it.
    """
    root = read_xml(data)
    body = _body(root)
    name = _unversioned(local_name(body))
    if name == _INTRADAY:
        raise MalformedInput(
            f"{local_name(body)}: this is a camt.052, a report of a day that is not over: what it tells is not booked.",
            todo="Import the camt.053 statement of the day, or a camt.054 notification.",
        )
    if name not in _MESSAGES:
        raise MalformedInput(
            f"{local_name(body)}: expected a camt.053 (BkToCstmrStmt) or camt.054 (BkToCstmrDbtCdtNtfctn), "
            f"got another message {clip(namespace(body) or namespace(root))}.",
            todo="Give the bank's statement: payment orders and their status reports tell of no booked money.",
        )
    kind, element = _MESSAGES[name]
    statements = tuple(_statement(node) for node in children(body, element))
    if not statements:
        raise MalformedInput(
            f"{local_name(body)}/{element}: expected at least one, got none.",
            todo="Ask the bank for a complete file.",
        )
    identification = short_text(body, "GrpHdr", "MsgId") or ""
    source = None if file is None else Source.of(file, "application/xml", data)
    return Message(kind, namespace(body), identification, statements, source)


def _body(root: etree._Element) -> etree._Element:
    """The message within ``root``: the only child of ``Document``, or ``root`` itself where it is not wrapped."""
    if local_name(root) != "Document":
        return root
    inside = list(root.iterchildren())
    if len(inside) != 1:
        raise MalformedInput(f"Document: expected exactly one message within, got {len(inside)} elements.")
    return inside[0]


def _unversioned(name: str) -> str:
    """``name`` without the version that the first versions of a message append, as in ``BkToCstmrStmtV01``."""
    stem, mark, version = name.rpartition("V")
    return stem if mark and version.isascii() and version.isdigit() else name


def _statement(node: etree._Element) -> Statement:
    account = _account(node)
    entries, findings = [], []
    for position, each in enumerate(children(node, "Ntry")):
        entry, found = _entry(each, position + 1)
        entries.append(entry)
        findings += found
    balances = tuple(_balance(each) for each in children(node, "Bal"))
    checked, found = check_totals(node, entries, balances)
    stated = sum(entry.is_divided for entry in entries)
    return Statement(
        identification=required_text(node, "Id"),
        account=account,
        balances=balances,
        entries=tuple(entries),
        findings=(*findings, *found),
        totals_checked=checked + stated,
    )


def _account(node: etree._Element) -> Account:
    number = account_number(child(node, "Acct"))
    if number is None:
        raise missing(node, "Acct", "Id")
    return Account(number, short_text(node, "Acct", "Ccy"), short_text(node, "Acct", "Ownr", "Nm"))


def _balance(node: etree._Element) -> Balance:
    amount, direction = amount_at(node, "Amt"), direction_at(node, "CdtDbtInd")
    if amount is None:
        raise missing(node, "Amt")
    if direction is None:
        raise missing(node, "CdtDbtInd")
    code = short_text(node, "Tp", "CdOrPrtry", "Cd") or short_text(node, "Tp", "CdOrPrtry", "Prtry")
    return Balance(code or short_text(node, "Tp", "Cd") or "", amount, direction, date_at(node, "Dt"))


def _entry(node: etree._Element, number: int) -> tuple[Entry, list[Finding]]:
    stated, direction = child(node, "Amt"), direction_at(node, "CdtDbtInd")
    if stated is None:
        raise missing(node, "Amt")
    if direction is None:
        raise missing(node, "CdtDbtInd")
    status = text(node, "Sts") or text(node, "Sts", "Cd") or text(node, "Sts", "Prtry")
    if status is None:
        raise missing(node, "Sts")
    booking_date, value_date = date_at(node, "BookgDt"), date_at(node, "ValDt")
    if status == BOOKED and booking_date is None and value_date is None:
        raise missing(node, "BookgDt")
    amount, is_reversal = read_amount(stated), flag_at(node, "RvslInd")
    transactions, is_divided, findings = read_transactions(node, number, amount, direction, is_reversal=is_reversal)
    entry = Entry(
        number=number,
        amount=amount,
        direction=direction,
        status=status,
        is_reversal=is_reversal,
        booking_date=booking_date,
        value_date=value_date,
        reference=short_text(node, "NtryRef"),
        servicer_reference=short_text(node, "AcctSvcrRef"),
        transactions=transactions,
        is_divided=is_divided,
    )
    return entry, findings
