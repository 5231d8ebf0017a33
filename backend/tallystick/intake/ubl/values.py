"""What all UBL documents have in common: their namespaces, parties, sums of quantities, and references.

Rules:

- a party is known by its endpoint, its identifications, its registration and its VAT number, as far as they hold;
- quantities are added over the lines where all lines have one unit, else there is no sum;
- an amount has a currency, and it is that of the document.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from tallystick.intake.documents import TradeParty
from tallystick.intake.elements import Element, plain
from tallystick.intake.identifiers import in_order, normalise
from tallystick.protocol.fields import is_currency
from tallystick.protocol.types import clip

_NAMESPACE = "urn:oasis:names:specification:ubl:schema:xsd:"
PREFIXES = {
    "cbc": f"{_NAMESPACE}CommonBasicComponents-2",
    "cac": f"{_NAMESPACE}CommonAggregateComponents-2",
}
_NAMES = (
    "cac:PartyLegalEntity/cbc:RegistrationName",
    "cac:PartyName/cbc:Name",
    "cac:PartyTaxScheme/cbc:RegistrationName",
)


def is_ubl(namespace: str, name: str) -> bool:
    """Whether ``namespace`` and ``name`` are those of the root of a UBL 2 document."""
    return namespace == f"{_NAMESPACE}{name}-2"


def read_party(document: Element, *paths: str) -> TradeParty:
    """The party at the first of ``paths`` that is there. Raises ``MalformedDocument`` where none is."""
    found = next((party for path in paths if (party := document.find(path)) is not None), None)
    if found is None:
        raise document.missing(paths[0])
    country = found.text("cac:PostalAddress/cac:Country/cbc:IdentificationCode")
    ids = [normalise(each.attribute("schemeID"), each.value, country) for each in _identifications(found)]
    for scheme in found.all("cac:PartyTaxScheme"):
        number = scheme.text("cbc:CompanyID")
        kind = f"{scheme.text('cac:TaxScheme/cbc:ID')} {scheme.text('cac:TaxScheme/cbc:TaxTypeCode')}"
        if number is not None and "VAT" in kind.upper().split():
            ids.append(normalise("VAT", number, country))
    name = next((text for path in _NAMES if (text := found.text(path)) is not None), None)
    return TradeParty(in_order(ids), name, found.path)


def _identifications(party: Element) -> Iterator[Element]:
    for path in ("cbc:EndpointID", "cac:PartyIdentification/cbc:ID", "cac:PartyLegalEntity/cbc:CompanyID"):
        yield from party.all(path)


def read_currency(element: Element, currency: str | None) -> str:
    """The currency of the amount ``element``, which is that of the document where it names one in ``currency``."""
    own = element.attribute("currencyID")
    if own is None:
        raise element.missing("@currencyID")
    if not is_currency(own) or currency not in (None, own):
        raise element.wrong(f"an amount in {currency or 'a currency of ISO 4217'}, not {clip(own)}")
    return own


def quantity(document: Element, path: str) -> str | None:
    """The sum of the quantities at ``path``; None where there is none, or where the units differ."""
    total, units = Decimal(0), set()
    for each in document.all(path):
        total += each.number()
        units.add(each.attribute("unitCode"))
    return plain(total) if len(units) == 1 and total >= 0 else None


def order_number(document: Element, path: str = "cac:OrderReference/cbc:ID") -> str | None:
    """The buyer's order number at ``path``; "NA" is Peppol's word for none (BIS Billing 3.0, BT-13)."""
    number = document.text(path)
    return None if number in ("NA", "N/A") else number


def invoice_numbers(document: Element, *paths: str) -> list[str]:
    """The different invoices referred to beneath ``paths`` (cac:BillingReference), in order."""
    found = {
        reference.value: None
        for path in paths
        for kind in ("cac:InvoiceDocumentReference", "cac:SelfBilledInvoiceDocumentReference")
        for reference in document.all(f"{path}/{kind}/cbc:ID")
        if reference.value
    }
    return list(found)
