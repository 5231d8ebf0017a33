"""What a transaction on the store does for the indexed chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from tallystick.protocol.types import Address, BlockRef, EvidenceId, Hash, PartyId
from tallystick.store.records import (
    AppendRecord,
    Cursor,
    LogEntryRecord,
    SignerRecord,
)


class IndexRows(Protocol):
    """The blocks, appends and signers that the chain was seen to hold."""

    def cursor(self) -> Cursor | None:
        """The newest final block; everything up to it is indexed for good."""

    def set_cursor(self, cursor: Cursor) -> None: ...

    def tip(self) -> BlockRef | None:
        """The newest block that is indexed, final or not."""

    def blocks(self, first: int, last: int) -> list[BlockRef]:
        """The indexed blocks on the chain with these numbers, ascending; above the final block that is every one."""

    def known_blocks(self, block_hashes: Iterable[Hash]) -> set[Hash]:
        """Those of ``block_hashes`` whose blocks are kept, be they on the chain or undone."""

    def add_blocks(self, blocks: Mapping[BlockRef, Hash | None]) -> None:
        """Put new blocks on the chain, each with its parent (None: it needs no checking); what they say follows."""

    def mark_blocks(self, block_hashes: Iterable[Hash], *, canonical: bool) -> None:
        """Take these blocks, with all that they say, off the chain, or put them on it again."""

    def add_appends(self, appends: Sequence[AppendRecord], root: Hash, log_index: int) -> None:
        """Keep the appends of one sealed batch of batch root ``root``: event ``log_index`` of its block."""

    def add_signer_change(
        self, party: PartyId, signer: Address, block_hash: Hash, log_index: int, *, added: bool
    ) -> None:
        """Event ``log_index`` of a block lets ``signer`` sign for ``party``, or revokes it."""

    def last_appends(self, subjects: Iterable[PartyId]) -> Mapping[PartyId, AppendRecord]:
        """The newest append of each of ``subjects`` that has one, final or not."""

    def appends(self, subject: PartyId, until_block: int) -> list[AppendRecord]:
        """All appends of ``subject`` up to and including block number ``until_block``, in order."""

    def appends_of_batches(
        self, operator: Address, first_batch: int, last_batch: int, until_block: int
    ) -> list[AppendRecord]:
        """The appends of these batches of ``operator`` (ids inclusive) up to block number ``until_block``."""

    def log(self, subject: PartyId, until_block: int) -> Iterator[LogEntryRecord]:
        """The known entries of ``subject``'s log up to ``until_block``, in order of append and index."""

    def subjects(self) -> list[PartyId]:
        """Whoever has a log in the indexed chain, ascending."""

    def sealed_count(self, operator: Address) -> int:
        """How many batches of ``operator`` are indexed, final or not: the id its next one must have."""

    def sealing_operators(self) -> list[Address]:
        """Whoever sealed a batch that is indexed."""

    def signers(self, parties: Iterable[PartyId], until_block: int = ...) -> list[SignerRecord]:
        """The signers of ``parties`` as of block number ``until_block``, without one as of the newest indexed."""

    def placement(self, evidence_id: EvidenceId) -> list[tuple[AppendRecord, int]]:
        """Where ``evidence_id`` stands in the indexed chain: (append, index) per subject."""
