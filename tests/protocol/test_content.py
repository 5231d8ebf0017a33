"""Contents: disclosures as RFC 9901 forms them, one spelling each, shown one by one."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.strategies import bytes32, field_names, values
from tallystick.errors import MalformedEvidence
from tallystick.protocol import content
from tallystick.protocol.entry import Json

SALT = "AAAAAAAAAAAAAAAAAAAAAA"
contents = st.dictionaries(field_names, values, max_size=6)


def counting() -> Callable[[int], bytes]:
    """Entropy that never repeats, and is no entropy at all."""
    drawn = iter(range(10**6))
    return lambda size: next(drawn).to_bytes(size, "big")


def disclose(value: object) -> str:
    """``value`` as a disclosure, whatever it is."""
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("name", ["", "1st", "a-b", "a b", "ä", "_a", "a" * 65])
def test_a_field_name_that_is_not_letters_and_digits_is_refused(name: str) -> None:
    with pytest.raises(MalformedEvidence, match="content field name"):
        content.make({name: "x"}, counting())
    with pytest.raises(MalformedEvidence, match="content field name"):
        content.parse(disclose([SALT, name, "x"]))


def test_a_value_that_canonical_json_can_not_hold_is_refused() -> None:
    with pytest.raises(MalformedEvidence, match=r"content field amount: .*float"):
        content.make({"amount": 12.5}, counting())  # type: ignore[dict-item]


def test_more_than_sixty_four_fields_are_refused() -> None:
    fields: dict[str, Json] = {f"field{i}": i for i in range(64)}
    assert content.parse_all(content.make(fields, counting())) == fields
    with pytest.raises(MalformedEvidence, match="at most 64 fields"):
        content.make(fields | {"another": 1}, counting())
    with pytest.raises(MalformedEvidence, match="at most 64 fields"):
        content.parse_all([disclose([SALT, f"field{i}", i]) for i in range(65)])


def test_a_disclosure_above_64_kib_is_refused() -> None:
    with pytest.raises(MalformedEvidence, match="at most 65536 characters"):
        content.make({"note": "x" * 65_536}, counting())
    with pytest.raises(MalformedEvidence, match="at most 65536 characters"):
        content.parse(disclose([SALT, "note", "x" * 65_536]))


@pytest.mark.parametrize(
    "salt",
    ["", SALT[:-1], SALT + "A", SALT[:-1] + "B", SALT[:-1] + "+", SALT[:-2] + "==", "ä" * 22, SALT + "\n"],
)
def test_a_salt_of_other_than_128_bits_is_refused(salt: str) -> None:
    with pytest.raises(MalformedEvidence, match="salt of 128 bits"):
        content.parse(disclose([salt, "name", "x"]))


@pytest.mark.parametrize(
    "value", [None, 1, "x", {}, [], [SALT], [SALT, "a"], [SALT, "a", 1, 2], [1, "a", 2], {"0": SALT, "1": "a", "2": 1}]
)
def test_what_is_not_salt_name_and_value_is_refused(value: object) -> None:
    with pytest.raises(MalformedEvidence, match=r"expected \[salt, name, value\]"):
        content.parse(disclose(value))


GOOD = disclose([SALT, "name", "x>?~~~"])


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "=",
        GOOD + "==",
        GOOD[:-1],
        " " + GOOD,
        GOOD + "\n",
        GOOD.replace("_", "/").replace("-", "+"),
        GOOD[:8] + "é" + GOOD[9:],
        disclose(b'["' + SALT.encode() + b'", "name", "x"]'),
        disclose(b'["' + SALT.encode() + b'","name",1.5]'),
        disclose(b"\xff\xff\xff"),
        "",
    ],
)
def test_a_second_spelling_of_a_disclosure_is_refused(text: str) -> None:
    assert content.parse(GOOD) == ("name", "x>?~~~")
    assert text != GOOD
    with pytest.raises(MalformedEvidence):
        content.parse(text)


def test_base64url_with_stray_bits_in_its_last_character_is_refused() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = disclose([SALT, "name", "xy"])
    assert len(text) % 4, "the last character has bits to spare"
    twin = text[:-1] + alphabet[alphabet.index(text[-1]) + 1]
    assert base64.urlsafe_b64decode(twin + "==") == base64.urlsafe_b64decode(text + "==")
    with pytest.raises(MalformedEvidence, match="unpadded canonical base64url"):
        content.parse(twin)


def test_a_name_that_is_shown_twice_is_refused() -> None:
    other = "BAAAAAAAAAAAAAAAAAAAAA"
    with pytest.raises(MalformedEvidence, match="expected once, got it twice"):
        content.parse_all([disclose([SALT, "amount", "1"]), disclose([other, "amount", "1"])])


def test_a_field_can_not_be_shown_and_hidden_at_once() -> None:
    shown = disclose([SALT, "amount", "1"])
    digest = content.digest(shown)
    problem = content.check_root(content.content_root([digest, digest]), [shown], [digest])
    assert problem == "a field is shown and hidden at once"


def test_disclosures_and_hidden_digests_ascend_each_once() -> None:
    made = sorted(content.make({"a": 1, "b": 2}, counting()))
    digests = sorted(content.digest(item) for item in made)
    root = content.content_root(digests)
    assert content.check_root(root, made, []) is None
    assert content.check_root(root, made[::-1], []) == "disclosures: expected ascending, each once"
    assert content.check_root(root, [made[0], made[0]], []) == "disclosures: expected ascending, each once"
    assert content.check_root(root, [], digests) is None
    assert content.check_root(root, [], digests[::-1]) == "hidden digests: expected ascending, each once"


def test_a_disclosure_beyond_ascii_has_no_digest() -> None:
    assert content.check_root(bytes(32), ["é"], []) == "disclosures: expected ASCII text"


@given(contents, bytes32)
def test_a_content_does_not_fit_another_root(fields: Mapping[str, Json], root: bytes) -> None:
    made = sorted(content.make(fields | {"always": "there"}, counting()))
    assert "was changed, added or left out" in (content.check_root(root, made, []) or "")


def test_the_digest_is_that_of_the_example_in_rfc9901() -> None:
    """RFC 9901 section 4.2.3: the digest of the disclosure of ``family_name``."""
    disclosure = "WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    expected = "uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY"
    assert base64.urlsafe_b64encode(content.digest(disclosure)).rstrip(b"=").decode() == expected


@given(contents)
def test_fields_survive_their_disclosures(fields: Mapping[str, Json]) -> None:
    assert content.parse_all(content.make(fields, counting())) == fields


@given(contents)
def test_the_digest_is_sha256_over_the_text_of_the_disclosure(fields: Mapping[str, Json]) -> None:
    made = content.make(fields, counting())
    digests = [hashlib.sha256(item.encode()).digest() for item in made]
    assert [content.digest(item) for item in made] == digests
    assert content.content_root(digests) == hashlib.sha256(b"".join(sorted(digests))).digest()


@given(st.lists(bytes32), st.randoms(use_true_random=False))
def test_the_content_root_does_not_depend_on_the_order_of_its_fields(digests: list[bytes], random: object) -> None:
    shuffled = list(digests)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert content.content_root(shuffled) == content.content_root(digests)


@given(contents, st.sets(field_names))
def test_any_field_can_be_hidden_and_the_rest_still_fits(fields: Mapping[str, Json], hide: set[str]) -> None:
    made = content.make(fields, counting())
    root = content.content_root([content.digest(item) for item in made])
    shown = sorted(item for item in made if content.parse(item)[0] not in hide)
    hidden = sorted(content.digest(item) for item in made if item not in shown)
    assert content.check_root(root, shown, hidden) is None
    assert content.parse_all(shown) == {name: value for name, value in fields.items() if name not in hide}
    assert content.hidden_count(root, shown, hidden) == len(hidden)


def test_of_a_content_shown_by_its_root_only_at_least_one_field_is_hidden() -> None:
    assert content.check_root(b"\x01" * 32, [], []) is None
    assert content.hidden_count(b"\x01" * 32, [], []) == 1


def test_an_empty_content_hides_nothing() -> None:
    assert content.hidden_count(content.EMPTY_ROOT, [], []) == 0
    assert hashlib.sha256(b"").digest() == content.EMPTY_ROOT


def test_every_field_gets_a_salt_of_its_own() -> None:
    made = content.make({"a": 1, "b": 1, "c": 1}, counting())
    salts = {json.loads(base64.urlsafe_b64decode(item + "=" * (-len(item) % 4)))[0] for item in made}
    assert len(salts) == 3
