"""What every section of docs/protocol.md builds on: hashes, hex, canonical JSON, RLP and the signatures of section 5.

Written from the page alone, on the standard library and pycryptodome's Keccak: the curve's arithmetic, RLP and the
canonical form are spelled out here, so that they share nothing with what they check.
"""

import json
import re
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from typing import Any

from Crypto.Hash import keccak as _keccak

LIMIT = 2**53
ZERO = bytes(32)


class Refused(Exception):
    """The bytes are not what the page asks for."""


def require(condition: object, what: str) -> None:
    if not condition:
        raise Refused(what)


def keccak(data: bytes) -> bytes:
    return _keccak.new(digest_bits=256, data=data).digest()


def sha(data: bytes) -> bytes:
    return sha256(data).digest()


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def padded(address: bytes) -> bytes:
    return bytes(12) + address


# --- hex and JSON ---------------------------------------------------------------------------------------------------


def unhex(text: Any, size: int | None = None) -> bytes:
    require(isinstance(text, str) and re.fullmatch(r"0x([0-9a-f]{2})*", text), f"not hex: {str(text)[:80]!r}")
    data = bytes.fromhex(text[2:])
    require(size is None or len(data) == size, f"{size} bytes wanted, {len(data)} found")
    return data


def whole(value: Any, low: int = 0, high: int = LIMIT - 1) -> int:
    require(type(value) is int and low <= value <= high, f"whole number from {low} to {high} wanted")
    return int(value)


def canonical(value: Any) -> bytes:
    """RFC 8785 for what the protocol allows: names are ASCII, numbers whole, so sorting and digits need no care."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise Refused("half a surrogate pair") from error


def _plain(value: Any, depth: int) -> None:
    """Only values of section 6; lists and objects count as levels, the outermost as the first."""
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, int):
        require(-LIMIT < value < LIMIT, "number beyond 2^53")
        return
    require(depth > 0, "too deep")
    if isinstance(value, dict):
        require(all(name.isascii() for name in value), "a name beyond ASCII")
        value = list(value.values())
    for member in value:
        _plain(member, depth - 1)


def _fraction(text: str) -> Any:
    raise Refused(f"not a whole number: {text}")


def parse(data: bytes, depth: int) -> Any:
    """The value of canonical JSON, at most `depth` levels deep."""
    try:
        value = json.loads(data.decode(), parse_float=_fraction, parse_constant=_fraction)
    except (ValueError, RecursionError) as error:
        raise Refused(f"not JSON: {error}") from error
    _plain(value, depth)
    require(canonical(value) == data, "not canonical")
    return value


def members(value: Any, *names: str) -> dict[str, Any]:
    require(isinstance(value, dict) and set(value) == set(names), f"an object of exactly {names} wanted")
    return dict(value)


def listed(value: Any) -> list[Any]:
    require(isinstance(value, list), "a list wanted")
    return list(value)


def ascending(keys: list[Any]) -> bool:
    return all(a < b for a, b in pairwise(keys))


# --- RLP (yellow paper, appendix B) ---------------------------------------------------------------------------------

Item = Any  # bytes, or a list of items


def _rlp(data: bytes, at: int, end: int) -> tuple[Item, int]:
    require(at < end, "RLP ends too early")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list, short = first >= 0xC0, first - (0xC0 if first >= 0xC0 else 0x80)
    start, size = at + 1, short
    if short > 55:
        start = at + 1 + short - 55
        length = data[at + 1 : start]
        require(len(length) == short - 55 and length[0] != 0, "RLP length with a leading zero")
        size = int.from_bytes(length, "big")
        require(size > 55, "RLP length longer than needed")
    stop = start + size
    require(stop <= end, "RLP ends too early")
    if not is_list:
        require(size != 1 or data[start] >= 0x80, "RLP of one byte longer than needed")
        return data[start:stop], stop
    items: list[Item] = []
    while start < stop:
        item, start = _rlp(data, start, stop)
        items.append(item)
    return items, stop


def unrlp(data: bytes) -> Item:
    item, end = _rlp(data, 0, len(data))
    require(end == len(data), "bytes after the RLP")
    return item


def integer(item: Item) -> int:
    require(isinstance(item, bytes) and len(item) <= 32 and item[:1] != b"\0", "not an integer")
    return int.from_bytes(item, "big")


# --- secp256k1 ------------------------------------------------------------------------------------------------------

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
    1,
)
Point = tuple[int, int, int]  # Jacobian: (x/z², y/z³); z = 0 is infinity


def _double(p: Point) -> Point:
    x, y, z = p
    a, b = x * x % P, y * y % P
    c = b * b % P
    d = 2 * ((x + b) ** 2 - a - c) % P
    e = 3 * a % P
    x3 = (e * e - 2 * d) % P
    return x3, (e * (d - x3) - 8 * c) % P, 2 * y * z % P


def _add(p: Point, q: Point) -> Point:
    if not p[2]:
        return q
    if not q[2]:
        return p
    z1, z2 = p[2] * p[2] % P, q[2] * q[2] % P
    u1, u2 = p[0] * z2 % P, q[0] * z1 % P
    s1, s2 = p[1] * z2 * q[2] % P, q[1] * z1 * p[2] % P
    if u1 == u2:
        return _double(p) if s1 == s2 else (0, 1, 0)
    h, r = (u2 - u1) % P, (s2 - s1) % P
    h2 = h * h % P
    h3, v = h * h2 % P, u1 * h2 % P
    x3 = (r * r - h3 - 2 * v) % P
    return x3, (r * (v - x3) - s1 * h3) % P, h * p[2] * q[2] % P


@lru_cache(maxsize=100_000)
def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The address that signed (section 5), or None where the signature must be refused."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not 0 < r < N or not 0 < s <= N // 2:
        return None
    square = (r**3 + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return None
    if y % 2 != signature[64] - 27:
        y = P - y
    point, inverse = (r, y, 1), pow(r, -1, N)
    a, b = -int.from_bytes(digest, "big") * inverse % N, s * inverse % N
    both, total = _add(G, point), (0, 1, 0)
    for bit in range(255, -1, -1):
        total = _double(total) if total[2] else total
        one, other = a >> bit & 1, b >> bit & 1
        if one or other:
            total = _add(total, both if one and other else G if one else point)
    if not total[2]:
        return None
    z = pow(total[2], -1, P)
    x, y = total[0] * z * z % P, total[1] * z * z * z % P
    return keccak(word(x) + word(y))[12:]
