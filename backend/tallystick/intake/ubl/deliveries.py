"""UBL DespatchAdvice and ReceiptAdvice: what was sent, and what the buyer says arrived."""

from __future__ import annotations

from tallystick.intake.billing import order_number
from tallystick.intake.documents import DespatchAdvice, ReceiptAdvice
from tallystick.intake.elements import Element, quantity
from tallystick.intake.ubl.values import ORDER, read_party

_SELLERS = ("cac:SellerSupplierParty/cac:Party", "cac:DespatchSupplierParty/cac:Party")
_BUYERS = ("cac:BuyerCustomerParty/cac:Party", "cac:DeliveryCustomerParty/cac:Party")
_ARRIVED = "cac:Shipment/cac:Delivery/cbc:ActualDeliveryDate"
_CARRIERS = ("cac:Shipment/cac:Consignment", "cac:Shipment/cac:ShipmentStage", "cac:Shipment/cac:Delivery")
_CARRIER_NAMES = (
    "cac:CarrierParty/cac:PartyLegalEntity/cbc:RegistrationName",
    "cac:CarrierParty/cac:PartyName/cbc:Name",
)
_TRACKING = ("cac:Shipment/cac:Delivery/cbc:TrackingID", "cac:Shipment/cac:Consignment/cbc:ID")
_PLACEHOLDERS = (None, "NA", "1")
"""What stands in an identifier that the schema demands and nobody has."""


def read_despatch(document: Element) -> DespatchAdvice:
    """What the seller says it sent."""
    tracking = next((text for path in _TRACKING if (text := document.text(path)) not in _PLACEHOLDERS), None)
    carriers = (document.text(f"{place}/{name}") for place in _CARRIERS for name in _CARRIER_NAMES)
    return DespatchAdvice(
        number=document.need_text("cbc:ID"),
        issue_date=document.need_date("cbc:IssueDate"),
        seller=read_party(document, *_SELLERS),
        buyer=read_party(document, *_BUYERS),
        order=order_number(document, ORDER),
        received_date=document.date(_ARRIVED),
        quantity=quantity(document, "cac:DespatchLine/cbc:DeliveredQuantity"),
        carrier=next((name for name in carriers if name is not None), None),
        tracking_number=tracking,
    )


def read_receipt(document: Element) -> ReceiptAdvice:
    """What the buyer says it received, missed and rejected."""
    received_date = document.date(_ARRIVED)
    if received_date is None:
        dates = [line.need_date("cbc:ReceivedDate") for line in document.all("cac:ReceiptLine")]
        received_date = max(dates, default=None)
    if received_date is None:
        raise document.missing(_ARRIVED)
    despatch = "cac:DespatchDocumentReference/cbc:ID"
    reasons = (
        line.text(name)
        for line in document.all("cac:ReceiptLine")
        for name in ("cbc:RejectReason", "cbc:RejectReasonCode")
    )
    return ReceiptAdvice(
        number=document.need_text("cbc:ID"),
        issue_date=document.need_date("cbc:IssueDate"),
        buyer=read_party(document, *_BUYERS),
        seller=read_party(document, *_SELLERS),
        order=order_number(document, ORDER),
        despatch=document.text(despatch),
        received_date=received_date,
        received=quantity(document, "cac:ReceiptLine/cbc:ReceivedQuantity"),
        short=quantity(document, "cac:ReceiptLine/cbc:ShortQuantity"),
        rejected=quantity(document, "cac:ReceiptLine/cbc:RejectedQuantity"),
        reason=next((reason for reason in reasons if reason is not None), None),
    )
