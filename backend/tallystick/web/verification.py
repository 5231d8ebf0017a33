"""Routes of the verifier and of the server's own health."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from tallystick import __version__
from tallystick.errors import TallystickError, UsageError
from tallystick.protocol.types import Hash, parse_address, parse_bytes32, to_hex
from tallystick.service.check import check, verdict_json
from tallystick.service.status import status
from tallystick.store.records import EvidenceState
from tallystick.web import examples
from tallystick.web.models import ChainPart, Health, Part
from tallystick.web.openapi import answers
from tallystick.web.requests import Installed, RawBody
from tallystick.web.sealing import Sealer

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
    "description": "The bundle file, byte for byte.",
    "content": {"application/json": {"schema": {"type": "object"}, "example": examples.BUNDLE}},
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
    body: RawBody,
    installed: Installed,
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
    if not body:
        raise UsageError("body: expected a bundle, got nothing.", todo="Send the file as the body.")
    trusted = None if block_hash is None else Hash(parse_bytes32(block_hash, "blockHash"))
    known = None if ledger is None else parse_address(ledger, "ledger")
    verdict = check(body, code_hashes=installed.reading.code_hashes, block_hash=trusted, ledger=known)
    return Response(orjson.dumps(verdict_json(verdict)), media_type="application/json")


@router.get(
    "/health",
    tags=["server"],
    operation_id="readHealth",
    summary="Say how the server is",
    responses={
        503: {
            "description": "A part of it fails, which the same body names.",
            "model": Health,
        },
        **answers(),
    },
    response_description="Store, chain and sealing are all right.",
)
def read_health(request: Request, installed: Installed, response: Response) -> Health:
    """Say how store, chain and sealing are, and how much is pending; answers while a batch is being sealed."""
    context = installed.reading
    store, chain, sealing = _ok(), _ok(), _sealing(request.app.state.sealer)
    now = None
    try:
        with context.store.transaction(read_only=True) as transaction:
            transaction.cursor()
    except TallystickError as error:
        store = Part(status="failing", error=error.message)
    else:
        try:
            now = status(context)
        except TallystickError as error:
            chain = Part(status="failing", error=error.message)
    is_ok = all(part.status != "failing" for part in (store, chain, sealing))
    response.status_code = 200 if is_ok else 503
    deployment = context.chain.deployment
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
            operator=to_hex(context.operator),
        ),
        sealing=sealing,
    )
    if now is None:
        return health
    waiting = (EvidenceState.PENDING, EvidenceState.SEALING, EvidenceState.ORPHANED)
    return health.model_copy(
        update={
            "pending": sum(now.counts.evidence[state] for state in waiting),
            "final_block": None if now.final is None else now.final.number,
            "blocks_behind": now.blocks_behind,
            "parties": now.counts.parties,
            "evidence": {state.value: number for state, number in now.counts.evidence.items()},
        }
    )


def _ok() -> Part:
    return Part(status="ok")


def _sealing(sealer: Sealer | None) -> Part:
    if sealer is None:
        return Part(status="off")
    error = sealer.last_error
    return Part(status="ok" if error is None else "failing", error=error)
