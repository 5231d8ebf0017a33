"""Sign-In with Ethereum (EIP-4361): a nonce, a message that the member's wallet signs, and a session for it.

::

    nonce = issued at (8) || random (16) || MAC (32)      hex digits, 56 of them

Rules:

- a nonce is ours if its MAC is, under a key made of the network key: to hand one out keeps nothing, so that whoever
  asks for many fills no disk. It is good for ten minutes, and once: a session keeps the nonce that it used up;
- the message must be for this service: its domain, URI, chain id; written now, not expired, not for later;
- the signature must be by the key of the very address in the message. A contract's wallet (EIP-1271) has none;
- the token is a secret of 256 random bits, of which the SHA-256 is kept; it is good for an hour at most.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tallystick.errors import BadSignature, Refused, Unauthenticated
from tallystick.protocol.signing import recover
from tallystick.protocol.siwe import (
    SignInMessage,
    checksummed,
    format_message,
    format_time,
    parse_message,
    parse_time,
    personal_digest,
)
from tallystick.protocol.types import Address, Timestamp, clip, to_hex
from tallystick.service.context import Context
from tallystick.service.custody import one_spelling
from tallystick.service.members import SESSION_PREFIX, digest_of, new_secret
from tallystick.store.identities import Member, Session

NONCE_SECONDS = 600
SESSION_SECONDS = 3_600
LEEWAY_SECONDS = 60
"""By how much the clock of whoever wrote the message may be ahead."""
STATEMENT = "Sign in to Tallystick."
_NONCE = re.compile(r"([0-9a-f]{8})([0-9a-f]{16})([0-9a-f]{32})\Z")
_MAC_CONTEXT = b"tallystick sign-in nonce 1\x00"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session of ``member``, and the text that authenticates: nobody can show it again."""

    session: Session
    member: Member
    token: str


def new_nonce(context: Context) -> tuple[str, Timestamp]:
    """A nonce for one sign-in, and until when it is good."""
    now = context.clock.now()
    head = f"{now:08x}{context.entropy.bytes(8).hex()}"
    return head + _mac(context, head), Timestamp(now + NONCE_SECONDS)


def message_for(context: Context, public_url: str, address: Address, nonce: str) -> str:
    """The message that the wallet of ``address`` is to sign to sign in at ``public_url`` with ``nonce``."""
    now = context.clock.now()
    return format_message(
        SignInMessage(
            domain=urlsplit(public_url).netloc,
            address=checksummed(address),
            statement=STATEMENT,
            uri=public_url,
            chain_id=str(context.chain.deployment.chain_id),
            nonce=nonce,
            issued_at=format_time(now),
            expiration_time=format_time(Timestamp(now + NONCE_SECONDS)),
        )
    )


def sign_in(context: Context, public_url: str, text: str, signature: bytes) -> SignedIn:
    """A session of the member whose wallet made ``signature`` (65 bytes) over the message ``text``.

    Raises:
        MalformedInput: no message of EIP-4361. Unauthenticated: it is not for here and now, the signature is not by its
        address, or nobody with that wallet is a member. Refused: a contract's wallet.
    """
    message = parse_message(text)
    _check_place(context, public_url, message)
    _check_time(context, message)
    signer = _signer(text, signature)
    if signer != message.account():
        raise Unauthenticated(
            f"signature: expected one by {message.address}, got one by {to_hex(signer)}.",
            todo="Sign the message as it is with the wallet that it names; a contract's wallet can't sign in.",
        )
    return _begun(context, message)


def _begun(context: Context, message: SignInMessage) -> SignedIn:
    now = context.clock.now()
    name, secret = new_secret(context)
    with context.store.transaction() as transaction:
        member = transaction.member_by_address(message.account())
        holder = None if member is None else transaction.organisation(member.organisation)
        if member is None or holder is None or holder.closed_at is not None:
            raise Unauthenticated(
                f"{message.address}: nobody with that wallet is a member of an organisation here.",
                todo="Ask your organisation to add it.",
            )
        made = Session(name, member.member, digest_of(secret), message.nonce, now, Timestamp(now + SESSION_SECONDS))
        transaction.add_session(made)
    return SignedIn(made, member, f"{SESSION_PREFIX}_{name}_{secret}")


def _check_place(context: Context, public_url: str, message: SignInMessage) -> None:
    """Raises ``Unauthenticated`` unless ``message`` was written for this service on this chain."""
    here = urlsplit(public_url)
    expected_and_got = (
        ("scheme", here.scheme, message.scheme or here.scheme),
        ("domain", here.netloc, message.domain),
        ("URI", f"{here.scheme}://{here.netloc}", "://".join(urlsplit(message.uri)[:2])),
        ("Chain ID", str(context.chain.deployment.chain_id), message.chain_id),
    )
    for name, expected, got in expected_and_got:
        if expected != got:
            raise Unauthenticated(
                f"message: {name}: expected {expected}, got {clip(got)}: it is for another service.",
                todo="Ask for a nonce here, and sign the message that comes with it.",
            )


def _check_time(context: Context, message: SignInMessage) -> None:
    """Raises ``Unauthenticated`` unless ``message`` has a nonce of ours and is good now."""
    now, found = context.clock.now(), _NONCE.match(message.nonce)
    todo = "Ask for a new nonce, and sign again."
    if found is None or not hmac.compare_digest(_mac(context, found[1] + found[2]), found[3]):
        raise Unauthenticated("message: Nonce: expected one that came from here.", todo=todo)
    issued = int(found[1], 16)
    if not issued <= now < issued + NONCE_SECONDS:
        raise Unauthenticated(f"message: Nonce: it is older than {NONCE_SECONDS} s.", todo=todo)
    written = parse_time(message.issued_at)
    if not now - NONCE_SECONDS - LEEWAY_SECONDS <= written <= now + LEEWAY_SECONDS:
        raise Unauthenticated("message: Issued At: expected a time that is now.", todo="Check the clock; " + todo)
    if message.expiration_time is not None and now >= parse_time(message.expiration_time):
        raise Unauthenticated("message: Expiration Time: it has expired.", todo=todo)
    if message.not_before is not None and now < parse_time(message.not_before):
        raise Unauthenticated("message: Not Before: it is not good yet.", todo="Wait until then.")


def _signer(text: str, signature: bytes) -> Address:
    if len(signature) != 65:
        raise Refused(
            f"signature: expected 65 bytes r||s||v, got {len(signature)}: contracts' wallets (EIP-1271) can't sign in.",
            todo="Sign in with an account that has a key.",
        )
    try:
        return recover(personal_digest(text), one_spelling(signature))
    except BadSignature as error:
        raise Unauthenticated(error.message, todo="Sign the message as it is (personal_sign).") from error


def _mac(context: Context, head: str) -> str:
    key = hmac.digest(context.network_key, _MAC_CONTEXT, hashlib.sha256)
    return hmac.digest(key, head.encode(), hashlib.sha256).hex()[:32]


def check_public_url(public_url: str | None) -> str:
    """``public_url``, where wallets sign in. Raises ``Refused`` where this service has none."""
    if public_url is None:
        raise Refused(
            "sign-in: expected a service that wallets can sign in to, got one that was not told its own URL.",
            todo="Set public_url under [sign_in] in tallystick.toml (docs/operations.md).",
        )
    return public_url
