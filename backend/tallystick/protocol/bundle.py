"""The bundle: one party's complete history in one file, with everything needed to check it offline.

Here is what it holds, and the JSON value of each part; the file of these parts is ``bundle_stream.py``.

Rules:

- every object has exactly the members named here, every list its order; nothing is repaired;
- ``proof`` is null where the holder's node gave none: such a bundle can be checked against a node only;
- disclosures and hidden digests ascend as text; an entry with neither shows its content root only;
- an append whose entries an operator withholds says ``"entries": null``;
- an append may carry a time-stamp of its batch (``stamps.py``); ``stamp`` is left out where it does not.

The JSON Schema of the format is ``bundle.schema.json`` beside this file; a test holds the two together.
Source: protocol section 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tallystick.errors import MalformedBundle
from tallystick.protocol import canonical
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.entry import Json, Standing
from tallystick.protocol.evidence import Domain, Evidence
from tallystick.protocol.log import LogAppend
from tallystick.protocol.stamps import Stamp, format_stamp, parse_stamp
from tallystick.protocol.types import (
    ZERO32,
    Address,
    BlockRef,
    DealId,
    EvidenceId,
    Hash,
    PartyId,
    SignerWindow,
    Timestamp,
    clip,
    parse_address,
    parse_bytes32,
    parse_hex,
    to_hex,
)

FORMAT = "tallystick-bundle/1"
MAX_SIGNERS = 1 << 17
"""How many signers a bundle may rely upon: they are held while its log is read."""


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """An entry as the bundle shows it; ``standing`` is what its maker says of it, which the verifier checks."""

    evidence: Evidence
    signatures: bytes
    disclosures: tuple[str, ...]
    hidden: tuple[Hash, ...]
    standing: Standing = Standing.STANDS


@dataclass(frozen=True, slots=True)
class BundleAppend:
    """One append to the log and its entries, or None where its operator withholds them; a time-stamp of its batch."""

    append: LogAppend
    entries: tuple[BundleEntry, ...] | None
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class BundleProof:
    """Block header (RLP) and trie nodes (RLP, ascending by keccak256) for every slot relied upon."""

    header: bytes
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a bundle says beside the log. ``windows`` has every signer relied upon, ascending by (party, signer)."""

    chain_id: int
    registry: Address
    ledger: Address
    subject: PartyId
    as_of: BlockRef
    proof: BundleProof | None
    windows: Mapping[tuple[PartyId, Address], SignerWindow]
    bindings: tuple[PartyBinding, ...]
    report: Mapping[str, Json] = field(default_factory=dict)

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain that its evidence is signed in."""
        return Domain(self.chain_id, self.ledger)


@dataclass(frozen=True, kw_only=True)
class Bundle(Frame):
    """One party's complete history as of one block."""

    appends: tuple[BundleAppend, ...]


def format_frame(frame: Frame) -> dict[str, Json]:
    """Every member of a bundle but ``appends``; ``parse_frame`` gives ``frame`` back."""
    return {
        "format": FORMAT,
        "chainId": frame.chain_id,
        "registry": to_hex(frame.registry),
        "ledger": to_hex(frame.ledger),
        "subject": to_hex(frame.subject),
        "asOf": {
            "blockNumber": frame.as_of.number,
            "blockHash": to_hex(frame.as_of.hash),
            "timestamp": frame.as_of.timestamp,
        },
        "proof": None
        if frame.proof is None
        else {"header": to_hex(frame.proof.header), "nodes": [to_hex(node) for node in frame.proof.nodes]},
        "signers": [
            {
                "party": to_hex(party),
                "signer": to_hex(signer),
                "addedAt": window.added_at,
                "revokedAt": window.revoked_at,
            }
            for (party, signer), window in sorted(frame.windows.items())
        ],
        "bindings": [format_binding(binding) for binding in frame.bindings],
        "report": frame.report,
    }


