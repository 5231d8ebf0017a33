"""Operations of imports: documents and bank statements that become evidence, and what is left to do of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tallystick.client.transport import File, Transport, opened, path_of
from tallystick.errors import UsageError

_TYPES = {".xml": "application/xml", ".zip": "application/zip"}
_OTHER = "application/octet-stream"

Language = Literal["en", "zh"]
"""The language of sentences."""


class Imports(Transport):
    """Documents that state something, of your organisation."""

    def import_documents(
        self,
        paths: Iterable[Path | str],
        *,
        terms_days: int | None = None,
        allow_similar: bool = False,
        mapping: str | None = None,
        dry_run: bool = False,
        lang: Language = "en",
        idempotency_key: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Import trade documents (or ZIP files of them), one request each; what became of each file, as it is done.

        An ``idempotency_key`` is for one file alone; ``mapping`` is a column mapping of tables (TOML).

        Raises:
            UsageError: a path is no file; none is sent then.
        """
        files = [Path(path) for path in paths]
        for path in files:
            if not path.is_file():
                raise UsageError(f"{path}: expected a file, found none.", todo="Name the documents to import.")
        if idempotency_key is not None and len(files) != 1:
            raise UsageError(f"idempotency_key: expected one file with it, got {len(files)}.", todo="Leave it out.")
        query = {
            "termsDays": terms_days,
            "allowSimilar": allow_similar,
            "mapping": mapping,
            "dryRun": dry_run,
            "lang": lang,
        }
        send = partial(self._import, "importDocuments", "/v1/imports")
        return (send({"name": path.name, **query}, path, idempotency_key) for path in files)

    def import_statements(
        self,
        body: Path | bytes,
        party: str,
        *,
        name: str | None = None,
        dry_run: bool = False,
        lang: Language = "en",
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Import the bank statements in a file (camt.053, camt.054, or a ZIP file) of the account of ``party``.

        ``name`` is the file's name, to be named in the evidence; that of a path without it.
        """
        if name is None and isinstance(body, Path):
            name = body.name
        query = {"party": party, "name": name, "dryRun": dry_run, "lang": lang}
        return self._import("importStatements", "/v1/statements", query, body, idempotency_key)

    def list_imports(self, *, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """The imports of your organisation, newest first."""
        return self._each("listImports", dict[str, Any], "/v1/imports", query={"limit": limit})

    def read_import(self, job: str, *, after: int = 0, limit: int | None = None) -> dict[str, Any]:
        """An import with its ``documents``: at most ``limit`` of them (1,000), after the first ``after``."""
        query = {"after": after, "limit": limit}
        found: dict[str, Any] = self._one("readImport", dict, "GET", path_of("imports", job), query=query)
        return found

    def download_rejected_rows(
        self, job: str, *, file: str | None = None, if_none_match: str | None = None, to: Path | None = None
    ) -> File | None:
        """The rows that an import rejected, as CSV with the reasons; of the table ``file``, where there are several.

        None if it is still the one of ``if_none_match``.
        """
        path = path_of("imports", job, "rejected")
        return self._file("downloadRejectedRows", path, {"file": file}, if_none_match, to)

    def list_waiting(self, *, lang: Language = "en", limit: int | None = None) -> Iterator[dict[str, Any]]:
        """The documents that wait for something that is not recorded yet, oldest first."""
        return self._each("listWaiting", dict[str, Any], "/v1/waiting", query={"lang": lang, "limit": limit})

    def retry_waiting(
        self, *, terms_days: int | None = None, dry_run: bool = False, lang: Language = "en"
    ) -> dict[str, Any]:
        """Take up all documents that wait; what became of each."""
        query = {"termsDays": terms_days, "dryRun": dry_run, "lang": lang}
        done: dict[str, Any] = self._one("retryWaiting", dict, "POST", "/v1/waiting/retry", query=query)
        return done

    def _import(
        self, operation: str, path: str, query: dict[str, Any], body: Path | bytes, key: str | None
    ) -> dict[str, Any]:
        media_type = _TYPES.get(Path(query["name"] or "").suffix.lower(), _OTHER)
        with opened(body) as content:
            answer = self._ask(operation, "POST", path, query, content, {"Content-Type": media_type}, key)
        done: dict[str, Any] = self._read(operation, dict, answer)
        return done
