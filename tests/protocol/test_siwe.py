"""The message of Sign-In with Ethereum: the standard's own examples, its grammar, and nothing beside it."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import MalformedInput
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
from tallystick.protocol.types import Address, Timestamp

ADDRESS = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
EXAMPLE = f"""example.com wants you to sign in with your Ethereum account:
{ADDRESS}

I accept the ExampleOrg Terms of Service: https://example.com/tos

URI: https://example.com/login
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2021-09-30T16:25:24Z
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://example.com/my-web2-claim.json"""
_MORE = "Expiration Time: 2021-09-30T17:25:24.5+02:00\nNot Before: 2021-09-30T16:25:24Z\nRequest ID: a%20b:c@d"
FULL = EXAMPLE.replace("\nResources", f"\n{_MORE}\nResources")
FIELDS = ("URI", "Version", "Chain ID", "Nonce", "Issued At", "Expiration Time", "Not Before", "Request ID")


def line_of(name: str) -> str:
    return next(line for line in FULL.split("\n") if line.startswith(f"{name}: "))


@pytest.mark.parametrize(
    "domain", ["example.com", "example.com:3388", "https://example.com", "user@127.0.0.1:80", "[::1]:1"]
)
def test_the_examples_of_the_standard_are_read(domain: str) -> None:
    """EIP-4361, section Examples: an implicit scheme, an explicit port, an explicit scheme; and other authorities."""
    text = domain + EXAMPLE.removeprefix("example.com")
    found = parse_message(text)
    scheme, _, authority = domain.rpartition("://")
    assert (found.scheme, found.domain) == (scheme or None, authority)
    assert (found.address, found.nonce, found.chain_id) == (ADDRESS, "32891756", "1")
    assert found.statement == "I accept the ExampleOrg Terms of Service: https://example.com/tos"
    assert found.resources is not None
    assert len(found.resources) == 2
    assert format_message(found) == text


def test_what_is_optional_may_be_left_out() -> None:
    """No statement leaves two empty lines; an empty list of resources is not none; all fields at once."""
    bare = EXAMPLE.replace("I accept the ExampleOrg Terms of Service: https://example.com/tos\n", "")
    assert parse_message(bare).statement is None
    assert parse_message(bare[: bare.index("\nResources")]).resources is None
    assert parse_message(EXAMPLE[: EXAMPLE.index("\n- ipfs")]).resources == ()
    assert parse_message(FULL).request_id == "a%20b:c@d"


@pytest.mark.parametrize("name", FIELDS[:5])
def test_no_field_is_missing(name: str) -> None:
    """Each of the five that are required."""
    with pytest.raises(MalformedInput):
        parse_message(FULL.replace(line_of(name) + "\n", ""))


