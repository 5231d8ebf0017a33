"""The verification of section 11: the steps in order, the first failure names the verdict's code.

Written from docs/protocol.md and nothing else. What it leaves out: a node that answers in place of a proof, and whether
the authority of a time-stamp signed it. The reader brings the derivation of the report: that of a credit report is
`credit.of_bundle`, written from docs/definitions.md. Without one, `report` is not recomputed and the verdict says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from independent import stamps
from independent.bundles import Bundle, bindings_in_order, read
from independent.content import REQUIRED
from independent.logs import entry_leaf, fold, tree
from independent.primitives import ZERO, Refused, canonical, keccak, require
from independent.standing import STANDS, Log
from independent.state import REGISTRY_SLOT, Pool, head_slot, header, registrar_slot, signer_slot
from independent.statements import ACKNOWLEDGEMENT, signers

VALID, INVALID, UNCHECKED = "valid", "invalid", "could not check"
STEPS = (
    "schema",
    "header",
    "account",
    "storage",
    "head",
    "root",
    "signature",
    "content",
    "reference",
    "binding",
    "report",
    "timestamp",
)
RESTING = frozenset(REQUIRED) | {ACKNOWLEDGEMENT}
Derive = Callable[[Bundle, list[list[str] | None]], dict[str, Any]]


@dataclass(frozen=True)
class Reader:
    """What the reader brings."""

    block_hash: bytes | None
    ledger: bytes | None
    ledger_code: bytes
    registry_code: bytes
    derive: Derive | None


@dataclass(frozen=True)
class Verdict:
    outcome: str
    failed: str | None = None
    why: str = ""
    recomputed: bool = True


class _Check:
    def __init__(self, bundle: Bundle, reader: Reader) -> None:
        self.bundle, self.reader = bundle, reader
        self.standings: list[list[str] | None] = []
        self.head: bytes | None = None
        self.roles: dict[bytes, int] = {}

    def header(self) -> None:
        bundle, trusted = self.bundle, self.reader.block_hash
        require(trusted is None or bundle.block_hash == trusted, "the block is not the trusted one")
        if bundle.header is not None:
            require(keccak(bundle.header) == bundle.block_hash, "another header")
            self.state_root, number, time = header(bundle.header)
            require((number, time) == (bundle.block_number, bundle.timestamp), "another number or time")

    def account(self) -> None:
        bundle, reader = self.bundle, self.reader
        require(reader.ledger is None or bundle.ledger == reader.ledger, "another ledger")
        if bundle.header is not None:
            self.pool = Pool(bundle.nodes)
            self.ledger, code = self.pool.account(self.state_root, bundle.ledger)
            require(code == reader.ledger_code, "the ledger's code is another")
            self.registry, code = self.pool.account(self.state_root, bundle.registry)
            require(code == reader.registry_code, "the registry's code is another")

    def storage(self) -> None:
        bundle = self.bundle
        if bundle.header is None:
            return
        named = self.pool.slot(self.ledger, REGISTRY_SLOT)
        require(named == int.from_bytes(bundle.registry, "big"), "the ledger names another registry")
        self.head = self.pool.slot(self.ledger, head_slot(bundle.subject)).to_bytes(32, "big")
        for (party, signer), (added, revoked) in bundle.windows.items():
            window = self.pool.slot(self.registry, signer_slot(party, signer))
            require(window % 2**128 == added | revoked << 64, "another window")
        for each in bundle.bindings:
            account = each.signer(bundle.domain)
            if account is not None:
                self.roles[account] = self.pool.slot(self.registry, registrar_slot(account))
        require(not self.pool.unused, "a node that is not needed")

    def head_(self) -> None:
        head, time = ZERO, 0
        for each in self.bundle.appends:
            head = fold(head, each.operator, each.batch_id, each.count, each.root, each.timestamp)
            require(time <= each.timestamp <= self.bundle.timestamp, "a time out of order")
            time = each.timestamp
        require(self.head is None or self.head == head, "the appends fold to another head")

    def root(self) -> None:
        for append in self.bundle.appends:
            if append.entries is not None:
                leaves = [
                    entry_leaf(self.bundle.subject, index, entry.evidence_id, entry.signatures)
                    for index, entry in enumerate(append.entries)
                ]
                require(tree(leaves) == append.root, "the entries give another root")

    def _differ(self, *reasons: str) -> None:
        for append, judged in zip(self.bundle.appends, self.standings, strict=True):
            for declared, found in zip(append.declared, judged or (), strict=True):
                if (declared or STANDS) != found:
                    hit = not reasons or declared in reasons or found in reasons
                    require(not hit, f"declared {declared or STANDS}, judged {found}")

    def signature(self) -> None:
        signed: set[tuple[bytes, bytes]] = set()
        log = Log(self.bundle.subject, self.bundle.windows)
        for append in self.bundle.appends:
            for entry in append.entries or ():
                signed.update(signers(entry.evidence, entry.evidence_id, entry.signatures) or ())
            self.standings.append(None if append.entries is None else log.judge(append.timestamp, append.entries))
        require(signed == set(self.bundle.windows), "signers are not exactly those who signed")
        self._differ("badSignature", "signerInactive", "issuedAhead")

    def content(self) -> None:
        for append in self.bundle.appends:
            for entry in append.entries or ():
                entry.showing.check()
        self._differ("malformed")

    def reference(self) -> None:
        self._differ()

    def binding(self) -> None:
        require(bindings_in_order(self.bundle.bindings), "bindings not in order")
        for each in self.bundle.bindings:
            account = each.signer(self.bundle.domain)
            require(account is not None, "a signature that is none")
            require(self.bundle.header is None or self.roles[account] == 1, "by no registrar")  # type: ignore[index]

    def report(self) -> None:
        if self.reader.derive is not None:
            derived = self.reader.derive(self.bundle, self.standings)
            require(canonical(derived) == canonical(self.bundle.report), "another report")

    def timestamp(self) -> None:
        for each in self.bundle.appends:
            if each.stamp is not None:
                stamps.check(self.bundle.subject, each.root, each.count, *each.stamp)

    def open(self) -> str:
        """What could not be checked, where every step has passed."""
        bundle = self.bundle
        if bundle.header is None:
            return "no proof"
        if self.reader.block_hash is None:
            return "no trusted block hash"
        for append, judged in zip(bundle.appends, self.standings, strict=True):
            if append.entries is None or judged is None:
                return "entries withheld"
            for entry, found in zip(append.entries, judged, strict=True):
                if found == STANDS and entry.showing.hides and entry.evidence.kind in RESTING:
                    return "figures rest on hidden fields"
        return ""


def verify(data: bytes, reader: Reader) -> Verdict:
    step, recomputed = "schema", reader.derive is not None
    try:
        check = _Check(read(data), reader)
        for step in STEPS[1:]:
            getattr(check, "head_" if step == "head" else step)()
    except Refused as error:
        return Verdict(INVALID, step, str(error), recomputed)
    why = check.open()
    return Verdict(UNCHECKED if why else VALID, None, why, recomputed)
