"""What an invoice and a payment are while their state is worked out (docs/definitions.md, section 12)."""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeGuard

from independent.corrections import Life
from independent.statements import RESOLUTION

FIRST_DAY = date(1970, 1, 1)
NOTHING = Decimal(0)


def day_of(time: int) -> date:
    return FIRST_DAY + timedelta(days=min(time // 86_400, (date.max - FIRST_DAY).days))


def hexed(name: bytes) -> str:
    return "0x" + name.hex()


def is_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch("0x[0-9a-f]{64}", value) is not None


@dataclass(frozen=True)
class Part:
    """What a credit, a payment or a write-off takes of an invoice."""

    day: date
    id: bytes
    amount: Decimal
    insolvency: bool = False


@dataclass
class Payment:
    life: Life
    creditor: bytes
    debtor: bytes
    terms: dict[str, Any]
    counts: bool = False
    twin: "Payment | None" = None
    taken: Fraction = Fraction(0)

    @property
    def id(self) -> bytes:
        return self.life.last.id

    @property
    def is_receipt(self) -> bool:
        return self.life.issuer == self.creditor

    @property
    def value_date(self) -> date:
        return date.fromisoformat(self.terms["valueDate"])

    @property
    def sum(self) -> tuple[bytes, bytes, str, Decimal]:
        return self.creditor, self.debtor, self.terms["currency"], Decimal(self.terms["amount"])

    @property
    def stated(self) -> list[tuple[str, Decimal]]:
        return [(each["invoice"], Decimal(each["amount"])) for each in self.terms["allocations"]]


@dataclass
class Invoice:
    life: Life
    terms: dict[str, Any]
    raised: list[int] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)
    debtor_said: list[tuple[int, Decimal]] = field(default_factory=list)
    money: list[tuple[date, bytes, Decimal, Payment]] = field(default_factory=list)
    ever_disputed: bool = False
    status: str = ""
    credits: list[Part] = field(default_factory=list)
    receipts: list[Part] = field(default_factory=list)
    write_offs: list[Part] = field(default_factory=list)
    effective: Decimal = NOTHING
    open: Decimal = NOTHING
    paid_date: date | None = None
    word: str = ""
    witnessed: bool = False

    @property
    def seller(self) -> bytes:
        return self.life.issuer

    @property
    def buyer(self) -> bytes:
        return self.life.home.entry.said.counterparty

    @property
    def amount(self) -> Decimal:
        return Decimal(self.terms["payableAmount"])

    @property
    def issued(self) -> date:
        return date.fromisoformat(self.terms["issueDate"])

    @property
    def due(self) -> date:
        return date.fromisoformat(self.terms["dueDate"])


def worse(terms: dict[str, Any], earlier: dict[str, Any]) -> bool:
    return (
        terms["currency"] != earlier["currency"]
        or Decimal(terms["payableAmount"]) > Decimal(earlier["payableAmount"])
        or terms["dueDate"] < earlier["dueDate"]
    )


def credit_of(home: int, fields: dict[str, Any]) -> Decimal:
    """What a version of a credit note or a RESOLUTION credits; `home` is the kind that says which."""
    return NOTHING if home == RESOLUTION and fields["outcome"] != "credited" else Decimal(fields["creditAmount"])


def lowered(life: Life) -> bool:
    """Whether it credited more once than it does now."""
    kind = life.home.entry.said.kind
    now = credit_of(kind, life.holds.fields) if life.holds else NOTHING
    return any(credit_of(kind, each) > now for each in life.once)
