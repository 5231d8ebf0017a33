"""The message of Sign-In with Ethereum: what a wallet shows and signs to say who somebody is.

::

    ledger.example.com wants you to sign in with your Ethereum account:
    0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2

    Sign in to Tallystick.

    URI: https://ledger.example.com
    Version: 1
    Chain ID: 1
    Nonce: 32891756
    Issued At: 2021-09-30T16:25:24Z

Rules: exactly the ABNF of the standard, in its order; the address with its checksum; times by RFC 3339 but for leap
seconds, which no clock here has; what is read is written again and compared, so that no second text can stand for the
first.

Source: EIP-4361; EIP-55 (checksum), EIP-191 (what is signed), RFC 3986 (URI), RFC 3339 (times).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from tallystick.errors import MalformedInput
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, Timestamp, clip

MAX_MESSAGE = 4_000
VERSION = "1"
_WANTS = " wants you to sign in with your Ethereum account:"
_UNRESERVED = r"A-Za-z0-9\-._~"
_SUB_DELIMITERS = r"!$&'()*+,;="
_PCHAR = rf"(?:[{_UNRESERVED}{_SUB_DELIMITERS}:@]|%[0-9A-Fa-f]{{2}})"
_HOST = rf"(?:\[[0-9A-Fa-f:.v]+\]|(?:[{_UNRESERVED}{_SUB_DELIMITERS}]|%[0-9A-Fa-f]{{2}})*)"
_AUTHORITY = rf"(?:(?:[{_UNRESERVED}{_SUB_DELIMITERS}:]|%[0-9A-Fa-f]{{2}})*@)?{_HOST}(?::[0-9]*)?"
_SCHEME = r"[A-Za-z][A-Za-z0-9+\-.]*"
_URI = rf"{_SCHEME}:(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/?(?:{_PCHAR}+(?:/{_PCHAR}*)*)?)(?:\?(?:{_PCHAR}|[/?])*)?(?:\#(?:{_PCHAR}|[/?])*)?"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+\-][0-9]{2}:[0-9]{2})"
_MESSAGE = re.compile(
    rf"(?:(?P<scheme>{_SCHEME})://)?(?P<domain>{_AUTHORITY}){_WANTS}\n"
    r"(?P<address>0x[0-9A-Fa-f]{40})\n"
    r"\n"
    rf"(?:(?P<statement>[{_UNRESERVED}:/?#\[\]@{_SUB_DELIMITERS} ]*)\n)?"
    r"\n"
    rf"URI: (?P<uri>{_URI})\n"
    r"Version: (?P<version>1)\n"
    r"Chain ID: (?P<chain_id>[0-9]+)\n"
    r"Nonce: (?P<nonce>[A-Za-z0-9]{8,})\n"
    rf"Issued At: (?P<issued_at>{_TIME})"
    rf"(?:\nExpiration Time: (?P<expiration_time>{_TIME}))?"
    rf"(?:\nNot Before: (?P<not_before>{_TIME}))?"
    rf"(?:\nRequest ID: (?P<request_id>{_PCHAR}*))?"
    rf"(?P<resources>\nResources:(?:\n- {_URI})*)?"
)
_CHAIN_ID_DIGITS = 78
"""2**256 has so many."""


@dataclass(frozen=True, slots=True)
class SignInMessage:
    """A message by its fields, each as it is spelled; None for what is not there."""

    domain: str
    address: str
    uri: str
    chain_id: str
    nonce: str
    issued_at: str
    statement: str | None = None
    scheme: str | None = None
    expiration_time: str | None = None
    not_before: str | None = None
    request_id: str | None = None
    resources: tuple[str, ...] | None = None

    def account(self) -> Address:
        """The account that is to sign."""
        return Address(bytes.fromhex(self.address[2:]))


def format_message(message: SignInMessage) -> str:
    """The text that a wallet shows and signs."""
    scheme = "" if message.scheme is None else f"{message.scheme}://"
    lines = [f"{scheme}{message.domain}{_WANTS}", message.address, ""]
    lines += [] if message.statement is None else [message.statement]
    lines += [
        "",
        f"URI: {message.uri}",
        f"Version: {VERSION}",
        f"Chain ID: {message.chain_id}",
        f"Nonce: {message.nonce}",
        f"Issued At: {message.issued_at}",
    ]
    optional = (
        ("Expiration Time", message.expiration_time),
        ("Not Before", message.not_before),
        ("Request ID", message.request_id),
    )
    lines += [f"{name}: {value}" for name, value in optional if value is not None]
    if message.resources is not None:
        lines += ["Resources:", *(f"- {one}" for one in message.resources)]
    return "\n".join(lines)


def parse_message(text: str) -> SignInMessage:
    """The message that ``text`` spells.

    Raises:
        MalformedInput: it is not of the form of EIP-4361, its address has a wrong checksum, or a time is none.
    """
    found = _MESSAGE.fullmatch(text) if len(text) <= MAX_MESSAGE else None
    if found is None or not found["domain"]:
        raise MalformedInput(
            f"message: expected one of Sign-In with Ethereum (EIP-4361), of at most {MAX_MESSAGE} characters, "
            f"got {clip(text)}.",
            todo="Let the wallet sign the message that the nonce came with, as it is.",
        )
    if found["address"] != checksummed(Address(bytes.fromhex(found["address"][2:]))):
        raise MalformedInput(
            f"message: expected an address with its checksum (EIP-55), got {found['address']}.",
            todo="Spell it as the wallet shows it.",
        )
    if len(found["chain_id"]) > _CHAIN_ID_DIGITS:
        raise MalformedInput("message: Chain ID: expected a number below 2**256.")
    for name in ("issued_at", "expiration_time", "not_before"):
        if found[name] is not None:
            parse_time(found[name])
    resources = None if found["resources"] is None else tuple(found["resources"].split("\n- ")[1:])
    names = (*("domain", "address", "uri", "chain_id", "nonce", "issued_at", "statement", "scheme"),)
    more = ("expiration_time", "not_before", "request_id")
    made = SignInMessage(**{name: found[name] for name in (*names, *more)}, resources=resources)
    if format_message(made) != text:
        raise MalformedInput("message: expected one spelling, got another.")
    return made


def parse_time(text: str) -> float:
    """The seconds since 1970 that the RFC 3339 date-time ``text`` spells. Raises ``MalformedInput``."""
    try:
        # Python reads six digits of a fraction; what comes after them changes no decision here
        cut = re.sub(r"(\.[0-9]{1,6})[0-9]*", r"\1", text.upper())
        return datetime.fromisoformat(cut).timestamp()
    except (ValueError, OverflowError) as error:
        raise MalformedInput(f"message: expected a date and time (RFC 3339), got {clip(text)}.") from error


def format_time(at: Timestamp) -> str:
    """``at`` in RFC 3339, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def checksummed(address: Address) -> str:
    """``address`` with the case of its letters as checksum. Source: EIP-55."""
    digits = address.hex()
    nibbles = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(nibble, 16) >= 8 else letter for letter, nibble in zip(digits, nibbles, strict=False)
    )


def personal_digest(text: str) -> bytes:
    """What a wallet hashes and signs for ``text``: 32 bytes. Source: EIP-191 version 0x45 (personal_sign)."""
    message = text.encode()
    return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
