"""A page as plain values: what the template lays out. Texts are text, never markup, whatever they hold.

Example: ``Page("en", "Certificate", "…", "…", "…", [Heading("Who"), Rows([Row("name", "Acme Ltd")])])``.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tallystick.protocol.entry import Json
from tallystick.protocol.types import Timestamp


@dataclass(frozen=True, slots=True)
class Heading:
    """A section begins."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; ``style`` is plain, note (small) or alert (framed)."""

    text: str
    style: str = "plain"


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its value; ``mono`` for hashes and addresses."""

    label: str
    value: str
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Labels with values."""

    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``right`` has the columns that hold figures.

    ``shares`` are the columns' shares of the room; 0 is as much as a column needs, for texts that are never long.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    shares: Sequence[int]
    right: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Steps:
    """A numbered list."""

    items: Sequence[str]
    numbered: bool = True


Block = Heading | Text | Rows | Table | Steps


@dataclass(frozen=True)
class Page:
    """One document in one language; ``qr`` is what its code says."""

    language: str
    title: str
    subtitle: str
    lead: str
    footer: str
    qr: str
    qr_caption: str
    blocks: list[Block] = field(default_factory=list)

    def to_json(self) -> Mapping[str, Any]:
        """The page as the template reads it, but for the picture of the code."""
        return {
            "lang": self.language,
            "title": self.title,
            "subtitle": self.subtitle,
            "lead": self.lead,
            "footer": self.footer,
            "qrCaption": self.qr_caption,
            "blocks": [_block(block) for block in self.blocks],
        }


def moment(at: Timestamp) -> str:
    """``at`` as text, e.g. ``2026-01-31 12:00:00 UTC``; seconds where no calendar has that year."""
    try:
        return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{at} s"


def one_line(value: Json) -> str:
    """A value of a content as text, objects and lists spelled out."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {one_line(item)}" for name, item in value.items())
    if isinstance(value, list):
        return "; ".join(one_line(item) for item in value) or "–"
    return "–" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _block(block: Block) -> Mapping[str, Any]:
    match block:
        case Heading():
            return {"kind": "heading", "text": block.text, "level": block.level}
        case Text():
            return {"kind": "text", "text": block.text, "style": block.style}
        case Rows():
            rows = [{"label": row.label, "value": row.value, "mono": row.mono} for row in block.rows]
            return {"kind": "rows", "rows": rows}
        case Table():
            return {
                "kind": "table",
                "header": list(block.header),
                "rows": [list(row) for row in block.rows],
                "right": list(block.right),
                "shares": list(block.shares),
            }
        case Steps():
            return {"kind": "steps", "items": list(block.items), "numbered": block.numbered}
