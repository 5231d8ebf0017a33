"""Identifiers of legal entities: which hold, and which name nobody."""

from __future__ import annotations

import pytest

from tallystick.intake.identifiers import in_order, is_gln, is_lei, is_uscc, normalise


@pytest.mark.parametrize(
    "value",
    ["213800KUD8LXJWSQ9D15", "549300KJTIIGC8Y1R12", "1", "98", "00000000000000000098x", "213800kud8lajwsq9d15"],
)
def test_what_is_no_lei(value: str) -> None:
    """A wrong letter, a length of 19, and short numbers that are 1 modulo 97."""
    assert not is_lei(value)


@pytest.mark.parametrize("value", ["213800KUD8LAJWSQ9D15", "5493001KJTIIGC8Y1R12", "HWUPKR0MPOU8FGXBT394"])
def test_what_is_an_lei(value: str) -> None:
    """Eighteen letters or digits and two check digits. Source: ISO 17442."""
    assert is_lei(value)


@pytest.mark.parametrize(
    "value", ["91350211M000100Y43", "110108MA002XY31Z", "91110108MA002XY31Z", "9111000060003734IL"]
)
def test_what_is_no_uscc(value: str) -> None:
    """A wrong check character, a wrong length, and letters that the code does not use."""
    assert not is_uscc(value)


@pytest.mark.parametrize(
    "value",
    ["91110000600037341L", "91330106673959654P", "91440300708461136T", "9153000077859986X2", "91442000MA52PFXD1J"],
)
def test_what_is_a_uscc(value: str) -> None:
    """Both check characters hold. Source: GB 32100-2015, GB 11714-1997."""
    assert is_uscc(value)


def test_a_uscc_whose_inner_code_does_not_hold_is_none() -> None:
    """The outer check character alone does not make a code: the organisation code within has its own."""
    good, alphabet = "91110000600037341L", "0123456789ABCDEFGHJKLMNPQRTUWXY"
    forged = []
    for inner in "023456789X":
        body = good[:16] + inner
        total = sum(alphabet.index(letter) * (3**place % 31) for place, letter in enumerate(body))
        forged.append(body + alphabet[-total % 31])
    assert forged
    assert not any(map(is_uscc, forged))


@pytest.mark.parametrize(
    ("scheme", "value", "country", "known"),
    [
        (None, "99887766", "GB", None),
        ("ZZZ", "Supp123", None, None),
        ("0088", "9482348239847239874", None, None),
        ("0060", "DUNS1235487", None, None),
        ("VAT", "?", None, None),
        ("0199", "5493001KJTIIGC8Y1R12", None, ("LEI", "5493001KJTIIGC8Y1R12")),
        ("GLN", "4000001123452", None, ("GLN", "4000001123452")),
        ("9930", "DE 123 456 789", None, ("VAT", "DE123456789")),
        ("VAT", "175 269 2355", "GB", ("VAT", "GB1752692355")),
        ("VAT", "CHE-123.456.788 MWST", "CH", ("VAT", "CHE123456788")),
        ("VAT", "CHE-123.456.788", None, ("VAT", "CHE123456788")),
        ("VAT", "123456789", "GR", ("VAT", "EL123456789")),
        ("0192", "987654325", None, ("ICD_0192", "987654325")),
    ],
)
def test_a_number_identifies_by_its_scheme(
    scheme: str | None, value: str, country: str | None, known: tuple[str, str] | None
) -> None:
    """A number without a scheme, or one that does not hold, names nobody; the others have one spelling."""
    assert normalise(scheme, value, country) == known


def test_the_most_telling_identifier_comes_first() -> None:
    """LEI, USCC, VAT, DUNS, GLN, then any other; each once."""
    found = [("GLN", "4000001123452"), None, ("ICD_0192", "1"), ("VAT", "DE1234"), ("GLN", "4000001123452")]
    assert [scheme for scheme, _ in in_order(found)] == ["VAT", "GLN", "ICD_0192"]
    assert is_gln("4000001123452")
    assert not is_gln("4000001123453")
