"""The FastAPI application: routes, guard, problems, document, and the sealing loop that lives as long as it does.

Example: ``create_app(context)`` is an ASGI application; its requests and its sealing share ``context``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from tallystick import __version__
from tallystick.service.context import Context
from tallystick.web import evidence, parties, problems, verification
from tallystick.web.guard import Guard
from tallystick.web.installation import Installation
from tallystick.web.openapi import document_of
from tallystick.web.sealing import SEAL_INTERVAL_SECONDS, Sealer

VERIFY_PATH = "/v1/verify"


def create_app(context: Context, *, seal_interval_seconds: float | None = SEAL_INTERVAL_SECONDS) -> FastAPI:
    """The application over ``context``, which it alone uses; ``seal_interval_seconds`` None: somebody else seals."""
    installation = Installation(context)
    sealer = None if seal_interval_seconds is None else Sealer(installation, seal_interval_seconds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if sealer is not None:
            sealer.start()
        yield
        if sealer is not None:
            await run_in_threadpool(sealer.stop)

    # the documentation pages that FastAPI offers load scripts from elsewhere, so there are none
    app = FastAPI(
        title="Tallystick",
        version=__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.installation = installation
    app.state.sealer = sealer
    limits = context.limits
    app.add_middleware(Guard, body_limit=lambda path: limits.bundle_bytes if path == VERIFY_PATH else limits.json_bytes)
    problems.install(app)
    for module in (evidence, parties, verification):
        app.include_router(module.router)
    app.openapi = document_of(app)  # type: ignore[method-assign]
    return app
