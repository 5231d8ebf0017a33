"""Receivables: what is signed about them, as eth_account computes it, and the fingerprint of an invoice."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import assume, example, given
from hypothesis import strategies as st

from protocol.strategies import bytes32, domains
from protocol.test_evidence import typed_data_digest
from protocol.world import NETWORK_KEY
from tallystick.errors import MalformedInput
from tallystick.protocol.binding import check_identifier
from tallystick.protocol.evidence import Domain
from tallystick.protocol.receivable import (
    InvoiceIdentity,
    Pledge,
    PledgeTerms,
    ReleaseTerms,
    TransferTerms,
    cancellation_digest,
    normalise_number,
)


def typed(**types: str) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in types.items()]


PLEDGE_FIELDS = typed(
    supplier="bytes32",
    receivable="bytes32",
    fingerprint="bytes32",
    financier="bytes32",
    expiresAt="uint64",
    deadline="uint64",
    nonce="bytes32",
)
TRANSFER_FIELDS = typed(
    **{"pledge": "bytes32", "from": "bytes32", "to": "bytes32", "deadline": "uint64", "nonce": "bytes32"}
)
RELEASE_FIELDS = typed(pledge="bytes32", financier="bytes32", deadline="uint64", nonce="bytes32")
CANCELLATION_FIELDS = typed(party="bytes32", authorisation="bytes32")

block_times = st.integers(0, 2**64 - 1)
pledge_terms = st.builds(PledgeTerms, bytes32, bytes32, bytes32, bytes32, block_times, block_times, bytes32)
transfer_terms = st.builds(TransferTerms, bytes32, bytes32, bytes32, block_times, bytes32)
release_terms = st.builds(ReleaseTerms, bytes32, bytes32, block_times, bytes32)

dates = st.dates().map(lambda date: date.isoformat())
currencies = st.from_regex(r"[A-Z]{3}", fullmatch=True)
amounts = st.from_regex(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?", fullmatch=True)
invoices = st.builds(InvoiceIdentity, bytes32, bytes32, st.text(st.characters(exclude_categories=["Cs"])), dates,
                     currencies, amounts)  # fmt: skip
INVOICE = InvoiceIdentity(b"\x01" * 32, b"\x02" * 32, "INV-2026/001", "2026-03-31", "EUR", "1250.00")  # type: ignore[arg-type]
FINGERPRINT = INVOICE.fingerprint(NETWORK_KEY)


# --- what is no invoice ----------


@pytest.mark.parametrize("date", ["", "2026-02-29", "2026-13-01", "31.03.2026", "20260331", "2026-3-31", "2026-03-31 "])
def test_an_invoice_of_no_calendar_date_has_no_fingerprint(date: str) -> None:
    with pytest.raises(MalformedInput, match=r"issueDate: expected a date, e\.g\. .*, got '"):
        replace(INVOICE, issue_date=date).fingerprint(NETWORK_KEY)


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "EU", "EUR ", "€"])
def test_an_invoice_of_no_currency_has_no_fingerprint(currency: str) -> None:
    with pytest.raises(MalformedInput, match="currency: expected an ISO 4217 code"):
        replace(INVOICE, currency=currency).fingerprint(NETWORK_KEY)


@pytest.mark.parametrize(
    "amount", ["", "-1", "+1", " 1", "1.", ".5", "01", "1e3", "1,250.00", "1.0000000", "9" * 19, "NaN", "\uff11"]
)
def test_an_invoice_of_no_amount_has_no_fingerprint(amount: str) -> None:
    with pytest.raises(MalformedInput, match="payableAmount: expected a decimal string without sign"):
        replace(INVOICE, amount=amount).fingerprint(NETWORK_KEY)


def test_a_number_that_is_no_text_has_no_fingerprint() -> None:
    """Half of a surrogate pair has no UTF-8, so it can't be hashed as others would."""
    with pytest.raises(MalformedInput, match="expected Unicode text"):
        replace(INVOICE, number="\ud800").fingerprint(NETWORK_KEY)


# --- other invoices ----------


