"""A time-stamp inside a bundle: the path from an append to its batch root, and an authority's token on that root.

Here is what can be said of a token without trusting anybody: which 32 bytes it is a time-stamp of. Whether an
authority really signed it is for the reader's root certificates to tell.

Rules:

- a token is the authority's whole answer (``TimeStampResp``, DER). It is read from its beginning down to the imprint,
  and no further: each element has a tag of one byte and a length in its shortest form, and lies within the one around
  it; what stands behind the imprint is for whoever checks the signature;
- the imprint is a hash of the batch root. By another hash than SHA-256, SHA-384 and SHA-512 nothing can be said.

::

    append (subject, root, count) -> append leaf -> path -> batch root -> imprint -> token -> authority, time

Source: RFC 3161 section 2.4.2, RFC 5652 section 5; protocol sections 10 and 18.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallystick.errors import MalformedBundle, MalformedInput
from tallystick.protocol import merkle
from tallystick.protocol.entry import Json
from tallystick.protocol.log import LogAppend, append_leaf
from tallystick.protocol.types import Hash, PartyId, clip, parse_bytes32, parse_hex, to_hex

MAX_TOKEN_BYTES = 64 * 1024

_SEQUENCE, _SET, _INTEGER, _BYTES, _OID, _CONTEXT0 = 0x30, 0x31, 0x02, 0x04, 0x06, 0xA0
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
_HASHES: Mapping[bytes, str] = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time-stamp of the batch that an append is part of: ``path`` leads to its root, siblings lowest first."""

    path: tuple[bytes, ...]
    token: bytes

    def batch_root(self, subject: PartyId, append: LogAppend) -> Hash:
        """The batch root to which the path leads from ``append`` to the log of ``subject``."""
        return merkle.climb(append_leaf(subject, append.root, append.count), self.path)


def format_stamp(stamp: Stamp) -> dict[str, Json]:
    """``stamp`` as a JSON object; ``parse_stamp`` gives it back."""
    return {"proof": [to_hex(node) for node in stamp.path], "token": to_hex(stamp.token)}


def parse_stamp(value: Any, name: str) -> Stamp:
    """The time-stamp that the JSON object ``value`` spells; its token is not looked into. Raises ``MalformedInput``."""
    if not isinstance(value, dict) or value.keys() != {"proof", "token"}:
        raise MalformedBundle(f"{name}: expected an object of proof and token, got {clip(value)}.")
    path = value["proof"]
    if not isinstance(path, list) or len(path) > merkle.MAX_PROOF_LENGTH:
        raise MalformedBundle(f"{name}.proof: expected a list of at most {merkle.MAX_PROOF_LENGTH}, got {clip(path)}.")
    token = parse_hex(value["token"], f"{name}.token")
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedBundle(f"{name}.token: expected at most {MAX_TOKEN_BYTES} bytes, got {len(token)}.")
    return Stamp(tuple(parse_bytes32(node, f"{name}.proof") for node in path), token)


def is_stamp_of(token: bytes, root: Hash) -> bool | None:
    """Whether ``token`` says that it is a time-stamp of the batch root ``root``; None where its hash is not known here.

    Raises:
        MalformedInput: it is no granted answer of an authority; says where it is not.
    """
    algorithm, imprint = read_imprint(token)
    return None if algorithm is None else hashlib.new(algorithm, root).digest() == imprint


def read_imprint(token: bytes) -> tuple[str | None, bytes]:
    """The hash (``sha256``, ``sha384``, ``sha512``, None for others) that ``token`` names, and its value.

    Raises:
        MalformedInput: it is no granted answer of an authority; says where it is not.
    """
    whole = _Elements(token)
    answer = _Elements(whole.take(_SEQUENCE, "TimeStampResp"))
    if whole.is_left:
        raise MalformedInput("time-stamp: expected nothing behind the answer, got more.")
    status = _Elements(answer.take(_SEQUENCE, "PKIStatusInfo")).take(_INTEGER, "status")
    if status != b"\x00":
        raise MalformedInput(f"time-stamp: expected one that was granted, got status 0x{status[:8].hex()}.")
    signed = _Elements(_contents(answer.take(_SEQUENCE, "ContentInfo"), _SIGNED_DATA, "SignedData"))
    signed_data = _Elements(signed.take(_SEQUENCE, "SignedData"))
    signed_data.take(_INTEGER, "version")
    signed_data.take(_SET, "digestAlgorithms")
    encapsulated = _Elements(_contents(signed_data.take(_SEQUENCE, "encapContentInfo"), _TST_INFO, "TSTInfo"))
    info = _Elements(_Elements(encapsulated.take(_BYTES, "eContent")).take(_SEQUENCE, "TSTInfo"))
    if (version := info.take(_INTEGER, "version")) != b"\x01":
        raise MalformedInput(f"time-stamp: expected version 1, got 0x{version[:8].hex()}.")
    info.take(_OID, "policy")
    imprint = _Elements(info.take(_SEQUENCE, "messageImprint"))
    algorithm = _Elements(imprint.take(_SEQUENCE, "hashAlgorithm")).take(_OID, "algorithm")
    return _HASHES.get(algorithm), imprint.take(_BYTES, "hashedMessage")


def _contents(info: bytes, wanted: bytes, name: str) -> bytes:
    """What an element of a type and its ``[0] EXPLICIT`` contents holds, where its type is ``wanted``."""
    elements = _Elements(info)
    if (found := elements.take(_OID, "contentType")) != wanted:
        raise MalformedInput(f"time-stamp: expected {name}, got the content type 0x{found[:16].hex()}.")
    return elements.take(_CONTEXT0, "content")


class _Elements:
    """The elements of some DER, taken one after the other. Source: X.690 sections 8.1 and 10.1."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def is_left(self) -> bool:
        """Whether something was not taken yet."""
        return self._at < len(self._data)

    def take(self, tag: int, name: str) -> bytes:
        """The contents of the next element, which must have this ``tag``."""
        data, at = self._data, self._at
        if len(data) < at + 2 or data[at] != tag:
            raise MalformedInput(f"time-stamp: expected {name} (tag 0x{tag:02x}), got 0x{data[at : at + 1].hex()}.")
        size, at = data[at + 1], at + 2
        if size >= 0x80:
            number = size - 0x80
            size = int.from_bytes(data[at : at + number], "big")
            if not 1 <= number <= 4 or size < 0x80 or size < 1 << 8 * (number - 1):
                raise MalformedInput(f"time-stamp: {name}: expected a length in its shortest form.")
            at += number
        if len(data) < at + size:
            raise MalformedInput(f"time-stamp: {name}: expected {size} bytes, got {max(0, len(data) - at)}.")
        self._at = at + size
        return data[at : self._at]
