"""Who is behind a party id: the keyed id, and the registrar's statement."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest

from protocol.world import NETWORK_KEY, World, actor
from tallystick.errors import BadSignature, MalformedInput
from tallystick.protocol.binding import party_id


@pytest.mark.parametrize("scheme", ["", "lei", "L EI", "1LEI", "LEI:", "ÄEI", "L" * 21])
def test_a_scheme_with_a_second_spelling_is_refused(scheme: str) -> None:
    with pytest.raises(MalformedInput, match="identifier scheme"):
        party_id(NETWORK_KEY, scheme, "x")


@pytest.mark.parametrize("identifier", ["", " ", "a b", "a\n", "ä", "x" * 101])
def test_an_identifier_with_a_second_spelling_is_refused(identifier: str) -> None:
    with pytest.raises(MalformedInput, match="identifier: expected 1 to 100"):
        party_id(NETWORK_KEY, "LEI", identifier)


def test_a_binding_with_a_word_changed_names_another_signer() -> None:
    world = World()
    binding = world.binding(actor("supplier"))
    for changed in (
        replace(binding, name="Another GmbH"),
        replace(binding, identifier="another"),
        replace(binding, scheme="VAT"),
        replace(binding, party=actor("buyer").party),
        replace(binding, issued_at=binding.issued_at + 1),  # type: ignore[arg-type]
    ):
        assert changed.signer(world.domain) != world.registrar.address


def test_a_binding_without_a_signature_is_refused() -> None:
    with pytest.raises(BadSignature):
        replace(World().binding(actor("supplier")), signature=b"").signer(World().domain)


def test_a_binding_names_the_registrar_that_signed_it() -> None:
    world = World()
    assert world.binding(actor("supplier")).signer(world.domain) == world.registrar.address


def test_a_party_id_is_an_hmac_of_scheme_and_identifier() -> None:
    expected = hmac.new(NETWORK_KEY, b"LEI:529900T8BM49AURSDO55", hashlib.sha256).digest()
    assert party_id(NETWORK_KEY, "LEI", "529900T8BM49AURSDO55") == expected