_FRAME = frozenset(
    {"format", "chainId", "registry", "ledger", "subject", "asOf", "proof", "signers", "bindings", "report"}
)


def parse_frame(value: Any) -> Frame:
    """The frame that the JSON object ``value`` spells. Raises ``MalformedInput`` naming the member."""
    top = check_members(value, _FRAME, "bundle")
    if top["format"] != FORMAT:
        raise MalformedBundle(
            f"format: expected {FORMAT!r}, got {clip(top['format'])}.", todo="Use a verifier of that version."
        )
    as_of = check_members(top["asOf"], frozenset({"blockNumber", "blockHash", "timestamp"}), "asOf")
    if top["subject"] == to_hex(ZERO32):
        raise MalformedBundle("subject: expected a party id, got zero.")
    if not isinstance(top["report"], dict):
        raise MalformedBundle("report: expected an object.")
    canonical.check(top["report"], depth=1)
    return Frame(
        chain_id=_integer(top["chainId"], "chainId"),
        registry=parse_address(top["registry"], "registry"),
        ledger=parse_address(top["ledger"], "ledger"),
        subject=PartyId(parse_bytes32(top["subject"], "subject")),
        as_of=BlockRef(
            _integer(as_of["blockNumber"], "asOf.blockNumber"),
            Hash(parse_bytes32(as_of["blockHash"], "asOf.blockHash")),
            Timestamp(_integer(as_of["timestamp"], "asOf.timestamp")),
        ),
        proof=_parse_proof(top["proof"]),
        windows=_parse_windows(top["signers"]),
        bindings=tuple(
            parse_binding(item, f"bindings[{i}]") for i, item in enumerate(_items(top["bindings"], "bindings"))
        ),
        report=top["report"],
    )


def _parse_proof(value: Any) -> BundleProof | None:
    if value is None:
        return None
    members = check_members(value, frozenset({"header", "nodes"}), "proof")
    nodes = tuple(parse_hex(node, "proof.nodes") for node in _items(members["nodes"], "proof.nodes"))
    return BundleProof(parse_hex(members["header"], "proof.header"), nodes)


def _parse_windows(value: Any) -> dict[tuple[PartyId, Address], SignerWindow]:
    windows: dict[tuple[PartyId, Address], SignerWindow] = {}
    previous: tuple[bytes, bytes] = (b"", b"")
    items = _items(value, "signers")
    if len(items) > MAX_SIGNERS:
        raise MalformedBundle(f"signers: expected at most {MAX_SIGNERS}, got {len(items)}.")
    for item in items:
        members = check_members(item, frozenset({"party", "signer", "addedAt", "revokedAt"}), "signers")
        key = (
            PartyId(parse_bytes32(members["party"], "signers.party")),
            parse_address(members["signer"], "signers.signer"),
        )
        if key <= previous:
            raise MalformedBundle("signers: expected ascending by party, then signer, each once.")
        previous = key
        windows[key] = SignerWindow(
            Timestamp(_integer(members["addedAt"], "signers.addedAt")),
            Timestamp(_integer(members["revokedAt"], "signers.revokedAt")),
        )
    return windows


_APPEND = frozenset({"operator", "batchId", "count", "root", "timestamp", "entries"})
_APPEND_STAMP = _APPEND | {"stamp"}


def format_append(item: BundleAppend) -> dict[str, Json]:
    """``item`` as a JSON object; ``parse_append`` gives it back."""
    append = item.append
    value: dict[str, Json] = {
        "operator": to_hex(append.operator),
        "batchId": append.batch_id,
        "count": append.count,
        "root": to_hex(append.root),
        "timestamp": append.timestamp,
        "entries": None if item.entries is None else [format_entry(entry) for entry in item.entries],
    }
    if item.stamp is not None:
        value["stamp"] = format_stamp(item.stamp)
    return value


