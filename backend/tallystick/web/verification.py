"""Routes of the verifier and of the server's own health."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from tallystick import __version__
from tallystick.errors import StoreUnavailable, UsageError
from tallystick.protocol.types import Hash, parse_address, parse_bytes32, to_hex
from tallystick.service.bundle_file import chunks_of
from tallystick.service.check import check_stream, verdict_json
from tallystick.service.status import stored_status
from tallystick.store.records import EvidenceState
from tallystick.web import examples
from tallystick.web.identity import Asking
from tallystick.web.models import ChainPart, Health, Part
from tallystick.web.openapi import answers
from tallystick.web.problems import RETRY_AFTER_SECONDS
from tallystick.web.readiness import Readiness
from tallystick.web.requests import BodyFile, Installed

router = APIRouter(prefix="/v1")

_VERDICT = {
    "description": "The verdict: a finding, so that an invalid bundle answers 200 as well.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": [*examples.VERDICT],
                "properties": {
                    "verdict": {"enum": ["valid", "invalid", "unchecked"]},
                    "failed": {"type": ["string", "null"], "description": "The step that failed."},
                    "message": {"type": "string"},
                    "passed": {"type": "array", "items": {"type": "string"}},
                },
            },
            "example": examples.VERDICT,
        }
    },
}
_BUNDLE_BODY = {
    "required": True,
    "description": "The bundle file, byte for byte, plain or compressed.",
    "content": {
        "application/json": {"schema": {"type": "object"}, "example": examples.BUNDLE},
        "application/gzip": {"schema": {"type": "string", "format": "binary"}},
    },
}


@router.post(
    "/verify",
    tags=["verification"],
    operation_id="verifyBundle",
    summary="Check a bundle",
    responses={200: _VERDICT, **answers(400, 413, 415, 422)},
    response_class=Response,
    openapi_extra={"requestBody": _BUNDLE_BODY},
)
def verify_bundle(
    body: BodyFile,
    installed: Installed,
    _asking: Asking,
    block_hash: Annotated[
        str | None,
        Query(
            alias="blockHash",
            description="The as-of block's hash from a source you trust; without it nothing can be called valid.",
            examples=[examples.BLOCK],
        ),
    ] = None,
    ledger: Annotated[
        str | None,
        Query(
            description="The ledger contract you rely on; a bundle of another one is invalid. Without it the verdict "
            "says whose word the ledger is.",
            examples=[examples.LEDGER],
        ),
    ] = None,
) -> Response:
    """Check the bundle in the body offline, against a block hash that the reader trusts; nothing is kept of it."""
    if not body.seek(0, io.SEEK_END):
        raise UsageError("body: expected a bundle, got nothing.", todo="Send the file as the body.")
    trusted = None if block_hash is None else Hash(parse_bytes32(block_hash, "blockHash"))
    known = None if ledger is None else parse_address(ledger, "ledger")
    chunks = chunks_of(body, installed.limits.bundle_file_bytes)
    verdict = check_stream(chunks, code_hashes=installed.code_hashes, block_hash=trusted, ledger=known)
    return Response(orjson.dumps(verdict_json(verdict)), media_type="application/json")


@router.get(
    "/health",
    tags=["server"],
    operation_id="readHealth",
    summary="Say how the server is",
    responses={
        **answers(),
        503: {
            "description": "A part of it fails, which the same body names; a problem where nobody can tell who asks.",
            "model": Health,
            "content": answers()[503]["content"],
        },
    },
    response_description="Store, chain and sealing are all right.",
)
def read_health(request: Request, installed: Installed, _asking: Asking, response: Response) -> Health:
    """Say how store, chain and worker are, and how much is pending; answers while a batch is being sealed."""
    readiness: Readiness = request.app.state.readiness
    failures = readiness.failures()
    store, chain, sealing = (_part(failures, name) for name in ("database", "chain", "worker"))
    is_ok = not any(failures.values())
    response.status_code = 200 if is_ok else 503
    if not is_ok:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    deployment = installed.chain.deployment
    health = Health(
        status="ok" if is_ok else "failing",
        version=__version__,
        store=store,
        chain=ChainPart(
            status=chain.status,
            error=chain.error,
            chain_id=deployment.chain_id,
            ledger=to_hex(deployment.ledger),
            registry=to_hex(deployment.registry),
            operator=to_hex(installed.operator),
        ),
        sealing=sealing,
    )
    now = readiness.chain_now
    try:
        kept = stored_status(installed.store) if store.status == "ok" and now is not None else None
    except StoreUnavailable:
        kept = None
    if kept is None or now is None:
        return health
    waiting = (EvidenceState.PENDING, EvidenceState.SEALING, EvidenceState.ORPHANED)
    indexed = deployment.block_number - 1 if kept.cursor is None else kept.cursor.block_number
    return health.model_copy(
        update={
            "pending": sum(kept.counts.evidence[state] for state in waiting),
            "final_block": now.final.number,
            "blocks_behind": max(0, now.final.number - indexed),
            "parties": kept.counts.parties,
            "evidence": {state.value: number for state, number in kept.counts.evidence.items()},
        }
    )


def _part(failures: Mapping[str, str | None], name: str) -> Part:
    if name not in failures:
        return Part(status="off")
    error = failures[name]
    return Part(status="ok" if error is None else "failing", error=error)
