"""An entry: one evidence in its place in a party's log, with what is shown of its content and whether it stands.

An operator can put anything into a log, but it can't forge. So every entry is kept and listed, and each carries its
``Standing``: whether it counts, and if not, why. The judgement is a pure function of the log (``standing.py``), made
alike by the service, the verifier and the auditor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tallystick.protocol.evidence import Evidence
from tallystick.protocol.types import Address, EvidenceId, Timestamp

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]
"""A value of a content. No floats: money is a decimal string, see ``content.py``."""


class Standing(StrEnum):
    """Whether an entry counts; everything but STANDS enters no metric and is listed with its reason."""

    STANDS = "stands"
    REPEATED = "repeated"
    """The same evidence was sealed before in this log; it counts once, at its first seal."""
    BAD_SIGNATURE = "badSignature"
    """A signature is malformed, malleable, or missing."""
    SIGNER_INACTIVE = "signerInactive"
    """The key was not registered for the party at the time of the block that anchored the entry."""
    FOREIGN = "foreign"
    """It concerns other parties; an operator put it into this log without reason."""
    ISSUED_AHEAD = "issuedAhead"
    """``issuedAt`` lies more than ten minutes after the time of the block that anchored it."""
    UNFOUNDED = "unfounded"
    """No contract between the two parties opened its deal, and it answers nothing that the counterparty issued."""
    MISFIT = "misfit"
    """Its parent does not exist in the log, or is not something such an evidence can answer."""
    MALFORMED = "malformed"
    """Its content lacks a required field, or a field is not of its form."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a party's log; ``seq`` counts all entries before it, over all batches and operators."""

    seq: int
    evidence_id: EvidenceId
    evidence: Evidence
    anchored_at: Timestamp
    """Time of the block that anchored it, in seconds."""
    operator: Address
    batch_id: int
    fields: Mapping[str, Json]
    """The content's shown fields by name."""
    hidden: int
    """How many fields of the content are hidden."""
    standing: Standing
