"""What the store says of documents that wait for something that is not recorded yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tallystick.protocol.types import Timestamp

COMMAND_LINE = ""
"""The owner of what the command line imported; else it is an organisation."""


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file of ``owner`` with documents that wait; ``sealed`` is what is needed to read it again, encrypted."""

    owner: str
    sha256: str
    name: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class WaitingDocument:
    """One document of such a file: what it is, and what it waits for since the import ``job``."""

    owner: str
    sha256: str
    document: str
    number: str
    job: str
    status: str
    reason: str
    facts: Mapping[str, str]
    since: Timestamp
    file: str = ""
    """The name of its file."""
    position: int = 0
    """Where it stands among what waits, from 1; 0 as long as it is not kept."""

    @property
    def name(self) -> tuple[str, str, str]:
        """What it is known by among those of its owner."""
        return self.sha256, self.document, self.number
