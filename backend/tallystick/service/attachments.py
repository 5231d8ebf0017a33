"""Documents that belong to evidence: kept encrypted, found by their SHA-256, shown to whoever may read the evidence.

Rules:

- a document is its organisation's. Evidence names it by its SHA-256 (``documents`` of its content); whoever may read an
  evidence gets the document that the evidence names **if an organisation that acts for its issuer keeps it**: to name
  the hash of somebody else's document shows nobody anything;
- each has a key of its own, wrapped under the home's key-encryption key: to forget that key is to forget the document;
- bytes are encrypted in chunks (``service/stream_cipher.py``), so that none is ever held whole, and written before the
  row that knows them: a crash in between leaves bytes that nobody can read, and no row without bytes;
- the content of an evidence is erased with the documents that it names, wherever somebody keeps them who acts for one
  of its parties: row and key first, then the bytes that nobody can read any more;
- what is kept is given out as it came and as a download, never looked into, run or rendered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from tallystick.errors import HomeError, MalformedInput, NotFound
from tallystick.protocol import content
from tallystick.protocol.types import EvidenceId, clip
from tallystick.service import stream_cipher
from tallystick.service.context import Context
from tallystick.service.entitled import visible_evidence
from tallystick.service.policy import Asker
from tallystick.service.ports.attachments import Blobs, Wrapping
from tallystick.store.records import EvidenceRecord
from tallystick.store.service_records import Attachment

MAX_NAME = 255
MAX_MEDIA_TYPE = 200


def keep(
    context: Context, organisation: str, sha256: bytes, body: BinaryIO, name: str, media_type: str
) -> tuple[Attachment, bool]:
    """Keep what ``body`` holds, whose hash must be ``sha256``; and whether it is new. Again, it is what is there.

    Raises:
        MalformedInput: the hash is another one, nothing came, or ``name`` or ``media_type`` is not of its form.
    """
    _check_text(name, "name", MAX_NAME)
    _check_text(media_type, "mediaType", MAX_MEDIA_TYPE)
    size = _check_hash(body, sha256)
    with context.store.transaction(read_only=True) as transaction:
        known = transaction.attachment(organisation, sha256)
    if known is not None:
        return known, False
    blobs, wrapping = _places(context)
    blob, key = context.entropy.bytes(16).hex(), context.entropy.bytes(stream_cipher.KEY_BYTES)
    body.seek(0)
    with blobs.create(blob) as target:
        stream_cipher.encrypt(body, target, key, _associated(organisation, sha256), context.entropy.bytes)
    made = Attachment(
        organisation,
        sha256,
        size,
        media_type,
        name,
        blob,
        wrapping.wrap(key, _associated(organisation, sha256)),
        context.clock.now(),
    )
    with context.store.transaction() as transaction:
        meanwhile = transaction.attachment(organisation, sha256)
        if meanwhile is None:
            transaction.add_attachment(made)
    if meanwhile is not None:
        blobs.remove(blob)
        return meanwhile, False
    return made, True


def own(context: Context, asker: Asker, sha256: bytes) -> Attachment:
    """The document of that hash that the asker's organisation keeps. Raises ``NotFound``."""
    with context.store.transaction(read_only=True) as transaction:
        found = transaction.attachment(asker.organisation.organisation, sha256)
    if found is None:
        raise _unknown(sha256)
    return found


def of_evidence(context: Context, asker: Asker, evidence_id: EvidenceId, sha256: bytes) -> Attachment:
    """The document of that hash that the evidence ``evidence_id`` names, as its issuer keeps it here.

    Raises:
        NotFound: no such evidence within reach, it names no such document, or its issuer keeps none here.
    """
    with context.store.transaction(read_only=True) as transaction:
        record = visible_evidence(transaction, asker, evidence_id)
        found = transaction.attachment_of(record.evidence.issuer, sha256)
    if sha256 not in _named_in(record) or found is None:
        raise _unknown(sha256)
    return found


def read(context: Context, one: Attachment) -> Iterator[bytes]:
    """The bytes of ``one``, chunk by chunk, each checked before it is given.

    Raises:
        StoreError: they are not there, or not what was kept: also after some of them, at the latest before the last.
    """
    blobs, wrapping = _places(context)
    associated = _associated(one.organisation, one.sha256)
    key = wrapping.unwrap(one.wrapped_key, associated)
    with blobs.open(one.blob) as source:
        yield from stream_cipher.decrypt(source, key, associated)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The documents of evidence, to be deleted with its content."""

    context: Context

    def delete(self, evidence_id: EvidenceId) -> int:
        """Delete what the evidence names, as its parties keep it here; how many. Deleting again finds none."""
        with self.context.store.transaction() as transaction:
            record = transaction.evidence([evidence_id]).get(evidence_id)
            hashes = [] if record is None else _named_in(record)
            parties = [] if record is None else [record.evidence.issuer, record.evidence.counterparty]
            found = transaction.attachments_of(parties, hashes) if hashes else []
            for one in found:
                transaction.remove_attachment(one.organisation, one.sha256)
        if found:
            blobs, _ = _places(self.context)
            for one in found:
                blobs.remove(one.blob)
        return len(found)


def parse_sha256(text: str) -> bytes:
    """The 32 bytes that ``text`` spells in 64 lower-case hex digits. Raises ``MalformedInput``."""
    if len(text) != 64 or text.strip("0123456789abcdef"):
        raise MalformedInput(f"sha256: expected 64 lower-case hex digits, got {clip(text)}.")
    return bytes.fromhex(text)


def _named_in(record: EvidenceRecord) -> list[bytes]:
    """The hashes of the documents that ``record`` names, as far as it shows them."""
    named = content.parse_all(record.disclosures).get("documents")
    hashes = [one.get("sha256") for one in named if isinstance(one, dict)] if isinstance(named, list) else []
    return [parse_sha256(one) for one in hashes if isinstance(one, str)]


def _check_hash(body: BinaryIO, sha256: bytes) -> int:
    """The size of ``body``. Raises ``MalformedInput`` if its hash is not ``sha256``, or there is nothing."""
    digest, size = hashlib.sha256(), 0
    body.seek(0)
    while chunk := body.read(stream_cipher.CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    if not size:
        raise MalformedInput("body: expected a document, got nothing.", todo="Send the document as the body.")
    if digest.digest() != sha256:
        raise MalformedInput(
            f"body: expected SHA-256 {sha256.hex()}, got {digest.hexdigest()}.",
            todo="Send the bytes that the hash is of; something on the way may have changed them.",
        )
    return size


def _check_text(text: str, name: str, most: int) -> None:
    if not 0 < len(text) <= most or not text.isprintable():
        raise MalformedInput(f"{name}: expected 1 to {most} printable characters, got {clip(text)}.")


def _places(context: Context) -> tuple[Blobs, Wrapping]:
    if context.blobs is None or context.wrapping is None:
        raise HomeError(
            "documents: this installation keeps none.", todo="Open it with a keystore and a place for them."
        )
    return context.blobs, context.wrapping


def _associated(organisation: str, sha256: bytes) -> bytes:
    """What binds bytes and key to this document of this organisation."""
    return b"tallystick document v1\x00" + organisation.encode() + b"\x00" + sha256


def _unknown(sha256: bytes) -> NotFound:
    return NotFound(
        f"document {sha256.hex()}: not known here.",
        todo="Check the hash, and that it was uploaded by whoever names it.",
    )
