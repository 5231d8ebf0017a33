"""What those who run the server see: alive, ready, metrics, and one line in the log for every answer."""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tallystick import logs
from tallystick.bootstrap import Opened
from tallystick.errors import StoreUnavailable
from tallystick.service.context import Context
from tallystick.web import readiness
from tallystick.web.app import create_app
from web.conftest import trusting_no_authority
from web.keys import Keys
from web.support import Api


class Broken:
    """``part`` of an installation; what is called ``name`` does ``instead``."""

    def __init__(self, part: Any, name: str, instead: Any) -> None:
        self._part = part
        self._name = name
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        return self._instead if name == self._name else getattr(self._part, name)


@contextmanager
def served(context: Context, directory: Path | None = None) -> Iterator[TestClient]:
    """A client of a server without a worker."""
    app = create_app(context, idle_seconds=None, directory=directory, check_token=trusting_no_authority)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def values(text: str) -> dict[tuple[str, ...], float]:
    """The samples of a scrape by name and label values."""
    families = text_string_to_metric_families(text)
    return {(sample.name, *sample.labels.values()): sample.value for one in families for sample in one.samples}


def test_a_database_that_is_gone_makes_the_server_not_ready(opened: Opened) -> None:
    """Not ready: 503 with the part that fails; alive all the same, and the metrics leave out what nobody can tell."""

    def fail() -> None:
        raise StoreUnavailable("the database does not answer.")

    with served(replace(opened.context, store=Broken(opened.context.store, "check", fail))) as client:  # type: ignore[arg-type]
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert answer.json()["parts"]["database"] == {"status": "failing", "error": "the database does not answer."}
        assert answer.json()["parts"]["chain"] == {"status": "ok"}
        assert client.get("/healthz").json() == {"status": "ok"}
        scraped = values(client.get("/metrics").text)
        assert scraped["tallystick_ready", "database"] == 0
        assert ("tallystick_evidence_pending",) not in scraped


def test_a_node_that_does_not_answer_holds_up_nobody(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that hangs is failing after a bounded time, is asked once however many ask, and the rest is told."""
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.2)
    answer, asked = threading.Event(), []

    def hang() -> None:
        asked.append(None)
        answer.wait(30)

    try:
        with served(replace(opened.context, chain=Broken(opened.context.chain, "check", hang))) as client:  # type: ignore[arg-type]
            began = time.monotonic()
            for _ in range(3):
                found = client.get("/readyz").json()["parts"]
                assert found["chain"]["error"] == "chain: no answer within 0.2 s."
                assert found["database"]["status"] == "ok"
            assert time.monotonic() - began < 5
            assert len(asked) == 1
            answer.set()
            while client.get("/readyz").status_code != 200:
                assert time.monotonic() - began < 30
    finally:
        answer.set()


def test_a_full_disk_makes_the_server_not_ready(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With hardly any room left where the home is, the server says so before the database has to."""
    with served(opened.context, tmp_path) as client:
        assert client.get("/readyz").json()["status"] == "ready"
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "got 1000" in answer.json()["parts"]["disk"]["error"]


def test_tables_of_another_version_make_the_server_not_ready(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a newer version migrated the database meanwhile, the server asks to be started anew."""
    monkeypatch.setattr("tallystick.store.engine.HEAD", "r9999")
    with served(opened.context) as client:
        assert "expected revision r9999" in client.get("/readyz").json()["parts"]["database"]["error"]


def test_the_metrics_tell_how_the_installation_is(api: Api) -> None:
    """Every figure is there, as Prometheus reads it; a request is counted by its route, never by its path."""
    evidence = api.record(api.invoice())["evidence"]
    api.final(evidence)
    answer = api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert evidence not in answer.text
    found = values(answer.text)
    for name in (
        "tallystick_evidence_pending",
        "tallystick_seal_lag_seconds",
        "tallystick_receipts_overdue",
        "tallystick_finality_lag_blocks",
        "tallystick_blocks_behind",
        "tallystick_blocks_undone",
    ):
        assert found[name,] >= 0, name
    assert found["tallystick_batches", "final"] >= 1
    assert found["tallystick_worker_leads",] == 1
    assert all(found["tallystick_ready", part] == 1 for part in ("database", "chain", "worker"))
    assert found["tallystick_http_requests_total", "GET", "/v1/evidence/{evidence}", "200"] >= 1
    assert found["tallystick_http_request_seconds_count", "GET", "/v1/evidence/{evidence}"] >= 1


def test_paths_nobody_knows_are_one_route(opened: Opened) -> None:
    """Whoever asks for many paths makes no new series."""
    with served(opened.context) as client:
        for path in ("/a", "/b", "/v1/c"):
            assert client.get(path).status_code == 404
        found = values(client.get("/metrics").text)
    assert found["tallystick_http_requests_total", "GET", "unmatched", "404"] == 3


@pytest.mark.parametrize(("of", "status"), [("group", 422), ("nobody", 401)])
def test_every_answer_is_a_line_that_tells_no_secrets(opened: Opened, keys: Keys, of: str, status: int) -> None:
    """Method, route, status, time and request id, as JSON; no path, query, body or key; nor what is asked all day."""
    key = getattr(keys, of, keys.group[:-1] + "2")
    stream = io.StringIO()
    kept = logging.getLogger().handlers[:]
    logs.configure(stream=stream)
    try:
        with served(opened.context) as client:
            headers = {"Authorization": f"Bearer {key}"}
            answer = client.get("/v1/parties/Supplier-GmbH?secret=4711", headers=headers)
            client.get("/healthz")
    finally:
        logging.getLogger().handlers[:] = kept
    [line] = [json.loads(line) for line in stream.getvalue().splitlines() if '"answered"' in line]
    assert line.pop("milliseconds") >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "tallystick.web",
        "message": "answered",
        "request": answer.headers["x-request-id"],
        "method": "GET",
        "route": "/v1/parties/{party}",
        "status": status,
    }
    assert not re.search(f"Supplier|4711|healthz|{key}|tallystick_", stream.getvalue())


@pytest.mark.parametrize("chosen", list(logs.Format))
def test_a_log_line_is_one_line_whatever_the_message(chosen: logs.Format) -> None:
    """A line break in a message makes no second line of JSON; a traceback is a member of it."""
    formatter = logs.JsonFormatter() if chosen is logs.Format.JSON else logs.TextFormatter()
    record = logging.LogRecord("tallystick.web", logging.WARNING, "", 0, "two\nlines \ud800 %s", ("x",), None)
    record.fields = {"status": 503}
    line = formatter.format(record)
    if chosen is logs.Format.JSON:
        assert "\n" not in line
        assert json.loads(line)["message"] == "two\nlines \ud800 x"
        assert json.loads(line)["status"] == 503
    else:
        assert "WARNING tallystick.web: two" in line
        assert line.endswith("status=503")


def test_operation_is_no_part_of_the_api(api: httpx.Client) -> None:
    """The three paths are for those who run the server; the document of the API does not have them."""
    paths = api.get("/v1/openapi.json").json()["paths"]
    assert all(path.startswith("/v1/") for path in paths)
