"""What stands around every answer: headers, other origins, depth of what is read."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from fastapi.testclient import TestClient

from tallystick.bootstrap import Opened
from tallystick.config import parse_settings
from tallystick.errors import HomeError
from tallystick.web.app import create_app
from web.conftest import trusting_no_authority
from web.support import Api, problem

ORIGIN = "https://app.example.com"


def test_every_answer_tells_a_browser_to_leave_it_alone(api: Api) -> None:
    """No sniffing, no frames, no scripts, no cache, no referrer; a problem too."""
    for answer in (api.get("/v1/account"), api.get("/v1/nowhere"), api.get("/healthz")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


def test_pages_of_other_origins_are_refused_unless_the_settings_name_them(api: Api, opened: Opened) -> None:
    """Without a setting none, not even to ask beforehand; with it that origin alone, and keys by header only."""
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    problem(api.get("/v1/account", headers={"Origin": ORIGIN}), 403, "foreign-origin")
    problem(api.request("OPTIONS", "/v1/account", headers=preflight), 403, "foreign-origin")
    context = replace(opened.context, allowed_origins=frozenset([ORIGIN]))
    app = create_app(context, idle_seconds=None, check_token=trusting_no_authority)
    key = {"Authorization": f"Bearer {api.keys.group}"}
    with TestClient(app, base_url="http://localhost") as client:
        asked = client.options("/v1/evidence", headers=preflight)
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, ORIGIN)
        assert "Idempotency-Key" in asked.headers["access-control-allow-headers"]
        answer = client.get("/v1/account", headers={**key, "Origin": ORIGIN})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
        for other in ("https://evil.example.com", "null", f"{ORIGIN}.evil.com"):
            refused = client.get("/v1/account", headers={**key, "Origin": other})
            assert refused.status_code == 403
            assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("origin", ["*", "https://app.example.com/", "app.example.com", "https://", "null"])
def test_an_origin_in_the_settings_is_whole(origin: str) -> None:
    """No star, no path, a scheme: what is no origin stops the start."""
    with pytest.raises(HomeError, match="allowed_origins"):
        parse_settings(f'[service]\nallowed_origins = "{origin}"\n'.encode(), "tallystick.toml")


@pytest.mark.parametrize(
    "text", [b"[" * 200_000, b'{"kind":' * 100_000, b'{"content": ' + b"[" * 1_500 + b"]" * 1_500 + b"}"]
)
def test_json_that_is_too_deep_is_refused(api: Api, text: bytes) -> None:
    """Depth costs nobody a stack: an answer of 4xx, as for anything that can't be read."""
    answer = httpx.Client.post(api, "/v1/evidence", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text[:200]
