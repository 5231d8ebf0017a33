"""Pledged receivables (section 13): authorisations, fingerprints, and a pledge as it stands in storage."""

import hmac
import unicodedata
from typing import Any

from independent.content import is_amount, is_currency, is_date, is_text
from independent.primitives import ZERO, canonical, keccak, require, unhex, word
from independent.statements import typed

TYPES: dict[str, tuple[tuple[str, str], ...]] = {
    "Pledge": (
        *(("bytes32", name) for name in ("supplier", "receivable", "fingerprint", "financier")),
        *(("uint64", name) for name in ("expiresAt", "deadline")),
        ("bytes32", "nonce"),
    ),
    "Transfer": (
        *(("bytes32", name) for name in ("pledge", "from", "to")),
        ("uint64", "deadline"),
        ("bytes32", "nonce"),
    ),
    "Release": (("bytes32", "pledge"), ("bytes32", "financier"), ("uint64", "deadline"), ("bytes32", "nonce")),
    "Cancellation": (("bytes32", "party"), ("bytes32", "authorisation")),
}


def digest(domain: bytes, name: str, message: dict[str, Any]) -> bytes:
    """Of an authorisation; times are decimal text in the vectors, for they use all 64 bits."""
    fields = TYPES[name]
    kind = f"{name}({','.join(' '.join(field) for field in fields)})".encode()
    words = (word(int(message[n])) if form == "uint64" else unhex(message[n], 32) for form, n in fields)
    return typed(domain, kind, *words)


def signing(name: str, message: dict[str, Any]) -> list[str]:
    """The parties that sign, in order."""
    if name == "Pledge":
        return [message["supplier"], message["financier"]]
    if name == "Transfer":
        return [message["from"], message["to"]]
    return [message["party"]] if name == "Cancellation" else [message["financier"]]


def normal_number(number: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", number).casefold())
    kept = "".join(each for each in folded if unicodedata.category(each)[0] in "LN")
    return unicodedata.normalize("NFKC", kept) or folded


def normal_amount(amount: str) -> str:
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


def fingerprint(network_key: bytes, invoice: dict[str, str]) -> bytes:
    require(is_text(invoice["invoiceNumber"]), "number")
    require(is_date(invoice["issueDate"]), "date")
    require(is_currency(invoice["currency"]), "currency")
    require(is_amount(invoice["payableAmount"]), "amount")
    text = [
        "tallystick receivable fingerprint 1",
        invoice["seller"],
        invoice["buyer"],
        normal_number(invoice["invoiceNumber"]),
        invoice["issueDate"],
        invoice["currency"],
        normal_amount(invoice["payableAmount"]),
    ]
    return hmac.digest(network_key, canonical(text), "sha256")


def pledge_slots(name: bytes) -> list[bytes]:
    first = int.from_bytes(keccak(name + word(1)), "big")
    return [word((first + number) % 2**256) for number in range(5)]


def newest_slot(key: bytes, supplier: bytes, which: int) -> bytes:
    """`which` is 2 for a receivable, 3 for a fingerprint, 4 for a closed authorisation of a party."""
    return keccak(key + keccak(supplier + word(which)))


def pledge(words: list[bytes]) -> dict[str, Any] | None:
    """A pledge from its five words; None where there is none."""
    require(len(words) == 5 and all(len(each) == 32 for each in words), "five words wanted")
    if not any(each != ZERO for each in words):
        return None
    times = int.from_bytes(words[4], "big")
    pledged, expires, released = (times >> shift & (2**64 - 1) for shift in (0, 64, 128))
    require(times >> 192 == 0, "a bit above the times")
    require(pledged != 0, "never pledged")
    names = ("supplier", "receivable", "fingerprint", "financier")
    return {
        **{name: f"0x{each.hex()}" for name, each in zip(names, words, strict=False)},
        "pledgedAt": pledged,
        "expiresAt": expires,
        "releasedAt": released,
    }
