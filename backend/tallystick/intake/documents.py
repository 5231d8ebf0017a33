"""What a trade document says, whatever its format: the values that evidence is made of, and nothing else.

Rules:

- numbers, codes and names are kept as the document spells them; dates are ``YYYY-MM-DD``, amounts and quantities are
  decimal strings without sign;
- None means: the document does not say; nothing is filled in by a reader;
- a party is known by its identifiers, each with its scheme; its name only suggests who it may be.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

MAX_NAME = 255
"""Characters of a file's name that are kept, from its end."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file that a document came from: its name, and what its exact bytes are."""

    name: str
    media_type: str
    size: int
    sha256: str

    @classmethod
    def of(cls, name: str, media_type: str, data: bytes) -> Source:
        """The file ``name`` that holds ``data``; whatever could not be shown or kept of the name is replaced."""
        shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in name[-MAX_NAME:])
        return cls(shown, media_type, len(data), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class TradeParty:
    """A party as a document names it: ``identifiers`` are (scheme, value) pairs, the most telling first.

    ``element`` is the path of what names it, for whoever misses an identifier.
    """

    identifiers: tuple[tuple[str, str], ...]
    name: str | None
    element: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What a buyer orders. ``terms_days`` are the days to pay, ``contract`` the framework it belongs to."""

    number: str
    issue_date: str
    buyer: TradeParty
    seller: TradeParty
    currency: str
    total: str | None
    terms_days: int | None
    contract: str | None
    quantity: str | None


@dataclass(frozen=True, slots=True)
class OrderResponse:
    """The seller's answer to ``order``: ``code`` is AP (accepted), CA (with changes), RE (rejected), AB (seen)."""

    number: str
    issue_date: str
    seller: TradeParty
    buyer: TradeParty
    order: str
    code: str


@dataclass(frozen=True, slots=True)
class DespatchAdvice:
    """What the seller sent; ``received_date`` only where it says when it arrived."""

    number: str
    issue_date: str
    seller: TradeParty
    buyer: TradeParty
    order: str | None
    received_date: str | None
    quantity: str | None
    carrier: str | None
    tracking_number: str | None


@dataclass(frozen=True, slots=True)
class ReceiptAdvice:
    """What the buyer received of ``despatch``; quantities are summed over the lines where their unit is one."""

    number: str
    issue_date: str
    buyer: TradeParty
    seller: TradeParty
    order: str | None
    despatch: str | None
    received_date: str
    received: str | None
    short: str | None
    rejected: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """What the seller bills. ``corrects`` is the invoice it adds to (a debit note), or replaces where ``replaces``."""

    number: str
    issue_date: str
    due_date: str | None
    seller: TradeParty
    buyer: TradeParty
    currency: str
    payable: str
    tax: str | None
    order: str | None
    contract: str | None
    despatch: str | None
    corrects: str | None
    replaces: bool
    payment_reference: str | None
    """What the payer is asked to state (EN 16931, BT-83)."""
    due_element: str
    """The path of the element that would state the due date, for whoever asks for it."""


@dataclass(frozen=True, slots=True)
class CreditNote:
    """What the seller takes back of ``invoice``."""

    number: str
    issue_date: str
    seller: TradeParty
    buyer: TradeParty
    currency: str
    amount: str
    invoice: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class InvoiceResponse:
    """What ``sender`` answers to the ``invoice`` of ``receiver``: ``code`` is AB, IP, UQ, CA, RE, AP or PD."""

    number: str
    issue_date: str
    sender: TradeParty
    receiver: TradeParty
    invoice: str
    code: str
    reason_code: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Remittance:
    """What ``payer`` says it pays to ``payee``: a claim. ``allocations`` are (invoice number, amount) pairs."""

    number: str
    issue_date: str
    payer: TradeParty
    payee: TradeParty
    currency: str
    amount: str
    allocations: tuple[tuple[str, str], ...]


Document: TypeAlias = (
    Order | OrderResponse | DespatchAdvice | ReceiptAdvice | Invoice | CreditNote | InvoiceResponse | Remittance
)
