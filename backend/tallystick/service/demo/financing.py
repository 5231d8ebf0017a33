"""One invoice, financed twice: a supplier tries it as the same evidence, and as another evidence of the same invoice.

Example: ``finance_twice(context, clock, set_chain_time).refusals``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from tallystick.errors import TransactionFailed
from tallystick.intake.drafts import Draft
from tallystick.protocol.entry import Json
from tallystick.protocol.evidence import Kind
from tallystick.protocol.types import EvidenceId, Timestamp, to_hex
from tallystick.service import receivable
from tallystick.service.context import Context
from tallystick.service.demo.play import SetChainTime, StoryClock
from tallystick.service.parties import NewParty, add_parties
from tallystick.service.receivable import ReceivableStatus
from tallystick.service.record import record
from tallystick.service.seal import seal
from tallystick.store.records import Identifier, PartyRecord

_DAY_SECONDS = 86_400
_NAMES = ("Kestrel Frames Ltd", "Harbour Bikes Ltd", "First Lender Ltd", "Second Lender Ltd")


@dataclass(frozen=True, slots=True)
class FinancedOnce:
    """The one pledge that was made, as the chain shows it, and why each further one was refused."""

    supplier: str
    financier: str
    status: ReceivableStatus
    refusals: tuple[tuple[str, str], ...]
    """What was tried, and what the chain answered."""


def finance_twice(context: Context, clock: StoryClock, set_chain_time: SetChainTime) -> FinancedOnce:
    """Pledge an invoice, then try a second financier in two ways; on the time of ``clock``, which goes on for days."""

    def next_day() -> None:
        clock.set(Timestamp(clock.now() + _DAY_SECONDS))
        set_chain_time(clock.now())

    next_day()
    members = [NewParty(name, (Identifier("ERP", f"FINANCE-{number}"),)) for number, name in enumerate(_NAMES)]
    supplier, buyer, first, second = add_parties(context, members)
    next_day()
    made = record(context, _trade(supplier, buyer, clock))
    invoice, same_invoice = made[1].evidence_id, made[3].evidence_id
    seal(context)
    next_day()
    receivable.pledge(context, invoice, first)
    next_day()
    refusals = (
        ("the same evidence", _refusal(context, invoice, second)),
        ("a second evidence of it, its number written otherwise", _refusal(context, same_invoice, second)),
    )
    return FinancedOnce(supplier.name, first.name, receivable.status(context, invoice), refusals)


def _refusal(context: Context, invoice: EvidenceId, financier: PartyRecord) -> str:
    try:
        receivable.pledge(context, invoice, financier)
    except TransactionFailed as error:
        return error.message
    raise AssertionError("what is pledged can't be pledged again")


def _trade(supplier: PartyRecord, buyer: PartyRecord, clock: StoryClock) -> list[Draft]:
    """A contract, and one invoice stated twice, each time acknowledged by the buyer."""
    seller, payer = to_hex(supplier.party), to_hex(buyer.party)
    day = datetime.fromtimestamp(clock.now(), UTC).date().isoformat()
    contract: dict[str, Json] = {
        "contractNumber": "F-1",
        "issuerRole": "supplier",
        "currency": "EUR",
        "paymentTermsDays": 0,
    }
    drafts = [Draft(Kind.CONTRACT, seller, payer, None, None, contract, None, "contract", countersigned=True)]
    for label, number in (("first", "KF-2025/0042"), ("second", "KF 2025 0042")):
        invoice: dict[str, Json] = {
            "invoiceNumber": number,
            "issueDate": day,
            "dueDate": day,
            "currency": "EUR",
            "payableAmount": "96000.00",
        }
        drafts += [
            Draft(Kind.INVOICE, seller, payer, None, "@contract", invoice, None, label, countersigned=False),
            Draft(Kind.ACKNOWLEDGEMENT, payer, seller, None, f"@{label}", {}, None, None, countersigned=False),
        ]
    return drafts
