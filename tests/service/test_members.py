"""Members of organisations, and their sign-in with a wallet (EIP-4361)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from service.world import World
from tallystick.errors import Duplicate, MalformedInput, NotFound, Refused, Unauthenticated
from tallystick.protocol.siwe import format_message, format_time, parse_message
from tallystick.protocol.types import Address, Timestamp
from tallystick.service import accounts, members, sign_in
from tallystick.store.identities import Member, Organisation, Role, Scope

ME = "test"
ISSUER = "https://login.example.com"
HERE = "https://ledger.example.com:8443"
WALLET = Account.from_key(b"\x55" * 32)
ADDRESS = Address(bytes.fromhex(WALLET.address[2:]))


class Vouching:
    """An issuer whose tokens are their subjects."""

    issuer = ISSUER

    def subject(self, token: str) -> str:
        return token.split(".")[1]


def opened(world: World, name: str = "Northwind", role: Role = Role.PARTY) -> Organisation:
    return accounts.add_organisation(world.context, ME, name, role)


def with_wallet(world: World, holder: Organisation, **options: Any) -> Member:
    return members.add_member(world.context, ME, holder.organisation, "Ada", address=ADDRESS, **options)


def message(world: World, **changes: Any) -> str:
    """What is to be signed, with some of its fields changed."""
    nonce, _ = sign_in.new_nonce(world.context)
    text = sign_in.message_for(world.context, HERE, ADDRESS, nonce)
    return format_message(dataclasses.replace(parse_message(text), **changes))


def signed(text: str, wallet: Any = WALLET) -> bytes:
    return bytes(wallet.sign_message(encode_defunct(text=text)).signature)


def begun(world: World, text: str, signature: bytes | None = None) -> sign_in.SignedIn:
    return sign_in.sign_in(world.context, HERE, text, signed(text) if signature is None else signature)


def who(world: World, token: str) -> members.Credentials:
    return members.authenticate(world.context, Vouching(), token)


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"issuer": ISSUER},
        {"subject": "1"},
        {"issuer": ISSUER, "subject": "1", "address": ADDRESS},
        {"issuer": ISSUER, "subject": ""},
        {"issuer": ISSUER, "subject": "a\nb"},
        {"issuer": "x" * 501, "subject": "1"},
    ],
    ids=str,
)
def test_a_member_is_known_by_one_thing(world: World, known: dict[str, Any]) -> None:
    """By issuer and subject, or by an address: neither, both, or half of one is refused."""
    with pytest.raises(MalformedInput):
        members.add_member(world.context, ME, opened(world).organisation, "Ada", **known)


def test_a_person_is_a_member_of_one_organisation(world: World) -> None:
    """Or nobody knew for whom it asks; after it was removed it may join another."""
    first, second = opened(world), opened(world, "Southwind")
    person = {"issuer": ISSUER, "subject": "1"}
    made = members.add_member(world.context, ME, first.organisation, "Ada", **person)
    with pytest.raises(Duplicate):
        members.add_member(world.context, ME, second.organisation, "Ada", **person)
    members.remove_member(world.context, ME, made.member)
    members.add_member(world.context, ME, second.organisation, "Ada", **person)
    assert who(world, "a.1.c").organisation == second


def test_the_scopes_are_of_use_to_the_role(world: World) -> None:
    """A party's member admits no parties; without scopes it has all that the role can use."""
    holder = opened(world)
    with pytest.raises(MalformedInput, match="party:write"):
        with_wallet(world, holder, scopes=[Scope.WRITE_PARTIES])
    assert Scope.WRITE_SIGNERS in with_wallet(world, holder).scopes


def test_a_closed_organisation_has_no_members(world: World) -> None:
    """None is added, and those it has are nobody."""
    holder = opened(world)
    members.add_member(world.context, ME, holder.organisation, "Ada", issuer=ISSUER, subject="1")
    with_wallet(world, holder)
    token = begun(world, message(world)).token
    accounts.close_organisation(world.context, ME, holder.organisation)
    for text in ("a.1.c", token):
        with pytest.raises(Unauthenticated):
            who(world, text)
    with pytest.raises(Unauthenticated):
        begun(world, message(world))
    with pytest.raises(NotFound):
        members.add_member(world.context, ME, holder.organisation, "Eve", issuer=ISSUER, subject="2")


