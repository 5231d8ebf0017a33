"""Routes of what imports did and left to do: jobs, rejected rows and documents that wait, of one's own organisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from tallystick.service.documents.desk import Rules
from tallystick.service.documents.importing import import_documents
from tallystick.service.documents.jobs import rejected_rows
from tallystick.service.documents.telling import import_json, job_json, waiting_json
from tallystick.web import examples
from tallystick.web.files import NOT_MODIFIED, IfNoneMatch, file_answer, headers_of
from tallystick.web.identity import Asking
from tallystick.web.imports import DryRun, Language, TermsDays
from tallystick.web.openapi import answers, reading
from tallystick.web.pages import LINK, Paged, go_on_at
from tallystick.web.requests import Installed

router = APIRouter(prefix="/v1", tags=["evidence"])

JobPath = Annotated[
    str, Path(max_length=64, description="The import, as its answer called it.", examples=[examples.IMPORT_JOB["job"]])
]
CSV_SUFFIX = ".rejected.csv"


def _json(description: str, example: Any, headers: Mapping[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    if isinstance(example, list):
        schema: dict[str, Any] = {"type": "array", "items": {"type": "object", "required": [*example[0]]}}
    else:
        schema = {"type": "object", "required": [*example]}
    content = {"application/json": {"schema": schema, "example": example}}
    return {200: {"description": description, "content": content, "headers": headers or {}}}


_REJECTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "CSV in UTF-8: row, column, expected, got and to do, then the columns of the file.",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": examples.REJECTED_ROWS}},
        "headers": headers_of(CSV_SUFFIX),
    }
}


@router.get(
    "/imports",
    operation_id="listImports",
    summary="List the imports",
    responses={**_json("Those of your organisation, newest first.", [examples.IMPORT_JOB], LINK), **answers(422, 503)},
    response_class=Response,
)
def list_imports(installed: Installed, asking: Asking, page: Paged) -> Response:
    """List what your organisation imported, with how many documents came how far; without an end: interrupted."""
    with installed.store.transaction(read_only=True) as transaction:
        found = transaction.imports(page.limit + 1, asking.organisation.organisation, before=page.name)
        shown = page.cut(found)
        counts = transaction.count_imported(each.job for each in shown)
    if len(found) > page.limit:
        page.go_on_after(shown[-1].job)
    return _answer([job_json(each, counts[each.job]) for each in shown], page.response)


@router.get(
    "/imports/{job}",
    operation_id="readImport",
    summary="Read what became of each document of an import",
    responses={
        **_json("The import with its documents.", {**examples.IMPORT_JOB, "documents": [examples.IMPORTED]}, LINK),
        **reading(),
    },
    response_class=Response,
)
def read_import(
    request: Request,
    response: Response,
    job: JobPath,
    installed: Installed,
    asking: Asking,
    after: Annotated[int, Query(ge=0, le=2**53, description="Those after so many.", examples=[0])] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000, description="At most so many documents.", examples=[100])] = 1_000,
) -> Response:
    """Read an import of your organisation: its rules and counts, and the documents one page at a time."""
    with installed.store.transaction(read_only=True) as transaction:
        record, documents = transaction.imported(job, asking.organisation.organisation, after=after, limit=limit + 1)
        counts = transaction.count_imported([record.job])
    if len(documents) > limit:
        go_on_at(request, response, after=after + limit)
    return _answer(job_json(record, counts[record.job], documents[:limit]), response)


@router.get(
    "/imports/{job}/rejected",
    operation_id="downloadRejectedRows",
    summary="Download the rows that an import rejected",
    responses={**_REJECTED, **NOT_MODIFIED, **answers(400, 404, 422, 500, 503)},
    response_class=Response,
)
def download_rejected_rows(
    job: JobPath,
    installed: Installed,
    asking: Asking,
    file: Annotated[
        str | None, Query(max_length=600, description="Which table, where rows of several were rejected.")
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Give the rows of a table that can't be read, with the reasons; corrected in place, they are imported again."""
    data = rejected_rows(installed, job, file, asking.organisation.organisation)
    return file_answer([data], "text/csv; charset=utf-8", job, CSV_SUFFIX, if_none_match)


@router.get(
    "/waiting",
    operation_id="listWaiting",
    summary="List the documents that wait",
    responses={**_json("Those of your organisation, oldest first.", [examples.WAITING], LINK), **answers(422, 503)},
    response_class=Response,
)
def list_waiting(installed: Installed, asking: Asking, page: Paged, language: Language = "en") -> Response:
    """List what your organisation imported that waits for something that is not recorded yet, and for what."""
    owner = asking.organisation.organisation
    with installed.store.transaction(read_only=True) as transaction:
        found = transaction.waiting_documents(owner, after=page.number or 0, limit=page.limit + 1)
    shown = page.cut(found)
    if len(found) > page.limit:
        page.go_on_after(shown[-1].position)
    return _answer(waiting_json(shown, language), page.response)


@router.post(
    "/waiting/retry",
    operation_id="retryWaiting",
    summary="Take up all documents that wait",
    responses={**_json("What became of each.", examples.IMPORT), **answers(409, 422, 500, 503)},
    response_class=Response,
)
def retry_waiting(
    installed: Installed,
    asking: Asking,
    terms_days: TermsDays = None,
    dry_run: DryRun = False,
    language: Language = "en",
) -> Response:
    """Try again with what waits, by the rules that it came with; `termsDays` goes before theirs."""
    organisation = asking.organisation
    rules = Rules(terms_days, parties=frozenset(organisation.parties), conceals=True)
    made_for = organisation.organisation
    done = import_documents(installed, [], rules, dry_run=dry_run, organisation=made_for, retry=True)
    return _answer(import_json(done, language))


def _answer(value: object, page: Response | None = None) -> Response:
    """``value`` as JSON; where it is a page of more, with what ``page`` says of the next one."""
    headers = {name: page.headers[name] for name in LINK if name in page.headers} if page is not None else {}
    return Response(orjson.dumps(value), headers=headers, media_type="application/json")
