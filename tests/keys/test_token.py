"""A key-encryption key inside a PKCS#11 token (SoftHSM): it wraps and unwraps there, and never leaves.

Each test runs in a process of its own: the module reads its configuration once a process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick.errors import MalformedInput
from tallystick.keys.keystore import create_keystore
from tallystick.keys.pkcs11_uri import parse_uri
from tallystick.keys.sources import MIN_SCRYPT_N

PASSPHRASE, PIN = "a long passphrase", "123456"
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
MODULE = next((path for path in MODULES if Path(path).exists()), None)
needs_token = pytest.mark.skipif(
    MODULE is None or shutil.which("softhsm2-util") is None, reason="SoftHSM is not installed: apt-get install softhsm2"
)

PRELUDE = """
import os, sys
from pathlib import Path
from tallystick.errors import *
from tallystick.keys.keystore import open_keystore
from tallystick.keys.rewrap import rewrap
from tallystick.keys.token import make_token_key, open_token_key
from tallystick.protocol import signing
directory, uri = Path(sys.argv[1]), sys.argv[2]
def to(source):
    return rewrap(directory, source, passphrase="a long passphrase", new_passphrase="a long passphrase",
        environment=os.environ, scrypt_n=2**14)
def refused(kind, call):
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError("expected " + kind.__name__)
"""


@pytest.fixture
def token(tmp_path: Path) -> dict[str, str]:
    """The environment of a process with a new token and its PIN."""
    (tmp_path / "tokens").mkdir()
    config = tmp_path / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    environment = {**os.environ, "SOFTHSM2_CONF": str(config), "TALLYSTICK_PKCS11_PIN": PIN}
    command = ["softhsm2-util", "--init-token", "--free", "--label", "ledger", "--so-pin", "87654321", "--pin", PIN]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return environment


def run(code: str, directory: Path, environment: dict[str, str], uri: str | None = None) -> str:
    """What ``code`` prints."""
    named = uri or f"pkcs11:token=ledger;object=kek?module-path={MODULE}"
    command = [sys.executable, "-c", PRELUDE + code, str(directory), named]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A keystore under a passphrase, with one key."""
    made = create_keystore(tmp_path / "keys", PASSPHRASE, scrypt_n=MIN_SCRYPT_N)
    made.import_key(b"\x11" * 32, "supplier")
    return made.directory


@needs_token
def test_a_key_that_could_leave_the_token_is_refused(keys: Path, token: dict[str, str]) -> None:
    """One that is extractable, or not sensitive, could be copied out: it wraps nothing."""
    code = """
import pkcs11
from tallystick.keys.pkcs11_uri import parse_uri
with pkcs11.lib(parse_uri(uri).module).get_token(token_label="ledger").open(rw=True, user_pin="123456") as session:
    A = pkcs11.Attribute
    for label, sensitive in (("out", True), ("seen", False)):
        template = {A.SENSITIVE: sensitive, A.EXTRACTABLE: sensitive}
        session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True, template=template)
for label in ("out", "seen"):
    print(refused(KeystoreError, lambda: to(uri.replace("kek", label))))
open_keystore(directory, "a long passphrase")
"""
    said = run(code, keys, token).splitlines()
    assert len(said) == 2
    assert all("never leaves the token" in line for line in said)


@needs_token
def test_a_wrong_pin_or_label_says_so_without_the_pin(keys: Path, token: dict[str, str]) -> None:
    """No PIN, a wrong one, no such token, key or module: each has its sentence, and nothing is changed."""
    code = """
print(refused(KeystoreError, lambda: to(uri)))
print(refused(KeystoreError, lambda: to(uri.replace("ledger", "other"))))
print(refused(KeystoreError, lambda: to(uri.replace("module-path=/", "module-path=/none/"))))
os.environ["TALLYSTICK_PKCS11_PIN"] = "999999"
print(refused(KeystoreError, lambda: to(uri)))
del os.environ["TALLYSTICK_PKCS11_PIN"]
print(refused(KeystoreError, lambda: to(uri)))
open_keystore(directory, "a long passphrase")
"""
    said = run(code, keys, token).splitlines()
    expected = ("found none", "NoSuchToken", "refused", "PinIncorrect", "expected the PIN of the token")
    assert [part in line for part, line in zip(expected, said, strict=True)] == [True] * 5
    assert not any(PIN in line or "999999" in line for line in said)


