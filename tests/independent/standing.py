"""The judgement of section 8: each entry of a log stands, or is void for the first rule that applies."""

from dataclasses import dataclass, field
from datetime import date

from independent.content import Showing, well_formed
from independent.primitives import ZERO, keccak
from independent.statements import (
    ACCESS,
    ACKNOWLEDGEMENT,
    CONSENT,
    CONTRACT,
    CORRECTION,
    DELIVERY,
    DISPUTE,
    INVOICE,
    LINKED,
    PAYMENT,
    RESOLUTION,
    WRITE_OFF,
    Evidence,
    signers,
)

STANDS = "stands"
REASONS = (
    "repeated",
    "badSignature",
    "signerInactive",
    "issuedAhead",
    "foreign",
    "malformed",
    "misfit",
    "unfounded",
)
AHEAD, FAR = 600, 1000
ALLOWED: dict[int, frozenset[int]] = {
    CONTRACT: frozenset({CONTRACT}),
    DELIVERY: frozenset({CONTRACT, CONSENT}),
    INVOICE: frozenset({CONTRACT, CONSENT, DELIVERY}),
    PAYMENT: frozenset({CONTRACT, CONSENT, INVOICE}),
    DISPUTE: frozenset({DELIVERY, INVOICE, PAYMENT, CORRECTION, WRITE_OFF}),
    RESOLUTION: frozenset({DISPUTE}),
    WRITE_OFF: frozenset({INVOICE}),
}
UNANSWERABLE = frozenset({CONTRACT, ACKNOWLEDGEMENT})


def is_grant(said: Evidence) -> bool:
    return said.kind == CONSENT and said.counterparty == said.parent == ZERO


def about_access(said: Evidence) -> bool:
    return said.kind == ACCESS or (said.kind == CONSENT and said.counterparty == ZERO)


Windows = dict[tuple[bytes, bytes], tuple[int, int]]


@dataclass(frozen=True)
class Entry:
    evidence: Evidence
    evidence_id: bytes
    signatures: bytes
    showing: Showing


@dataclass
class Log:
    """What has been judged of one party's log so far."""

    subject: bytes
    windows: Windows
    standing: dict[bytes, Evidence] = field(default_factory=dict)
    contracts: set[tuple[frozenset[bytes], bytes]] = field(default_factory=set)
    last_day: dict[bytes, int] = field(default_factory=dict)
    withdrawn: set[bytes] = field(default_factory=set)

    def judge(self, timestamp: int, entries: list[Entry]) -> list[str]:
        """The standings of the entries of one batch, in index order."""
        found = [""] * len(entries)
        order = sorted(range(len(entries)), key=lambda index: entries[index].evidence.kind != CONTRACT)
        for index in order:
            entry = entries[index]
            found[index] = self._judge(timestamp, entry)
            if found[index] == STANDS:
                said = entry.evidence
                self.standing[entry.evidence_id] = said
                if said.kind == CONTRACT:
                    self.contracts.add((frozenset(said.parties), said.deal))
                elif is_grant(said) and "validUntil" in (fields := entry.showing.fields()):
                    day = date.fromisoformat(fields["validUntil"])
                    self.last_day[entry.evidence_id] = (day - date(1970, 1, 1)).days
                elif said.kind == CONSENT and said.counterparty == ZERO:
                    self.withdrawn.add(said.parent)
        return found

    def _judge(self, timestamp: int, entry: Entry) -> str:
        said = entry.evidence
        if entry.evidence_id in self.standing:
            return "repeated"
        pairs = signers(said, entry.evidence_id, entry.signatures)
        if pairs is None:
            return "badSignature"
        if not all(self._active(pair, timestamp) for pair in pairs):
            return "signerInactive"
        if said.issued_at > timestamp + AHEAD:
            return "issuedAhead"
        parent = self.standing.get(said.parent)
        subjects = {*said.parties, *(parent.parties if parent else ())} - {ZERO}
        if self.subject not in subjects:
            return "foreign"
        if not well_formed(entry.showing, said.kind, self._corrected(said)):
            return "malformed"
        if not self._fits(said, parent):
            return "misfit"
        if said.counterparty != ZERO and not self._founded(said):
            return "unfounded"
        return STANDS

    def _active(self, pair: tuple[bytes, bytes], timestamp: int) -> bool:
        added, revoked = self.windows.get(pair, (0, 0))
        return added != 0 and added <= timestamp and (revoked == 0 or timestamp < revoked)

    def _corrected(self, said: Evidence) -> int | None:
        """The kind of what is corrected, through corrections of corrections."""
        for _ in range(FAR):
            if said.kind != CORRECTION or said.parent not in self.standing:
                break
            said = self.standing[said.parent]
        return None if said.kind == CORRECTION else said.kind

    def _fits(self, said: Evidence, parent: Evidence | None) -> bool:
        if about_access(said) or (parent is not None and about_access(parent)):
            return self._fits_access(said, parent)
        if said.kind == CONTRACT and said.counterparty == ZERO:
            return False
        if said.parent == ZERO:
            return said.kind not in LINKED
        witnessing = said.kind == ACKNOWLEDGEMENT and said.counterparty == ZERO
        if parent is None:
            return witnessing and said.issuer == self.subject
        if said.deal != parent.deal:
            return False
        if said.kind in ALLOWED:
            if parent.kind not in ALLOWED[said.kind]:
                return False
        elif said.kind in (ACKNOWLEDGEMENT, CORRECTION) and parent.kind in UNANSWERABLE:
            return False
        if set(said.parties) != set(parent.parties) and not (witnessing and said.issuer not in parent.parties):
            return False
        if said.kind in (ACKNOWLEDGEMENT, DISPUTE):
            return said.issuer != parent.issuer
        return said.kind not in (CORRECTION, WRITE_OFF) or said.issuer == parent.issuer

    def _fits_access(self, said: Evidence, parent: Evidence | None) -> bool:
        """Section 15."""
        if is_grant(said):
            return True
        if said.counterparty != ZERO or said.parent == ZERO:
            return False
        if parent is None:
            return said.kind == ACCESS and said.issuer == self.subject
        if not is_grant(parent) or said.deal != parent.deal:
            return False
        if said.kind == CONSENT:
            return said.issuer == parent.issuer
        if said.kind != ACCESS or said.issuer == parent.issuer or said.parent in self.withdrawn:
            return False
        if said.occurred_at // 86400 > self.last_day.get(said.parent, said.occurred_at):
            return False
        return parent.deal == keccak(keccak(b"tallystick access 1") + parent.issuer + said.issuer)

    def _founded(self, said: Evidence) -> bool:
        if said.kind in (CONTRACT, CONSENT) or (frozenset(said.parties), said.deal) in self.contracts:
            return True
        consenting = {said.counterparty}
        if said.kind in (ACKNOWLEDGEMENT, DISPUTE, RESOLUTION):
            consenting.add(said.issuer)
        above = said
        for _ in range(FAR):
            found = self.standing.get(above.parent)
            if found is None:
                return False
            if found.kind == CONSENT and found.counterparty != ZERO and found.issuer in consenting:
                return True
            above = found
        return False
