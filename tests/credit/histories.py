"""Strategy: histories of everything that can be said of money, judged as any verifier judges them.

Kinds, parents, sides, fields and times are drawn such that most of it stands; what does not is void, as in any log.
Fields are hidden, amounts spelled with more places than they need, payments name each other before they are there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from hypothesis import strategies as st

from credit.builders import BUYER, CARRIER, NOBODY, OTHER_BUYER, SUPPLIER, seconds
from tallystick.protocol.entry import Entry
from tallystick.protocol.evidence import Evidence, Kind
from tallystick.protocol.log import LogAppend
from tallystick.protocol.standing import SealedEntry, judge
from tallystick.protocol.types import (
    ZERO32,
    Address,
    DealId,
    EvidenceId,
    Hash,
    PartyId,
    SignerWindow,
    Timestamp,
    to_hex,
)

FEW_DAYS = ["2025-12-31", "2026-01-31", "2026-02-20", "2026-04-01", "2026-04-02", "2026-05-31", "2026-06-30"]
DAYS = [
    *FEW_DAYS * 2,
    *("2025-11-15", "2026-03-10", "2026-03-31", "2026-06-29", "2026-07-01", "2026-08-15", "0001-01-01", "9999-12-31"),
]
FEW_AMOUNTS = ["100.00", "100.00", "100.00", "100.0", "120.00", "50.00", "50.00", "33.33"]
AMOUNTS = [
    *FEW_AMOUNTS,
    *("0", "0.000", "0.01", "10", "10.00", "10.0000", "33.33", "60.000", "66.67", "99.999999", "250.5", "100"),
    *("100.0000", "999999999999999999.999999"),
]
CURRENCIES = [*["EUR"] * 24, "USD", "JPY", "CLF", "XYZ"]
NUMBERS = ["1", "2", "3", 'it\'s "2"\\n\t\x9b\U0001fae8', "x" * 100]
REASONS = ["insolvency", "BANKRUPTCY", "in\u017folvency", "a gift"]
TIMES = [0, *map(seconds, ("2026-01-20", "2026-04-01", "2026-06-30", "2026-07-01")), 2**53 - 1]
STRAY: list[tuple[str, Any]] = [
    *(("outcome", "withdrawn"), ("correctionType", "cancelled"), ("acceptedAmount", "1"), ("reason", "bankrupt")),
    *(("allocations", []), ("samePayment", "0x" + "00" * 32), ("contractNumber", "C-9"), ("documents", [])),
]
NO_IDS: list[Any] = ["0x", "0x" + "AB" * 32, None, ["0x"]]
ACCOUNT, OPERATOR = Address(bytes(19) + b"\1"), Address(bytes(19) + b"\2")
DISPUTABLE = (Kind.INVOICE, Kind.PAYMENT, Kind.CORRECTION)
CORRECTABLE = (*DISPUTABLE, Kind.DELIVERY, Kind.DISPUTE, Kind.RESOLUTION, Kind.WRITE_OFF)
ACKNOWLEDGEABLE = (*CORRECTABLE, Kind.CONSENT, Kind.ACKNOWLEDGEMENT)
QUARREL = [
    *["invoice", "payment", "acknowledge", "acknowledge", "dispute", "resolve", "resolve", "pay whole"],
    *["correct"] * 4,
    *["same payment", "write off", "witness"],
]
ANYTHING = [
    *["invoice", "payment", "acknowledge", "dispute", "resolve", "correct"] * 3,
    *["correct", "correct", "resolve", "pay whole", "pay whole", "same payment", "same payment", "write off"],
    *["witness", "contract", "consent", "delivery", "other", "self-reported", "grant", "again"],
]
"""What may be said next: in a quarrel of two about few invoices, or by anybody about anything."""


def name(number: int) -> EvidenceId:
    """The id of the evidence with this number, said or not."""
    return EvidenceId(sha256(f"history {number}".encode()).digest())


@dataclass
class _History:
    rng: random.Random
    quarrel: bool
    said: list[SealedEntry] = field(default_factory=list)

    def some(self, *kinds: int) -> SealedEntry | None:
        """One that was said before, late ones rather, of one of ``kinds``."""
        found = [each for each in self.said if each.evidence.kind in kinds]
        return self.rng.choice(found[-4:] + found) if found else None

    def amount(self) -> str:
        return self.rng.choice(FEW_AMOUNTS if self.quarrel else AMOUNTS)

    def day(self) -> str:
        return self.rng.choice(FEW_DAYS if self.quarrel else DAYS)

    def currency(self) -> str:
        return "EUR" if self.quarrel else self.rng.choice(CURRENCIES)

    def may(self, in_ten: int) -> bool:
        return self.rng.random() * 10 < in_ten

    def say(self, kind: int, issuer: PartyId, other: PartyId, fields: dict[str, Any], parent: Any = None) -> None:
        hidden = 0
        if not self.quarrel and self.may(1):  # a field that is another kind's to have
            extra, value = self.rng.choice(STRAY)
            fields = {extra: value} | fields
        if fields and not self.quarrel and self.may(1):
            for each in self.rng.sample(sorted(fields), min(len(fields), self.rng.randint(1, 2))):
                hidden += 1
                fields = {key: value for key, value in fields.items() if key != each}
        deal = parent.evidence.deal if parent else DealId(bytes([2 if not self.quarrel and self.may(1) else 1]) * 32)
        occurred = self.rng.choice(TIMES)
        evidence = Evidence(
            issuer, other, int(kind), deal, parent.evidence_id if parent else EvidenceId(ZERO32), Hash(ZERO32),
            Timestamp(occurred), Timestamp(self.rng.randint(0, seconds("2026-01-01"))),
        )  # fmt: skip
        signers = (ACCOUNT,) * len(evidence.signing_parties())
        self.said.append(SealedEntry(name(len(self.said)), evidence, signers, fields, hidden))

    def invoice_fields(self) -> dict[str, Any]:
        issued, due = sorted([self.day(), self.day()])
        return {
            "invoiceNumber": self.rng.choice(NUMBERS),
            "issueDate": issued,
            "dueDate": due,
            "currency": self.currency(),
            "payableAmount": self.amount(),
        }

    def credit_fields(self) -> dict[str, Any]:
        return {"creditAmount": self.amount(), "currency": self.currency()}

    def write_off_fields(self) -> dict[str, Any]:
        return {
            "amount": self.amount(),
            "currency": self.currency(),
            "reason": self.rng.choice(REASONS),
        }

    def payment_fields(self) -> dict[str, Any]:
        targets = [each.evidence_id for each in self.said if each.evidence.kind in (Kind.INVOICE, Kind.CORRECTION)]
        targets.append(name(99))
        fields = {
            "paymentReference": "P",
            "valueDate": self.day(),
            "currency": self.currency(),
            "amount": self.amount(),
            "allocations": [
                {"invoice": to_hex(self.rng.choice(targets)), "amount": self.amount()}
                for _ in range(self.rng.randint(0, 3))
            ],
        }
        if self.may(4):
            fields["samePayment"] = to_hex(name(self.rng.randint(0, len(self.said) + 2)))
        elif self.may(1):
            fields["samePayment"] = self.rng.choice(NO_IDS)
        return fields

    def resolution_fields(self) -> dict[str, Any]:
        outcome = self.rng.choice(["withdrawn", "credited", "credited", "cancelled"])
        return {"outcome": outcome} | (self.credit_fields() if outcome == "credited" else {})

    def trading(self) -> tuple[PartyId, PartyId]:
        if self.quarrel:
            return SUPPLIER, BUYER
        return self.rng.choice([*[(SUPPLIER, BUYER)] * 8, (SUPPLIER, OTHER_BUYER), (BUYER, SUPPLIER)])

    def either(self, one: PartyId, other: PartyId, *, first_in_ten: int) -> tuple[PartyId, PartyId]:
        return (one, other) if self.may(first_in_ten) else (other, one)

    def contract(self, one: PartyId, other: PartyId) -> None:
        fields = {
            "contractNumber": "C",
            "issuerRole": self.rng.choice(["supplier", "supplier", "supplier", "buyer"]),
            "currency": self.currency(),
            "paymentTermsDays": self.rng.choice([0, 30, 60]),
        }
        self.say(Kind.CONTRACT, one, other, fields)

    def step(self, what: str) -> None:
        if what == "contract":
            self.contract(*self.trading())
        elif what == "consent":
            one, other = self.trading()
            self.say(Kind.CONSENT, other, one, {})
        elif what == "grant":
            self.say(Kind.CONSENT, SUPPLIER, NOBODY, {})
        elif what == "delivery":
            self.say(Kind.DELIVERY, *self.trading(), {"deliveryNumber": "D", "receivedDate": self.day()})
        elif what == "invoice":
            self.say(
                Kind.INVOICE, *self.trading(), self.invoice_fields(), self.some(Kind.CONSENT) if self.may(1) else None
            )
        elif what == "self-reported":
            kind, fields = (
                (Kind.INVOICE, self.invoice_fields()) if self.may(5) else (Kind.PAYMENT, self.payment_fields())
            )
            self.say(kind, SUPPLIER, NOBODY, fields)
        elif what == "payment":
            self.say(Kind.PAYMENT, *self.either(*self.trading(), first_in_ten=5), self.payment_fields())
        elif what == "other":
            self.say(self.rng.choice([15, 200]), *self.trading(), {"note": "x"})
        elif what == "again" and self.said:
            self.said.append(self.rng.choice(self.said))
        else:
            self._answer(what)

    def _answer(self, what: str) -> None:
        if what == "pay whole" and (invoice := self.some(Kind.INVOICE)):
            self._pay_whole(invoice)
        elif what == "same payment" and (payment := self.some(Kind.PAYMENT)):
            fields = {**self.payment_fields(), **(payment.fields or {}), "samePayment": to_hex(payment.evidence_id)}
            if self.may(3):
                fields["valueDate"] = self.day()
            if payment.evidence.counterparty != NOBODY:
                self.say(Kind.PAYMENT, payment.evidence.counterparty, payment.evidence.issuer, fields)
        elif what == "acknowledge" and (of := self.some(*ACKNOWLEDGEABLE)) and of.evidence.counterparty != NOBODY:
            fields = {"acceptedAmount": self.amount(), "note": "so"} if self.may(4) else {"note": "yes"}
            self.say(Kind.ACKNOWLEDGEMENT, of.evidence.counterparty, of.evidence.issuer, fields, of)
        elif what == "witness" and (of := self.some(Kind.INVOICE, Kind.CORRECTION)):
            self.say(Kind.ACKNOWLEDGEMENT, CARRIER, NOBODY, {}, of)
        elif what == "dispute" and (of := self.some(*DISPUTABLE)) and of.evidence.counterparty != NOBODY:
            fields = {"reasonCode": "QUA", "disputedAmount": "1.00", "currency": "EUR", "description": "wet"}
            self.say(Kind.DISPUTE, of.evidence.counterparty, of.evidence.issuer, fields, of)
        elif what == "resolve" and (of := self.some(Kind.DISPUTE)):
            sides = self.either(of.evidence.issuer, of.evidence.counterparty, first_in_ten=4)
            self.say(Kind.RESOLUTION, *sides, self.resolution_fields(), of)
        elif what == "write off" and (of := self.some(Kind.INVOICE)):
            self.say(Kind.WRITE_OFF, of.evidence.issuer, of.evidence.counterparty, self.write_off_fields(), of)
        elif what == "correct" and (of := self.some(*CORRECTABLE)):
            self.say(Kind.CORRECTION, of.evidence.issuer, of.evidence.counterparty, self._correction(of), of)

    def _pay_whole(self, invoice: SealedEntry) -> None:
        stated: dict[str, Any] = {"currency": "EUR", "payableAmount": "1", **(invoice.fields or {})}
        amount = stated["payableAmount"]
        fields = {
            **self.payment_fields(),
            "currency": stated["currency"],
            "amount": amount,
            "allocations": [{"invoice": to_hex(invoice.evidence_id), "amount": amount}],
        }
        seller, buyer = invoice.evidence.issuer, invoice.evidence.counterparty
        self.say(Kind.PAYMENT, *self.either(seller, buyer, first_in_ten=10 if buyer == NOBODY else 6), fields)

    def _correction(self, of: SealedEntry) -> dict[str, Any]:
        how = self.rng.choice(["replaced", "replaced", "cancelled", "cancelled", "credited"])
        kind, above = of.evidence.kind, {each.evidence_id: each for each in self.said}
        note = {"creditNoteNumber": "CN", "issueDate": self.day(), **self.credit_fields()}
        while kind == Kind.CORRECTION and (of.fields or {}).get("correctionType") != "credited":
            of = above[of.evidence.parent]
            kind = of.evidence.kind
        again: dict[int, Callable[[], dict[str, Any]]] = {
            Kind.INVOICE: self.invoice_fields,
            Kind.PAYMENT: self.payment_fields,
            Kind.RESOLUTION: self.resolution_fields,
            Kind.WRITE_OFF: self.write_off_fields,
            Kind.DELIVERY: lambda: {"deliveryNumber": "D", "receivedDate": "2026-01-01"},
            Kind.DISPUTE: lambda: {"reasonCode": "QUA", "disputedAmount": "1.00", "currency": "EUR"},
            # a replaced credit note says all that its invoice's kind must have, too
            Kind.CORRECTION: lambda: self.invoice_fields() | note,
        }
        fields = again[kind]() if how == "replaced" else note if how == "credited" else {}
        return {"correctionType": how, **fields}


def history(seed: int, steps: int) -> Sequence[SealedEntry]:
    """What is said in ``steps`` steps after a contract; of one ``seed`` more steps only go on."""
    told = _History(random.Random(seed), quarrel=seed % 2 == 0)
    told.contract(SUPPLIER, BUYER)
    for _ in range(steps):
        told.step(told.rng.choice(QUARREL if told.quarrel else ANYTHING))
    return told.said


HISTORIES = st.builds(history, st.integers(0, 2**64), st.integers(1, 45))


def judged(who: PartyId, sealed: Sequence[SealedEntry], batch: int = 5) -> list[Entry]:
    """The log of ``who`` that holds ``sealed`` in batches, judged by the protocol."""
    windows = SignerWindow(Timestamp(1), Timestamp(0))
    batches = []
    for number, at in enumerate(range(0, len(sealed), batch)):
        part = sealed[at : at + batch]
        time = Timestamp(seconds("2026-06-01") + 3_600 * number)
        batches.append((LogAppend(OPERATOR, number, len(part), Hash(ZERO32), time), part))
    return judge(who, batches, lambda party, signer: windows)
