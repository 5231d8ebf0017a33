"""Amounts and currencies: exact decimals inside, one spelling at the border.

Rules:

- an amount is a decimal string without sign, up to 18 digits before and 6 after the point; anything else is not one;
- sums and products are exact and quotients carry 100 digits, so no sum depends on the order of its terms;
- rounding happens at output only: ratios, days and index to four places, half to even;
- an amount is written with its currency's minor units where that is exact, else with all its digits, never rounded.

Example: ``format_amount(Decimal("5"), "EUR") == "5.00"``.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

ZERO = Decimal(0)
RATIO_PLACES = 4
DEFAULT_MINOR_UNITS = 2

_DIGITS = 100
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,6})?\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_RATIO_STEP = Decimal(1).scaleb(-RATIO_PLACES)

_TWO_DIGITS = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN "
    "MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
    "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_OTHERS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
MINOR_UNITS = {code: units for units, codes in {2: _TWO_DIGITS, **_OTHERS}.items() for code in codes.split()}
"""Digits after the point by currency code. Source: ISO 4217 list one, and ANG, which left it in 2025."""

_STEPS = {units: Decimal(1).scaleb(-units) for units in range(5)}


def exact_arithmetic() -> AbstractContextManager[Context]:
    """A decimal context in which sums and products of amounts are exact, whatever context the caller has set."""
    return localcontext(Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999))


def parse_amount(text: object) -> Decimal | None:
    """The amount that ``text`` spells, or None when it is not a decimal string of the one allowed form."""
    return Decimal(text) if isinstance(text, str) and _AMOUNT.match(text) else None


def parse_currency(text: object) -> str | None:
    """``text`` when it has the form of an ISO 4217 code, else None; the code need not be a known one."""
    return text if isinstance(text, str) and _CURRENCY.match(text) else None


def format_amount(amount: Decimal, currency: str) -> str:
    """``amount`` with the minor units of ``currency`` if that is exact, else with all its digits; no exponent."""
    step = _STEPS[MINOR_UNITS.get(currency, DEFAULT_MINOR_UNITS)]
    with exact_arithmetic():
        shown = amount.quantize(step)
        return f"{shown if shown == amount else amount.normalize():f}"


def format_ratio(value: Decimal) -> str:
    """``value`` (a ratio, days or an index) to four places, half to even; a zero has no sign."""
    with exact_arithmetic():
        rounded = value.quantize(_RATIO_STEP)
    return f"{rounded if rounded else _RATIO_STEP - _RATIO_STEP:f}"