@pytest.mark.parametrize(
    "change",
    [
        {"seller": b"\x03" * 32},
        {"buyer": b"\x03" * 32},
        {"seller": INVOICE.buyer, "buyer": INVOICE.seller},
        {"number": "INV-2026/002"},
        {"number": "INV-2026/0010"},
        {"number": "INV-2026/O01"},
        {"number": ""},
        {"issue_date": "2026-03-30"},
        {"currency": "USD"},
        {"amount": "1250.01"},
        {"amount": "125"},
        {"amount": "12500"},
    ],
    ids=lambda change: "-".join(change),
)
def test_whatever_makes_another_invoice_makes_another_fingerprint(change: dict[str, Any]) -> None:
    assert replace(INVOICE, **change).fingerprint(NETWORK_KEY) != FINGERPRINT


similar = st.builds(
    InvoiceIdentity,
    *(st.sampled_from([b"\x01" * 32, b"\x02" * 32]),) * 2,
    st.sampled_from(["A-1", "a1", "A2"]),
    st.sampled_from(["2026-03-31", "2026-03-30"]),
    st.sampled_from(["EUR", "USD"]),
    st.sampled_from(["10", "10.0", "1"]),
)


@given(similar, similar)
def test_invoices_share_a_fingerprint_exactly_when_they_read_the_same(
    one: InvoiceIdentity, other: InvoiceIdentity
) -> None:
    def as_read(invoice: InvoiceIdentity) -> InvoiceIdentity:
        return replace(
            invoice, number=invoice.number.replace("-", "").lower(), amount=invoice.amount.removesuffix(".0")
        )

    same = as_read(one) == as_read(other)
    assert (one.fingerprint(NETWORK_KEY) == other.fingerprint(NETWORK_KEY)) is same


@given(bytes32)
def test_under_another_network_key_the_fingerprint_says_nothing(key: bytes) -> None:
    assert (INVOICE.fingerprint(key) == FINGERPRINT) is (key == NETWORK_KEY)


@given(invoices)
def test_what_a_fingerprint_hashes_is_no_identifier_of_a_party(invoice: InvoiceIdentity) -> None:
    """One key serves both: were there a colon at which the text splits into both, an invoice could name a party."""
    text = hashed(invoice).decode()
    for at in (at for at, character in enumerate(text) if character == ":"):
        with pytest.raises(MalformedInput):
            check_identifier(text[:at], text[at + 1 :])
    assert text.startswith("[")


@given(pledge_terms, domains, domains)
def test_terms_have_another_digest_in_every_other_domain(terms: PledgeTerms, here: Domain, there: Domain) -> None:
    assert (terms.digest(here) == terms.digest(there)) is (here == there)


# --- one invoice, one fingerprint ----------


@pytest.mark.parametrize(
    "number",
    [
        "inv-2026/001",
        "INV 2026 001",
        "INV2026001",
        "  Inv.2026_001\t",
        "\uff29\uff2e\uff36\uff0d\uff12\uff10\uff12\uff16\uff0f\uff10\uff10\uff11",
        "INV\u20132026\u2044001",
        "inv\u00a02026\u200b001",
        "\u24be\u24c3\u24cb-2026-001",
    ],
)
def test_the_same_number_spelled_otherwise_is_the_same_invoice(number: str) -> None:
    assert replace(INVOICE, number=number).fingerprint(NETWORK_KEY) == FINGERPRINT


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE 1", "straße 1"),
        ("CAFÉ-1", "cafe\u0301 1"),
        ("№ 7", "no7"),
        ("ﬁ-1", "FI1"),
        ("ΣΑΣ", "σας"),
        ("\u1112-\u1161", "\ud558"),
    ],
)
def test_letters_of_any_script_are_compared_without_case_and_composition(one: str, other: str) -> None:
    assert normalise_number(one) == normalise_number(other)


@pytest.mark.parametrize(("one", "other"), [("-", "--"), ("", " "), ("#", "*")])
def test_numbers_without_letter_or_digit_are_compared_as_they_are(one: str, other: str) -> None:
    assert normalise_number(one) != normalise_number(other)


