"""A keystore goes from one key-encryption key to another, whole or resumable, and from version 1 to version 2."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys.version1 import write_version_1
from tallystick.errors import KeystoreError, UsageError, WrongPassphrase
from tallystick.keys import files
from tallystick.keys.keystore import EncryptedKeystore, create_keystore, open_keystore
from tallystick.keys.rewrap import rewrap
from tallystick.keys.sources import MIN_SCRYPT_N, MemoryKey
from tallystick.protocol import signing

PASSPHRASE, NEW = "a long passphrase", "a longer passphrase"
KEY, OTHER = b"\x11" * 32, b"\x12" * 32
NETWORK = b"\x22" * 32
DIGEST = bytes(range(32))
ENVIRONMENT = {"KEK": "ab" * 32, "KEK2": "cd" * 32}


@pytest.fixture
def keystore(tmp_path: Path) -> EncryptedKeystore:
    """A keystore of two keys and one secret; scrypt is made cheap."""
    made = create_keystore(tmp_path / "keys", PASSPHRASE, scrypt_n=MIN_SCRYPT_N)
    made.import_key(KEY, "supplier")
    made.import_key(OTHER, "buyer")
    made.put_secret("network-key", NETWORK)
    return made


def to(directory: Path, source: str, **options: Any) -> int:
    """Rewrap the keystore in ``directory`` to ``source``."""
    given: dict[str, Any] = {"passphrase": PASSPHRASE, "new_passphrase": NEW, "environment": ENVIRONMENT}
    return rewrap(directory, source, scrypt_n=MIN_SCRYPT_N, **{**given, **options})


def holds_all(directory: Path, passphrase: str = PASSPHRASE, environment: Mapping[str, str] = ENVIRONMENT) -> None:
    """Every key signs under its own label, and the secret is the same."""
    opened = open_keystore(directory, passphrase, environment=environment)
    assert sorted(opened.addresses().values()) == ["buyer", "supplier"]
    for key in (KEY, OTHER):
        signer = signing.private_key_address(key)
        assert signing.recover(DIGEST, opened.sign(signer, DIGEST)) == signer
    assert opened.secret("network-key") == NETWORK


@pytest.mark.parametrize(
    "source",
    ["", "file:", "environment:", "environment:1x", "Passphrase", "vault:x", "pkcs11:", "pkcs11:token=a;object=b"],
)
def test_only_a_source_is_gone_to(keystore: EncryptedKeystore, source: str) -> None:
    """What names no key-encryption key is refused, and nothing is changed."""
    with pytest.raises(UsageError):
        to(keystore.directory, source)
    holds_all(keystore.directory)


def test_a_pin_does_not_stand_in_the_keystore(keystore: EncryptedKeystore) -> None:
    """A PKCS#11 URI with the PIN in it is refused, for the URI is kept."""
    with pytest.raises(UsageError, match="no pin-value"):
        to(keystore.directory, "pkcs11:token=a;object=b?module-path=/x.so&pin-value=1234")


def test_a_key_that_can_not_be_had_changes_nothing(keystore: EncryptedKeystore, tmp_path: Path) -> None:
    """A file that is missing or no key, a variable that is not set: refused before the first file is touched."""
    (tmp_path / "short").write_text("abcd")
    for source in (f"file:{tmp_path}/none", f"file:{tmp_path}/short", "environment:NONE"):
        with pytest.raises(KeystoreError):
            to(keystore.directory, source)
        holds_all(keystore.directory)


def test_the_wrong_passphrase_changes_nothing(keystore: EncryptedKeystore) -> None:
    """Whoever does not know the old one gives no new one."""
    with pytest.raises(WrongPassphrase):
        to(keystore.directory, "passphrase", passphrase="guess")
    holds_all(keystore.directory)


def test_a_keystore_goes_from_place_to_place(keystore: EncryptedKeystore, tmp_path: Path) -> None:
    """Passphrase, file, environment, another passphrase: each opens it, and what opened it before does not."""
    directory = keystore.directory
    (tmp_path / "kek").write_text("ef" * 32 + "\n")
    assert to(directory, f"file:{tmp_path}/kek") == 3
    holds_all(directory, passphrase="not asked for")
    (tmp_path / "kek").write_text("ee" * 32)
    with pytest.raises(KeystoreError, match="is not the one that this keystore is wrapped under"):
        open_keystore(directory, PASSPHRASE)
    (tmp_path / "kek").write_text("ef" * 32)
    to(directory, "environment:KEK")
    (tmp_path / "kek").unlink()
    holds_all(directory)
    with pytest.raises(KeystoreError, match="KEK: expected the key-encryption key"):
        open_keystore(directory, PASSPHRASE, environment={})
    to(directory, "passphrase")
    holds_all(directory, NEW, {})
    with pytest.raises(WrongPassphrase):
        open_keystore(directory, PASSPHRASE)


