"""Where the off-chain truth lives, one unit of work at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from tallystick.chain.records import (
    Deployment,
)
from tallystick.protocol.types import Address
from tallystick.service.ports.access import AccessRows, ErasureRows
from tallystick.service.ports.api import AnswerRows, SubjectRows
from tallystick.service.ports.attachments import AttachmentRows
from tallystick.service.ports.catalogue import CatalogueRows
from tallystick.service.ports.evidence import BatchRows, EvidenceRows, ImportRows
from tallystick.service.ports.identity import MemberRows, SignerRows
from tallystick.service.ports.index import IndexRows
from tallystick.service.ports.notices import NoticeRows
from tallystick.service.ports.parties import AccountRows, PartyRows
from tallystick.service.ports.waiting import WaitingRows
from tallystick.store.records import (
    Counts,
)


class Transaction(
    PartyRows,
    AccountRows,
    MemberRows,
    SignerRows,
    EvidenceRows,
    CatalogueRows,
    BatchRows,
    ImportRows,
    WaitingRows,
    IndexRows,
    SubjectRows,
    AnswerRows,
    AccessRows,
    ErasureRows,
    AttachmentRows,
    NoticeRows,
    Protocol,
):
    """One unit of work on the store: all of it is kept, or nothing."""

    def deployment(self) -> Deployment | None: ...

    def set_deployment(self, deployment: Deployment) -> None:
        """Bind this store to one ledger, for ever. Raises ``WrongChain`` if it is bound to another."""

    def counts(self) -> Counts: ...


class Lease(Protocol):
    """The exclusive right to send transactions from an account."""

    def check(self) -> None:
        """Raises ``StoreUnavailable`` once the right is lost; call it right before each sending."""


class Store(Protocol):
    """Where the off-chain truth lives."""

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[Transaction]:
        """One unit of work: committed and durable when the block ends, rolled back when it raises.

        A ``read_only`` one sees one moment of the store and never waits for a writer.
        """

    def account_lock(self, account: Address, timeout_seconds: float) -> AbstractContextManager[Lease]:
        """The exclusive right to send transactions from ``account``, among all processes that share this store.

        Raises ``AccountBusy`` if another one holds it for longer than ``timeout_seconds``.
        """

    def check(self) -> None:
        """Raises ``StoreError`` if the store does not answer, or is no longer of the form that this version reads."""

    def scrub(self) -> None:
        """Let no file of the store keep what was overwritten in a transaction before, as far as it can do that."""

    def close(self) -> None: ...