@given(st.from_regex(r"[A-Za-z0-9]{1,12}", fullmatch=True), st.data())
def test_case_width_and_separators_of_a_number_do_not_matter(number: str, data: st.DataObject) -> None:
    def spell(character: str) -> str:
        cased = data.draw(st.sampled_from([character.lower(), character.upper()]))
        wide = data.draw(st.booleans())
        return (chr(ord(cased) + 0xFEE0) if wide else cased) + data.draw(
            st.sampled_from(["", "-", "/", " ", ".", "\u3000"])
        )

    spelled = "".join(map(spell, number))
    assert normalise_number(spelled) == normalise_number(number) == number.lower()


@given(amounts, st.integers(0, 6))
@example("0", 6)
@example("100", 2)
def test_zeros_behind_an_amount_do_not_matter(amount: str, zeros: int) -> None:
    whole, _, fraction = amount.partition(".")
    assume(len(fraction) + zeros <= 6)
    spelled = f"{whole}.{fraction}{'0' * zeros}" if fraction or zeros else whole
    assert replace(INVOICE, amount=spelled).fingerprint(NETWORK_KEY) == replace(INVOICE, amount=amount).fingerprint(
        NETWORK_KEY
    )


def hashed(invoice: InvoiceIdentity) -> bytes:
    """What is hashed, from the rule as it is written, by other means."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", invoice.number).casefold())
    letters_and_digits = [
        c for c in folded if unicodedata.category(c) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No")
    ]
    whole, _, fraction = invoice.amount.partition(".")
    fraction = fraction.rstrip("0")
    return rfc8785.dumps(
        [
            "tallystick receivable fingerprint 1",
            "0x" + invoice.seller.hex(),
            "0x" + invoice.buyer.hex(),
            "".join(letters_and_digits) or folded,
            invoice.issue_date,
            invoice.currency,
            f"{whole}.{fraction}" if fraction else whole,
        ]
    )


@given(bytes32, invoices)
@example(NETWORK_KEY, INVOICE)
def test_the_fingerprint_is_hmac_sha256_over_canonical_json(key: bytes, invoice: InvoiceIdentity) -> None:
    assert invoice.fingerprint(key) == hmac.new(key, hashed(invoice), hashlib.sha256).digest()


# --- what is signed ----------


@given(domains, pledge_terms)
def test_the_name_of_a_pledge_is_the_eip712_digest_of_its_terms(domain: Domain, terms: PledgeTerms) -> None:
    message = {
        "supplier": terms.supplier,
        "receivable": terms.receivable,
        "fingerprint": terms.fingerprint,
        "financier": terms.financier,
        "expiresAt": terms.expires_at,
        "deadline": terms.deadline,
        "nonce": terms.nonce,
    }
    assert terms.digest(domain) == typed_data_digest(domain, "Pledge", PLEDGE_FIELDS, message)


@given(domains, transfer_terms)
def test_the_digest_of_a_transfer_is_its_eip712_digest(domain: Domain, terms: TransferTerms) -> None:
    message = {
        "pledge": terms.pledge,
        "from": terms.giver,
        "to": terms.taker,
        "deadline": terms.deadline,
        "nonce": terms.nonce,
    }
    assert terms.digest(domain) == typed_data_digest(domain, "Transfer", TRANSFER_FIELDS, message)


@given(domains, release_terms)
def test_the_digest_of_a_release_is_its_eip712_digest(domain: Domain, terms: ReleaseTerms) -> None:
    message = {
        "pledge": terms.pledge,
        "financier": terms.financier,
        "deadline": terms.deadline,
        "nonce": terms.nonce,
    }
    assert terms.digest(domain) == typed_data_digest(domain, "Release", RELEASE_FIELDS, message)


@given(domains, bytes32, bytes32)
def test_the_digest_of_a_cancellation_is_its_eip712_digest(domain: Domain, party: Any, authorisation: Any) -> None:
    message = {"party": party, "authorisation": authorisation}
    expected = typed_data_digest(domain, "Cancellation", CANCELLATION_FIELDS, message)
    assert cancellation_digest(domain, party, authorisation) == expected


@given(block_times, block_times, block_times)
def test_a_pledge_holds_below_its_expiry_and_until_its_release(expires_at: Any, released_at: Any, at: Any) -> None:
    pledge = Pledge(b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, b"\x04" * 32, 1, expires_at, released_at)  # type: ignore[arg-type]
    assert pledge.is_active(at) is (released_at == 0 and at < expires_at)
    assert not pledge.is_active(expires_at)
