"""The files of an archive: written compressed and, for an auditor's key alone, encrypted; read strictly and bounded.

::

    lines --gzip--> NAME.jsonl.gz                           NAME is the SHA-256 of the lines
    lines --gzip--> --age--> NAME.jsonl.gz.age              age-encryption.org/v1, to one X25519 recipient

Rules:

- gzip without a name and a time: equal lines give equal bytes, wherever the same zlib compresses them; the name does
  not depend on that. Encryption draws a fresh key each time, so its bytes differ and its names do not;
- a file is whole or not there; what an earlier export wrote and this one holds too is left as it is;
- the manifest is written last: without it there is no archive;
- a file is unpacked no further than the manifest says, and must then hash to its name.

Source: RFC 1952 (gzip), the age specification; docs/archive.md.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyrage

from tallystick.errors import MalformedInput, NotFound, UsageError
from tallystick.protocol.archive import (
    AGE,
    MANIFEST,
    MAX_FILE_BYTES,
    MAX_MANIFEST_BYTES,
    ArchivedEntry,
    BatchFile,
    Content,
    Manifest,
    format_archived,
    format_bound,
    format_manifest,
    parse_manifest,
)
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.hashing import sha256
from tallystick.protocol.types import Address, Hash, clip

FILE_BYTES = 4 * 1024 * 1024
"""A file is closed at the first end of a batch beyond so much: what is in memory at once."""
_GZIP = 31
"""zlib's name for a gzip header and trailer around a window of 32 KiB."""
_LEVEL = 6
_FILE = re.compile(r"[0-9a-f]{64}\.jsonl\.gz(\.age)?")
_ROOM_FOR_PACKING = 1 << 20
"""What headers and stored blocks may add to content that does not compress."""


class ArchiveWriter:
    """Writes an archive into ``directory``, made if it is not there, readable by its owner.

    Entries come ascending by operator, then batch, then first place; then the bindings; then ``finish``.

    Raises:
        UsageError: ``recipient`` is no age key, or the directory can't be written.
    """

    def __init__(self, directory: Path, recipient: str | None = None, *, file_bytes: int = FILE_BYTES) -> None:
        self._directory = directory
        self._file_bytes = file_bytes
        self._recipient = None if recipient is None else _parse_recipient(recipient)
        self._files: list[BatchFile] = []
        self._bindings: Content | None = None
        self._lines: list[bytes] = []
        self._size = 0
        self._operator: Address | None = None
        self._batches = (0, 0)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(directory, error) from error

    def add(self, operator: Address, item: ArchivedEntry) -> None:
        """Put ``item`` of a batch of ``operator`` behind all that was added before."""
        first, last = self._batches
        if self._operator != operator or (self._size >= self._file_bytes and item.batch_id != last):
            self._close_file()
            self._operator, first = operator, item.batch_id
        self._batches = (first, item.batch_id)
        line = format_archived(item)
        self._lines.append(line)
        self._size += len(line)

    def add_bindings(self, bindings: list[PartyBinding]) -> None:
        """Put ``bindings``, ascending by party, into the archive: all there are."""
        if bindings:
            self._bindings = self._write([format_bound(binding) for binding in bindings])

    def finish(self, manifest: Manifest) -> Manifest:
        """Write the manifest over all files, with ledger and block from ``manifest``; what was written."""
        self._close_file()
        encryption = None if self._recipient is None else AGE
        made = Manifest(manifest.deployment, manifest.as_of, encryption, tuple(self._files), self._bindings)
        self._put(MANIFEST, format_manifest(made))
        self._clear(made)
        return made

    def _clear(self, manifest: Manifest) -> None:
        """Delete files of earlier exports that ``manifest`` does not name: they may hold what was erased since."""
        named = [file.content for file in manifest.entries] + ([] if manifest.bindings is None else [manifest.bindings])
        kept = {_file_name(content, encrypted=manifest.encryption is not None) for content in named}
        for path in self._directory.iterdir():
            if _FILE.fullmatch(path.name) and path.name not in kept:
                path.unlink(missing_ok=True)

    def _close_file(self) -> None:
        if self._operator is not None and self._lines:
            self._files.append(BatchFile(self._write(self._lines), self._operator, *self._batches))
        self._lines, self._size = [], 0

    def _write(self, lines: list[bytes]) -> Content:
        data = b"".join(lines)
        if len(data) > MAX_FILE_BYTES:
            raise UsageError(
                f"archive: expected at most {MAX_FILE_BYTES} bytes of one batch, got {len(data)}.",
                todo="Seal fewer evidence at once: `batch_evidence` under [limits] in tallystick.toml.",
            )
        content = Content(Hash(sha256(data)), len(data), len(lines))
        name = _file_name(content, encrypted=self._recipient is not None)
        if not (self._directory / name).exists():
            packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
            packed = packer.compress(data) + packer.flush()
            self._put(name, packed if self._recipient is None else pyrage.encrypt(packed, [self._recipient]))
        return content

    def _put(self, name: str, data: bytes) -> None:
        """Put ``data`` at ``name``, whole or not at all."""
        beside = self._directory / f"{name}.new"
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._directory / name)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise _refused(beside, error) from error


