"""The values in a bank message - amounts, dates, codes, participants - read strictly, each error naming its element.

Rules:

- an amount has no sign, at most 18 digits and 5 decimals (ISO 20022), and a currency of three capital letters;
- of a date-time only the date as written counts: it is the bank's own day, whatever its offset;
- what is optional and absent is None; what is there and can't be read is an error with the way to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from lxml import etree

from tallystick.errors import MalformedInput
from tallystick.intake.bank.records import Amount, Direction, Identifier, Participant
from tallystick.intake.xml import child, children, local_name, text
from tallystick.protocol.types import clip

NOT_PROVIDED = "NOTPROVIDED"
"""What payers' software writes where an end-to-end id must stand and there is none (EPC rule books)."""

MAX_TEXT = 2_000
"""Characters of one text; ISO 20022 allows at most 500 in a text that counts here."""

_AMOUNT = re.compile(r"[0-9]{1,18}(?:\.[0-9]{0,5})?\Z", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T.*|Z|[+-][0-9]{2}:[0-9]{2})?\Z", re.ASCII | re.DOTALL)
_MAX_DIGITS = 18


def path_of(element: etree._Element, *path: str) -> str:
    """The way from the message to ``element`` and on by ``path``, e.g. ``Stmt/Ntry[2]/Amt``."""
    names: list[str] = []
    node: etree._Element | None = element
    while node is not None and (parent := node.getparent()) is not None and parent.getparent() is not None:
        same = list(parent.iterchildren(node.tag))
        names.append(local_name(node) + (f"[{same.index(node) + 1}]" if len(same) > 1 else ""))
        node = parent
    return "/".join([*reversed(names), *path])


def missing(element: etree._Element, *path: str) -> MalformedInput:
    """The error that ``element`` has nothing at ``path``."""
    return MalformedInput(
        f"{path_of(element, *path)}: expected this element, it is missing or empty.",
        todo="Ask the bank for a complete file.",
    )


def required_text(element: etree._Element, *path: str) -> str:
    """The text at ``path``. Raises ``MalformedInput`` where there is none."""
    found = short_text(element, *path)
    if found is None:
        raise missing(element, *path)
    return found


def short_text(element: etree._Element, *path: str) -> str | None:
    """The text at ``path`` or None; printable, line breaks and runs of blanks as one blank each."""
    found = text(element, *path)
    if found is None:
        return None
    if len(found) > MAX_TEXT:
        raise MalformedInput(
            f"{path_of(element, *path)}: expected at most {MAX_TEXT} characters, got {len(found)}.",
        )
    return " ".join("".join(c if c.isprintable() else " " for c in found).split()) or None


def read_amount(element: etree._Element) -> Amount:
    """The amount that ``element`` holds, with its ``Ccy``."""
    spelled, currency = (element.text or "").strip(), element.get("Ccy", "")
    if not _AMOUNT.match(spelled) or sum(c.isdigit() for c in spelled.lstrip("0")) > _MAX_DIGITS:
        raise MalformedInput(f"{path_of(element)}: expected an amount such as 1250.00, got {clip(spelled)}.")
    if not _CURRENCY.match(currency):
        raise MalformedInput(f"{path_of(element)}/@Ccy: expected a currency such as EUR, got {clip(currency)}.")
    return Amount(Decimal(spelled.removesuffix(".")), currency)


def amount_at(element: etree._Element, *path: str) -> Amount | None:
    """The amount at ``path``, or None where there is none."""
    found = child(element, *path)
    return None if found is None else read_amount(found)


def number_at(element: etree._Element, *path: str) -> Decimal | None:
    """The plain number at ``path`` (a sum or a count), or None."""
    spelled = text(element, *path)
    if spelled is None:
        return None
    if not _AMOUNT.match(spelled):
        raise MalformedInput(f"{path_of(element, *path)}: expected a number, got {clip(spelled)}.")
    return Decimal(spelled.removesuffix("."))


def direction_at(element: etree._Element, *path: str) -> Direction | None:
    """The direction that ``path`` names, or None."""
    spelled = text(element, *path)
    if spelled is None:
        return None
    if spelled not in ("CRDT", "DBIT"):
        raise MalformedInput(f"{path_of(element, *path)}: expected CRDT or DBIT, got {clip(spelled)}.")
    return Direction(spelled)


def flag_at(element: etree._Element, *path: str) -> bool:
    """The truth at ``path``; absent is false."""
    spelled = text(element, *path)
    if spelled not in (None, "true", "false", "1", "0"):
        raise MalformedInput(f"{path_of(element, *path)}: expected true or false, got {clip(spelled)}.")
    return spelled in ("true", "1")


def date_at(element: etree._Element, *path: str) -> date | None:
    """The day at ``path``, which holds ``Dt`` or ``DtTm``; None where there is neither."""
    found = child(element, *path)
    if found is None:
        return None
    spelled = text(found, "Dt") or text(found, "DtTm")
    if spelled is None:
        return None
    match = _DATE.match(spelled)
    try:
        if match is None:
            raise ValueError(spelled)
        return date.fromisoformat(match.group(1))
    except ValueError as error:
        raise MalformedInput(f"{path_of(found)}: expected a date such as 2026-01-31, got {clip(spelled)}.") from error


def account_number(element: etree._Element | None) -> str | None:
    """The IBAN or other number of an account element, without blanks."""
    if element is None:
        return None
    found = short_text(element, "Id", "IBAN") or short_text(element, "Id", "Othr", "Id")
    if found is None:  # version 1 has the number under another name
        found = short_text(element, "Id", "BBAN") or short_text(element, "Id", "PrtryAcct", "Id")
    return None if found is None else found.replace(" ", "")


def read_participant(related: etree._Element | None, role: str) -> Participant:
    """Who stands as ``role`` (Dbtr, Cdtr, UltmtDbtr, UltmtCdtr) in ``RltdPties``; all None where nobody does."""
    if related is None:
        return Participant(None, None, ())
    party = child(related, role)
    if party is not None and (inner := child(party, "Pty")) is not None:  # since version 8
        party = inner
    account = account_number(child(related, f"{role}Acct"))
    if party is None:
        return Participant(None, account, ())
    return Participant(short_text(party, "Nm"), account, tuple(_identifiers(party)))


def _identifiers(party: etree._Element) -> Iterator[Identifier]:
    for kind in ("OrgId", "PrvtId"):
        for node in children(party, "Id", kind):
            for item in node.iterchildren():
                name = local_name(item)
                if name in ("Othr", "PrtryId"):
                    scheme = short_text(item, "SchmeNm", "Cd") or short_text(item, "SchmeNm", "Prtry")
                    value, issuer = short_text(item, "Id"), short_text(item, "Issr")
                    if value is not None:
                        yield Identifier(scheme or issuer or "", value)
                elif len(item) == 0 and (value := short_text(item)) is not None:
                    yield Identifier({"AnyBIC": "BIC", "BICOrBEI": "BIC"}.get(name, name), value)
