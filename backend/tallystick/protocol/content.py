"""Contents: named values that can be shown one by one, each committed to by a salted digest (SD-JWT, RFC 9901).

Rules:

- a disclosure is ``base64url(JSON([salt, name, value]))``, canonical, without padding; its salt has 128 random bits;
- its digest is ``sha256(ascii(disclosure))``; ``contentRoot = sha256(concat(sorted digests))``;
- names are unique, at most 64 letters and digits; at most 64 fields and 64 KiB a disclosure;
- no digest stands twice, be it shown or hidden;
- whoever is not shown a field gets its digest only. Salts of hidden fields never leave the holder.

Example: ``make({"invoiceNumber": "4711"}, [salt])`` gives one disclosure; ``content_root`` of its digest is signed.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256 as _sha256
from itertools import pairwise

from tallystick.errors import MalformedEvidence, MalformedInput
from tallystick.protocol import canonical
from tallystick.protocol.entry import Json
from tallystick.protocol.hashing import sha256
from tallystick.protocol.types import Hash, clip

SALT_BYTES = 16
MAX_FIELDS = 64
MAX_DISCLOSURE_CHARACTERS = 65_536

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,63}\Z")
_TO_STANDARD, _TO_URL = bytes.maketrans(b"-_", b"+/"), bytes.maketrans(b"+/", b"-_")
_SALT = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]\Z")


def make(fields: Mapping[str, Json], entropy: Callable[[int], bytes]) -> tuple[str, ...]:
    """One disclosure for each of ``fields``, in name order, each with a fresh salt from ``entropy(16)``.

    Raises:
        MalformedEvidence: a bad name, too many fields, or a value that canonical JSON can't hold.
    """
    if len(fields) > MAX_FIELDS:
        raise MalformedEvidence(f"content: expected at most {MAX_FIELDS} fields, got {len(fields)}.")
    made = []
    for name in sorted(fields):
        _check_name(name)
        try:
            raw = canonical.encode([_b64(entropy(SALT_BYTES)), name, fields[name]])
        except MalformedInput as error:
            raise MalformedEvidence(f"content field {name}: {error.message}", todo=error.todo) from error
        disclosure = _b64(raw)
        if len(disclosure) > MAX_DISCLOSURE_CHARACTERS:
            raise MalformedEvidence(
                f"content field {name}: expected at most {MAX_DISCLOSURE_CHARACTERS} characters when encoded, "
                f"got {len(disclosure)}.",
                todo="Attach large material as a document: only its hash goes into the content.",
            )
        made.append(disclosure)
    return tuple(made)


def digest(disclosure: str) -> Hash:
    """The digest of one ``disclosure``: SHA-256 of its ASCII text. Source: RFC 9901 section 4.2.3."""
    assert disclosure.isascii(), "a disclosure is ASCII: any substitute would let two texts share one digest"
    return Hash(_sha256(disclosure.encode("ascii")).digest())


def content_root(digests: Sequence[bytes]) -> Hash:
    """What the evidence signs of its content: SHA-256 over the sorted raw ``digests`` (of nothing, for no fields)."""
    return Hash(sha256(b"".join(sorted(digests))))


EMPTY_ROOT = content_root(())
"""The root of a content without fields."""


def parse(disclosure: str) -> tuple[str, Json]:
    """The name and value that ``disclosure`` shows.

    Raises:
        MalformedEvidence: not base64url, not canonical, no 128-bit salt, or a bad name.
    """
    if len(disclosure) > MAX_DISCLOSURE_CHARACTERS:
        raise MalformedEvidence(f"disclosure: expected at most {MAX_DISCLOSURE_CHARACTERS} characters.")
    try:
        value = canonical.parse(_decode(disclosure), "disclosure")
    except MalformedInput as error:
        raise MalformedEvidence(error.message, todo=error.todo) from error
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[0], str):
        raise MalformedEvidence(f"disclosure: expected [salt, name, value], got {clip(value)}.")
    if not _SALT.match(value[0]):
        raise MalformedEvidence("disclosure: expected a salt of 128 bits in 22 base64url characters.")
    _check_name(value[1])
    return value[1], value[2]


def _decode(disclosure: str) -> bytes:
    """The bytes that ``disclosure`` spells in base64url. Raises ``MalformedEvidence`` for another spelling."""
    try:
        text = disclosure.encode("ascii")
        raw = binascii.a2b_base64(text.translate(_TO_STANDARD) + b"=" * (-len(text) % 4))
    except ValueError as error:  # which binascii.Error and UnicodeEncodeError are
        raise MalformedEvidence(f"disclosure: expected base64url, got {clip(disclosure)}.") from error
    if _b64_bytes(raw) != text:  # the decoder skips strange characters and takes the other alphabet's + and /
        raise MalformedEvidence(f"disclosure: expected unpadded canonical base64url, got {clip(disclosure)}.")
    return raw


def parse_all(disclosures: Sequence[str]) -> dict[str, Json]:
    """The fields that ``disclosures`` show, by name.

    Raises:
        MalformedEvidence: one of them is malformed, a name is repeated, or there are more than 64.
    """
    if len(disclosures) > MAX_FIELDS:
        raise MalformedEvidence(f"content: expected at most {MAX_FIELDS} fields, got {len(disclosures)}.")
    fields: dict[str, Json] = {}
    for disclosure in disclosures:
        name, value = parse(disclosure)
        if name in fields:
            raise MalformedEvidence(f"content field {name}: expected once, got it twice.")
        fields[name] = value
    return fields


def hidden_count(root: bytes, disclosures: Sequence[str], hidden: Sequence[bytes]) -> int:
    """How many fields of the content ``root`` are not shown; at least 1 where nothing at all is shown of a content."""
    return len(hidden) if disclosures or hidden or root == EMPTY_ROOT else 1


def check_root(root: bytes, disclosures: Sequence[str], hidden: Sequence[bytes]) -> str | None:
    """Why the shown ``disclosures`` and the ``hidden`` digests are not the content of ``root``, or None where they are.

    Both ascend, each item once, so that one showing has one spelling; neither: only the root is shown.
    """
    for name, items in (("disclosures", disclosures), ("hidden digests", hidden)):
        if len(items) > 1 and any(a >= b for a, b in pairwise(items)):  # type: ignore[operator]
            return f"{name}: expected ascending, each once"
    if not disclosures and not hidden:
        return None
    try:
        digests = [_sha256(disclosure.encode("ascii")).digest() for disclosure in disclosures]
    except UnicodeEncodeError:
        return "disclosures: expected ASCII text"
    digests += hidden
    if len(set(digests)) != len(digests):
        return "a field is shown and hidden at once"
    if content_root(digests) != root:
        return "its content does not give the content root that was signed: a field was changed, added or left out"
    return None


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.match(name):
        raise MalformedEvidence(
            f"content field name: expected a letter, then letters and digits, at most 64, got {clip(name)}."
        )


def _b64(data: bytes) -> str:
    """base64url of RFC 4648 section 5, without padding."""
    return _b64_bytes(data).decode("ascii")


def _b64_bytes(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)
