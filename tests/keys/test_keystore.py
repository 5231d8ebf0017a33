"""What every keystore promises, whether its keys lie in a directory or in memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from eth_account import Account

from tallystick.errors import Duplicate, KeystoreError, NotFound
from tallystick.keys.keystore import create_keystore
from tallystick.keys.memory import Keystore, MemoryKeystore
from tallystick.keys.sources import MIN_SCRYPT_N
from tallystick.protocol import signing
from tallystick.protocol.types import Address, to_hex

Make: TypeAlias = Callable[..., Keystore]
DIGEST = bytes(range(32))
STRANGER = Address(b"\x07" * 20)


@pytest.fixture(params=["memory", "encrypted"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes an empty keystore, of ``entropy`` if given."""
    if request.param == "memory":
        return MemoryKeystore
    numbers = iter(range(100))
    return lambda **options: create_keystore(
        tmp_path / f"keys{next(numbers)}", "a long passphrase", scrypt_n=MIN_SCRYPT_N, **options
    )


@pytest.fixture
def keystore(make: Make) -> Keystore:
    return make()


def test_an_unknown_key_does_not_sign(keystore: Keystore) -> None:
    """Signing for an address that is not here is refused by its name."""
    with pytest.raises(NotFound, match=to_hex(STRANGER)):
        keystore.sign(STRANGER, DIGEST)


@pytest.mark.parametrize("label", ["", "x" * 201, "two\nlines", "bell\a"])
def test_a_label_is_short_and_printable(keystore: Keystore, label: str) -> None:
    """A label that is empty, long or not printable is refused, and no key is kept."""
    with pytest.raises(KeystoreError, match="label: expected 1 to 200 printable"):
        keystore.create_many(["good", label])
    assert keystore.addresses() == {}


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), signing.GROUP_ORDER.to_bytes(32, "big"), b"\xff" * 32])
def test_only_a_private_key_is_imported(keystore: Keystore, key: bytes) -> None:
    """What is no private key of secp256k1 is refused, without showing it."""
    with pytest.raises(KeystoreError, match="from 1 to the group order less one") as caught:
        keystore.import_key(key, "supplier")
    assert not key or key.hex() not in str(caught.value)


def test_a_key_is_imported_once(keystore: Keystore) -> None:
    """A key that is here already is refused, and keeps its label."""
    address = keystore.import_key(b"\x01" * 32, "supplier")
    with pytest.raises(Duplicate, match=to_hex(address)):
        keystore.import_key(b"\x01" * 32, "other")
    assert keystore.addresses() == {address: "supplier"}


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "../vault", "-x", "a" * 65])
def test_a_secret_has_a_plain_name(keystore: Keystore, name: str) -> None:
    """A name that could be more than a name is refused, for reading and for writing."""
    with pytest.raises(KeystoreError, match="secret: expected a name"):
        keystore.put_secret(name, b"value")
    with pytest.raises(KeystoreError, match="secret: expected a name"):
        keystore.secret(name)


def test_an_unknown_secret_is_not_found(keystore: Keystore) -> None:
    """A secret that is not here is refused by its name."""
    with pytest.raises(NotFound, match="'network-key'"):
        keystore.secret("network-key")


def test_a_secret_is_never_replaced(keystore: Keystore) -> None:
    """Another value under the same name is refused, and the first one stays."""
    keystore.put_secret("network-key", b"\x01" * 32)
    with pytest.raises(Duplicate, match="another secret 'network-key'"):
        keystore.put_secret("network-key", b"\x02" * 32)
    assert keystore.secret("network-key") == b"\x01" * 32


def test_a_secret_may_be_put_again(keystore: Keystore) -> None:
    """The same value under the same name changes nothing; any bytes are kept."""
    for value in (b"", bytes(range(256))):
        name = f"size-{len(value)}"
        keystore.put_secret(name, value)
        keystore.put_secret(name, value)
        assert keystore.secret(name) == value
    assert keystore.addresses() == {}


def test_a_new_key_signs_for_its_address(keystore: Keystore) -> None:
    """What ``create`` returns is whom the signature recovers to."""
    address = keystore.create("supplier")
    assert signing.recover(DIGEST, keystore.sign(address, DIGEST)) == address
    assert keystore.addresses() == {address: "supplier"}


def test_an_imported_key_signs_as_it_does_elsewhere(keystore: Keystore) -> None:
    """The address and signature of an imported key equal those of eth_account."""
    other = Account.from_key(b"\x11" * 32)
    address = keystore.import_key(b"\x11" * 32, "供应商")
    assert to_hex(address) == other.address.lower()
    assert keystore.sign(address, DIGEST) == bytes(other.unsafe_sign_hash(DIGEST).signature)


def test_many_keys_come_in_the_order_of_their_labels(keystore: Keystore) -> None:
    """``create_many`` gives one key per label, in their order, all different; labels may repeat."""
    labels = [f"customer {number % 40}" for number in range(50)]
    addresses = keystore.create_many(labels)
    assert len(set(addresses)) == 50
    assert {address: keystore.addresses()[address] for address in addresses} == dict(
        zip(addresses, labels, strict=True)
    )
    assert keystore.create_many([]) == []


def test_keys_are_listed_by_address(keystore: Keystore) -> None:
    """The order of ``addresses`` does not depend on when the keys came."""
    keystore.create_many(["x"] * 20)
    assert list(keystore.addresses()) == sorted(keystore.addresses())


def test_the_same_entropy_makes_the_same_keys(make: Make) -> None:
    """A seeded keystore has the keys of its seed; another seed has others."""
    first, again, other = (make(entropy=random.Random(seed).randbytes) for seed in (1, 1, 2))
    assert first.create_many(["a", "b"]) == again.create_many(["a", "b"])
    assert not set(first.addresses()) & set(other.create_many(["a", "b"]))


def test_keys_out_of_range_are_passed_over(make: Make) -> None:
    """Random bytes that are no private key are not used: the next ones are."""
    drawn = iter([bytes(32), b"\xff" * 32, b"\x01" * 32])
    keystore = make(entropy=lambda size: next(drawn))
    assert keystore.create("supplier") == signing.private_key_address(b"\x01" * 32)


def test_no_entropy_means_the_operating_systems(make: Make) -> None:
    """Two keystores made without entropy share no key."""
    assert make().create("a") != make().create("a")
