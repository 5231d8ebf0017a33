"""The bundle's format (section 10): canonical JSON with exactly the members named there."""

import zlib
from dataclasses import dataclass
from typing import Any

from independent import stamps
from independent.content import showing
from independent.primitives import ZERO, Refused, ascending, canonical, listed, members, parse, require, unhex, whole
from independent.standing import REASONS, Entry, Windows
from independent.statements import Binding, binding, evidence, separator

MOST_BYTES, MOST_VALUES, MOST_SIGNERS = 2**28, 2**23, 2**17


@dataclass(frozen=True)
class Append:
    operator: bytes
    batch_id: int
    count: int
    root: bytes
    timestamp: int
    entries: list[Entry] | None
    declared: list[str | None]  # the reason where an entry is void
    stamp: tuple[list[bytes], bytes] | None  # path and token


@dataclass(frozen=True)
class Bundle:
    domain: bytes
    ledger: bytes
    registry: bytes
    subject: bytes
    block_number: int
    block_hash: bytes
    timestamp: int
    header: bytes | None
    nodes: list[bytes]
    windows: Windows
    appends: list[Append]
    bindings: list[Binding]
    report: dict[str, Any]


def _entry(value: Any, domain: bytes) -> tuple[Entry, str | None]:
    require(isinstance(value, dict), "an entry is an object")
    reason = None
    if "standing" in value:
        reason = value["standing"]
        require(reason in REASONS, "an unknown reason")
        value = {name: member for name, member in value.items() if name != "standing"}
    value = members(value, "evidence", "signatures", "disclosures", "hidden")
    said = evidence(value["evidence"])
    shown = showing(said.content_root, value["disclosures"], value["hidden"])
    return Entry(said, said.id(domain), unhex(value["signatures"]), shown), reason


def _stamp(value: Any) -> tuple[list[bytes], bytes]:
    value = members(value, "proof", "token")
    require(len(listed(value["proof"])) <= 64, "a path of more than 64")
    token = unhex(value["token"])
    require(len(token) <= stamps.MOST_BYTES, "a token too long")
    return [unhex(each, 32) for each in value["proof"]], token


def _append(value: Any, domain: bytes) -> Append:
    stamp = None
    if isinstance(value, dict) and "stamp" in value:
        stamp = _stamp(value["stamp"])
        value = {name: member for name, member in value.items() if name != "stamp"}
    value = members(value, "operator", "batchId", "count", "root", "timestamp", "entries")
    count = whole(value["count"], 1, 2**32 - 1)
    entries, declared = None, []
    if value["entries"] is not None:
        pairs = [_entry(each, domain) for each in listed(value["entries"])]
        require(len(pairs) == count, "not as many entries as counted")
        entries, declared = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return Append(
        operator=unhex(value["operator"], 20),
        batch_id=whole(value["batchId"]),
        count=count,
        root=unhex(value["root"], 32),
        timestamp=whole(value["timestamp"]),
        entries=entries,
        declared=declared,
        stamp=stamp,
    )


def _windows(value: Any) -> Windows:
    found: Windows = {}
    require(len(listed(value)) <= MOST_SIGNERS, "too many signers")
    for each in value:
        each = members(each, "party", "signer", "addedAt", "revokedAt")
        pair = unhex(each["party"], 32), unhex(each["signer"], 20)
        require(not found or max(found) < pair, "signers not in order")
        found[pair] = whole(each["addedAt"]), whole(each["revokedAt"])
    return found


def _unpacked(data: bytes) -> bytes:
    """What a compressed file holds: one gzip member and nothing behind it, never more than a bundle may be."""
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        found = stream.decompress(data, MOST_BYTES + 1)
    except zlib.error as error:
        raise Refused(f"damaged: {error}") from error
    require(len(found) > MOST_BYTES or (stream.eof and not stream.unused_data), "not exactly one gzip member")
    return found


def read(data: bytes) -> Bundle:
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data)
    require(len(data) <= MOST_BYTES, "too long")
    value = members(
        parse(data, 16),
        *("format", "chainId", "ledger", "registry", "subject", "asOf", "proof", "signers", "appends", "bindings"),
        "report",
    )
    require(value["format"] == "tallystick-bundle/1", "another format")
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MOST_VALUES:
        rest = {name: member for name, member in value.items() if name != "appends"}
        for part in [rest, *listed(value["appends"])]:
            text = canonical(part)
            require(sum(text.count(each) for each in (b",", b"[", b"{")) <= MOST_VALUES, "too many values in one part")
    as_of = members(value["asOf"], "blockNumber", "blockHash", "timestamp")
    ledger = unhex(value["ledger"], 20)
    domain = separator(whole(value["chainId"]), ledger)
    header, nodes = None, []
    if value["proof"] is not None:
        proof = members(value["proof"], "header", "nodes")
        header, nodes = unhex(proof["header"]), [unhex(each) for each in listed(proof["nodes"])]
    require(isinstance(value["report"], dict), "a report is an object")
    found = Bundle(
        domain=domain,
        ledger=ledger,
        registry=unhex(value["registry"], 20),
        subject=unhex(value["subject"], 32),
        block_number=whole(as_of["blockNumber"]),
        block_hash=unhex(as_of["blockHash"], 32),
        timestamp=whole(as_of["timestamp"]),
        header=header,
        nodes=nodes,
        windows=_windows(value["signers"]),
        appends=[_append(each, domain) for each in listed(value["appends"])],
        bindings=[binding(each) for each in listed(value["bindings"])],
        report=value["report"],
    )
    require(found.subject != ZERO, "about nobody")
    return found


def bindings_in_order(found: list[Binding]) -> bool:
    return ascending([each.party for each in found])
