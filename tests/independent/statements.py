"""What is signed: evidence (section 4), the registrar's bindings and party ids (section 3), as EIP-712 typed data."""

import hmac
import re
from dataclasses import dataclass
from typing import Any

from independent.primitives import ZERO, keccak, members, padded, recover, require, unhex, whole, word

DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
EVIDENCE = (
    b"Evidence(bytes32 issuer,bytes32 counterparty,uint8 kind,bytes32 deal,bytes32 parent,bytes32 contentRoot,"
    b"uint64 occurredAt,uint64 issuedAt)"
)
BINDING = b"PartyBinding(bytes32 party,string scheme,string identifier,string name,uint64 issuedAt)"

CONTRACT, DELIVERY, INVOICE, PAYMENT, ACKNOWLEDGEMENT, DISPUTE, RESOLUTION, CORRECTION, CONSENT = range(1, 10)
ACCESS, WRITE_OFF = 10, 14
LINKED = frozenset({ACKNOWLEDGEMENT, DISPUTE, RESOLUTION, CORRECTION, WRITE_OFF})


def separator(chain_id: int, contract: bytes) -> bytes:
    return keccak(keccak(DOMAIN) + keccak(b"Tallystick") + keccak(b"1") + word(chain_id) + padded(contract))


def typed(domain: bytes, kind: bytes, *words: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain + keccak(keccak(kind) + b"".join(words)))


@dataclass(frozen=True)
class Evidence:
    issuer: bytes
    counterparty: bytes
    kind: int
    deal: bytes
    parent: bytes
    content_root: bytes
    occurred_at: int
    issued_at: int

    def words(self) -> tuple[bytes, ...]:
        return (
            self.issuer,
            self.counterparty,
            word(self.kind),
            self.deal,
            self.parent,
            self.content_root,
            word(self.occurred_at),
            word(self.issued_at),
        )

    def id(self, domain: bytes) -> bytes:
        return typed(domain, EVIDENCE, *self.words())

    @property
    def parties(self) -> tuple[bytes, bytes]:
        return self.issuer, self.counterparty

    @property
    def signing(self) -> tuple[bytes, ...]:
        """The parties whose signatures it carries, in order (section 5)."""
        return self.parties if self.kind == CONTRACT else (self.issuer,)


def evidence(value: Any) -> Evidence:
    names = ("issuer", "counterparty", "kind", "deal", "parent", "contentRoot", "occurredAt", "issuedAt")
    value = members(value, *names)
    found = Evidence(
        issuer=unhex(value["issuer"], 32),
        counterparty=unhex(value["counterparty"], 32),
        kind=whole(value["kind"], 1, 255),
        deal=unhex(value["deal"], 32),
        parent=unhex(value["parent"], 32),
        content_root=unhex(value["contentRoot"], 32),
        occurred_at=whole(value["occurredAt"]),
        issued_at=whole(value["issuedAt"]),
    )
    require(found.issuer != ZERO, "issued by nobody")
    require(found.issuer != found.counterparty, "about its own issuer")
    return found


def signers(said: Evidence, evidence_id: bytes, signatures: bytes) -> list[tuple[bytes, bytes]] | None:
    """(party, account) of each signature wanted, or None where they are not exactly those, well-formed."""
    wanted = said.signing
    if len(signatures) != 65 * len(wanted):
        return None
    pairs = []
    for number, party in enumerate(wanted):
        account = recover(evidence_id, signatures[65 * number : 65 * number + 65])
        if account is None:
            return None
        pairs.append((party, account))
    return pairs


def party_id(network_key: bytes, scheme: str, identifier: str) -> bytes:
    require(re.fullmatch(r"[A-Z][A-Z0-9_]{0,19}", scheme), f"scheme {scheme!r}")
    require(re.fullmatch(r"[!-~]{1,100}", identifier), f"identifier {identifier!r}")
    return hmac.digest(network_key, f"{scheme}:{identifier}".encode(), "sha256")


@dataclass(frozen=True)
class Binding:
    party: bytes
    scheme: str
    identifier: str
    name: str
    issued_at: int
    signature: bytes

    def digest(self, domain: bytes) -> bytes:
        texts = (keccak(text.encode()) for text in (self.scheme, self.identifier, self.name))
        return typed(domain, BINDING, self.party, *texts, word(self.issued_at))

    def signer(self, domain: bytes) -> bytes | None:
        return recover(self.digest(domain), self.signature)


def binding(value: Any) -> Binding:
    value = members(value, "party", "scheme", "identifier", "name", "issuedAt", "signature")
    for text in (value["scheme"], value["identifier"], value["name"]):
        require(isinstance(text, str) and len(text) <= 1000, "text of at most 1,000 characters wanted")
    return Binding(
        party=unhex(value["party"], 32),
        scheme=value["scheme"],
        identifier=value["identifier"],
        name=value["name"],
        issued_at=whole(value["issuedAt"]),
        signature=unhex(value["signature"]),
    )
