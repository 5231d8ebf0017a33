"""Route of drafts line by line (NDJSON): each line has its result, and none keeps another back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any

from fastapi import APIRouter, Response
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tallystick.errors import TallystickError
from tallystick.service.lines import MAX_LINE_BYTES, lines_of, record_lines
from tallystick.web import examples, problems
from tallystick.web.identity import Asking
from tallystick.web.once import Lines
from tallystick.web.openapi import answers
from tallystick.web.requests import BodyFile, Installed

router = APIRouter(prefix="/v1/evidence", tags=["evidence"])

PATH = "/v1/evidence/lines"
MEDIA_TYPE = "application/x-ndjson"
_CHUNK_BYTES = 64 * 1024
_DRAFTS: dict[str, Any] = {
    "required": True,
    "description": f"Drafts as of recordEvidence, one a line, each of at most {MAX_LINE_BYTES} bytes.",
    "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": '{"kind": "INVOICE", "issuer": "..."}\n'}},
}
_RESULTS: dict[str, Any] = {
    "description": "One line for each that is not empty, in their order: `evidence` and `status`, or the `problem`.",
    "content": {
        MEDIA_TYPE: {
            "schema": {"type": "string"},
            "example": f'{{"line": 1, "evidence": "{examples.INVOICE}", "status": "pending"}}\n',
        }
    },
}


class _Streamed(StreamingResponse):
    """Does not listen for the client's going: the request, which is in a file by now, is not read from again.

    What was sent is recorded, whether or not its results are read.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self.stream_response(send)


@router.post(
    "/lines",
    operation_id="recordEvidenceLines",
    summary="Record any number of evidence, each by itself",
    responses={200: _RESULTS, **answers(400, 409, 413, 415, 422, 503)},
    response_class=Response,
    openapi_extra={"requestBody": _DRAFTS},
)
def record_lines_of_body(body: BodyFile, installed: Installed, asking: Asking, keyed: Lines) -> Response:
    """Record drafts, each for itself: a line that is refused keeps no other back.

    A later line may name an earlier one by `@label`. With an `Idempotency-Key`, lines that are sent again after a
    failure get the results of what was recorded before; the rest is recorded then.
    """
    body.seek(0)
    named, release = keyed

    def results() -> Iterator[bytes]:
        yield from record_lines(installed, asking, lines_of(_chunks(body)), named, _told)
        release()

    return _Streamed(iterate_in_threadpool(results()), media_type=MEDIA_TYPE)


def _chunks(body: IO[bytes]) -> Iterator[bytes]:
    while chunk := body.read(_CHUNK_BYTES):
        yield chunk


def _told(error: TallystickError) -> Mapping[str, Any]:
    problem = problems.of_error(error)
    return {
        "type": problems.TYPE_PREFIX + problem.name,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "todo": problem.todo,
    }
