"""The archive: what an auditor needs beside a node, as a manifest and files that are named by what they hold.

Rules:

- ``manifest.json`` is canonical JSON (RFC 8785) and names the ledger, the block that the archive is as of, and every
  file by the SHA-256 of its content: the lines, before they are compressed and encrypted;
- a file holds whole batches of one operator: for each batch, each evidence once, with all its places in parties' logs.
  Lines ascend by batch, then first place; places ascend by party, then index. So one history has one spelling;
- a line is canonical JSON ended by a line feed; its entry has the form that it has in a bundle. What was erased says
  so (``erasedAt``) and shows nothing;
- ``bindings`` are the registrar's statements of who a party is, ascending by party; null where there are none to show.

Nothing here is trusted: every entry is proven by the roots on the chain.

Example: ``parse_manifest(format_manifest(manifest)) == manifest``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from tallystick.errors import MalformedEvidence, MalformedInput
from tallystick.protocol import canonical
from tallystick.protocol.binding import PartyBinding
from tallystick.protocol.bundle import (
    BundleEntry,
    format_binding,
    format_entry,
    parse_binding,
    parse_entry,
)
from tallystick.protocol.deployment import Deployment
from tallystick.protocol.entry import Json
from tallystick.protocol.types import (
    Address,
    BlockRef,
    Hash,
    PartyId,
    Timestamp,
    clip,
    parse_address,
    parse_bytes32,
    to_hex,
)

FORMAT = "tallystick-archive/1"
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 28
MAX_FILE_BYTES = 1 << 28
"""What one file may hold, unpacked."""
MAX_LINE_BYTES = 1 << 24
AGE = "age"
"""The one way of encryption: age (age-encryption.org/v1)."""

_MANIFEST = ("format", "chainId", "genesisHash", "registry", "ledger", "receivables", "blockNumber")
_MANIFEST_SET = frozenset({*_MANIFEST, "asOf", "encryption", "entries", "bindings"})
_CONTENT = frozenset({"sha256", "bytes", "lines"})
_LINE = frozenset({"batchId", "places", "entry"})
_BATCHES = _CONTENT | {"operator", "firstBatch", "lastBatch"}


@dataclass(frozen=True, slots=True)
class Content:
    """One file: SHA-256, size and number of lines of what it holds, unpacked."""

    sha256: Hash
    size: int
    lines: int

    @property
    def name(self) -> str:
        """The name of its file, before the endings that say how it is packed: 64 hex digits."""
        return self.sha256.hex()


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A file of entries: batches ``first_batch`` to ``last_batch`` of ``operator``, as far as they are shown."""

    content: Content
    operator: Address
    first_batch: int
    last_batch: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself; ``encryption`` is None or ``age``."""

    deployment: Deployment
    as_of: BlockRef
    encryption: str | None
    entries: tuple[BatchFile, ...]
    bindings: Content | None


@dataclass(frozen=True, slots=True)
class ArchivedEntry:
    """One evidence of a batch with its places: (party, index) in the batch, ascending."""

    batch_id: int
    places: tuple[tuple[PartyId, int], ...]
    entry: BundleEntry
    erased_at: Timestamp | None = None
    """Since when its content is erased, by the operator's word: then it shows nothing."""

    @property
    def order(self) -> tuple[int, tuple[PartyId, int]]:
        """What the lines of a file ascend by."""
        return self.batch_id, self.places[0]


def format_manifest(manifest: Manifest) -> bytes:
    """The canonical bytes of ``manifest``; ``parse_manifest`` gives it back."""
    deployment = manifest.deployment
    return canonical.encode(
        {
            "format": FORMAT,
            "chainId": deployment.chain_id,
            "genesisHash": to_hex(deployment.genesis_hash),
            "registry": to_hex(deployment.registry),
            "ledger": to_hex(deployment.ledger),
            "receivables": to_hex(deployment.receivables),
            "blockNumber": deployment.block_number,
            "asOf": {
                "blockNumber": manifest.as_of.number,
                "blockHash": to_hex(manifest.as_of.hash),
                "timestamp": manifest.as_of.timestamp,
            },
            "encryption": manifest.encryption,
            "entries": [
                {
                    **_format_content(file.content),
                    "operator": to_hex(file.operator),
                    "firstBatch": file.first_batch,
                    "lastBatch": file.last_batch,
                }
                for file in manifest.entries
            ],
            "bindings": None if manifest.bindings is None else _format_content(manifest.bindings),
        }
    )


