"""Test vectors of pledged receivables: fingerprints of invoices, what is signed, and pledges in storage.

Part of ``make_vectors.py``, which writes them to ``receivables.json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from history_vectors import word
from protocol.world import CHAIN_ID, LEDGER, NETWORK_KEY, Actor, actor
from tallystick.protocol import slots
from tallystick.protocol.evidence import Domain
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.receivable import (
    InvoiceIdentity,
    PledgeTerms,
    ReleaseTerms,
    TransferTerms,
    cancellation_digest,
    normalise_amount,
    normalise_number,
)
from tallystick.protocol.signing import sign
from tallystick.protocol.types import Address, Timestamp, to_hex

DOMAIN = Domain(CHAIN_ID, Address(keccak256(b"receivables")[:20]))
SUPPLIER, BUYER, FINANCIER, OTHER_FINANCIER = map(actor, ("supplier", "buyer", "financier", "other financier"))
INVOICE = InvoiceIdentity(SUPPLIER.party, BUYER.party, "INV-2026/001", "2026-03-31", "EUR", "1250.00")
PLEDGE = PledgeTerms(
    supplier=SUPPLIER.party,
    receivable=word("receivable"),
    fingerprint=INVOICE.fingerprint(NETWORK_KEY),
    financier=FINANCIER.party,
    expires_at=Timestamp(1_710_000_000),
    deadline=Timestamp(1_700_086_400),
    nonce=word("nonce of the pledge"),
)
NAME = PLEDGE.digest(DOMAIN)
TRANSFER = TransferTerms(
    NAME, FINANCIER.party, OTHER_FINANCIER.party, Timestamp(2**64 - 1), word("nonce of the transfer")
)
RELEASE = ReleaseTerms(NAME, OTHER_FINANCIER.party, Timestamp(0), bytes(32))


def receivable_vectors() -> Any:
    """Fingerprints, authorisations with their signatures, and storage; each with what must be refused."""
    return {
        "about": "Pledged receivables: fingerprints of invoices (invalid ones have none); authorisations with their "
        "EIP-712 digests and signatures, times as text, for JSON holds no 64 bits; pledges as they stand in storage, "
        "null where there is none, invalid where the contract never writes such words.",
        "domain": {"chainId": DOMAIN.chain_id, "receivables": to_hex(DOMAIN.contract)},
        "domainSeparator": to_hex(DOMAIN.separator),
        "networkKey": to_hex(NETWORK_KEY),
        "fingerprints": _fingerprints(),
        "invalidInvoices": _invalid_invoices(),
        "authorisations": _authorisations(),
        "otherDomains": _other_domains(),
        "storage": _storage(),
        "invalidStorage": _invalid_storage(),
    }


def _invoice(invoice: InvoiceIdentity) -> dict[str, str]:
    return {
        "seller": to_hex(invoice.seller),
        "buyer": to_hex(invoice.buyer),
        "invoiceNumber": invoice.number,
        "issueDate": invoice.issue_date,
        "currency": invoice.currency,
        "payableAmount": invoice.amount,
    }


def _fingerprints() -> Any:
    invoices = {
        "an invoice": INVOICE,
        "its number in lower case, with other separators": replace(INVOICE, number=" inv.2026_001"),
        "its number in full-width characters": replace(
            INVOICE, number="\uff29\uff2e\uff36\uff0d\uff12\uff10\uff12\uff16\uff0f\uff10\uff10\uff11"
        ),
        "its amount without zeros behind": replace(INVOICE, amount="1250"),
        "its amount with more zeros behind": replace(INVOICE, amount="1250.000000"),
        "seller and buyer exchanged": replace(INVOICE, seller=INVOICE.buyer, buyer=INVOICE.seller),
        "another number": replace(INVOICE, number="INV-2026/002"),
        "another date": replace(INVOICE, issue_date="2026-03-30"),
        "another currency": replace(INVOICE, currency="USD"),
        "another amount": replace(INVOICE, amount="1250.01"),
        "a number with letters of other scripts": replace(INVOICE, number="Rechnung Straße \u2116 7/\u0160\u4e00"),
        "a number without any letter or digit": replace(INVOICE, number="--"),
        "an amount of zero": replace(INVOICE, amount="0.00"),
    }
    return [
        {
            "name": name,
            "invoice": _invoice(invoice),
            "normalised": {
                "invoiceNumber": normalise_number(invoice.number),
                "payableAmount": normalise_amount(invoice.amount),
            },
            "fingerprint": to_hex(invoice.fingerprint(NETWORK_KEY)),
        }
        for name, invoice in invoices.items()
    ]


def _invalid_invoices() -> Any:
    changes = {
        "a date that is none": {"issueDate": "2026-02-29"},
        "a date of another form": {"issueDate": "31.03.2026"},
        "a currency in lower case": {"currency": "eur"},
        "a currency of four letters": {"currency": "EURO"},
        "a negative amount": {"payableAmount": "-1250.00"},
        "an amount with an exponent": {"payableAmount": "1.25e3"},
        "an amount with a leading zero": {"payableAmount": "01250.00"},
        "an amount with a bare point": {"payableAmount": "1250."},
        "an amount of seven decimals": {"payableAmount": "1250.0000000"},
    }
    return [{"name": name, "invoice": _invoice(INVOICE) | change} for name, change in changes.items()]


def _authorisations() -> Any:
    pledge = {
        "supplier": to_hex(PLEDGE.supplier),
        "receivable": to_hex(PLEDGE.receivable),
        "fingerprint": to_hex(PLEDGE.fingerprint),
        "financier": to_hex(PLEDGE.financier),
        "expiresAt": str(PLEDGE.expires_at),
        "deadline": str(PLEDGE.deadline),
        "nonce": to_hex(PLEDGE.nonce),
    }
    transfer = {
        "pledge": to_hex(TRANSFER.pledge),
        "from": to_hex(TRANSFER.giver),
        "to": to_hex(TRANSFER.taker),
        "deadline": str(TRANSFER.deadline),
        "nonce": to_hex(TRANSFER.nonce),
    }
    release = {
        "pledge": to_hex(RELEASE.pledge),
        "financier": to_hex(RELEASE.financier),
        "deadline": str(RELEASE.deadline),
        "nonce": to_hex(RELEASE.nonce),
    }
    made = [
        _authorisation("Pledge", pledge, NAME, [SUPPLIER, FINANCIER]),
        _authorisation("Transfer", transfer, TRANSFER.digest(DOMAIN), [FINANCIER, OTHER_FINANCIER]),
        _authorisation("Release", release, RELEASE.digest(DOMAIN), [OTHER_FINANCIER]),
    ]
    for party, authorisation in ((SUPPLIER, NAME), (OTHER_FINANCIER, TRANSFER.digest(DOMAIN))):
        message = {"party": to_hex(party.party), "authorisation": to_hex(authorisation)}
        digest = cancellation_digest(DOMAIN, party.party, authorisation)
        made.append(_authorisation("Cancellation", message, digest, [party]))
    return made


def _authorisation(primary_type: str, message: dict[str, Any], digest: bytes, signers: Sequence[Actor]) -> Any:
    return {
        "name": f"{primary_type} by {' and '.join(each.name for each in signers)}",
        "primaryType": primary_type,
        "message": message,
        "digest": to_hex(digest),
        "signatures": [
            {
                "party": to_hex(each.party),
                "privateKey": to_hex(each.key),
                "signer": to_hex(each.address),
                "signature": to_hex(sign(digest, each.key)),
            }
            for each in signers
        ],
    }


def _other_domains() -> Any:
    """The digest of the pledge above where it would be worth nothing."""
    domains = {
        "on another chain": Domain(CHAIN_ID + 1, DOMAIN.contract),
        "in the domain of the ledger": Domain(CHAIN_ID, LEDGER),
    }
    return [
        {
            "name": name,
            "domain": {"chainId": domain.chain_id, "receivables": to_hex(domain.contract)},
            "digest": to_hex(PLEDGE.digest(domain)),
        }
        for name, domain in domains.items()
    ]


_IDS = (PLEDGE.supplier, PLEDGE.receivable, PLEDGE.fingerprint)


def _words(financier: bytes, times: int) -> list[str]:
    return [to_hex(value) for value in (*_IDS, financier, times.to_bytes(32, "big"))]


def _storage() -> Any:
    pledged_at, released_at = 1_700_000_000, 1_705_000_000
    times = pledged_at | PLEDGE.expires_at << 64
    cases = {
        "active": (FINANCIER, 0),
        "transferred": (OTHER_FINANCIER, 0),
        "released": (OTHER_FINANCIER, released_at),
    }
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "words": _words(financier.party, times | released << 128),
            "pledge": {
                "supplier": to_hex(PLEDGE.supplier),
                "receivable": to_hex(PLEDGE.receivable),
                "fingerprint": to_hex(PLEDGE.fingerprint),
                "financier": to_hex(financier.party),
                "pledgedAt": pledged_at,
                "expiresAt": PLEDGE.expires_at,
                "releasedAt": released,
            },
        }
        for name, (financier, released) in cases.items()
    ]
    return {
        "pledgeName": to_hex(NAME),
        "pledgeSlots": [to_hex(slot) for slot in slots.pledge_slots(NAME)],
        "lastPledgeSlot": to_hex(slots.last_pledge_slot(PLEDGE.supplier, PLEDGE.receivable)),
        "lastPledgeOfFingerprintSlot": to_hex(
            slots.last_pledge_of_fingerprint_slot(PLEDGE.supplier, PLEDGE.fingerprint)
        ),
        "cases": [*found, {"name": "none", "words": [to_hex(bytes(32))] * 5, "pledge": None}],
    }


def _invalid_storage() -> Any:
    good = _words(FINANCIER.party, 1_700_000_000 | PLEDGE.expires_at << 64)
    cases = {
        "a word missing": good[:4],
        "a word too many": [*good, to_hex(bytes(32))],
        "never pledged": _words(FINANCIER.party, PLEDGE.expires_at << 64),
        "a bit above the times": _words(FINANCIER.party, 1_700_000_000 | 1 << 192),
    }
    return [{"name": name, "words": words} for name, words in cases.items()]
