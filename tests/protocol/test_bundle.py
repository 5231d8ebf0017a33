"""The bundle format: one spelling, nothing repaired, and a JSON Schema that agrees with the parser."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.world import World, actor, story
from tallystick.errors import MalformedBundle
from tallystick.protocol.bundle_stream import MAX_BUNDLE_BYTES, format_bundle, parse_bundle
from tallystick.protocol.types import ZERO32, to_hex

SCHEMA = json.loads((files("tallystick.protocol") / "bundle.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

WORLD, SUPPLIER = story()
BINDINGS = [WORLD.binding(SUPPLIER), WORLD.binding(actor("buyer"))]
DATA = format_bundle(WORLD.bundle(SUPPLIER.party, bindings=BINDINGS))
VALUE = json.loads(DATA)


def canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def changed(change: Callable[[Any], object]) -> Any:
    """The good bundle after ``change``."""
    value = copy.deepcopy(VALUE)
    change(value)
    return value


def entry(value: Any) -> Any:
    return value["appends"][0]["entries"][0]


STRUCTURAL: dict[str, Callable[[Any], object]] = {
    "no format": lambda v: v.pop("format"),
    "another format": lambda v: v.update(format="tallystick-bundle/2"),
    "an unknown member": lambda v: v.update(comment="hello"),
    "no subject": lambda v: v.pop("subject"),
    "subject is nobody": lambda v: v.update(subject=to_hex(ZERO32)),
    "address in upper case": lambda v: v.update(ledger=v["ledger"].upper().replace("0X", "0x")),
    "address too short": lambda v: v.update(registry=v["registry"][:-2]),
    "chain id negative": lambda v: v.update(chainId=-1),
    "chain id beyond 2**53": lambda v: v.update(chainId=2**53),
    "chain id as text": lambda v: v.update(chainId="1"),
    "chain id a truth value": lambda v: v.update(chainId=True),
    "as-of block without time": lambda v: v["asOf"].pop("timestamp"),
    "as-of block unknown member": lambda v: v["asOf"].update(finalized=True),
    "as-of block hash too long": lambda v: v["asOf"].update(blockHash=v["asOf"]["blockHash"] + "00"),
    "proof a list": lambda v: v.update(proof=[]),
    "proof without header": lambda v: v["proof"].pop("header"),
    "node of odd length": lambda v: v["proof"]["nodes"].append("0x0"),
    "node that is no text": lambda v: v["proof"]["nodes"].append(5),
    "signer without window": lambda v: v["signers"][0].pop("addedAt"),
    "signers an object": lambda v: v.update(signers={}),
    "appends null": lambda v: v.update(appends=None),
    "append without operator": lambda v: v["appends"][0].pop("operator"),
    "append of no entries": lambda v: v["appends"][0].update(count=0, entries=[]),
    "append of too many": lambda v: v["appends"][0].update(count=2**32, entries=None),
    "entries an object": lambda v: v["appends"][0].update(entries={}),
    "entry null": lambda v: v["appends"][0]["entries"].__setitem__(0, None),
    "entry unknown member": lambda v: entry(v).update(note="x"),
    "entry without hidden": lambda v: entry(v).pop("hidden"),
    "standing spelled out": lambda v: entry(v).update(standing="stands"),
    "standing unknown": lambda v: entry(v).update(standing="fine"),
    "standing null": lambda v: entry(v).update(standing=None),
    "standing a list": lambda v: entry(v).update(standing=["foreign"]),
    "disclosure a number": lambda v: entry(v)["disclosures"].append(1),
    "disclosure beyond ASCII": lambda v: entry(v)["disclosures"].append("é"),
    "hidden digest too short": lambda v: entry(v)["hidden"].append("0x00"),
    "signature without 0x": lambda v: entry(v).update(signatures=entry(v)["signatures"][2:]),
    "evidence kind 0": lambda v: entry(v)["evidence"].update(kind=0),
    "evidence kind 256": lambda v: entry(v)["evidence"].update(kind=256),
    "evidence without issuer": lambda v: entry(v)["evidence"].pop("issuer"),
    "evidence by nobody": lambda v: entry(v)["evidence"].update(issuer=to_hex(ZERO32)),
    "evidence time negative": lambda v: entry(v)["evidence"].update(occurredAt=-1),
    "binding without name": lambda v: v["bindings"][0].pop("name"),
    "binding name too long": lambda v: v["bindings"][0].update(name="x" * 1001),
    "binding name null": lambda v: v["bindings"][0].update(name=None),
    "report a list": lambda v: v.update(report=[]),
}
"""Changes of structure, which a schema can express."""

BEYOND_SCHEMA: dict[str, Callable[[Any], object]] = {
    "fewer entries than the count says": lambda v: v["appends"][0]["entries"].pop(),
    "more entries than the count says": lambda v: v["appends"][0]["entries"].append(entry(v)),
    "signers out of order": lambda v: v["signers"].reverse(),
    "a signer twice": lambda v: v["signers"].insert(0, v["signers"][0]),
    "an evidence about its own issuer": lambda v: entry(v)["evidence"].update(
        counterparty=entry(v)["evidence"]["issuer"]
    ),
    "a report of too many levels": lambda v: v.update(report={"a": nested(15)}),
}
"""Changes that only a parser can see."""


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else "x"


@pytest.mark.parametrize("name", STRUCTURAL)
def test_a_bundle_of_another_structure_is_refused_by_parser_and_schema_alike(name: str) -> None:
    value = changed(STRUCTURAL[name])
    with pytest.raises(MalformedBundle):
        parse_bundle(canonical(value))
    assert not VALIDATOR.is_valid(value)


@pytest.mark.parametrize("name", BEYOND_SCHEMA)
def test_a_bundle_that_contradicts_itself_is_refused_by_the_parser(name: str) -> None:
    value = changed(BEYOND_SCHEMA[name])
    assert VALIDATOR.is_valid(value)
    with pytest.raises(MalformedBundle):
        parse_bundle(canonical(value))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\x1f\x8b",
        DATA[:-1],
        DATA + b"\n",
        b" " + DATA,
        b"\xef\xbb\xbf" + DATA,
        json.dumps(VALUE, indent=1).encode(),
        json.dumps(dict(reversed(VALUE.items())), separators=(",", ":")).encode(),
        DATA.replace(b'"chainId":31337', b'"chainId":31337,"chainId":31337'),
        DATA.replace(b'"chainId":31337', b'"chainId":31337.0'),
        DATA.replace(b'"chainId":31337', b'"chainId":3.1337e4'),
        DATA.replace(b'"format"', b'"\\u0066ormat"'),
        DATA.replace(b'"report":{', b'"report":{"a":1.5,'),
        DATA.replace(b'"report":{', '"report":{"ä":1,'.encode()),
        DATA.replace(b'"report":{', b'"report":{"a":' + b"[" * 300 + b"]" * 300 + b","),
        b"[" * 10**6,
    ],
    ids=range(18),
)
def test_another_spelling_than_the_canonical_one_is_refused(data: bytes) -> None:
    assert data != DATA
    with pytest.raises(MalformedBundle):
        parse_bundle(data)


def test_a_file_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(MalformedBundle, match="expected at most"):
        parse_bundle(bytes(MAX_BUNDLE_BYTES + 1))


def test_the_schema_is_a_schema_and_names_every_member() -> None:
    VALIDATOR.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == set(SCHEMA["required"]) == set(VALUE)


def _variants() -> dict[str, bytes]:
    empty = World()
    newcomer = empty.join("newcomer")
    made = {
        "everything shown": WORLD.bundle(SUPPLIER.party, bindings=BINDINGS),
        "no bindings": WORLD.bundle(SUPPLIER.party),
        "amounts hidden": WORLD.bundle(SUPPLIER.party, hide={"payableAmount", "amount"}),
        "two appends withheld": WORLD.bundle(SUPPLIER.party, withhold={1, 3}),
        "no entries": empty.bundle(newcomer.party),
    }
    return {name: format_bundle(bundle) for name, bundle in made.items()}


VARIANTS = _variants()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_good_bundle_survives_parsing_and_satisfies_the_schema(name: str) -> None:
    data = VARIANTS[name]
    assert format_bundle(parse_bundle(data)) == data
    VALIDATOR.validate(json.loads(data))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_the_parser_takes_the_schema_takes_and_is_spelled_the_same_again(data: st.DataObject) -> None:
    """Any one value of the bundle replaced by any other."""
    value = copy.deepcopy(VALUE)
    at: Any = value
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.integers(0, 5)) == 0:
            break
        at = at[key]
    at[key] = data.draw(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-1, 2**53),
            st.sampled_from(["", "0x", to_hex(ZERO32), "foreign", "stands"]),
            st.binary(max_size=33).map(to_hex),
            st.just([]),
            st.just({}),
        )
    )
    try:
        parsed = parse_bundle(canonical(value))
    except MalformedBundle:
        return
    assert VALIDATOR.is_valid(value)
    assert format_bundle(parsed) == canonical(value)
