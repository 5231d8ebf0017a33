"""An authority made of bytes: its tokens need no program, and the same root and time always give the same token.

Keys are derived from names and signatures are deterministic (RFC 6979), so that vectors can hold its tokens. A test
shows them to ``openssl ts -verify``. Source: RFC 3161 section 2.4.2, RFC 5652 section 5, RFC 5816.
"""

from __future__ import annotations

import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HASHES = {"sha256": "608648016503040201", "sha384": "608648016503040202", "sha512": "608648016503040203"}
OTHER_HASH = "2b0e03021a"
"""SHA-1, which nothing accepts any more."""
_SIGNED_DATA, _TST_INFO = "2a864886f70d010702", "2a864886f70d0109100104"
_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_UNTIL = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)


def der(tag: int, *contents: bytes) -> bytes:
    """The element of this tag (X.690 section 10.1)."""
    body = b"".join(contents)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(length)]) + length + body


def oid(hexadecimal: str) -> bytes:
    return der(0x06, bytes.fromhex(hexadecimal))


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def integer(number: int) -> bytes:
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


class Maker:
    """The authority called ``name``."""

    def __init__(self, name: str = "Vector Authority") -> None:
        root_key, self._key = _key(f"{name} root"), _key(name)
        issuer, subject = _name(f"{name} Root"), _name(name)
        self.root = _certificate(issuer, issuer, root_key, root_key, 1)
        self.signer = _certificate(subject, issuer, self._key, root_key, 2)

    @property
    def root_pem(self) -> bytes:
        """What a reader who trusts it has."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def token(self, root: bytes, at: int, algorithm: str = "sha256", *, status: int = 0) -> bytes:
        """Its answer about the batch root ``root`` at the time ``at``."""
        imprint = hashlib.new(algorithm, root).digest()
        return self.answer(imprint, at, HASHES.get(algorithm, OTHER_HASH), status=status)

    def answer(self, imprint: bytes, at: int, algorithm: str, *, status: int = 0) -> bytes:
        """Its answer about ``imprint``, a hash by the algorithm of that object identifier."""
        told = datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y%m%d%H%M%SZ").encode()
        info = sequence(
            integer(1),
            oid("2a030401"),
            sequence(sequence(oid(algorithm), b"\x05\x00"), der(0x04, imprint)),
            integer(at),
            der(0x18, told),
        )
        sha256 = sequence(oid(HASHES["sha256"]), b"\x05\x00")
        certificate = self.signer.public_bytes(serialization.Encoding.DER)
        essential = sequence(sequence(sequence(der(0x04, hashlib.sha256(certificate).digest()))))
        attributes = b"".join(
            sorted(
                sequence(oid(kind), der(0x31, value))
                for kind, value in (
                    ("2a864886f70d010903", oid(_TST_INFO)),
                    ("2a864886f70d010904", der(0x04, hashlib.sha256(info).digest())),
                    ("2a864886f70d010910022f", essential),
                )
            )
        )
        algorithm_used = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        signature = self._key.sign(der(0x31, attributes), algorithm_used)
        signer = sequence(
            integer(1),
            sequence(self.signer.issuer.public_bytes(), integer(self.signer.serial_number)),
            sha256,
            der(0xA0, attributes),
            sequence(oid("2a8648ce3d040302")),
            der(0x04, signature),
        )
        signed = sequence(
            integer(3),
            der(0x31, sha256),
            sequence(oid(_TST_INFO), der(0xA0, der(0x04, info))),
            der(0xA0, certificate),
            der(0x31, signer),
        )
        return sequence(sequence(integer(status)), sequence(oid(_SIGNED_DATA), der(0xA0, signed)))


def _key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest()[:31], "big"), ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    serial: int,
) -> x509.Certificate:
    is_root = subject == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
    )
    if not is_root:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return builder.sign(by, hashes.SHA256(), ecdsa_deterministic=True)
