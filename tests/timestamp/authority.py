"""A time-stamping authority of our own: OpenSSL signs its tokens, a server in a thread hands them out over HTTP."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")

CONFIGURATION = """
[tsa]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer.key
certs = {folder}/signer.pem
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
signer_digest = sha256
ess_cert_id_alg = sha256
ess_cert_id_chain = no
tsa_name = no
ordering = no
"""


@dataclass
class Authority:
    """The authority in ``folder``; with ``fails`` set, it answers with that status and body instead of a token."""

    folder: Path
    url: str = ""
    fails: tuple[int, bytes] | None = None
    asked: int = 0
    answers: list[bytes] = field(default_factory=list)

    @property
    def roots(self) -> Path:
        """PEM file with its root certificate."""
        return self.folder / "root.pem"

    def answer(self, query: bytes) -> bytes:
        """The token for ``query``, as the program openssl makes it."""
        asked = self.folder / "query.tsq"
        asked.write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", str(asked)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, check=True)
        return done.stdout


def made_in(folder: Path) -> Authority:
    """A new authority with a root and a signer for time-stamping."""
    folder.mkdir()
    root_key, signer_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, signer_name = _name("Test Root"), _name("Test Authority")
    root = _certificate(root_name, root_name, root_key.public_key(), root_key, None)
    signer = _certificate(signer_name, root_name, signer_key.public_key(), root_key, ExtendedKeyUsageOID.TIME_STAMPING)
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "signer.pem").write_bytes(signer.public_bytes(serialization.Encoding.PEM))
    (folder / "signer.key").write_bytes(
        signer_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder))
    return Authority(folder)


@contextmanager
def listening(authority: Authority) -> Iterator[Authority]:
    """``authority`` behind HTTP on a free port, its ``url`` set."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            authority.asked += 1
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, body = authority.fails or (200, authority.answer(query))
            authority.answers.append(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    authority.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    usage: x509.ObjectIdentifier | None,
) -> x509.Certificate:
    """A certificate good for ten years; ``usage`` None makes it a root's."""
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return builder.sign(signer, hashes.SHA256())
