"""What the encrypted keystore promises beyond any other: nothing leaks, nothing is half there, every change shows."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.errors import KeystoreError, NotFound, WrongPassphrase
from tallystick.keys.keystore import EncryptedKeystore, create_keystore, open_keystore
from tallystick.keys.sources import MIN_SCRYPT_N, SCRYPT_N
from tallystick.protocol import signing
from tallystick.protocol.types import to_hex

PASSPHRASE = "a long passphrase"
KEY = b"\x11" * 32
DIGEST = bytes(range(32))


@pytest.fixture
def keystore(tmp_path: Path) -> EncryptedKeystore:
    """A keystore of one key and one secret; scrypt is made cheap."""
    made = create_keystore(tmp_path / "home" / "keys", PASSPHRASE, scrypt_n=MIN_SCRYPT_N)
    made.import_key(KEY, "supplier")
    made.put_secret("network-key", b"\x22" * 32)
    return made


def key_file(keystore: EncryptedKeystore) -> Path:
    return keystore.directory / f"{to_hex(signing.private_key_address(KEY))}.json"


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def use(directory: Path) -> None:
    """Everything that reads a file."""
    opened = open_keystore(directory, PASSPHRASE)
    for address in opened.addresses():
        opened.sign(address, DIGEST)
    opened.secret("network-key")


@pytest.mark.parametrize("wrong", ["", "a long passphras", "A long passphrase", "a long passphrase "])
def test_a_wrong_passphrase_is_refused(keystore: EncryptedKeystore, wrong: str) -> None:
    """Any other passphrase is a wrong one: not a damaged file, and not shown."""
    with pytest.raises(WrongPassphrase, match="does not open") as caught:
        open_keystore(keystore.directory, wrong)
    assert not wrong or f"'{wrong}'" not in str(caught.value)
    assert "TALLYSTICK_PASSPHRASE" in caught.value.todo


def test_an_empty_passphrase_protects_nothing(tmp_path: Path) -> None:
    """A keystore with an empty passphrase is refused, and nothing is made."""
    with pytest.raises(KeystoreError, match="got an empty one"):
        create_keystore(tmp_path / "keys", "", scrypt_n=MIN_SCRYPT_N)
    assert not (tmp_path / "keys").exists()


def test_a_keystore_is_never_made_over_another(keystore: EncryptedKeystore) -> None:
    """Making a keystore where there is one is refused, and the first one still opens."""
    with pytest.raises(KeystoreError, match=r"vault.json: there is a keystore already"):
        create_keystore(keystore.directory, "another passphrase", scrypt_n=MIN_SCRYPT_N)
    use(keystore.directory)


def test_a_directory_without_a_vault_is_no_keystore(tmp_path: Path) -> None:
    """Opening what is not there names the directory and how to make one."""
    with pytest.raises(KeystoreError, match=f"{tmp_path}: expected a keystore") as caught:
        open_keystore(tmp_path, PASSPHRASE)
    assert "tallystick init" in caught.value.todo


def test_a_directory_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    """Where a file stands in the way, the error names it."""
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(KeystoreError, match=str(tmp_path / "keys")):
        create_keystore(tmp_path / "keys", PASSPHRASE, scrypt_n=MIN_SCRYPT_N)


@pytest.mark.parametrize("n", [0, 2**13, 2**14 + 1, 2**21, True, 16384.0, "16384", None])
def test_a_vault_can_not_ask_for_any_amount_of_memory(keystore: EncryptedKeystore, n: object) -> None:
    """A cost of scrypt that is no power of two within the bounds is refused before anything is computed."""
    path = keystore.directory / "vault.json"
    [key] = json.loads(path.read_text())["keys"]
    change(path, keys=[{**key, "scrypt": {**key["scrypt"], "n": n}}])
    with pytest.raises(KeystoreError, match=r"vault.json: expected scrypt with n a power of two"):
        open_keystore(keystore.directory, PASSPHRASE)


@pytest.mark.parametrize("name", ["vault.json", "key", "secret-network-key.json"])
@pytest.mark.parametrize(
    "content", [b"", b"not JSON", b"[]", b"{}", b'{"version": 1}', b"\xff\xfe", b"[" * 100_000, b" " * 2_000_000]
)
def test_a_file_that_is_none_of_ours_is_named(keystore: EncryptedKeystore, name: str, content: bytes) -> None:
    """Whatever stands in a file, the error is ours and names the file."""
    path = key_file(keystore) if name == "key" else keystore.directory / name
    path.write_bytes(content)
    with pytest.raises(KeystoreError, match=path.name):
        use(keystore.directory)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_changed_character_shows(keystore: EncryptedKeystore, data: st.DataObject) -> None:
    """A file with one character changed is refused by its name, or says the very same thing in other words."""
    path = data.draw(st.sampled_from(sorted(keystore.directory.glob("*.json"))))
    original = path.read_bytes()
    place = data.draw(st.integers(0, len(original) - 1))
    changed = original[:place] + data.draw(st.binary(min_size=1, max_size=1)) + original[place + 1 :]
    path.write_bytes(changed)
    try:
        if json_or_none(changed) == json_or_none(original):
            use(keystore.directory)
        else:
            with pytest.raises(KeystoreError) as caught:
                use(keystore.directory)
            assert path.name in str(caught.value) or isinstance(caught.value, WrongPassphrase)
    finally:
        path.write_bytes(original)


def json_or_none(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def test_a_key_does_not_open_under_another_label(keystore: EncryptedKeystore) -> None:
    """The label is bound to the key: one that was changed is noticed, even when the keys are only listed."""
    change(key_file(keystore), label="buyer")
    with pytest.raises(KeystoreError, match=f"{key_file(keystore).name}: was changed"):
        open_keystore(keystore.directory, PASSPHRASE).addresses()


def test_a_key_does_not_open_under_another_address(keystore: EncryptedKeystore) -> None:
    """The address is bound to the key: a file that was renamed, and made to fit, is noticed."""
    other = keystore.create("buyer")
    path = keystore.directory / f"{to_hex(other)}.json"
    path.write_bytes(key_file(keystore).read_bytes())
    change(path, address=to_hex(other))
    with pytest.raises(KeystoreError, match="was changed"):
        open_keystore(keystore.directory, PASSPHRASE).sign(other, DIGEST)


def test_a_key_of_another_keystore_does_not_open(keystore: EncryptedKeystore, tmp_path: Path) -> None:
    """A key file belongs to its vault, even under the same passphrase."""
    other = create_keystore(tmp_path / "other", PASSPHRASE, scrypt_n=MIN_SCRYPT_N)
    (other.directory / key_file(keystore).name).write_bytes(key_file(keystore).read_bytes())
    with pytest.raises(KeystoreError, match="belongs to another keystore"):
        open_keystore(other.directory, PASSPHRASE).addresses()


def test_a_removed_key_is_not_found(keystore: EncryptedKeystore) -> None:
    """A key whose file is gone is gone; the others stay."""
    key_file(keystore).unlink()
    opened = open_keystore(keystore.directory, PASSPHRASE)
    assert opened.addresses() == {}
    with pytest.raises(NotFound):
        opened.sign(signing.private_key_address(KEY), DIGEST)


def test_only_the_owner_can_read(keystore: EncryptedKeystore) -> None:
    """The directory is 0700, every file 0600, and no half-written file is left."""
    assert stat.S_IMODE(keystore.directory.stat().st_mode) == 0o700
    names = sorted(os.listdir(keystore.directory))
    assert names == sorted([key_file(keystore).name, "lock", "secret-network-key.json", "vault.json"])
    assert {stat.S_IMODE((keystore.directory / name).stat().st_mode) for name in names} == {0o600}


def test_no_file_holds_a_key_in_the_clear(keystore: EncryptedKeystore) -> None:
    """Neither the key, the secret nor the passphrase stands in any file, as bytes or as hex."""
    everything = b"".join(path.read_bytes() for path in keystore.directory.iterdir())
    for secret in (KEY, b"\x22" * 32, PASSPHRASE.encode()):
        assert secret not in everything
        assert secret.hex().encode() not in everything


def test_a_seed_never_reaches_the_encryption(tmp_path: Path) -> None:
    """Two keystores of one seed have the same keys, but no nonce, salt or ciphertext in common."""
    files = []
    for name in ("first", "second"):
        entropy = random.Random(7).randbytes
        made = create_keystore(tmp_path / name, PASSPHRASE, entropy=entropy, scrypt_n=MIN_SCRYPT_N)
        address = made.create("supplier")
        files.append(
            [json.loads((made.directory / one).read_text()) for one in ("vault.json", f"{to_hex(address)}.json")]
        )
    (vault_a, key_a), (vault_b, key_b) = files
    assert key_a["address"] == key_b["address"]
    assert key_a["nonce"] != key_b["nonce"]
    assert key_a["ciphertext"] != key_b["ciphertext"]
    assert key_a["dataKey"] != key_b["dataKey"]
    [named_a], [named_b] = vault_a["keys"], vault_b["keys"]
    assert named_a["scrypt"]["salt"] != named_b["scrypt"]["salt"]


def test_an_opened_keystore_has_what_was_kept(keystore: EncryptedKeystore) -> None:
    """Keys, labels and secrets are there after the process that made them."""
    address = keystore.create("供应商 & Söhne")
    opened = open_keystore(keystore.directory, PASSPHRASE)
    assert opened.addresses() == keystore.addresses()
    assert opened.sign(address, DIGEST) == keystore.sign(address, DIGEST)
    assert opened.secret("network-key") == b"\x22" * 32


def test_a_passphrase_is_the_same_however_it_is_composed(tmp_path: Path) -> None:
    """An umlaut typed as one character or as two is the same passphrase."""
    create_keystore(tmp_path, "Schlu\u0308ssel", scrypt_n=MIN_SCRYPT_N)
    assert open_keystore(tmp_path, "Schl\u00fcssel").addresses() == {}


def test_each_file_has_a_data_key_of_its_own(keystore: EncryptedKeystore) -> None:
    """The data key of one file opens no other: whoever gets it has one private key."""
    other = keystore.create("buyer")
    path = keystore.directory / f"{to_hex(other)}.json"
    change(path, dataKey=json.loads(key_file(keystore).read_text())["dataKey"])
    with pytest.raises(KeystoreError, match="was changed"):
        open_keystore(keystore.directory, PASSPHRASE).sign(other, DIGEST)


def test_a_withheld_key_is_not_there(keystore: EncryptedKeystore) -> None:
    """It signs nothing, is not listed, and its file is never read: it may be missing, or anything at all."""
    withheld = signing.private_key_address(KEY)
    key_file(keystore).write_text("whatever")
    opened = open_keystore(keystore.directory, PASSPHRASE, withheld=[withheld])
    assert opened.addresses() == {}
    with pytest.raises(KeystoreError, match="withheld from this process"):
        opened.sign(withheld, DIGEST)


def test_the_keystore_is_what_the_documentation_says(keystore: EncryptedKeystore) -> None:
    """The key can be had from the files with scrypt of the standard library, key wrap and GCM, and nothing of ours."""
    import hashlib

    [named] = json.loads((keystore.directory / "vault.json").read_text())["keys"]
    stored = json.loads(key_file(keystore).read_text())
    assert (named["source"], stored["kek"]) == ("passphrase", named["id"])
    salt, n = bytes.fromhex(named["scrypt"]["salt"][2:]), named["scrypt"]["n"]
    kek = hashlib.scrypt(PASSPHRASE.encode(), salt=salt, n=n, r=8, p=1, dklen=32, maxmem=2**28)
    raw = {name: bytes.fromhex(stored[name][2:]) for name in ("address", "dataKey", "nonce", "ciphertext")}
    data_key = aes_key_unwrap(kek, raw["dataKey"])
    context = b"tallystick key v2\0" + raw["address"] + b"supplier"
    assert AESGCM(data_key).decrypt(raw["nonce"], raw["ciphertext"], context) == KEY


def test_the_default_cost_is_that_of_the_documentation(tmp_path: Path) -> None:
    """Unless a test makes it cheaper, scrypt takes n=2**17, r=8, p=1."""
    create_keystore(tmp_path, PASSPHRASE)
    [named] = json.loads((tmp_path / "vault.json").read_text())["keys"]
    assert {**named["scrypt"], "salt": None} == {"n": SCRYPT_N, "r": 8, "p": 1, "salt": None}
    assert SCRYPT_N == 2**17


MAKER = """
import sys
from pathlib import Path
from tallystick.keys.keystore import open_keystore

keystore = open_keystore(Path(sys.argv[1]), sys.argv[2])
while True:
    print("0x" + keystore.create("supplier").hex(), flush=True)
"""


def test_kill_9_loses_no_key_that_was_returned(keystore: EncryptedKeystore) -> None:
    """Whenever the maker is killed, every address it returned signs, and no other file is broken."""
    for stop_after in (1, 5, 9):
        maker = subprocess.Popen(
            [sys.executable, "-c", MAKER, str(keystore.directory), PASSPHRASE], stdout=subprocess.PIPE, text=True
        )
        assert maker.stdout is not None
        told = [maker.stdout.readline().strip() for _ in range(stop_after)]
        os.kill(maker.pid, signal.SIGKILL)
        told += [line.strip() for line in maker.stdout if line.endswith("\n")]
        maker.wait()
        maker.stdout.close()
        opened = open_keystore(keystore.directory, PASSPHRASE)
        kept = {to_hex(address) for address in opened.addresses()}
        assert set(told) <= kept
        use(keystore.directory)
