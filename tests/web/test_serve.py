"""``tallystick serve``: as its own process, stopped, killed and started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick import bootstrap
from tallystick.config import Home
from tallystick.store.records import EvidenceState
from tallystick.web.server import is_local
from web.conftest import ENVIRONMENT, IDLE_SECONDS, serving
from web.keys import Keys
from web.support import PASSPHRASE, Api, problem

WHOLE = {EvidenceState.PENDING, EvidenceState.SEALING, EvidenceState.INCLUDED, EvidenceState.FINAL}
"""From each of these an evidence goes on by itself with the next start."""
COMMAND = [sys.executable, "-c", "from tallystick.cli import main; main()", "serve"]


@pytest.fixture
def home(empty_home: Path, tmp_path: Path) -> Path:
    """A home of this test's own."""
    return Path(shutil.copytree(empty_home, tmp_path / "home"))


def environment(home: Path, passphrase: str = PASSPHRASE) -> dict[str, str]:
    return {**os.environ, "TALLYSTICK_HOME": str(home), "TALLYSTICK_PASSPHRASE": passphrase}


@contextmanager
def served(home: Path) -> Iterator[tuple[subprocess.Popen[str], Api]]:
    """A process that serves ``home``, and a client of it; killed at the end, where it still runs."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0"], env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("serving http://127.0.0.1:"), line or process.communicate()[1]
            with Api(line.split()[1].removesuffix(",").removesuffix("/v1"), Keys.of(home)) as api:
                yield process, api
        finally:
            process.kill()


def add_parties(api: Api) -> None:
    for role in ("Supplier", "Buyer"):
        assert api.post("/v1/parties", {"name": role, "identifiers": [f"LEI:{role.upper()}"]}).status_code == 201


@pytest.mark.parametrize(
    ("options", "passphrase", "status", "said"),
    [
        (["--host", "0.0.0.0"], PASSPHRASE, 2, "API keys must not cross a network"),
        (["--port", "0"], "another passphrase", 1, "passphrase"),
    ],
)
def test_a_wrong_start_says_why(home: Path, options: list[str], passphrase: str, status: int, said: str) -> None:
    """An address that others reach, or a wrong passphrase: the command ends with what to do, and no stack."""
    done = subprocess.run(
        [*COMMAND, *options], env=environment(home, passphrase), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status
    assert said in done.stderr.replace("\n", " ")
    assert "what to do" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_acknowledged_survives_a_kill(home: Path) -> None:
    """Evidence that is final, and evidence acknowledged just before kill -9, are both there after a restart."""
    with served(home) as (process, api):
        add_parties(api)
        contract = api.record(api.contract())
        before = api.final(contract["evidence"])
        invoice = api.record(api.invoice(deal=contract["deal"]))
        process.send_signal(signal.SIGKILL)
        process.wait()
    with served(home) as (_, api):
        assert api.final(contract["evidence"]) == before
        found = api.final(invoice["evidence"])
        assert [place["seq"] for place in found["placements"]] == [1, 1]
        assert api.get("/v1/parties/Buyer/history").json()["entryCount"] == 2


def test_a_stop_finishes_the_step_under_way(home: Path) -> None:
    """SIGTERM ends the server with success; nothing is lost, and the home is free for the next process."""
    with served(home) as (process, api):
        add_parties(api)
        drafts = [api.contract(label="frame"), *(api.invoice(deal="@frame") for _ in range(300))]
        assert api.post("/v1/evidence/bulk", drafts).status_code == 201
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr is not None
        lines = [json.loads(line) for line in process.stderr.read().splitlines()]
        assert [line for line in lines if line["level"] not in ("info", "debug")] == []
        assert lines[-1]["message"] == "worker: stopped"
    opening = bootstrap.open_home(Home(home), environment=ENVIRONMENT)
    with opening as opened, opened.context.store.transaction(read_only=True) as transaction:
        counts = transaction.counts().evidence
    assert sum(counts.values()) == len(drafts)
    assert {state for state, number in counts.items() if number} <= WHOLE


def test_a_chain_that_is_gone_is_named_and_comes_back(home: Path) -> None:
    """Without its node the server goes on, and its health names what fails; no evidence is called forged for it."""
    opening = bootstrap.open_home(Home(home), environment=ENVIRONMENT)
    with opening as opened, serving(opened) as url, Api(url, Keys.of(home)) as api:
        add_parties(api)
        assert api.get("/v1/health").status_code == 200
        assert opened.embedded is not None
        opened.embedded.close()
        deadline = 50 / IDLE_SECONDS
        while (answer := api.get("/v1/health")).json()["sealing"]["status"] == "ok":
            deadline -= 1
            assert deadline > 0, answer.text
        health = answer.json()
        assert answer.status_code == 503
        assert (health["status"], health["store"]["status"]) == ("failing", "ok")
        assert health["chain"]["status"] == health["sealing"]["status"] == "failing"
        assert health["chain"]["error"]
        assert api.get("/v1/parties/Buyer").status_code == 200
        answer = api.get("/v1/parties/Buyer/history")
        assert answer.headers["retry-after"]
        problem(answer, 503, "chain-unreachable")


def test_the_settings_say_how_much_strangers_may_ask_and_whose_word_counts(home: Path) -> None:
    """A stranger's requests are counted as the settings say; a proxy that they name says for whom it asks."""
    settings = Home(home).settings()
    limits = replace(settings.limits, anonymous_requests_per_minute=6)
    changed = replace(settings, limits=limits, public_url="https://ledger.example.com")
    for proxies in (None, "127.0.0.1"):
        Home(home).save(replace(changed, trusted_proxies=proxies))
        with served(home) as (process, api):
            statuses = [
                api.get("/v1/openapi.json", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
                for number in (1, 2, 3)
            ]
            assert statuses == ([200, 429, 429] if proxies is None else [200, 200, 200])
            process.send_signal(signal.SIGTERM)
            logged = process.communicate()[1]
            assert ("name it in trusted_proxies" in logged) is (proxies is None)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://localhost", True),
        ("https://ledger.example.com", False),
        ("https://127.0.0.1.example.com", False),
    ],
)
def test_a_url_of_this_machine_needs_no_proxy(url: str, expected: bool) -> None:
    """Only where people come by another machine is there a proxy to be named."""
    assert is_local(url) is expected
