"""Write docs/vectors/*.json, the test vectors of the protocol; the same script always writes the same bytes.

Example::

    python scripts/make_vectors.py            # write them
    python scripts/make_vectors.py --check    # compare with what is there, write nothing; exit code 1 when they differ
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "backend"), str(ROOT / "tests"), str(ROOT / "scripts")]

from bundle_vectors import bundle_vectors, nested  # noqa: E402
from history_vectors import standing_vectors, state_vectors, word  # noqa: E402
from inclusion_vectors import inclusion_vectors  # noqa: E402
from protocol.contents import FIELDS  # noqa: E402
from protocol.world import (  # noqa: E402
    NETWORK_KEY,
    World,
    actor,
)
from receipt_vectors import receipt_vectors  # noqa: E402
from receivable_vectors import receivable_vectors  # noqa: E402
from report_vectors import report_vectors  # noqa: E402
from tallystick.protocol import content, log, merkle  # noqa: E402
from tallystick.protocol.binding import party_id  # noqa: E402
from tallystick.protocol.bundle import format_evidence  # noqa: E402
from tallystick.protocol.entry import Json  # noqa: E402
from tallystick.protocol.evidence import Evidence, Kind  # noqa: E402
from tallystick.protocol.log import LogAppend  # noqa: E402
from tallystick.protocol.signing import GROUP_ORDER, sign  # noqa: E402
from tallystick.protocol.types import ZERO32, EvidenceId, Hash, PartyId, Timestamp, to_hex  # noqa: E402

VECTORS = ROOT / "docs" / "vectors"


def evidence_vectors() -> Any:
    """Evidence ids, and evidence that is none."""
    domain = World().domain
    base = Evidence(
        issuer=PartyId(word("issuer")),
        counterparty=PartyId(word("counterparty")),
        kind=Kind.INVOICE,
        deal=word("deal"),
        parent=word("parent"),
        content_root=word("content root"),
        occurred_at=Timestamp(1_700_000_000),
        issued_at=Timestamp(1_700_003_600),
    )
    first, last = Timestamp(0), Timestamp(2**53 - 1)
    zero: dict[str, Any] = {"counterparty": ZERO32, "deal": ZERO32, "parent": ZERO32, "content_root": ZERO32}
    good = {
        "an invoice": base,
        "self-reported, everything zero that may be": replace(base, **zero, kind=1, occurred_at=first, issued_at=first),
        "unknown kind, latest times": replace(base, kind=255, occurred_at=last, issued_at=last),
    }
    spelled: dict[str, Any] = dict(format_evidence(base))
    bad: dict[str, dict[str, Any]] = {
        "issued by nobody": {"issuer": to_hex(ZERO32)},
        "about its own issuer": {"counterparty": spelled["issuer"]},
        "kind 0": {"kind": 0},
        "kind 256": {"kind": 256},
        "time of 2**53": {"occurredAt": 2**53},
        "negative time": {"issuedAt": -1},
        "party in upper case": {"issuer": str(spelled["issuer"]).upper()},
        "deal of 31 bytes": {"deal": str(spelled["deal"])[:-2]},
        "kind as text": {"kind": "3"},
    }
    return {
        "about": "Evidence and its id, the EIP-712 digest (docs/protocol.md, Evidence). Invalid ones must be refused.",
        "domain": {"name": "Tallystick", "version": "1", "chainId": domain.chain_id, "ledger": to_hex(domain.contract)},
        "domainSeparator": to_hex(domain.separator),
        "valid": [
            {
                "name": name,
                "evidence": format_evidence(item),
                "structHash": to_hex(item.struct_hash()),
                "evidenceId": to_hex(item.evidence_id(domain)),
            }
            for name, item in good.items()
        ],
        "invalid": [{"name": name, "evidence": spelled | change} for name, change in bad.items()],
    }


def signature_vectors() -> Any:
    """Signatures that name their signer, and others that must be refused."""
    digest, who = word("digest"), actor("supplier")
    good = sign(digest, who.key)
    r, s, v = good[:32], int.from_bytes(good[32:64], "big"), good[64]

    def spelled(r: bytes, s: int, v: int) -> bytes:
        return r + s.to_bytes(32, "big") + bytes([v])

    bad = {
        "high s": spelled(r, GROUP_ORDER - s, 55 - v),
        "v of 0 or 1": spelled(r, s, v - 27),
        "v of 29": spelled(r, s, 29),
        "r of zero": spelled(ZERO32, s, v),
        "r of the group order": spelled(GROUP_ORDER.to_bytes(32, "big"), s, v),
        "s of zero": spelled(r, 0, v),
        "s just above half the group order": spelled(r, GROUP_ORDER // 2 + 1, v),
        "r that is no point": spelled((5).to_bytes(32, "big"), s, v),
        "64 bytes": good[:64],
        "66 bytes": good + b"\x00",
        "empty": b"",
    }
    return {
        "about": "Signatures r||s||v of a 32-byte digest (docs/protocol.md, Signatures). Invalid ones must be refused.",
        "valid": [
            {
                "name": name,
                "privateKey": to_hex(each.key),
                "digest": to_hex(word(name)),
                "signature": to_hex(sign(word(name), each.key)),
                "signer": to_hex(each.address),
            }
            for name, each in ((f"by the {role}", actor(role)) for role in ("supplier", "buyer", "carrier"))
        ],
        "invalid": [
            {"name": name, "digest": to_hex(digest), "signature": to_hex(value)} for name, value in bad.items()
        ],
    }


def content_vectors() -> Any:
    """Contents with their disclosures, digests and root; showings that fit or not; disclosures that are none."""
    contents: dict[str, Mapping[str, Json]] = {
        "no fields": {},
        "an invoice": FIELDS[Kind.INVOICE],
        "16 levels deep": {"a": nested(15)},
        "every kind of value": {"a": None, "b": True, "c": -1, "d": 2**53 - 1, "e": ["ü", {"z": "\u20ac", "y": "\n"}]},
    }
    salts = [bytes([i]) * 16 for i in range(64)]
    valid = []
    for name, fields in contents.items():
        disclosures = content.make(fields, _one_by_one(salts))
        digests = [content.digest(item) for item in disclosures]
        valid.append(
            {
                "name": name,
                "salts": [to_hex(salt) for salt in salts[: len(fields)]],
                "fields": fields,
                "disclosures": disclosures,
                "digests": [to_hex(digest) for digest in digests],
                "contentRoot": to_hex(content.content_root(digests)),
            }
        )
    made = sorted(content.make({"amount": "1.00", "currency": "EUR"}, lambda size: bytes(size)))
    split: list[bytes] = [content.digest(item) for item in made]
    root = content.content_root(split)
    showings: dict[str, tuple[list[str], list[bytes], bool]] = {
        "everything shown": (made, [], True),
        "one field hidden": (made[:1], split[1:], True),
        "all fields hidden": ([], sorted(split), True),
        "the root alone": ([], [], True),
        "a field left out": (made[:1], [], False),
        "descending": (made[::-1], [], False),
        "shown and hidden at once": (made, split[:1], False),
    }
    return {
        "about": "Contents and disclosures (docs/protocol.md, Content). Salts belong to the fields in order of name.",
        "valid": valid,
        "showings": [
            {
                "name": name,
                "contentRoot": to_hex(root),
                "disclosures": shown,
                "hidden": [to_hex(digest) for digest in hidden],
                "fits": fits,
            }
            for name, (shown, hidden, fits) in showings.items()
        ],
        "invalidDisclosures": [{"name": name, "disclosure": text} for name, text in _bad_disclosures().items()],
    }


def _one_by_one(salts: Sequence[bytes]) -> Callable[[int], bytes]:
    left = iter(salts)
    return lambda size: next(left)


def _bad_disclosures() -> dict[str, str]:
    def encoded(raw: str) -> str:
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    salt = "A" * 22
    good = encoded(f'["{salt}","name","xy"]')
    return {
        "padded": good + "=" * (-len(good) % 4),
        "white space around it": good + "\n",
        "stray bits in the last character": good[:-1] + chr(ord(good[-1]) + 1),
        "white space in the JSON": encoded(f'["{salt}", "name","xy"]'),
        "a float": encoded(f'["{salt}","name",1.5]'),
        "17 levels deep": encoded(f'["{salt}","name",{"[" * 16}{"]" * 16}]'),
        "an integer of 2**53": encoded(f'["{salt}","name",9007199254740992]'),
        "members out of order": encoded(f'["{salt}","name",{{"b":1,"a":2}}]'),
        "a repeated member": encoded(f'["{salt}","name",{{"a":1,"a":1}}]'),
        "a member beyond ASCII": encoded(f'["{salt}","name",{{"\u00e4":1}}]'),
        "an escape that is not needed": encoded(f'["{salt}","name","\\u0061"]'),
        "a salt of 120 bits": encoded('["' + "A" * 20 + '","name","xy"]'),
        "a salt with stray bits": encoded('["' + "A" * 21 + 'B","name","xy"]'),
        "a name with a hyphen": encoded(f'["{salt}","na-me","xy"]'),
        "no value": encoded(f'["{salt}","name"]'),
        "an object": encoded("{}"),
    }


def merkle_vectors() -> Any:
    """Trees of one to nine leaves, each with every proof."""
    trees = []
    for size in (1, 2, 3, 4, 5, 6, 7, 8, 9):
        leaves = [word(f"leaf {i}") for i in range(size)]
        proofs = [[to_hex(node) for node in merkle.prove(leaves, i)] for i in range(size)]
        trees.append({"size": size, "root": to_hex(merkle.root(leaves)), "proofs": proofs})
    return {
        "about": "Trees over the first `size` leaves, and the proof of each leaf (docs/protocol.md, Trees).",
        "leaves": [to_hex(word(f"leaf {i}")) for i in range(9)],
        "trees": trees,
    }


def log_vectors() -> Any:
    """Leaves, subject roots, a batch root, and the heads of a log."""
    subject, other = sorted((PartyId(word("subject")), PartyId(word("other"))))
    entries: list[tuple[EvidenceId, bytes]] = [
        (word(f"evidence {i}"), bytes([i]) * (130 if i == 0 else 65)) for i in range(3)
    ]
    root = log.subject_root(subject, entries)
    other_root = log.subject_root(other, entries[:1])
    operators = [actor("operator").address, actor("rogue operator").address]
    appends = [
        LogAppend(operators[0], 0, 3, root, Timestamp(1_700_000_000)),
        LogAppend(operators[1], 7, 1, Hash(word("root")), Timestamp(1_700_000_000)),
        LogAppend(operators[0], 1, 2**32 - 1, Hash(word("another root")), Timestamp(1_700_000_060)),
    ]
    return {
        "about": "Entry leaves, subject root, batch root and heads (docs/protocol.md, Logs).",
        "subject": to_hex(subject),
        "entries": [
            {
                "index": i,
                "evidenceId": to_hex(evidence_id),
                "signatures": to_hex(signatures),
                "leaf": to_hex(log.entry_leaf(subject, i, evidence_id, signatures)),
            }
            for i, (evidence_id, signatures) in enumerate(entries)
        ],
        "subjectRoot": to_hex(root),
        "batch": [
            {"subject": to_hex(party), "root": to_hex(each), "count": count}
            for party, each, count in ((subject, root, 3), (other, other_root, 1))
        ],
        "batchRoot": to_hex(log.batch_root([(subject, root, 3), (other, other_root, 1)])),
        "appends": [
            {
                "operator": to_hex(append.operator),
                "batchId": append.batch_id,
                "count": append.count,
                "root": to_hex(append.root),
                "timestamp": append.timestamp,
                "head": to_hex(log.fold(appends[: i + 1])),
            }
            for i, append in enumerate(appends)
        ],
    }


def party_vectors() -> Any:
    """Party ids, and bindings with the account that signed them."""
    world = World()
    named = [("LEI", "529900T8BM49AURSDO55"), ("ERP", "0187-ERLSR"), ("VAT", "DE123456789")]
    bindings = [world.binding(actor("supplier")), world.binding(actor("buyer"), signer=actor("buyer"))]
    return {
        "about": "Party ids and the registrar's statements (docs/protocol.md, Parties).",
        "networkKey": to_hex(NETWORK_KEY),
        "ids": [
            {"scheme": scheme, "identifier": identifier, "party": to_hex(party_id(NETWORK_KEY, scheme, identifier))}
            for scheme, identifier in named
        ],
        "invalidIdentifiers": [
            {"scheme": "lei", "identifier": "529900T8BM49AURSDO55"},
            {"scheme": "LEI", "identifier": "529900 T8BM49"},
            {"scheme": "LEI", "identifier": ""},
        ],
        "domain": {"chainId": world.domain.chain_id, "ledger": to_hex(world.domain.contract)},
        "bindings": [
            {
                "party": to_hex(binding.party),
                "scheme": binding.scheme,
                "identifier": binding.identifier,
                "name": binding.name,
                "issuedAt": binding.issued_at,
                "signature": to_hex(binding.signature),
                "digest": to_hex(binding.digest(world.domain)),
                "signer": to_hex(binding.signer(world.domain)),
            }
            for binding in bindings
        ],
    }


FILES: Mapping[str, Callable[[], Any]] = {
    "evidence.json": evidence_vectors,
    "signatures.json": signature_vectors,
    "content.json": content_vectors,
    "merkle.json": merkle_vectors,
    "log.json": log_vectors,
    "parties.json": party_vectors,
    "state.json": state_vectors,
    "standing.json": standing_vectors,
    "bundles.json": bundle_vectors,
    "receivables.json": receivable_vectors,
    "inclusions.json": inclusion_vectors,
    "receipts.json": receipt_vectors,
    "reports.json": report_vectors,
}


def main() -> int:
    """Write or compare every file; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what is there, write nothing")
    check = parser.parse_args().check
    differing = 0
    for name, make in FILES.items():
        text = json.dumps(make(), indent=1, ensure_ascii=False) + "\n"
        target = VECTORS / name
        if check:
            same = target.is_file() and target.read_text(encoding="utf-8") == text
            differing += not same
            print(f"{name}: {'as published' if same else 'differs from what is published'}")
        else:
            VECTORS.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            print(f"{name}: {len(text.encode()):,} bytes")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