def test_only_wrapped_data_keys_change(keystore: EncryptedKeystore) -> None:
    """Nonce, ciphertext, label and address of every file stay byte for byte."""

    def kept() -> list[dict[str, Any]]:
        found = [json.loads(path.read_text()) for path in sorted(keystore.directory.glob("*.json"))]
        return [{n: v for n, v in one.items() if n not in ("kek", "dataKey")} for one in found if "nonce" in one]

    before = kept()
    to(keystore.directory, "environment:KEK")
    assert kept() == before
    assert len(before) == 3


def test_who_has_it_open_must_start_anew(keystore: EncryptedKeystore) -> None:
    """After a rewrapping the old program writes no key that nobody could open, and says what to do."""
    to(keystore.directory, "environment:KEK")
    with pytest.raises(KeystoreError, match="rewrapped") as caught:
        keystore.create("carrier")
    assert "anew" in caught.value.todo
    holds_all(keystore.directory)
    stale = EncryptedKeystore(keystore.directory, keystore._vault, os.urandom)
    with pytest.raises(KeystoreError, match="was rewrapped since"):
        stale.sign(signing.private_key_address(KEY), DIGEST)


class Killed(BaseException):
    """The process is gone here."""


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, run: Callable[[], object]) -> bool:
    """``run`` until it is about to put its file number ``step`` in place; whether that came."""
    replace, count = os.replace, 0

    def counted(source: Any, target: Any) -> None:
        nonlocal count
        if count == step:
            raise Killed
        count += 1
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "replace", counted)
        try:
            run()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("back", [False, True], ids=["on", "back"])
@pytest.mark.parametrize("step", range(6))
def test_killed_anywhere_it_goes_on_or_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, back: bool, version: int
) -> None:
    """Before each file that is replaced: opening says what to do, the same call finishes it, one to the old key too."""
    directory = tmp_path / "keys"
    if version == 1:
        write_version_1(
            directory, PASSPHRASE, {KEY: "supplier", OTHER: "buyer"}, {"network-key": NETWORK}, MIN_SCRYPT_N
        )
    else:
        made = create_keystore(directory, PASSPHRASE, scrypt_n=MIN_SCRYPT_N)
        made.import_key(KEY, "supplier")
        made.import_key(OTHER, "buyer")
        made.put_secret("network-key", NETWORK)
    came = killed_at(step, monkeypatch, lambda: to(directory, "environment:KEK"))
    assert came == (step < 5)
    if came and step:
        with pytest.raises(KeystoreError, match="interrupted") as caught:
            open_keystore(directory, PASSPHRASE, environment=ENVIRONMENT)
        assert "key rewrap --to environment:KEK" in caught.value.todo
        with pytest.raises(UsageError, match="interrupted"):
            to(directory, "environment:KEK2")
    if back and version == 2 and came:
        to(directory, "passphrase", new_passphrase=PASSPHRASE)
        holds_all(directory, PASSPHRASE, {})
    else:
        to(directory, "environment:KEK")
        holds_all(directory, "not asked for")
    assert not [name for name in os.listdir(directory) if name.endswith(".new")]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_killed_again_and_again_it_ends_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[int]
) -> None:
    """However often a change of passphrase is killed, the same call finishes it in the end."""
    directory = tmp_path / secrets.token_hex(4)
    made = create_keystore(directory, PASSPHRASE, scrypt_n=MIN_SCRYPT_N)
    made.import_key(KEY, "supplier")
    made.import_key(OTHER, "buyer")
    made.put_secret("network-key", NETWORK)
    for step in steps:
        if not killed_at(step, monkeypatch, lambda: to(directory, "passphrase")):
            break
    else:
        to(directory, "passphrase")
    holds_all(directory, NEW, {})


