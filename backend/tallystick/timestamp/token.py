"""The check of a time-stamp token: does this authority say that it knew this batch root, and when?

Rules:

- a token is the authority's whole answer (``TimeStampResp``, DER), as ``openssl ts`` reads it; what is stamped is the
  32 bytes of a batch root, so that the imprint is their SHA-256, SHA-384 or SHA-512;
- valid: granted, the imprint is the root's, signed by a certificate for time-stamping that leads to one of the reader's
  roots and was good at the time that the token tells;
- invalid: malformed, of something else, or with a signature or certificate that does not hold;
- could not check: nothing leads from the signer to the reader's roots, or the reader's clock is behind. That says
  nothing about the token.

Source: RFC 3161 section 2.4; RFC 5816.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.errors import MalformedInput
from tallystick.protocol.stamps import MAX_TOKEN_BYTES
from tallystick.protocol.types import Hash, Timestamp
from tallystick.protocol.verdict import Outcome

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

MAX_ROOTS_BYTES = 1024 * 1024
CLOCK_LEAD_SECONDS = 300
"""How far the authority's clock may be ahead of the reader's."""

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_NOTHING_LEADS_THERE = (
    "unable to get local issuer certificate",
    "unable to get issuer certificate",
    "self-signed certificate",
    "signer certificate not found",
    "neither found in the answer",
)
"""What OpenSSL and the library say where the reader's roots do not reach; a test holds them to it."""


@dataclass(frozen=True, slots=True)
class TokenVerdict:
    """What the check of a token came to; ``at`` is the time it tells (seconds), ``authority`` who signed it."""

    outcome: Outcome
    message: str
    at: Timestamp | None = None
    authority: str | None = None


def parse_roots(data: bytes, name: str) -> tuple[Certificate, ...]:
    """The certificates that a reader trusts, from PEM. Raises ``MalformedInput``: none, or one that can't be read."""
    from cryptography.x509 import load_pem_x509_certificate

    blocks = _PEM.findall(data[:MAX_ROOTS_BYTES])
    try:
        with _reading():
            roots = tuple(load_pem_x509_certificate(block) for block in blocks)
    except ValueError as error:
        raise MalformedInput(f"{name}: expected certificates in PEM, got one that can't be read ({error}).") from error
    if not roots or len(data) > MAX_ROOTS_BYTES:
        raise MalformedInput(
            f"{name}: expected certificates in PEM, at most {MAX_ROOTS_BYTES} bytes, got {len(roots)} in {len(data)}.",
            todo="Give the file with the root certificates of the authority.",
        )
    return roots


def check_token(
    token: bytes, root: Hash, roots: Sequence[Certificate], *, nonce: int | None = None, now: Timestamp | None = None
) -> TokenVerdict:
    """The verdict on ``token`` as a time-stamp of the batch root ``root``, by the certificates ``roots`` alone.

    With ``nonce`` it must be the answer to the request with that nonce. One that is later than ``now`` could not be
    checked: one of the two clocks is wrong.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    if len(token) > MAX_TOKEN_BYTES:
        return _invalid(f"expected at most {MAX_TOKEN_BYTES} bytes, got {len(token)}")
    try:
        with _reading():
            answer = decode_timestamp_response(token)
            if answer.as_bytes() != token:
                return _invalid("expected one time-stamp answer in DER, got more or another spelling")
            if answer.status != 0:
                return _invalid(f"the authority did not grant it (status {answer.status})")
            info = answer.tst_info
            at, authority = Timestamp(int(info.gen_time.timestamp())), _signer(answer, roots)
    except ValueError as error:
        return _invalid(f"expected a time-stamp answer in DER ({error})")
    stamped = _imprint(root, info.message_imprint.hash_algorithm.dotted_string)
    if stamped is None:
        return TokenVerdict(Outcome.UNCHECKED, "its hash is none of SHA-256, SHA-384 and SHA-512", at, authority)
    if stamped != info.message_imprint.message:
        return _invalid("it is a time-stamp of something else than this batch root", at, authority)
    if not roots:
        return TokenVerdict(Outcome.UNCHECKED, "no root certificates were given to check it by", at, authority)
    try:
        with _reading():
            VerifierBuilder(roots=list(roots), nonce=nonce).build().verify(answer, stamped)
    except (VerificationError, ValueError) as error:
        if any(words in str(error) for words in _NOTHING_LEADS_THERE):
            message = "nothing leads from its signer to one of the given root certificates"
            return TokenVerdict(Outcome.UNCHECKED, message, at, authority)
        return _invalid(f"it does not hold: {_reason(str(error))}", at, authority)
    if now is not None and at > now + CLOCK_LEAD_SECONDS:
        message = "it tells a time that has not come by this machine's clock"
        return TokenVerdict(Outcome.UNCHECKED, message, at, authority)
    return TokenVerdict(Outcome.VALID, "the authority knew this batch root at that time", at, authority)


@contextmanager
def _reading() -> Iterator[None]:
    """What the libraries raise for certificates that can't be read, as ``ValueError``; their warnings are not ours.

    Beside ``ValueError`` these are the exceptions of ``cryptography.x509``, and a ``KeyError`` or ``TypeError`` for a
    name of a form that it does not know; a test changes every byte of a token.
    """
    from cryptography import utils, x509
    from cryptography.exceptions import UnsupportedAlgorithm

    unreadable = (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", utils.CryptographyDeprecationWarning)
        try:
            yield
        except (*unreadable, KeyError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


def _invalid(message: str, at: Timestamp | None = None, authority: str | None = None) -> TokenVerdict:
    return TokenVerdict(Outcome.INVALID, message, at, authority)


def _signer(answer: TimeStampResponse, roots: Sequence[Certificate]) -> str | None:
    """The subject of the certificate that signed: the one that the check relies on, or None where that can't be told.

    Where the reader has the signer's own certificate, the copy in the token is never looked at, and may say anything.
    """
    from cryptography.x509 import load_der_x509_certificate

    signers = answer.signed_data.signer_infos
    if len(signers) != 1:
        raise ValueError(f"expected one signature, got {len(signers)}")
    signer = next(iter(signers))
    carried = [load_der_x509_certificate(data) for data in answer.signed_data.certificates]
    for certificates in (roots, carried):
        names = {
            certificate.subject.rfc4514_string()
            for certificate in certificates
            if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number)
        }
        if names:
            return names.pop() if len(names) == 1 else None
    return None


def _imprint(root: Hash, algorithm: str) -> bytes | None:
    import hashlib

    names = {
        "2.16.840.1.101.3.4.2.1": "sha256",
        "2.16.840.1.101.3.4.2.2": "sha384",
        "2.16.840.1.101.3.4.2.3": "sha512",
    }
    return hashlib.new(names[algorithm], root).digest() if algorithm in names else None


def _reason(message: str) -> str:
    """The library's message, without the stack of OpenSSL's."""
    told = re.findall(r'(?:reason|data): "([^"]+)"', message)
    return "; ".join(dict.fromkeys(told)) or message.rstrip(".")