@dataclass(frozen=True)
class ArchiveReader:
    """Reads the archive in ``directory``; ``identity`` is the auditor's age key, where it is encrypted."""

    directory: Path
    identity: str | None = field(default=None, repr=False)

    def manifest(self) -> tuple[Manifest, Hash]:
        """The manifest and the SHA-256 of its bytes.

        Raises:
            NotFound: there is none. MalformedInput: it is not of its form.
        """
        data = self._load(MANIFEST, MAX_MANIFEST_BYTES)
        return parse_manifest(data), Hash(sha256(data))

    def lines(self, content: Content, encryption: str | None) -> Iterator[bytes]:
        """The lines that the file of ``content`` holds, without their line feeds.

        Raises:
            NotFound: there is no such file.
            MalformedInput: it does not hold what its name says.
            UsageError: it is encrypted, and no key is given or another one.
        """
        name = _file_name(content, encrypted=encryption is not None)
        packed = self._load(name, content.size + _ROOM_FOR_PACKING)
        if encryption is not None:
            packed = self._decrypt(packed)
        data = _unpack(packed, content, name)
        found = data.count(b"\n")
        if not data.endswith(b"\n") or found != content.lines:
            raise MalformedInput(f"{name}: expected {content.lines} lines, got {found}.")
        return iter(data[:-1].split(b"\n"))

    def _load(self, name: str, limit: int) -> bytes:
        try:
            with (self.directory / name).open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise NotFound(
                f"{self.directory / name}: can't be read ({error.strerror}).",
                todo="Ask whoever made the archive for the file.",
            ) from error
        if len(data) > limit:
            raise MalformedInput(f"{name}: expected at most {limit} bytes, got more.")
        return data

    def _decrypt(self, data: bytes) -> bytes:
        if self.identity is None:
            raise UsageError(
                "archive: it is encrypted, and no key was given.", todo="Give your age key's file as --identity."
            )
        identity = pyrage.x25519.Identity.from_str(self.identity)
        try:
            return bytes(pyrage.decrypt(data, [identity]))
        except pyrage.DecryptError as error:
            if "No matching keys" in str(error):
                raise UsageError(
                    "archive: it is encrypted to another key than the one given.",
                    todo="Give the key whose public half was the --recipient.",
                ) from error
            raise MalformedInput("archive: a file was changed after it was encrypted.") from error


def parse_identity(content: bytes) -> str:
    """The age key in the ``content`` of a file as age-keygen writes it: one line that begins AGE-SECRET-KEY-1.

    Raises:
        UsageError: there is none, or several; shows nothing of the content.
    """
    keys = [line for line in content.decode("ascii", "replace").split() if line.startswith("AGE-SECRET-KEY-1")]
    try:
        if len(keys) != 1:
            raise pyrage.IdentityError
        pyrage.x25519.Identity.from_str(keys[0])
    except pyrage.IdentityError:
        raise UsageError(
            f"--identity: expected one age key, AGE-SECRET-KEY-1..., got {len(keys)} or one of another form.",
            todo="Give the file that age-keygen wrote.",
        ) from None
    return keys[0]


def _unpack(packed: bytes, content: Content, name: str) -> bytes:
    """What ``packed`` holds, which must be ``content``."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        data = unpacker.decompress(packed, content.size + 1)
    except zlib.error as error:
        raise MalformedInput(f"{name}: expected gzip, got something else.") from error
    if len(data) != content.size or not unpacker.eof or unpacker.unused_data:
        raise MalformedInput(f"{name}: expected {content.size} bytes unpacked and nothing behind, got otherwise.")
    if sha256(data) != content.sha256:
        raise MalformedInput(f"{name}: expected what its name says, got what hashes to {sha256(data).hex()}.")
    return data


def _file_name(content: Content, *, encrypted: bool) -> str:
    return f"{content.name}.jsonl.gz" + (".age" if encrypted else "")


def _parse_recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise UsageError(
            f"--recipient: expected an age public key, age1..., got {clip(text)}.",
            todo="Ask the auditor for the public key that age-keygen printed.",
        ) from error


def _refused(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path}: can't be written ({error.strerror}).", todo="Name another directory.")
