"""What became of a document: recorded, known, waiting, held back or refused, and why.

::

    recorded   it is evidence now
    known      it was evidence before, be it in other bytes or another format
    waits      it becomes evidence once something else is there: it is kept, and taken up then
    held       a person has to look at it: nothing is guessed
    refused    no evidence can be made of it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tallystick.errors import TallystickError
from tallystick.intake.documents import Source
from tallystick.protocol.types import EvidenceId


class Status(StrEnum):
    """How far a document came."""

    RECORDED = "recorded"
    KNOWN = "known"
    WAITS = "waits"
    HELD = "held"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why a document is not recorded; ``words.py`` says it."""

    NO_ORDER = "noOrder"
    NO_INVOICE = "noInvoice"
    NO_RECEIPT = "noReceipt"
    NO_TERMS = "noTerms"
    NO_DUE_DATE = "noDueDate"
    NOT_COUNTERSIGNED = "notCountersigned"
    NOT_AGREED = "notAgreed"
    NO_CONTRACT = "noContract"
    SEVERAL_CONTRACTS = "severalContracts"
    UNKNOWN_PARTY = "unknownParty"
    SAME_NAME = "sameName"
    TWO_PARTIES = "twoParties"
    ONE_PARTY = "oneParty"
    NO_KEY = "noKey"
    NOT_ASKED = "notAsked"
    OTHER_PARTY = "otherParty"
    SELF_REPORTED = "selfReported"
    CANCELLED = "cancelled"
    OTHER_CURRENCY = "otherCurrency"
    NOTHING_OWED = "nothingOwed"
    DIFFERS = "differs"
    ALIKE = "alike"
    SEVERAL_RECEIPTS = "severalReceipts"


NAMES = ("name", "one", "other")
"""The facts that are names of parties."""


@dataclass(frozen=True, slots=True)
class Made:
    """One evidence that a document became or had become before."""

    kind: str
    evidence: EvidenceId


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document, or of a file or row that holds none. ``document`` is its type, e.g. Invoice."""

    source: Source
    document: str | None
    number: str | None
    status: Status
    made: tuple[Made, ...] = ()
    reason: Reason | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    error: TallystickError | None = None
    fingerprint: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is decided: evidence, or none for ever."""
        return self.status in (Status.RECORDED, Status.KNOWN, Status.REFUSED)


class Stop(Exception):
    """A document goes no further than ``status``, for ``reason``."""

    def __init__(self, status: Status, reason: Reason, **facts: str) -> None:
        super().__init__(reason.value)
        self.status = status
        self.reason = reason
        self.facts = facts
