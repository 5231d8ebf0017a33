"""What a verification comes to, and what the verifier needs to be told: verdicts, steps, trusted facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from tallystick.protocol.bundle import Bundle, Frame
from tallystick.protocol.entry import Entry, Json, Standing
from tallystick.protocol.fields import MEASURED
from tallystick.protocol.types import Address, BlockRef, Hash, PartyId, Timestamp


class Step(StrEnum):
    """The steps of a verification, which are also its failure codes."""

    SCHEMA = "schema"
    HEADER = "header"
    ACCOUNT = "account"
    STORAGE = "storage"
    HEAD = "head"
    ROOT = "root"
    SIGNATURE = "signature"
    CONTENT = "content"
    REFERENCE = "reference"
    BINDING = "binding"
    REPORT = "report"
    TIMESTAMP = "timestamp"
    """Only of bundles that carry time-stamps; the last, for what the chain proves holds without them."""


class Outcome(StrEnum):
    """The three verdicts."""

    VALID = "valid"
    INVALID = "invalid"
    UNCHECKED = "could not check"


@dataclass(slots=True)
class Tally:
    """What is counted of judged entries."""

    hidden_fields: int = 0
    hiding: int = 0
    """Entries that hide fields."""
    hiding_figures: int = 0
    """Those of them that stand and whose fields the figures of a report may rest on."""
    standings: Counter[Standing] = field(default_factory=Counter)

    @property
    def entries(self) -> int:
        """How many there are."""
        return self.standings.total()

    def add(self, entries: Iterable[Entry]) -> Tally:
        """Count ``entries`` too; gives itself back."""
        for entry in entries:
            self.standings[entry.standing] += 1
            if entry.hidden:
                self.hidden_fields += entry.hidden
                self.hiding += 1
                self.hiding_figures += entry.standing is Standing.STANDS and entry.evidence.kind in MEASURED
        return self


@dataclass(slots=True)
class Stamps:
    """What became of the time-stamps that the appends of a bundle carry."""

    appends: int = 0
    """How many appends the bundle has."""
    carried: int = 0
    """How many of them carry a time-stamp."""
    valid: int = 0
    """How many of these hold by the reader's root certificates."""
    unchecked: str = ""
    """Why the first that could not be checked could not; empty where all were."""
    latest: Timestamp | None = None
    """The latest time that a valid one tells: all time-stamped appends existed by then."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification came to. ``failed`` is set when invalid; ``message`` says why, or what is missing.

    ``frame`` is what the bundle says beside its log, None where it could not be read; ``tally`` counts the judged
    entries where the check came that far, ``entries`` are they where they are held. ``passed`` are the steps that held;
    ``caveats`` say what the reader must know without proof.
    """

    outcome: Outcome
    message: str
    failed: Step | None = None
    frame: Frame | None = None
    tally: Tally = field(default_factory=Tally)
    entries: Sequence[Entry] = ()
    passed: Sequence[Step] = ()
    caveats: Sequence[str] = ()
    stamps: Stamps = field(default_factory=Stamps)

    @property
    def bundle(self) -> Bundle | None:
        """The bundle, where it is held and could be read."""
        return self.frame if isinstance(self.frame, Bundle) else None


@dataclass(frozen=True, slots=True)
class CodeHashes:
    """keccak256 of the published runtime codes: what makes two addresses *these* contracts."""

    registry: Hash
    ledger: Hash


class State(Protocol):
    """The state of the chain after ``block``: proven by the bundle, or the word of a node that the reader trusts."""

    @property
    def block(self) -> BlockRef: ...

    def code_hash(self, address: Address) -> bytes:
        """keccak256 of the code at ``address``. Raises ``ProofError`` where there is no such account."""

    def slot(self, address: Address, slot: bytes) -> int:
        """The value of the 32-byte storage ``slot`` of ``address``; 0 where it was never written."""


class TokenFinding(Protocol):
    """What the check of a time-stamp by the reader's root certificates came to, and the time that it tells."""

    @property
    def outcome(self) -> Outcome: ...

    @property
    def message(self) -> str: ...

    @property
    def at(self) -> Timestamp | None: ...


CheckToken = Callable[[bytes, Hash], TokenFinding]
"""(time-stamp token, batch root) -> the finding, by root certificates that the reader trusts."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What the reader relies on without proof: the published codes, a block's hash, the ledger it knows.

    ``state`` is a node's word, asked only where the bundle carries no proofs of its own. Without ``check_token``, of
    the time-stamps that a bundle carries only this is looked at: that they are of its batch roots.
    """

    code_hashes: CodeHashes
    block_hash: Hash | None = None
    ledger: Address | None = None
    state: State | None = None
    check_token: CheckToken | None = None


DeriveReport = Callable[[PartyId, Sequence[Entry], BlockRef, int], Mapping[str, Json]]
"""(party, judged entries, as-of block, withheld count) -> the report as JSON; a pure function."""
Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""