def test_a_token_of_nobody_here_is_refused(world: World) -> None:
    """It is good, and its subject no member, nor the member of another issuer; without an issuer no token is good."""
    holder = opened(world)
    members.add_member(world.context, ME, holder.organisation, "Ada", issuer="https://other.example.com", subject="1")
    with pytest.raises(Unauthenticated, match="of nobody who is a member"):
        who(world, "a.1.c")
    with pytest.raises(Unauthenticated, match="expected Bearer"):
        members.authenticate(world.context, None, "a.1.c")


def test_a_removed_member_is_out_at_once(world: World) -> None:
    """With every session; a second removal finds nobody."""
    member = with_wallet(world, opened(world))
    token = begun(world, message(world)).token
    assert who(world, token).key == member.member
    members.remove_member(world.context, ME, member.member)
    with pytest.raises(Unauthenticated):
        who(world, token)
    with pytest.raises(NotFound):
        members.remove_member(world.context, ME, member.member)
    with pytest.raises(NotFound):
        members.remove_member(world.context, ME, "nobody")


def test_the_journal_tells_of_members(world: World) -> None:
    """Who was added with which scopes, known by what, and who was removed."""
    holder = opened(world)
    made = with_wallet(world, holder, scopes=[Scope.READ_EVIDENCE])
    members.remove_member(world.context, ME, made.member)
    _, added, removed = accounts.journal(world.context)
    assert (added.act, removed.act) == ("member added", "member removed")
    assert added.details["address"] == "0x" + ADDRESS.hex()
    assert added.details["scopes"] == ["evidence:read"]


