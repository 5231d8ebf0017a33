"""Evidence and party bindings: EIP-712 as eth_account computes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from protocol.strategies import bytes32, domains, evidences, texts, times
from tallystick.errors import MalformedEvidence
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.evidence import Domain, Evidence, Kind, kind_name, subjects
from tallystick.protocol.types import ZERO32

DOMAIN_FIELDS = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
EVIDENCE_FIELDS = [
    *({"name": name, "type": "bytes32"} for name in ("issuer", "counterparty")),
    {"name": "kind", "type": "uint8"},
    *({"name": name, "type": "bytes32"} for name in ("deal", "parent", "contentRoot")),
    *({"name": name, "type": "uint64"} for name in ("occurredAt", "issuedAt")),
]
BINDING_FIELDS = [
    {"name": "party", "type": "bytes32"},
    *({"name": name, "type": "string"} for name in ("scheme", "identifier", "name")),
    {"name": "issuedAt", "type": "uint64"},
]
BASE = Evidence(b"\x01" * 32, b"\x02" * 32, Kind.INVOICE, b"\x03" * 32, ZERO32, b"\x04" * 32, 5, 6)  # type: ignore[arg-type]


def typed_data_digest(domain: Domain, name: str, fields: list[dict[str, str]], message: dict[str, Any]) -> bytes:
    """The EIP-712 digest as eth_account computes it from the typed data in JSON form."""
    data = {
        "types": {"EIP712Domain": DOMAIN_FIELDS, name: fields},
        "primaryType": name,
        "domain": {
            "name": "Tallystick",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": "0x" + domain.contract.hex(),
        },
        "message": message,
    }
    signable = encode_typed_data(full_message=data)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


@pytest.mark.parametrize("name", ["issuer", "counterparty", "deal", "parent", "content_root"])
@pytest.mark.parametrize("value", [b"", bytes(31), bytes(33), "0x" + "00" * 32])
def test_a_field_of_another_size_than_32_bytes_is_refused(name: str, value: object) -> None:
    with pytest.raises(MalformedEvidence, match=f"{name}: expected 32 bytes"):
        replace(BASE, **{name: value})


def test_evidence_by_nobody_is_refused() -> None:
    with pytest.raises(MalformedEvidence, match="issuer: expected a party id, got zero"):
        replace(BASE, issuer=ZERO32)  # type: ignore[arg-type]


def test_evidence_about_oneself_as_the_other_side_is_refused() -> None:
    with pytest.raises(MalformedEvidence, match="counterparty: expected another party"):
        replace(BASE, counterparty=BASE.issuer)


@pytest.mark.parametrize("kind", [-1, 0, 256])
def test_a_kind_that_is_no_uint8_is_refused(kind: int) -> None:
    with pytest.raises(MalformedEvidence, match="kind: expected 1 to 255"):
        replace(BASE, kind=kind)


@pytest.mark.parametrize("name", ["occurred_at", "issued_at"])
@pytest.mark.parametrize("time", [-1, 2**53])
def test_a_time_that_json_can_not_hold_exactly_is_refused(name: str, time: int) -> None:
    with pytest.raises(MalformedEvidence, match=f"{name}: expected seconds"):
        replace(BASE, **{name: time})


@given(domains, evidences)
def test_the_id_of_an_evidence_is_its_eip712_digest(domain: Domain, evidence: Evidence) -> None:
    message = {
        "issuer": evidence.issuer,
        "counterparty": evidence.counterparty,
        "kind": evidence.kind,
        "deal": evidence.deal,
        "parent": evidence.parent,
        "contentRoot": evidence.content_root,
        "occurredAt": evidence.occurred_at,
        "issuedAt": evidence.issued_at,
    }
    assert evidence.evidence_id(domain) == typed_data_digest(domain, "Evidence", EVIDENCE_FIELDS, message)


@given(domains, st.builds(PartyBinding, bytes32, texts, texts, texts, times, st.just(b"")))
def test_the_digest_of_a_binding_is_its_eip712_digest(domain: Domain, binding: PartyBinding) -> None:
    message = {
        "party": binding.party,
        "scheme": binding.scheme,
        "identifier": binding.identifier,
        "name": binding.name,
        "issuedAt": binding.issued_at,
    }
    assert binding.digest(domain) == typed_data_digest(domain, "PartyBinding", BINDING_FIELDS, message)


@given(evidences, domains, domains)
def test_an_evidence_has_another_id_in_every_other_domain(evidence: Evidence, here: Domain, there: Domain) -> None:
    assert (evidence.evidence_id(here) == evidence.evidence_id(there)) is (here == there)


def test_a_contract_needs_both_signatures_and_anything_else_its_issuers() -> None:
    assert replace(BASE, kind=Kind.CONTRACT).signing_parties() == (BASE.issuer, BASE.counterparty)
    assert all(
        replace(BASE, kind=kind).signing_parties() == (BASE.issuer,) for kind in range(1, 256) if kind != Kind.CONTRACT
    )


def test_an_evidence_goes_into_the_logs_of_its_own_parties_and_of_its_parents() -> None:
    witness = replace(BASE, issuer=b"\x09" * 32, counterparty=ZERO32)  # type: ignore[arg-type]
    assert subjects(BASE, None) == (BASE.issuer, BASE.counterparty)
    assert subjects(witness, None) == (witness.issuer,)
    assert subjects(witness, BASE) == (BASE.issuer, BASE.counterparty, witness.issuer)


def test_an_unknown_kind_has_a_name_too() -> None:
    assert kind_name(200) == "UNKNOWN_200"
    assert kind_name(14) == "WRITE_OFF"
