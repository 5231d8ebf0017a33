"""Time-stamps inside a bundle (section 18), from the page alone: whether one is of its batch root.

Whether an authority signed it is left out: that needs the certificates of section 17, which say nothing about the log.
"""

import hashlib

from independent.logs import climb, subject_leaf
from independent.primitives import require

MOST_BYTES = 65_536
SIGNED_DATA, TST_INFO = "2a864886f70d010702", "2a864886f70d0109100104"
HASHES = {"608648016503040201": "sha256", "608648016503040202": "sha384", "608648016503040203": "sha512"}
SEQUENCE, SET, INTEGER, OCTETS, OBJECT, EXPLICIT = 0x30, 0x31, 0x02, 0x04, 0x06, 0xA0


def element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The contents of the first element of `data`, and what is behind it."""
    require(len(data) >= 2 and data[0] == tag, f"tag {tag:#x} wanted")
    size, rest = data[1], data[2:]
    if size > 0x7F:
        digits = size & 0x7F
        require(0 < digits < 5 and len(rest) >= digits, "a length of one to four bytes wanted")
        size = int.from_bytes(rest[:digits], "big")
        require(size > 0x7F and rest[0] != 0, "a length longer than needed")
        rest = rest[digits:]
    require(len(rest) >= size, "ends too early")
    return rest[:size], rest[size:]


def first(data: bytes, tag: int) -> bytes:
    return element(data, tag)[0]


def typed(data: bytes, name: str) -> bytes:
    """What a type and its explicit contents hold."""
    kind, rest = element(data, OBJECT)
    require(kind.hex() == name, "another type")
    return first(rest, EXPLICIT)


def imprint(token: bytes) -> tuple[str | None, bytes]:
    """The name of the hash, None where it is another, and the hash."""
    answer, behind = element(token, SEQUENCE)
    require(not behind, "bytes behind the time-stamp")
    status, answer = element(answer, SEQUENCE)
    require(first(status, INTEGER) == b"\0", "not granted")
    signed = first(typed(first(answer, SEQUENCE), SIGNED_DATA), SEQUENCE)
    _, signed = element(signed, INTEGER)
    _, signed = element(signed, SET)
    info = first(first(typed(first(signed, SEQUENCE), TST_INFO), OCTETS), SEQUENCE)
    version, info = element(info, INTEGER)
    require(version == b"\1", "another version")
    _, info = element(info, OBJECT)
    algorithm, rest = element(first(info, SEQUENCE), SEQUENCE)
    return HASHES.get(first(algorithm, OBJECT).hex()), first(rest, OCTETS)


def check(subject: bytes, root: bytes, count: int, path: list[bytes], token: bytes) -> None:
    """It is of the batch root that the append leads to, or by a hash of which nothing can be said."""
    name, found = imprint(token)
    if name is not None:
        batch = climb(subject_leaf(subject, root, count), path)
        require(hashlib.new(name, batch).digest() == found, "of another root")