def parse_append(value: Any, position: int) -> BundleAppend:
    """The append that the JSON object ``value`` spells, the one at ``position``. Raises ``MalformedInput``."""
    name = f"appends[{position}]"
    has_stamp = type(value) is dict and "stamp" in value
    members = check_members(value, _APPEND_STAMP if has_stamp else _APPEND, name)
    stamp = parse_stamp(members["stamp"], f"{name}.stamp") if has_stamp else None
    append = LogAppend(
        operator=parse_address(members["operator"], f"{name}.operator"),
        batch_id=_integer(members["batchId"], f"{name}.batchId"),
        count=_integer(members["count"], f"{name}.count", maximum=2**32 - 1),
        root=Hash(parse_bytes32(members["root"], f"{name}.root")),
        timestamp=Timestamp(_integer(members["timestamp"], f"{name}.timestamp")),
    )
    if append.count == 0:
        raise MalformedBundle(f"{name}.count: expected at least 1, got 0.")
    if members["entries"] is None:
        return BundleAppend(append, None, stamp)
    entries = _items(members["entries"], f"{name}.entries")
    if len(entries) != append.count:
        raise MalformedBundle(
            f"{name}.entries: expected {append.count} as its count says, got {len(entries)}.",
            todo="An entry was left out or added; ask the holder for the whole bundle.",
        )
    shown = tuple(parse_entry(entry, f"{name}.entries[{i}]") for i, entry in enumerate(entries))
    return BundleAppend(append, shown, stamp)


_EVIDENCE = ("issuer", "counterparty", "kind", "deal", "parent", "contentRoot", "occurredAt", "issuedAt")
_EVIDENCE_SET = frozenset(_EVIDENCE)
_ENTRY = frozenset({"evidence", "signatures", "disclosures", "hidden"})
_ENTRY_STANDING = _ENTRY | {"standing"}


def format_evidence(evidence: Evidence) -> dict[str, Json]:
    """``evidence`` as a JSON object; ``parse_evidence`` gives it back."""
    return {
        "issuer": to_hex(evidence.issuer),
        "counterparty": to_hex(evidence.counterparty),
        "kind": int(evidence.kind),  # canonical JSON takes no enumeration
        "deal": to_hex(evidence.deal),
        "parent": to_hex(evidence.parent),
        "contentRoot": to_hex(evidence.content_root),
        "occurredAt": evidence.occurred_at,
        "issuedAt": evidence.issued_at,
    }


def parse_evidence(value: Any, name: str) -> Evidence:
    """The evidence that the JSON object ``value`` spells. Raises ``MalformedInput`` naming the member."""
    members = check_members(value, _EVIDENCE_SET, name)
    return Evidence(
        PartyId(_bytes32(members, name, "issuer")),
        PartyId(_bytes32(members, name, "counterparty")),
        _member_integer(members, name, "kind", 255),
        DealId(_bytes32(members, name, "deal")),
        EvidenceId(_bytes32(members, name, "parent")),
        Hash(_bytes32(members, name, "contentRoot")),
        Timestamp(_member_integer(members, name, "occurredAt")),
        Timestamp(_member_integer(members, name, "issuedAt")),
    )


def format_entry(entry: BundleEntry) -> dict[str, Json]:
    """``entry`` as a JSON object; ``parse_entry`` gives it back. ``standing`` is left out where it stands."""
    value: dict[str, Json] = {
        "evidence": format_evidence(entry.evidence),
        "signatures": to_hex(entry.signatures),
        "disclosures": list(entry.disclosures),
        "hidden": [to_hex(digest) for digest in entry.hidden],
    }
    if entry.standing is not Standing.STANDS:
        value["standing"] = entry.standing.value
    return value