def parse_manifest(data: bytes) -> Manifest:
    """The manifest that ``data`` spells.

    Raises:
        MalformedInput: not canonical JSON, too large, or a member missing, unknown or not of its form; says which.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise MalformedInput(f"manifest: expected at most {MAX_MANIFEST_BYTES} bytes, got {len(data)}.")
    top = _members(_parse_canonical(data, "manifest"), _MANIFEST_SET, "manifest")
    if top["format"] != FORMAT:
        raise MalformedInput(
            f"manifest: format: expected {FORMAT!r}, got {clip(top['format'])}.",
            todo="Use a version of Tallystick that reads this format.",
        )
    if top["encryption"] not in (None, AGE):
        raise MalformedInput(f"manifest: encryption: expected null or {AGE!r}, got {clip(top['encryption'])}.")
    as_of = _members(top["asOf"], frozenset({"blockNumber", "blockHash", "timestamp"}), "manifest: asOf")
    entries = tuple(_parse_batches(item) for item in _items(top["entries"], "manifest: entries"))
    if any((a.operator, a.last_batch) >= (b.operator, b.first_batch) for a, b in pairwise(entries)):
        raise MalformedInput("manifest: entries: expected ascending by operator, then batch, each batch in one file.")
    return Manifest(
        deployment=Deployment(
            chain_id=_integer(top["chainId"], "manifest: chainId"),
            genesis_hash=Hash(parse_bytes32(top["genesisHash"], "manifest: genesisHash")),
            registry=parse_address(top["registry"], "manifest: registry"),
            ledger=parse_address(top["ledger"], "manifest: ledger"),
            receivables=parse_address(top["receivables"], "manifest: receivables"),
            block_number=_integer(top["blockNumber"], "manifest: blockNumber"),
        ),
        as_of=BlockRef(
            _integer(as_of["blockNumber"], "manifest: asOf.blockNumber"),
            Hash(parse_bytes32(as_of["blockHash"], "manifest: asOf.blockHash")),
            Timestamp(_integer(as_of["timestamp"], "manifest: asOf.timestamp")),
        ),
        encryption=top["encryption"],
        entries=entries,
        bindings=None if top["bindings"] is None else _parse_content(_members(top["bindings"], _CONTENT, "bindings")),
    )


def format_archived(item: ArchivedEntry) -> bytes:
    """The line of ``item``; ``parse_archived`` gives it back."""
    return _line(
        {
            "batchId": item.batch_id,
            "places": [[to_hex(subject), index] for subject, index in item.places],
            "entry": format_entry(item.entry),
            **({} if item.erased_at is None else {"erasedAt": item.erased_at}),
        }
    )


def parse_archived(line: bytes) -> ArchivedEntry:
    """The entry that ``line``, without its line feed, spells. Raises ``MalformedInput`` naming the member."""
    value = _parse_canonical(line, "line")
    is_erased = isinstance(value, dict) and "erasedAt" in value
    members = _members(value, _LINE | {"erasedAt"} if is_erased else _LINE, "line")
    places = tuple(_parse_place(place) for place in _items(members["places"], "places"))
    if not places or any(a >= b for a, b in pairwise(places)):
        raise MalformedInput("places: expected at least one, ascending by party, then index, each once.")
    try:
        entry = parse_entry(members["entry"], "entry")
    except MalformedEvidence as error:
        raise MalformedInput(error.message) from error
    erased_at = Timestamp(_integer(members["erasedAt"], "erasedAt")) if is_erased else None
    if is_erased and entry.disclosures:
        raise MalformedInput("erasedAt: expected an entry that shows nothing, got one that shows fields.")
    return ArchivedEntry(_integer(members["batchId"], "batchId"), places, entry, erased_at)


def format_bound(binding: PartyBinding) -> bytes:
    """The line of ``binding``; ``parse_bound`` gives it back."""
    return _line(format_binding(binding))


def parse_bound(line: bytes) -> PartyBinding:
    """The binding that ``line``, without its line feed, spells. Raises ``MalformedInput`` naming the member."""
    return parse_binding(_parse_canonical(line, "line"), "binding")


def _line(value: Mapping[str, Json]) -> bytes:
    line = canonical.encode(value)
    if len(line) > MAX_LINE_BYTES:
        raise MalformedInput(f"archive: expected at most {MAX_LINE_BYTES} bytes for one evidence, got {len(line)}.")
    return line + b"\n"


def _format_content(content: Content) -> dict[str, Json]:
    return {"sha256": content.name, "bytes": content.size, "lines": content.lines}


def _parse_content(members: Mapping[str, Any]) -> Content:
    digest = Hash(parse_bytes32(f"0x{members['sha256']}", "sha256"))
    size = _integer(members["bytes"], "bytes")
    if not 0 < size <= MAX_FILE_BYTES:
        raise MalformedInput(f"bytes: expected 1 to {MAX_FILE_BYTES}, got {size}.")
    return Content(digest, size, _integer(members["lines"], "lines"))


def _parse_batches(value: Any) -> BatchFile:
    members = _members(value, _BATCHES, "manifest: entries")
    first = _integer(members["firstBatch"], "firstBatch")
    last = _integer(members["lastBatch"], "lastBatch")
    if first > last:
        raise MalformedInput(f"lastBatch: expected at least {first}, got {last}.")
    return BatchFile(_parse_content(members), parse_address(members["operator"], "operator"), first, last)


def _parse_place(value: Any) -> tuple[PartyId, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise MalformedInput(f"places: expected [party, index], got {clip(value)}.")
    return PartyId(parse_bytes32(value[0], "places")), _integer(value[1], "places")


def _parse_canonical(data: bytes, name: str) -> Any:
    """The JSON value of ``data``, which must be its one spelling; quicker than ``canonical.parse``, as for bundles."""
    if len(data) > MAX_LINE_BYTES and name == "line":
        raise MalformedInput(f"{name}: expected at most {MAX_LINE_BYTES} bytes, got {len(data)}.")
    try:
        value = orjson.loads(data)
        same = orjson.dumps(value, option=orjson.OPT_SORT_KEYS) == data
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise MalformedInput(f"{name}: expected canonical JSON, got {clip(data)}.") from error
    if not same:
        raise MalformedInput(f"{name}: expected canonical JSON (RFC 8785), got another spelling of the same value.")
    return value


def _members(value: Any, expected: frozenset[str], name: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != expected:
        got = sorted(value) if isinstance(value, dict) else value
        raise MalformedInput(f"{name}: expected exactly {', '.join(sorted(expected))}, got {clip(got)}.")
    return value


def _items(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedInput(f"{name}: expected a list, got {clip(value)}.")
    return value


def _integer(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value <= canonical.MAX_INTEGER:
        raise MalformedInput(f"{name}: expected a whole number from 0 to 2**53 - 1, got {clip(value)}.")
    return value
