"""What all UBL documents have in common: their namespaces, parties, currencies, and references.

Rules:

- a party is known by its endpoint, its identifications, its registration and its VAT number, as far as they hold;
- an amount has a currency, and it is that of the document.
"""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.intake.documents import TradeParty
from tallystick.intake.elements import Element
from tallystick.intake.identifiers import in_order, normalise
from tallystick.protocol.fields import is_currency
from tallystick.protocol.types import clip

_NAMESPACE = "urn:oasis:names:specification:ubl:schema:xsd:"
PREFIXES = {
    "cbc": f"{_NAMESPACE}CommonBasicComponents-2",
    "cac": f"{_NAMESPACE}CommonAggregateComponents-2",
}
ORDER = "cac:OrderReference/cbc:ID"
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
