"""Routes for those who run the server: alive, ready, metrics. They are no part of the API, outside ``/v1``."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request, Response

from tallystick.web.metrics import CONTENT_TYPE, Metrics
from tallystick.web.problems import RETRY_AFTER_SECONDS
from tallystick.web.readiness import Readiness

PATHS = ("/healthz", "/readyz", "/metrics")

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> Response:
    """Say that the process answers; depends on nothing else."""
    return _json({"status": "ok"}, 200)


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Say whether the server can do its work, and which part can't: 200 or 503."""
    readiness: Readiness = request.app.state.readiness
    failures = readiness.failures()
    is_ready = not any(failures.values())
    parts = {name: {"status": "failing", "error": why} if why else {"status": "ok"} for name, why in failures.items()}
    return _json({"status": "ready" if is_ready else "failing", "parts": parts}, 200 if is_ready else 503)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """The metrics in Prometheus's text format."""
    found: Metrics = request.app.state.metrics
    return Response(found.text(), media_type=CONTENT_TYPE)


def _json(value: object, status: int) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    return Response(orjson.dumps(value), status, headers, "application/json")
