"""Identifiers of legal entities: their forms, their check digits, and the codes by which documents name their schemes.

Rules:

- LEI (ISO 17442): 18 letters or digits and 2 digits, as a number mod 97 = 1;
- USCC (GB 32100-2015): 18 characters without I, O, S, V, Z; its own check character, and that of the organisation code
  within it (GB 11714), both hold;
- GLN: 13 digits, the last by GS1 mod 10; DUNS: 9 digits, which have no public check; VAT: two letters of a country and
  2 to 13 letters or digits;
- an identifier that does not hold names nobody: it is left out, as is a number without a scheme.

Example: ``normalise("0199", "5493001KJTIIGC8Y1R12")`` is ``("LEI", "5493001KJTIIGC8Y1R12")``.
"""

from __future__ import annotations

import re

_LEI = re.compile(r"[A-Z0-9]{18}[0-9]{2}\Z")
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC = re.compile(rf"[{_USCC_ALPHABET}]{{18}}\Z")
_USCC_WEIGHTS = tuple(3**i % 31 for i in range(17))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_VAT = re.compile(r"[A-Z]{2}[A-Z0-9]{2,13}\Z")
_SWISS = re.compile(r"\A(CHE[0-9]{9})(?:MWST|TVA|IVA)\Z")
"""The Swiss number with and without the word for VAT behind it is one."""
_OTHER = re.compile(r"[!-~]{1,100}\Z")
_VAT_SCHEME = re.compile(r"(?:99[0-9]{2}|[A-Z]{2}:?VAT)\Z")
_ICD = re.compile(r"0[0-9]{3}\Z")

_SCHEMES = {
    "0060": "DUNS",
    "0062": "DUNS",
    "0088": "GLN",
    "0199": "LEI",
    "EAN": "GLN",
    "GLN": "GLN",
    "DUNS": "DUNS",
    "LEI": "LEI",
    "USCC": "USCC",
    "VA": "VAT",
    "VAT": "VAT",
    "0223": "VAT",
}
"""By ICD (ISO 6523) or spelled out, as UBL and CII documents write them."""

RANKED = ("LEI", "USCC", "VAT", "DUNS", "GLN")
"""The schemes whose form is checked, those that name a legal entity best first."""


def is_lei(value: str) -> bool:
    """Whether ``value`` is an LEI with right check digits. Source: ISO 17442, ISO 7064 mod 97-10."""
    return bool(_LEI.match(value)) and int("".join(str(int(letter, 36)) for letter in value)) % 97 == 1


def is_uscc(value: str) -> bool:
    """Whether ``value`` is a USCC whose two check characters hold. Source: GB 32100-2015, GB 11714-1997."""
    if not _USCC.match(value):
        return False
    digits = [_USCC_ALPHABET.index(letter) for letter in value]
    check = (31 - sum(d * w for d, w in zip(digits, _USCC_WEIGHTS, strict=False)) % 31) % 31
    return digits[17] == check and _is_organisation_code(value[8:17])


def _is_organisation_code(value: str) -> bool:
    total = sum(int(letter, 36) * weight for letter, weight in zip(value, _ORGANISATION_WEIGHTS, strict=False))
    return value[8] == "0123456789X0"[(11 - total % 11)]


def is_gln(value: str) -> bool:
    """Whether ``value`` is a GLN. Source: GS1 General Specifications, section 7.9."""
    if len(value) != 13 or not (value.isascii() and value.isdigit()):
        return False
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(value[:12]))
    return int(value[12]) == -total % 10


def normalise(scheme: str | None, value: str, country: str | None = None) -> tuple[str, str] | None:
    """The scheme and value by which a party of ``country`` is kept, or None where ``value`` identifies nobody.

    Other ICD schemes of ISO 6523 are kept under ``ICD_nnnn``.
    """
    code = (scheme or "").strip().upper()
    name = "VAT" if _VAT_SCHEME.match(code) else _SCHEMES.get(code)
    if name is None and _ICD.match(code):
        name = f"ICD_{code}"
    if name is None:
        return None
    text = re.sub(r"[\s.\-]", "", value).upper() if name in RANKED else value.strip()
    if name == "VAT":
        text = _SWISS.sub(r"\1", text)
        if country is not None and not _VAT.match(text):
            text = ("EL" if country == "GR" else country) + text
        return ("VAT", text) if _VAT.match(text) else None
    if name == "DUNS":
        return ("DUNS", text) if re.match(r"[0-9]{9}\Z", text) else None
    checks = {"LEI": is_lei, "USCC": is_uscc, "GLN": is_gln}
    holds = checks[name](text) if name in checks else bool(_OTHER.match(text))
    return (name, text) if holds else None


def in_order(found: list[tuple[str, str] | None]) -> tuple[tuple[str, str], ...]:
    """``found`` identifiers, each once, those that name a legal entity best first."""
    known = dict.fromkeys(item for item in found if item is not None)
    return tuple(sorted(known, key=lambda item: RANKED.index(item[0]) if item[0] in RANKED else len(RANKED)))