def test_version_1_says_how_to_go_on(tmp_path: Path) -> None:
    """An old keystore is not opened as if it were a new one: the message names the command."""
    directory = tmp_path / "keys"
    write_version_1(directory, PASSPHRASE, {KEY: "supplier"}, {"network-key": NETWORK}, MIN_SCRYPT_N)
    with pytest.raises(KeystoreError, match="got version 1") as caught:
        open_keystore(directory, PASSPHRASE)
    assert "tallystick key rewrap --to passphrase" in caught.value.todo
    with pytest.raises(WrongPassphrase):
        to(directory, "passphrase", passphrase="guess")


def test_version_1_becomes_version_2_with_data_keys_of_its_own(tmp_path: Path) -> None:
    """Every file is encrypted anew under a data key of its own, and nothing is left of the old one."""
    directory = tmp_path / "keys"
    labels = {KEY: "supplier", OTHER: "buyer"}
    write_version_1(directory, PASSPHRASE, labels, {"network-key": NETWORK}, MIN_SCRYPT_N)
    assert to(directory, "passphrase", new_passphrase=PASSPHRASE) == 3
    holds_all(directory)
    found = [json.loads(path.read_text()) for path in directory.glob("*.json")]
    assert {one["version"] for one in found} == {2}
    assert len({one["dataKey"] for one in found if "dataKey" in one}) == 3


@pytest.mark.parametrize("name", ["ciphertext", "label", "address"])
def test_a_changed_file_of_version_1_is_named(tmp_path: Path, name: str) -> None:
    """What was tampered with is not carried over under a new key."""
    directory = tmp_path / "keys"
    write_version_1(directory, PASSPHRASE, {KEY: "supplier"}, {}, MIN_SCRYPT_N)
    [path] = directory.glob("0x*.json")
    content = json.loads(path.read_text())
    content[name] = {"ciphertext": "0x" + "00" * 48, "label": "other", "address": "0x" + "11" * 20}[name]
    path.write_text(json.dumps(content))
    with pytest.raises(KeystoreError, match=f"{path.name}: was changed"):
        to(directory, "environment:KEK")


REWRAPPER = """
import sys
from pathlib import Path
from tallystick.keys.rewrap import rewrap

environment = {"KEK": "ab" * 32, "KEK2": "cd" * 32}
print("begun", flush=True)
rewrap(Path(sys.argv[1]), sys.argv[2], passphrase="none", new_passphrase="none", environment=environment)
"""


def test_kill_9_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    """A process that is killed at any time leaves a keystore that the same command finishes."""
    directory = tmp_path / "keys"
    made = create_keystore(directory, PASSPHRASE, scrypt_n=MIN_SCRYPT_N)
    addresses = made.create_many([f"party {n}" for n in range(40)])
    to(directory, "environment:KEK")
    sources = ["environment:KEK2", "environment:KEK"]
    interrupted = 0
    for round_number in range(8):
        source = sources[round_number % 2]
        process = subprocess.Popen(
            [sys.executable, "-c", REWRAPPER, str(directory), source], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        wait_until_begun(directory, source, round_number)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        interrupted += len(json.loads((directory / "vault.json").read_text())["keys"]) > 1
        to(directory, source)
        opened = open_keystore(directory, "none", environment=ENVIRONMENT)
        assert set(opened.addresses()) == set(addresses)
    assert interrupted


def wait_until_begun(directory: Path, source: str, rounds: int) -> None:
    """Until some files are under the new key: more of them in later rounds."""
    for _ in range(10_000):
        vault = json.loads((directory / "vault.json").read_text())
        if vault["keys"][0]["source"] == source:
            current = vault["keys"][0]["id"]
            moved = sum(json.loads(path.read_text())["kek"] == current for path in directory.glob("0x*.json"))
            if moved >= 3 * rounds or len(vault["keys"]) == 1:
                return


def test_a_wrapped_key_opens_under_its_key_alone() -> None:
    """RFC 3394, section 4.6: 256 bits of key data with a 256-bit key, and nothing under any other key."""
    kek = bytes(range(32))
    data_key = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
    wrapped = bytes.fromhex("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21")
    assert MemoryKey(kek).wrap(data_key) == wrapped
    assert MemoryKey(kek).unwrap(wrapped) == data_key
    assert MemoryKey(bytes(32)).unwrap(wrapped) is None
    for place in range(40):
        assert MemoryKey(kek).unwrap(wrapped[:place] + bytes([wrapped[place] ^ 1]) + wrapped[place + 1 :]) is None
