"""A time-stamp is valid, invalid, or could not be checked: real tokens of three authorities, and of one of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from tallystick.errors import MalformedInput
from tallystick.protocol.types import Hash, Timestamp
from tallystick.protocol.verdict import Outcome
from tallystick.timestamp.token import CLOCK_LEAD_SECONDS, MAX_TOKEN_BYTES, TokenVerdict, check_token, parse_roots
from timestamp.authority import made_in, needs_openssl

TOKENS = Path(__file__).parent / "tokens"
HELLO = Hash(b"hello")
"""What the real tokens are of; a batch root in their place has 32 bytes."""
SIGSTAGE_TIME = 1_746_791_935
"""2025-05-09T11:58:55Z, as `openssl ts -reply -text` prints it."""


def token(name: str) -> bytes:
    return (TOKENS / name).read_bytes()


def roots(authority: str) -> Any:
    return parse_roots(token(f"{authority}/ts_chain.pem"), "roots")


def check(name: str, by: str | None = None, root: Hash = HELLO, **options: Any) -> TokenVerdict:
    """The verdict on the token called ``name`` by the roots of its authority, or those of ``by``."""
    return check_token(token(name), root, roots(by or name.split("/")[0]), **options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a time-stamp answer in DER"),
        (b"\x30\x00", "expected a time-stamp answer in DER"),
        (b"<html>", "expected a time-stamp answer in DER"),
        (b"\x30" * 70_000, f"expected at most {MAX_TOKEN_BYTES} bytes"),
        (token("sigstage/response-sha256.tsr") + b"\x00", "expected"),
        (token("sigstage/response-sha256.tsr")[:-1], "expected"),
    ],
)
def test_what_is_no_token_is_invalid(data: bytes, message: str) -> None:
    """Anything but one answer in DER, no byte more or less, is invalid."""
    verdict = check_token(data, HELLO, roots("sigstage"))
    assert verdict.outcome is Outcome.INVALID
    assert message in verdict.message


@pytest.mark.parametrize(
    "name", ["sigstage/response-sha256.tsr", "sigstage/response-sha512.tsr", "test_tsa/response.tsr"]
)
def test_a_token_of_something_else_is_invalid(name: str) -> None:
    """A good token of another text is worth nothing here, whether or not its authority is known."""
    for by in ("sigstage", "test_tsa"):
        verdict = check(name, by, root=Hash(bytes(32)))
        assert verdict.outcome is Outcome.INVALID
        assert "something else than this batch root" in verdict.message


def test_a_changed_signature_is_invalid() -> None:
    """Where the certificates hold and the signature does not, the token is forged; the reason is told in words."""
    verdict = check("sigstage/response-invalid-signature.tsr")
    assert (verdict.outcome, verdict.message.split(":")[0]) == (Outcome.INVALID, "it does not hold")
    assert "signature failure" in verdict.message
    assert "ErrorStack" not in verdict.message


def test_a_token_from_the_future_could_not_be_checked() -> None:
    """A time that has not come for the reader: one of two clocks is wrong, and it may be the reader's."""
    name = "sigstage/response-sha256.tsr"
    assert check(name, now=Timestamp(SIGSTAGE_TIME - CLOCK_LEAD_SECONDS)).outcome is Outcome.VALID
    early = Timestamp(SIGSTAGE_TIME - CLOCK_LEAD_SECONDS - 1)
    assert check(name, now=early).outcome is Outcome.UNCHECKED
    assert check("sigstage/response-invalid-signature.tsr", now=early).outcome is Outcome.INVALID


def test_an_answer_to_another_request_is_invalid() -> None:
    """With the nonce of a request only the answer to that request is good."""
    verdict = check("sigstage/response-sha256.tsr", nonce=1)
    assert verdict.outcome is Outcome.INVALID
    assert "Nonce" in verdict.message


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("sigstage/response-sha256.tsr", "test_tsa"),
        ("test_tsa/response.tsr", "sigstage"),
        ("test_tsa/other_response.tsr", "test_tsa"),
        ("identrust/issue-104.tsr", "sigstage"),
        ("sigstage/response-no-embedded-cert.tsr", "sigstage"),
    ],
)
def test_an_authority_that_the_reader_does_not_know_could_not_be_checked(name: str, by: str) -> None:
    """Where nothing leads to the reader's roots, or the token lacks its certificate, it is not called invalid."""
    verdict = check(name, by)
    assert verdict.outcome is Outcome.UNCHECKED, verdict.message
    assert verdict.at is not None


def test_without_roots_nothing_could_be_checked() -> None:
    """The time is told, and that nobody vouches for it."""
    verdict = check_token(token("sigstage/response-sha256.tsr"), HELLO, ())
    assert (verdict.outcome, verdict.at) == (Outcome.UNCHECKED, SIGSTAGE_TIME)


@pytest.mark.parametrize(
    "name",
    [
        "sigstage/response-sha256.tsr",
        "sigstage/response-sha384.tsr",
        "sigstage/response-sha512.tsr",
        "test_tsa/response.tsr",
        "test_tsa/response-injected-certs.tsr",
        "identrust/issue-104.tsr",
    ],
)
def test_a_good_token_is_valid(name: str) -> None:
    """Granted, of this text, and signed by a certificate that leads to the reader's roots: who and when are told."""
    verdict = check(name)
    assert verdict.outcome is Outcome.VALID, verdict.message
    names = {
        "sigstage": "sigstore-tsa",
        "test_tsa": "Test TSA Timestamping",
        "identrust": "TrustID Timestamp Authority",
    }
    assert names[name.split("/")[0]] in str(verdict.authority)
    assert "Spoofed" not in str(verdict.authority)
    if name.startswith("sigstage"):
        assert SIGSTAGE_TIME <= (verdict.at or 0) <= SIGSTAGE_TIME + 1


@pytest.mark.parametrize("flip", [1, 2, 8, 16, 32, 255])
def test_a_changed_byte_is_never_valid_for_another_time(flip: int) -> None:
    """Whatever byte is changed, the token is not valid, unless what it says stays the same, and nothing is raised."""
    good, trusted = token("sigstage/response-sha256.tsr"), roots("sigstage")
    for position in range(len(good)):
        data = bytearray(good)
        data[position] ^= flip
        verdict = check_token(bytes(data), HELLO, trusted)
        if verdict.outcome is Outcome.VALID:
            assert verdict.at == SIGSTAGE_TIME
            assert "sigstore-tsa" in str(verdict.authority)


@pytest.mark.parametrize(
    "data", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_roots_are_certificates(data: bytes) -> None:
    """A file without a certificate, or with one that can't be read, is refused by its name."""
    with pytest.raises(MalformedInput, match=r"roots\.pem: expected certificates in PEM"):
        parse_roots(data, "roots.pem")


@needs_openssl
def test_a_root_counts_by_its_key_not_by_its_name(tmp_path: Path) -> None:
    """Another root of the same name, with a key of its own, does not make a token valid."""
    good, other = made_in(tmp_path / "good"), made_in(tmp_path / "other")
    request = TimestampRequestBuilder(data=bytes(32), hash_algorithm=HashAlgorithm.SHA256).build()
    answer, root = good.answer(request.as_bytes()), Hash(bytes(32))
    by_good = check_token(answer, root, parse_roots(good.roots.read_bytes(), "roots"), nonce=request.nonce)
    assert by_good.outcome is Outcome.VALID, by_good.message
    assert check_token(answer, root, parse_roots(other.roots.read_bytes(), "roots")).outcome is not Outcome.VALID
