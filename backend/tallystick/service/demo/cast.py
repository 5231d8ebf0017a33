"""Who is in the story: a dozen invented companies around cargo bicycles, and how each pair of them trades.

::

    supplier                 buyers
    Halvmark (tube)          Wislarama, Radmoor
    Tessoria (brakes)        Radmoor, Velomont
    Qiaoyun (boards)         Lingyao, in CNY
    Lingyao (batteries)      Radmoor
    Wislarama (frames)       Radmoor, Velomont
    Radmoor (bicycles)       Duinveld, Brightwater, Harborgate in USD
    Velomont (bicycles)      Sierrazul, Brightwater
    Kestrelway carries the goods, and bears witness to deliveries

Rules: amounts are whole cents (minor units); a habit is in days after the due date, negative is early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Company:
    """An invented company; ``code`` makes its identifier and the numbers of its documents."""

    code: str
    name: str
    country: str
    trade: str

    @property
    def identifier(self) -> str:
        """How commands and drafts name it."""
        return f"ERP:{self.code}"


@dataclass(frozen=True, slots=True)
class Habit:
    """How a buyer pays: ``first_days`` after due at the start, ``last_days`` at the end, ``spread_days`` either way."""

    first_days: int
    last_days: int
    spread_days: int


class Incident(Enum):
    """What befalls one invoice."""

    DISPUTE_CREDITED = auto()
    DISPUTE_WITHDRAWN = auto()
    DISPUTE_OPEN = auto()
    CREDIT_NOTE = auto()
    CORRECTED = auto()
    PREPAID = auto()
    OVERPAID = auto()


@dataclass(frozen=True, slots=True)
class Relation:
    """One supplier and one buyer: what they trade, and how the buyer pays."""

    supplier: Company
    buyer: Company
    title: str
    currency: str
    terms_days: int
    first: date
    last: date
    every_days: int
    typical_cents: int
    habit: Habit
    acknowledged_percent: int = 75
    carried: bool = False
    """Deliveries are recorded, and the carrier acknowledges them."""
    claims: bool = False
    """The buyer states its payments and the supplier acknowledges them; otherwise the supplier states receipts."""
    instalments: int = 1
    discount_percent: int = 0
    incidents: Mapping[int, Incident] = field(default_factory=lambda: MappingProxyType({}))
    """By the number of the invoice between the two, from 1."""
    insolvent_on: date | None = None
    """From this day on the buyer pays nothing any more."""
    written_off_on: date | None = None

    @property
    def key(self) -> str:
        """Names the relation in labels and document numbers."""
        return f"{self.supplier.code}-{self.buyer.code}"


HALVMARK = Company("HALVMARK", "Halvmark Stål AB", "SE", "steel and aluminium tube")
TESSORIA = Company("TESSORIA", "Tessoria Componenti S.r.l.", "IT", "brakes and drivetrains")
QIAOYUN = Company("QIAOYUN", "Suzhou Qiaoyun Circuit Co., Ltd.", "CN", "battery management boards")
LINGYAO = Company("LINGYAO", "Ningbo Lingyao Cell Co., Ltd.", "CN", "bicycle batteries")
WISLARAMA = Company("WISLARAMA", "Wislarama Sp. z o.o.", "PL", "welded frames")
RADMOOR = Company("RADMOOR", "Radmoor Lastenrad GmbH", "DE", "cargo bicycles, pays on time")
VELOMONT = Company("VELOMONT", "Velomont Cycles SAS", "FR", "cargo bicycles, pays later every quarter")
DUINVELD = Company("DUINVELD", "Duinveld Fietsgroep B.V.", "NL", "a chain of shops, pays on time")
BRIGHTWATER = Company("BRIGHTWATER", "Brightwater Cargo Bikes Ltd", "GB", "shops, insolvent in May 2025")
SIERRAZUL = Company("SIERRAZUL", "Sierrazul Movilidad S.L.", "ES", "shops, always a fortnight late")
HARBORGATE = Company("HARBORGATE", "Harborgate Cycles Inc.", "US", "importer, paid its first orders in advance")
KESTRELWAY = Company("KESTRELWAY", "Kestrelway Freight S.A.", "LU", "the carrier")

COMPANIES = (
    *(HALVMARK, TESSORIA, QIAOYUN, LINGYAO, WISLARAMA, RADMOOR),
    *(VELOMONT, DUINVELD, BRIGHTWATER, SIERRAZUL, HARBORGATE, KESTRELWAY),
)
CARRIER = KESTRELWAY
PROMPT_PAYER, LATE_PAYER, DEFAULTER = RADMOOR, VELOMONT, BRIGHTWATER

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2025, 12, 31)
INSOLVENT_ON, WRITTEN_OFF_ON = date(2025, 5, 12), date(2025, 8, 18)
_END = date(2025, 12, 15)
_LAST_TO_BRIGHTWATER = date(2025, 5, 5)

_PROMPT = Habit(-3, -3, 3)
_EARLY = Habit(-20, -20, 2)
_FORTNIGHT_LATE = Habit(13, 15, 4)
_WORSENING = Habit(2, 64, 4)

RELATIONS = (
    Relation(
        *(HALVMARK, RADMOOR, "Tube, call-off orders", "EUR", 30, date(2024, 1, 15), _END, 32, 1_840_000, _PROMPT),
        acknowledged_percent=90,
        incidents={7: Incident.CORRECTED},
    ),
    Relation(
        *(HALVMARK, WISLARAMA, "Tube, call-off orders", "EUR", 30, date(2024, 1, 22), _END, 45, 2_650_000),
        Habit(1, 3, 3),
        instalments=2,
    ),
    Relation(
        *(TESSORIA, RADMOOR, "Brake sets, 2% within ten days", "EUR", 30, date(2024, 1, 18), _END, 40, 960_000, _EARLY),
        acknowledged_percent=50,
        discount_percent=2,
    ),
    Relation(
        *(TESSORIA, VELOMONT, "Brake sets and drivetrains", "EUR", 45, date(2024, 1, 25), _END, 33, 1_420_000),
        _WORSENING,
        acknowledged_percent=85,
        incidents={4: Incident.CREDIT_NOTE, 20: Incident.DISPUTE_OPEN},
    ),
    Relation(
        *(LINGYAO, RADMOOR, "Battery packs", "EUR", 60, date(2024, 2, 5), _END, 56, 4_730_000, _PROMPT),
        acknowledged_percent=100,
        carried=True,
    ),
    Relation(
        *(QIAOYUN, LINGYAO, "Battery management boards", "CNY", 60, date(2024, 1, 10), _END, 42, 38_600_000),
        Habit(7, 9, 5),
        claims=True,
    ),
    Relation(
        *(WISLARAMA, RADMOOR, "Frames for the R series", "EUR", 30, date(2024, 2, 1), _END, 36, 3_110_000, _PROMPT),
        acknowledged_percent=90,
        carried=True,
    ),
    Relation(
        *(WISLARAMA, VELOMONT, "Frames for the Col series", "EUR", 30, date(2024, 2, 12), _END, 46, 2_280_000),
        _WORSENING,
        carried=True,
    ),
    Relation(
        *(RADMOOR, DUINVELD, "Bicycles and spare parts", "EUR", 30, date(2024, 2, 19), _END, 32, 5_260_000, _PROMPT),
        acknowledged_percent=60,
        carried=True,
        claims=True,
        incidents={6: Incident.DISPUTE_CREDITED, 13: Incident.OVERPAID},
    ),
    Relation(
        *(RADMOOR, BRIGHTWATER, "Bicycles", "EUR", 45, date(2024, 2, 26), _LAST_TO_BRIGHTWATER, 35, 2_940_000),
        Habit(3, 105, 4),
        carried=True,
        insolvent_on=INSOLVENT_ON,
        written_off_on=WRITTEN_OFF_ON,
    ),
    Relation(
        *(VELOMONT, BRIGHTWATER, "Bicycles", "EUR", 30, date(2024, 6, 3), _LAST_TO_BRIGHTWATER, 44, 1_870_000),
        Habit(5, 105, 4),
        insolvent_on=INSOLVENT_ON,
        written_off_on=WRITTEN_OFF_ON,
    ),
    Relation(
        *(VELOMONT, SIERRAZUL, "Bicycles", "EUR", 60, date(2024, 1, 29), _END, 50, 2_150_000, _FORTNIGHT_LATE),
        incidents={6: Incident.DISPUTE_WITHDRAWN},
    ),
    Relation(
        *(RADMOOR, HARBORGATE, "Bicycles, ex works", "USD", 30, date(2024, 4, 8), _END, 60, 6_400_000, _PROMPT),
        acknowledged_percent=100,
        incidents={1: Incident.PREPAID, 2: Incident.PREPAID},
    ),
)