CHANGES: list[dict[str, Any]] = [
    {"domain": "evil.example.com"},
    {"domain": "ledger.example.com"},
    {"domain": "user@ledger.example.com:8443"},
    {"scheme": "http"},
    {"uri": "https://evil.example.com"},
    {"uri": "https://ledger.example.com:8443@evil.example.com"},
    {"uri": "http://ledger.example.com:8443"},
    {"chain_id": "1"},
    {"nonce": "32891756"},
    {"nonce": "0" * 56},
    {"issued_at": "2020-01-01T00:00:00Z"},
    {"issued_at": "2100-01-01T00:00:00Z"},
    {"expiration_time": "2025-12-31T23:59:59Z"},
    {"not_before": "2026-01-01T00:10:00Z"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_a_message_is_for_here_and_now(world: World, changes: dict[str, Any]) -> None:
    """Another place, chain or time, or a nonce that came from elsewhere: well signed, and refused."""
    with_wallet(world, opened(world))
    with pytest.raises(Unauthenticated, match="message: "):
        begun(world, message(world, **changes))


def test_a_message_may_say_more(world: World) -> None:
    """The scheme, a path, another statement or resources hinder nobody: they were signed too."""
    with_wallet(world, opened(world))
    for changes in (
        {"scheme": "https"},
        {"uri": f"{HERE}/app?x=1"},
        {"statement": None},
        {"resources": ("https://example.com/terms",)},
        {"expiration_time": None},
        {"not_before": "2026-01-01T00:00:00Z"},
    ):
        begun(world, message(world, **changes))


def test_a_nonce_is_good_once(world: World) -> None:
    """The very same message begins no second session, nor does another message with its nonce."""
    with_wallet(world, opened(world))
    text = message(world)
    begun(world, text)
    again = format_message(dataclasses.replace(parse_message(text), statement="Again."))
    for one in (text, again):
        with pytest.raises(Duplicate, match="used already"):
            begun(world, one)


def test_a_nonce_ages(world: World) -> None:
    """After ten minutes it is none, nor is it before it was made; what is changed in it is not ours."""
    with_wallet(world, opened(world))
    text = message(world, expiration_time=None)
    world.clock.time = Timestamp(world.clock.time + 599)
    later = format_message(dataclasses.replace(parse_message(text), issued_at=format_time(world.clock.time)))
    begun(world, later)
    world.clock.time = Timestamp(world.clock.time + 1)
    with pytest.raises(Unauthenticated, match="older"):
        begun(world, format_message(dataclasses.replace(parse_message(text), issued_at=format_time(world.clock.time))))
    nonce = parse_message(message(world)).nonce
    for place in (7, 20, 50):
        changed = nonce[:place] + ("0" if nonce[place] != "0" else "1") + nonce[place + 1 :]
        with pytest.raises(Unauthenticated, match="Nonce"):
            begun(world, message(world, nonce=changed))


def test_a_nonce_keeps_nothing(world: World) -> None:
    """Whoever asks for a thousand fills no disk: only who signs in leaves a row."""
    with_wallet(world, opened(world))
    nonces = {sign_in.new_nonce(world.context)[0] for _ in range(1000)}
    assert len(nonces) == 1000
    made = begun(world, message(world))
    assert made.session.nonce not in nonces


def test_only_the_wallet_itself_signs_in(world: World) -> None:
    """Another's signature, one over another text, a changed one, of another length: refused, each with its sentence."""
    with_wallet(world, opened(world))
    text = message(world)
    good = signed(text)
    with pytest.raises(Unauthenticated, match="expected one by 0x"):
        begun(world, text, signed(text, Account.from_key(b"\x56" * 32)))
    with pytest.raises(Unauthenticated):
        begun(world, text, signed(text + "x"))
    high_s = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - int.from_bytes(good[32:64], "big")
    with pytest.raises(Unauthenticated, match="upper half"):
        begun(world, text, good[:32] + high_s.to_bytes(32, "big") + bytes([55 - good[64]]))
    for signature in (b"", good[:64], good + b"\x00", bytes(400)):
        with pytest.raises(Refused, match="EIP-1271"):
            begun(world, text, signature)
    begun(world, text, good[:64] + bytes([good[64] - 27]))


def test_nobody_with_another_wallet_signs_in(world: World) -> None:
    """A good message of a wallet that is no member's, or is not any more."""
    with pytest.raises(Unauthenticated, match="nobody with that wallet"):
        begun(world, message(world))
    member = with_wallet(world, opened(world))
    members.remove_member(world.context, ME, member.member)
    with pytest.raises(Unauthenticated, match="nobody with that wallet"):
        begun(world, message(world))


def test_every_session_that_is_not_good_gets_the_same_answer(world: World) -> None:
    """Unknown, another secret, ended, over: one message. Kept is the digest of the secret alone."""
    with_wallet(world, opened(world))
    ended, over, other = (begun(world, message(world)) for _ in range(3))
    members.end_session(world.context, ended.session.session)
    members.end_session(world.context, ended.session.session)
    wrong = other.token[:-1] + ("a" if other.token[-1] != "a" else "b")
    unknown = other.token.replace(other.session.session, "a" * 12)
    said = []
    for token in (ended.token, wrong, unknown):
        with pytest.raises(Unauthenticated) as caught:
            who(world, token)
        said.append(str(caught.value))
    world.clock.time = Timestamp(world.clock.time + sign_in.SESSION_SECONDS)
    with pytest.raises(Unauthenticated) as caught:
        who(world, over.token)
    assert {*said, str(caught.value)} == {said[0]}
    assert over.token.rpartition("_")[2] not in str(over.session)
    with pytest.raises(NotFound):
        members.end_session(world.context, "nothing")


def test_where_no_wallet_signs_in_it_says_how_to_set_it_up() -> None:
    """A service that was not told its own URL can't know what a message must be for."""
    with pytest.raises(Refused, match="not told its own URL") as caught:
        sign_in.check_public_url(None)
    assert "public_url" in caught.value.todo
