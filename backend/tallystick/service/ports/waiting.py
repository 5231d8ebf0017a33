"""What a transaction on the store does for documents that wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tallystick.store.waiting_records import WaitingDocument, WaitingFile


class WaitingRows(Protocol):
    """Documents that wait for something that is not recorded yet, and the files they are in."""

    def keep_waiting_file(self, file: WaitingFile) -> None:
        """Keep ``file``, of which something is going to wait; what is kept of it already is replaced."""

    def add_waiting(self, documents: Sequence[WaitingDocument]) -> None:
        """Note that ``documents`` wait, whose files are kept; what is kept of them already is brought up to date."""

    def waiting_documents(
        self, owner: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> list[WaitingDocument]:
        """What waits, of ``owner`` alone if given, oldest first: at most ``limit``, after the position ``after``."""

    def waiting_files(self, owner: str, sha256s: Iterable[str]) -> list[WaitingFile]:
        """Those files of ``owner`` among ``sha256s`` of which something waits."""

    def take_up(self, owner: str, names: Iterable[tuple[str, str, str]], job: str) -> None:
        """Note that these documents (file, type, number) wait no more; a file without any is given up."""
