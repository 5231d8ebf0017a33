"""What an audit works at: the chain as indexed, the workbook, archives and databases; each process opens its own.

Rule: the index of the chain is the one that every installation keeps, written by the same code (``service/index.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tallystick.chain.facts import RegistryFact
from tallystick.protocol.archive import Manifest
from tallystick.protocol.types import Address, BlockRef, Hash
from tallystick.service.audit.files import Archive
from tallystick.service.ports import Store
from tallystick.store.workbook import Workbook


class Facts(Protocol):
    """What the node is asked besides the logs of the ledger."""

    def registry_facts(self, first_block: int, last_block: int) -> list[RegistryFact]:
        """Who was admitted, made or unmade operator, given or taken a role, in chain order."""

    def slot(self, address: Address, slot: bytes, block: BlockRef) -> int:
        """The value of a storage slot at ``block``."""


class OpenArchive(Archive, Protocol):
    """An archive with its manifest."""

    def manifest(self) -> tuple[Manifest, Hash]:
        """The manifest and the SHA-256 of its bytes. Raises ``NotFound`` or ``MalformedInput``."""


@dataclass(frozen=True)
class Desk:
    """The indexed chain, the workbook, the archives, and the databases to compare, in the order they were given."""

    store: Store
    workbook: Workbook
    archives: Sequence[OpenArchive] = ()
    databases: Sequence[Store] = ()

    def close(self) -> None:
        """Let go of all files."""
        for database in self.databases:
            database.close()
        self.workbook.close()
        self.store.close()


OpenDesk = Callable[[], Desk]
"""Opens the desk of one audit in this process; it can be sent to another process, which then opens its own."""