@pytest.mark.parametrize("first", range(len(FIELDS) - 1))
def test_no_field_is_out_of_order_or_twice(first: int) -> None:
    """Two neighbours that change places, and one that is repeated."""
    one, other = line_of(FIELDS[first]), line_of(FIELDS[first + 1])
    for changed in (f"{other}\n{one}", f"{one}\n{one}\n{other}"):
        with pytest.raises(MalformedInput):
            parse_message(FULL.replace(f"{one}\n{other}", changed))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("example.com wants", " wants"),
        ("example.com wants", "exa mple.com wants"),
        ("example.com wants", "example.com/path wants"),
        (ADDRESS, ADDRESS.lower()),
        (ADDRESS, ADDRESS[:-1]),
        (ADDRESS, ADDRESS.replace("0x", "0X")),
        (ADDRESS, "0x" + "g" * 40),
        ("Terms of Service: ", "Terms of\nService: "),
        ("Terms of Service", "Terms of Sérvice"),
        ("Terms of Service", 'Terms of "Service"'),
        ("URI: https://example.com/login", "URI: not a URI"),
        ("URI: https://example.com/login", "URI: _x_"),
        ("URI: https://example.com/login", "URI: https://example.com/%zz"),
        ("Version: 1", "Version: 2"),
        ("Chain ID: 1", "Chain ID: ?"),
        ("Chain ID: 1", "Chain ID: " + "9" * 79),
        ("Nonce: 32891756", "Nonce: 3289175"),
        ("Nonce: 32891756", "Nonce: 32891756-"),
        ("2021-09-30T16:25:24Z", "Wed Oct 05 2011 16:48:00 GMT+0200 (CEST)"),
        ("2021-09-30T16:25:24Z", "2021-13-30T16:25:24Z"),
        ("2021-09-30T16:25:24Z", "2021-09-30T16:25:24"),
        ("2021-09-30T16:25:24Z", "2021-09-30T16:25Z"),
        ("2021-09-30T16:25:24Z", "2021-09-30 16:25:24Z"),
        ("2021-09-30T16:25:24Z", "2021-09-30T16:25:60Z"),
        ("my-web2-claim.json", "my-web2-claim.json - https://example.com/other"),
        ("- https://example.com/my", "- _not_a_uri_/my"),
        ("account:\n", "account:\r\n"),
        ("\n\nURI", "\n\n\nURI"),
        ("Nonce: ", "nonce: "),
        ("Nonce: ", "Nonce:"),
    ],
)
def test_nothing_beside_the_grammar_is_read(old: str, new: str) -> None:
    """One thing that is not of its form, and the message is none."""
    assert old in EXAMPLE
    with pytest.raises(MalformedInput):
        parse_message(EXAMPLE.replace(old, new))


@pytest.mark.parametrize("text", ["", "\n", EXAMPLE + "\n", " " + EXAMPLE, EXAMPLE + "\x00", EXAMPLE + "x" * 4000])
def test_nothing_stands_around_a_message(text: str) -> None:
    """Nor is a message longer than 4,000 characters."""
    with pytest.raises(MalformedInput):
        parse_message(text)


@given(st.data())
def test_one_changed_character_is_another_message_or_none(data: st.DataObject) -> None:
    """What is read is written again as it was: no two texts are one message."""
    place = data.draw(st.integers(0, len(FULL) - 1))
    changed = FULL[:place] + data.draw(st.characters(codec="utf-8")) + FULL[place + 1 :]
    try:
        found = parse_message(changed)
    except MalformedInput:
        return
    assert format_message(found) == changed
    assert (found == parse_message(FULL)) == (changed == FULL)


@given(
    address=st.binary(min_size=20, max_size=20),
    nonce=st.from_regex(r"[A-Za-z0-9]{8,20}", fullmatch=True),
    statement=st.none() | st.from_regex(r"[A-Za-z0-9 .:/?#@!$&'()*+,;=~_\-\[\]]{0,50}", fullmatch=True),
    at=st.integers(0, 2**33),
    resources=st.none() | st.lists(st.sampled_from(["https://a.example/b?c#d", "urn:x:y", "mailto:a@b"]), max_size=3),
)
def test_what_is_written_is_read(
    address: bytes, nonce: str, statement: str | None, at: int, resources: list[str] | None
) -> None:
    """Each message that is written is read back as it was."""
    made = SignInMessage(
        domain="ledger.example.com",
        address=checksummed(Address(address)),
        uri="https://ledger.example.com",
        chain_id="31337",
        nonce=nonce,
        issued_at=format_time(Timestamp(at)),
        statement=statement,
        resources=None if resources is None else tuple(resources),
    )
    assert parse_message(format_message(made)) == made
    assert parse_time(made.issued_at) == at


@given(st.binary(min_size=20, max_size=20))
def test_a_checksum_is_that_of_others(address: bytes) -> None:
    """EIP-55, compared with another implementation of it."""
    assert checksummed(Address(address)) == to_checksum_address(address)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), st.integers(1, 2**200))
def test_what_is_signed_is_what_wallets_sign(text: str, key: int) -> None:
    """EIP-191, personal_sign: a signature that another implementation made tells its address."""
    account = Account.from_key(key.to_bytes(32, "big"))
    signature = bytes(account.sign_message(encode_defunct(text=text)).signature)
    assert recover(personal_digest(text), signature).hex() == account.address[2:].lower()
