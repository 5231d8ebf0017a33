"""The answers about documents that belong to evidence; rules as in ``models``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from tallystick.store.service_records import Attachment
from tallystick.web.models import Seconds, body_config

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class AttachmentView(BaseModel):
    """A document that your organisation keeps here; put these members into `documents` of an evidence's content."""

    model_config = body_config(
        {
            "sha256": SHA256,
            "mediaType": "application/pdf",
            "size": 4,
            "name": "delivery note.pdf",
            "keptAt": 1767345600,
        }
    )

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    media_type: str
    size: Annotated[int, Field(description="Bytes.")]
    name: str
    kept_at: Seconds

    @classmethod
    def of(cls, one: Attachment) -> AttachmentView:
        """``one`` as JSON."""
        return cls(
            sha256=one.sha256.hex(), media_type=one.media_type, size=one.size, name=one.name, kept_at=one.kept_at
        )
