"""Operations of documents that belong to evidence: upload, list, download."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from tallystick.client.transport import File, Transport, opened, path_of
from tallystick.web.document_models import AttachmentView


class Documents(Transport):
    """Documents by their hash; a file may be larger than memory."""

    def upload_document(
        self,
        body: Path | bytes,
        *,
        sha256: str | None = None,
        name: str | None = None,
        media_type: str = "application/octet-stream",
    ) -> AttachmentView:
        """Keep a document of your organisation; put the answer's members into ``documents`` of an evidence's content.

        Without ``sha256`` (64 lower-case hex digits) it is computed here. ``name`` is the file's name; that of a path
        without it.
        """
        if name is None:
            name = body.name if isinstance(body, Path) else "document"
        with opened(body) as content:
            if sha256 is None and isinstance(content, bytes):
                sha256 = hashlib.sha256(content).hexdigest()
            elif sha256 is None:
                sha256 = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
            query = {"name": name, "mediaType": media_type}
            headers = {"Content-Type": "application/octet-stream"}
            answer = self._ask("uploadDocument", "PUT", path_of("documents", sha256), query, content, headers)
        kept: AttachmentView = self._read("uploadDocument", AttachmentView, answer)
        return kept

    def list_documents(self, *, limit: int | None = None) -> Iterator[AttachmentView]:
        """The documents that your organisation uploaded, by hash."""
        return self._each("listDocuments", AttachmentView, "/v1/documents", query={"limit": limit})

    def download_document(self, sha256: str, *, to: Path | None = None) -> File:
        """A document of yours; written to ``to`` as it comes, which may be more than memory.

        Raises:
            RemoteProblem: what came has another hash; then there is nothing at ``to``.
        """
        return self._download("downloadDocument", path_of("documents", sha256), to, sha256)

    def download_attachment(self, evidence: str, sha256: str, *, to: Path | None = None) -> File:
        """A document that an evidence names, if whoever states the evidence keeps it there. Raises as the other."""
        return self._download("downloadAttachment", path_of("evidence", evidence, "documents", sha256), to, sha256)

    def _download(self, operation: str, path: str, to: Path | None, sha256: str) -> File:
        found = self._file(operation, path, {}, None, to, sha256)
        assert found is not None, "only who has an ETag is told that it is still the same"
        return found
