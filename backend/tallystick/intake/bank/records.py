"""What a bank statement says, as plain values: statements, their entries, and the transactions within each.

::

    Message ── Statement ── Entry ── Transaction
    one file   one account  one booking, maybe of a whole batch
                                     one payer, one sum: what an invoice is paid by
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from tallystick.intake.documents import Source


class MessageKind(StrEnum):
    """The messages that tell of booked money."""

    STATEMENT = "camt.053"
    NOTIFICATION = "camt.054"


class Direction(StrEnum):
    """Which way money moved on the account."""

    CREDIT = "CRDT"
    DEBIT = "DBIT"

    @property
    def sign(self) -> int:
        """1 for what raises the balance, -1 for what lowers it."""
        return 1 if self is Direction.CREDIT else -1


BOOKED = "BOOK"
"""The only status of an entry that is money; others are announcements."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Money as the bank states it, never negative."""

    value: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.value:f} {self.currency}"


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account: its IBAN or other number, and who owns it."""

    number: str
    currency: str | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance with its ISO code (OPBD and CLBD are the booked ones at opening and closing)."""

    code: str
    amount: Amount
    direction: Direction
    date: date | None


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier of a party: ``scheme`` is LEI, BIC, or what the bank calls it; empty where it says nothing."""

    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class Participant:
    """Who pays or is paid, as the bank knows them."""

    name: str | None
    account: str | None
    identifiers: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A document that the payer names: ``kind`` is an ISO code such as CINV (invoice) or CREN (credit note)."""

    kind: str | None
    number: str


@dataclass(frozen=True, slots=True)
class Remittance:
    """One block of structured remittance information: what the payer says a part of the sum is for."""

    documents: tuple[Document, ...]
    reference: str | None
    """The creditor's reference (SCOR, QRR, ISR or another)."""
    reference_kind: str | None
    remitted: Amount | None
    credited: Amount | None
    """What the payer took off for a credit note."""
    discount: Amount | None


@dataclass(frozen=True, slots=True)
class References:
    """What the parties and banks call a transaction."""

    servicer: str | None
    """The account servicer's reference: the bank's own name of it."""
    end_to_end: str | None
    uetr: str | None
    instruction: str | None
    transaction: str | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """One payment within an entry. ``amount`` is what moved on the account, in the account's currency.

    ``position`` counts from 0 within the entry. An entry that the bank did not take apart is one transaction.
    """

    position: int
    amount: Amount
    direction: Direction
    is_return: bool
    """Whether it takes back an earlier booking (RvslInd, RtrInf, or a transaction code of a return)."""
    return_reason: str | None
    references: References
    instructed: Amount | None
    counter_value: Amount | None
    charges: tuple[Amount, ...]
    debtor: Participant
    creditor: Participant
    ultimate_debtor: Participant
    ultimate_creditor: Participant
    remittances: tuple[Remittance, ...]
    unstructured: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking on the account. ``number`` counts from 1 within the statement."""

    number: int
    amount: Amount
    direction: Direction
    status: str
    is_reversal: bool
    booking_date: date | None
    value_date: date | None
    reference: str | None
    servicer_reference: str | None
    transactions: tuple[Transaction, ...]
    is_divided: bool
    """Whether the bank tells what the entry is made of; else it is one transaction that stands for the whole."""

    @property
    def is_booked(self) -> bool:
        """Whether it is money: only booked entries are."""
        return self.status == BOOKED


class FindingCode(StrEnum):
    """What does not add up in a statement."""

    TRANSACTIONS_OF_ENTRY = "transactionsOfEntry"
    """The transactions do not add up to their entry."""
    UNDIVIDED_ENTRY = "undividedEntry"
    """An entry of several transactions does not say how much each of them is."""
    BATCH_TOTAL = "batchTotal"
    BATCH_COUNT = "batchCount"
    ENTRIES_COUNT = "entriesCount"
    ENTRIES_SUM = "entriesSum"
    ENTRIES_NET = "entriesNet"
    CREDITS_COUNT = "creditsCount"
    CREDITS_SUM = "creditsSum"
    DEBITS_COUNT = "debitsCount"
    DEBITS_SUM = "debitsSum"
    BALANCE = "balance"
    """The booked entries do not lead from the opening to the closing balance."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Two figures that should be one: what the bank states, and what its parts add up to.

    ``entry`` is the number of the entry concerned, None where it is the whole statement.
    """

    code: FindingCode
    entry: int | None
    stated: str
    found: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What one message says about one account."""

    identification: str
    account: Account
    balances: tuple[Balance, ...]
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]
    totals_checked: int
    """How many totals the bank states that could be compared with what they are the total of."""


@dataclass(frozen=True, slots=True)
class Message:
    """One file of a bank."""

    kind: MessageKind
    version: str
    """The namespace, or empty."""
    identification: str
    statements: tuple[Statement, ...]
    source: Source | None = None
    """The file, where it was read from one."""