def parse_entry(value: Any, name: str) -> BundleEntry:
    """The entry that the JSON object ``value`` spells. Raises ``MalformedInput`` naming the member."""
    has_standing = type(value) is dict and "standing" in value
    members = check_members(value, _ENTRY_STANDING if has_standing else _ENTRY, name)
    standing = Standing.STANDS
    if has_standing:
        try:
            standing = Standing(members["standing"])
        except ValueError as error:
            raise MalformedBundle(f"{name}.standing: got {clip(members['standing'])}.") from error
        if standing is Standing.STANDS:
            raise MalformedBundle(f"{name}.standing: expected none where the entry stands.")
    disclosures = _items(members["disclosures"], f"{name}.disclosures")
    for disclosure in disclosures:
        if type(disclosure) is not str or not disclosure.isascii():
            raise MalformedBundle(f"{name}.disclosures: expected ASCII text.")
    evidence = parse_evidence(members["evidence"], f"{name}.evidence")
    signatures = parse_hex(members["signatures"], f"{name}.signatures")
    hidden = _items(members["hidden"], f"{name}.hidden")
    return BundleEntry(
        evidence,
        signatures,
        tuple(disclosures),
        tuple([Hash(parse_bytes32(digest, f"{name}.hidden")) for digest in hidden]),
        standing,
    )


_BINDING = frozenset({"party", "scheme", "identifier", "name", "issuedAt", "signature"})


def format_binding(binding: PartyBinding) -> dict[str, Json]:
    """``binding`` as a JSON object; ``parse_binding`` gives it back."""
    return {
        "party": to_hex(binding.party),
        "scheme": binding.scheme,
        "identifier": binding.identifier,
        "name": binding.name,
        "issuedAt": binding.issued_at,
        "signature": to_hex(binding.signature),
    }


def parse_binding(value: Any, name: str) -> PartyBinding:
    """The binding that the JSON object ``value`` spells. Raises ``MalformedInput`` naming the member."""
    members = check_members(value, _BINDING, name)
    for text in ("scheme", "identifier", "name"):
        if not isinstance(members[text], str) or len(members[text]) > 1_000:
            raise MalformedBundle(f"{name}.{text}: expected text of at most 1000 characters.")
    return PartyBinding(
        party=PartyId(parse_bytes32(members["party"], f"{name}.party")),
        scheme=members["scheme"],
        identifier=members["identifier"],
        name=members["name"],
        issued_at=Timestamp(_integer(members["issuedAt"], f"{name}.issuedAt")),
        signature=parse_hex(members["signature"], f"{name}.signature"),
    )


def check_members(value: Any, expected: frozenset[str], name: str) -> dict[str, Any]:
    """``value`` where it is an object with exactly the members ``expected``. Raises ``MalformedBundle``."""
    if not isinstance(value, dict):
        raise MalformedBundle(f"{name}: expected an object, got {clip(value)}.")
    if value.keys() != expected:
        missing, unknown = sorted(expected - value.keys()), sorted(value.keys() - expected)
        raise MalformedBundle(f"{name}: expected exactly its members; missing {missing}, unknown {unknown}.")
    return value


def _bytes32(members: Mapping[str, Any], name: str, member: str) -> bytes:
    """``parse_bytes32`` of a member of the object called ``name``, whose full name is spelled only in an error."""
    text = members[member]
    if type(text) is str and len(text) == 66:
        try:
            value = bytes.fromhex(text[2:])
        except ValueError:
            value = b""
        if "0x" + value.hex() == text:
            return value
    return parse_bytes32(text, f"{name}.{member}")


def _member_integer(members: Mapping[str, Any], name: str, member: str, maximum: int = canonical.MAX_INTEGER) -> int:
    """``_integer`` of a member of the object called ``name``, whose full name is spelled only in an error."""
    value = members[member]
    if type(value) is int and 0 <= value <= maximum:
        return value
    return _integer(value, f"{name}.{member}", maximum=maximum)


def _items(value: Any, name: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise MalformedBundle(f"{name}: expected a list, got {clip(value)}.")
    return value


def _integer(value: Any, name: str, *, maximum: int = canonical.MAX_INTEGER) -> int:
    if type(value) is not int or not 0 <= value <= maximum:
        raise MalformedBundle(f"{name}: expected a whole number from 0 to {maximum}, got {clip(value)}.")
    return value