@needs_token
def test_a_keystore_under_a_token_opens_with_it_alone(keys: Path, token: dict[str, str]) -> None:
    """The key is made in the token and can't be read; with the token the keystore signs, without it it stays closed."""
    code = """
make_token_key(uri, os.environ)
refused(Duplicate, lambda: make_token_key(uri, os.environ))
key = open_token_key(uri, os.environ)
import pkcs11
print(refused(pkcs11.exceptions.AttributeSensitive, lambda: key._key[pkcs11.Attribute.VALUE]))
A = pkcs11.Attribute
print([key._key[one] for one in (A.NEVER_EXTRACTABLE, A.ENCRYPT, A.DECRYPT)])
key.close()
assert to(uri) == 1
opened = open_keystore(directory, "not asked for")
other = opened.create("buyer")
signer = signing.private_key_address(b"\\x11" * 32)
for one in (signer, other):
    assert signing.recover(bytes(32), opened.sign(one, bytes(32))) == one
opened = open_keystore(directory, "not asked for")
assert sorted(opened.addresses().values()) == ["buyer", "supplier"]
"""
    assert "[True, False, False]" in run(code, keys, token)
    assert (b"\x11" * 32).hex() not in "".join(path.read_text() for path in keys.glob("*.json"))
    without = {**token, "SOFTHSM2_CONF": "/dev/null"}
    run("refused(KeystoreError, lambda: open_keystore(directory, 'a long passphrase'))", keys, without)


@needs_token
def test_from_token_to_token_and_back_to_a_passphrase(keys: Path, token: dict[str, str]) -> None:
    """A key of the token gives way to another one there, and that to a passphrase: then the token is not needed."""
    code = """
second = uri.replace("kek", "kek2")
make_token_key(uri, os.environ)
make_token_key(second, os.environ)
assert (to(uri), to(second)) == (1, 1)
open_keystore(directory, "not asked for").addresses()
assert to("passphrase") == 1
print(open_keystore(directory, "a long passphrase", environment={}).addresses().popitem()[1])
"""
    assert run(code, keys, token) == "supplier\n"


@needs_token
def test_a_lost_session_is_opened_again(keys: Path, token: dict[str, str]) -> None:
    """Where the token logs out under it, the next signature logs in again."""
    code = """
make_token_key(uri, os.environ)
to(uri)
opened = open_keystore(directory, "not asked for")
[key] = opened._vault._keys.values()
key._session.close()
print(len(opened.sign(signing.private_key_address(b"\\x11" * 32), bytes(32))))
"""
    assert run(code, keys, token) == "65\n"


@needs_token
def test_the_token_wraps_as_the_standard_says(keys: Path, token: dict[str, str]) -> None:
    """What the token wraps under a key that somebody knows is what OpenSSL makes of it (RFC 3394)."""
    code = """
import pkcs11
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
make_token_key(uri, os.environ)
key = open_token_key(uri, os.environ)
A = pkcs11.Attribute
key._key = key._session.create_object({A.CLASS: pkcs11.ObjectClass.SECRET_KEY, A.KEY_TYPE: pkcs11.KeyType.AES,
    A.VALUE: b"k" * 32, A.TOKEN: False, A.WRAP: True, A.UNWRAP: True})
wrapped = key.wrap(b"d" * 32)
assert wrapped == aes_key_wrap(b"k" * 32, b"d" * 32)
assert key.unwrap(wrapped) == b"d" * 32
assert key.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1])) is None
assert key.unwrap(bytes(40)) is None
"""
    run(code, keys, token)


@needs_token
def test_the_pin_may_stand_in_a_file(keys: Path, token: dict[str, str], tmp_path: Path) -> None:
    """The URI names the file with the PIN, and the environment needs none."""
    (tmp_path / "pin").write_text(f"{PIN}\n")
    without = {name: value for name, value in token.items() if name != "TALLYSTICK_PKCS11_PIN"}
    uri = f"pkcs11:token=ledger;object=kek?module-path={MODULE}&pin-source=file:{tmp_path}/pin"
    code = """
make_token_key(uri, os.environ)
print(to(uri), len(open_keystore(directory, "not asked for").addresses()))
"""
    assert run(code, keys, without, uri) == "1 1\n"


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:",
        "PKCS11:token=a;object=b?module-path=/x",
        "pkcs11:token=a?module-path=/x",
        "pkcs11:token=a;object=b",
        "pkcs11:token=a;token=a;object=b?module-path=/x",
        "pkcs11:token=a;object=b;serial=1?module-path=/x",
        "pkcs11:token=;object=b?module-path=/x",
        "pkcs11:token=%zz;object=b?module-path=/x",
        "pkcs11:token=a;object=b?module-path=/x&pin-value=1",
        "pkcs11:token=a;object=b?module-path=/x&pin-source=|cat",
        "pkcs11:token=a;object=b?module-path=/" + "x" * 1000,
    ],
)
def test_only_one_spelling_of_a_uri_is_read(uri: str) -> None:
    """What is missing, doubled, unknown or not encoded is refused (RFC 7512, the part that is used here)."""
    with pytest.raises(MalformedInput):
        parse_uri(uri)


def test_a_uri_may_hold_any_label() -> None:
    """Blanks and umlauts are percent-encoded UTF-8."""
    found = parse_uri(
        "pkcs11:token=My%20ledger;object=Schl%C3%BCssel?module-path=/usr/lib/x.so&pin-source=file:/run/pin"
    )
    assert (found.token, found.label, found.module) == ("My ledger", "Schlüssel", "/usr/lib/x.so")
    assert str(found.pin_file) == "/run/pin"
