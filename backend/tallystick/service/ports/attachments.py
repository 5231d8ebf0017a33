"""Where attached documents lie, the key that their keys are wrapped under, and the rows that know them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from tallystick.protocol.types import PartyId
from tallystick.store.service_records import Attachment


class Blobs(Protocol):
    """Large bytes by name: a folder, or a bucket."""

    def create(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new blob to write; it is there when the block ends, and not at all when it raises."""

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """The blob ``name`` to read. Raises ``StoreError`` where it is not there."""

    def remove(self, name: str) -> None:
        """Remove the blob ``name``, if it is there."""


class Wrapping(Protocol):
    """A key that others are kept under: it never leaves where it is."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """``key`` encrypted so that it opens with this very ``context`` only."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """What ``wrap`` was given. Raises ``KeystoreError`` if a bit of either was changed."""


class AttachmentRows(Protocol):
    """The documents that organisations keep here."""

    def add_attachment(self, one: Attachment) -> None: ...

    def attachment(self, organisation_id: str, sha256: bytes) -> Attachment | None: ...

    def attachments(self, organisation_id: str, after: bytes, limit: int) -> list[Attachment]:
        """Those of an organisation whose hashes are above ``after``, by hash, at most ``limit``."""

    def attachment_of(self, party: PartyId, sha256: bytes) -> Attachment | None:
        """The document of that hash that an organisation keeps which acts for ``party``, or None."""

    def attachments_of(self, parties: Iterable[PartyId], hashes: Iterable[bytes]) -> list[Attachment]:
        """The documents of these ``hashes`` that organisations keep which act for one of ``parties``."""

    def remove_attachment(self, organisation_id: str, sha256: bytes) -> None:
        """Know the document of that hash no more; with its row goes the key that its bytes are encrypted under."""
