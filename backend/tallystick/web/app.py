"""The FastAPI application: routes, guard, problems, document, and the worker that lives as long as it does.

Example: ``create_app(context)`` is an ASGI application; its requests and its worker share ``context``.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from tallystick import __version__
from tallystick.chain.meter import Meter
from tallystick.service.context import Context
from tallystick.service.newest import Newest
from tallystick.service.notify import Notifier
from tallystick.service.policy import PUBLIC, RULES
from tallystick.service.stamp import CheckToken
from tallystick.service.work import IDLE_SECONDS, Worker
from tallystick.web import (
    access,
    accounts,
    answering,
    attachments,
    certificates,
    custody,
    erasures,
    events,
    evidence,
    finding,
    identifiers,
    import_jobs,
    imports,
    lines,
    members,
    once,
    operation,
    parties,
    problems,
    sign_in,
    signers,
    verification,
    webhooks,
)
from tallystick.web.guard import Guard
from tallystick.web.identity import SignIn, check_known, identify
from tallystick.web.methods import know_routes
from tallystick.web.metrics import Metrics
from tallystick.web.openapi import document_of
from tallystick.web.patience import DEFAULT, Patience
from tallystick.web.rate import Rate
from tallystick.web.readiness import Readiness
from tallystick.web.strangers import Strangers

VERIFY_PATH = "/v1/verify"
IMPORT_PATHS = ("/v1/imports", "/v1/statements")
FILE_PATHS = (VERIFY_PATH, *IMPORT_PATHS, "/v1/waiting/retry", "/v1/evidence/bulk", lines.PATH)
FILE_ENDS = ("/bundle", "/certificate")
"""Paths, and ends of paths, where whole files are read or made."""


_MODULES = (
    finding,
    evidence,
    lines,
    answering,
    attachments,
    custody,
    imports,
    import_jobs,
    parties,
    identifiers,
    signers,
    certificates,
    access,
    erasures,
    events,
    webhooks,
    accounts,
    members,
    verification,
)
API = tuple(module.router for module in _MODULES)
"""The routes of the API: each asks who is asking, and stands in the table that says who may ask."""


def create_app(
    context: Context,
    *,
    idle_seconds: float | None = IDLE_SECONDS,
    meter: Meter | None = None,
    directory: Path | None = None,
    check_token: CheckToken,
    sign_in_by: SignIn | None = None,
    patience: Patience = DEFAULT,
) -> FastAPI:
    """The application over ``context``, which any thread may use.

    A worker looks every ``idle_seconds`` for something to do; None: other processes work. ``meter`` counts what is
    asked of the node, ``directory`` is the home, whose disk is watched; ``check_token`` judges time-stamps;
    ``sign_in_by`` says how persons sign in, beside API keys; ``patience`` is had with clients.
    """
    worker = None if idle_seconds is None else Worker(context, idle_seconds=idle_seconds)
    tells = idle_seconds is not None and context.post is not None
    notifier = Notifier(context, idle_seconds=idle_seconds or IDLE_SECONDS) if tells else None
    readiness = Readiness(context, worker, directory)
    metrics = Metrics(context, readiness, worker, meter)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if worker is not None:
            worker.start()
        if notifier is not None:
            notifier.start()
        yield
        app.state.stopping.set()
        if notifier is not None:
            await run_in_threadpool(notifier.stop)
        if worker is not None:
            await run_in_threadpool(worker.stop)

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
    app.state.context = context
    app.state.newest = Newest(context)
    app.state.worker = worker
    app.state.readiness = readiness
    app.state.metrics = metrics
    app.state.check_token = check_token
    app.state.sign_in = sign_in_by or SignIn()
    limits = context.limits
    app.state.streams, app.state.stopping = events.Streams(), threading.Event()
    app.state.rate = Rate(limits.requests_per_minute)
    large = {VERIFY_PATH: limits.bundle_file_bytes, **dict.fromkeys(IMPORT_PATHS, limits.bundle_bytes)}
    large[lines.PATH] = limits.bundle_file_bytes
    small = dict.fromkeys(sign_in.PATHS, sign_in.BODY_BYTES)
    app.add_middleware(
        Guard,
        body_limit=lambda path: (
            limits.document_bytes
            if path.startswith(attachments.PATH)
            else small.get(path) or large.get(path, limits.json_bytes)
        ),
        check_known=lambda given: check_known(context, app.state.sign_in, given),
        observe=metrics.observe,
        allowed_origins=context.allowed_origins,
        admit=Strangers(limits.anonymous_requests_per_minute).admit,
        patience=patience,
        seconds=lambda path: limits.file_seconds if _is_of_files(path) else limits.request_seconds,
    )
    problems.install(app)
    once.install(app)
    routers = (*API, sign_in.router, operation.router)
    know_routes(app, routers)
    for router in routers:
        app.include_router(router)
    app.openapi = document_of(app)  # type: ignore[method-assign]
    return app


def _is_of_files(path: str) -> bool:
    return path in FILE_PATHS or path.endswith(FILE_ENDS) or "/documents/" in path


def create_watch(context: Context, worker: Worker, meter: Meter | None, directory: Path | None) -> FastAPI:
    """The application that tells how ``worker``, which runs in a process without an API, is: no route but these."""
    readiness = Readiness(context, worker, directory)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.readiness = readiness
    app.state.metrics = Metrics(context, readiness, worker, meter)
    app.add_middleware(Guard, body_limit=lambda _: 0, check_known=lambda _: None)
    problems.install(app)
    app.include_router(operation.router)
    return app


def _check_policy() -> None:
    for route in (route for router in API for route in router.routes if isinstance(route, APIRoute)):
        assert route.operation_id in RULES, f"{route.path}: who may do that is not in the table"
        asked = [found.call for found in route.dependant.dependencies]
        assert identify in asked, f"{route.path}: nobody is asked who they are"
    known = {route.operation_id for route in sign_in.router.routes if isinstance(route, APIRoute)}
    assert known == set(PUBLIC), "what is open to all is named"


_check_policy()
