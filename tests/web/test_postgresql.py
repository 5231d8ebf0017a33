"""The server on PostgreSQL: many clients at once, and a database that goes away and comes back while it serves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from postgresql import Schemas, Server
from tallystick import bootstrap
from tallystick.config import Home
from web.conftest import ENVIRONMENT, serving
from web.keys import Keys
from web.support import WAIT_SECONDS, Api, problem


@pytest.fixture(scope="module")
def api(restartable: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server whose store is on a PostgreSQL server that the tests may stop, with two parties and their contract."""
    home = Home(tmp_path_factory.mktemp("web") / "postgresql")
    with Schemas(restartable.url).schema() as url:
        # The server asks for no password, and this one must not be shown all the same.
        url = url.replace("postgres@", "postgres:s3cret@")
        bootstrap.init_home(home, environment=ENVIRONMENT, database_url=url)
        opening = bootstrap.open_home(home, environment=ENVIRONMENT)
        with opening as opened, serving(opened) as at, Api(at, Keys.made(opened.context)) as api:
            for role in ("Supplier", "Buyer"):
                assert (
                    api.post("/v1/parties", {"name": role, "identifiers": [f"LEI:{role.upper()}"]}).status_code == 201
                )
            api.deal = api.record(api.contract())["deal"]
            yield api


def test_many_clients_at_once_lose_nothing(api: Api) -> None:
    """Forty requests of eight clients while batches are sealed are each answered, sealed once, and in both logs."""
    drafts = [api.invoice() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(api.record, drafts))
    assert len({one["evidence"] for one in made}) == len(drafts)
    for one in made:
        assert len(api.final(one["evidence"])["placements"]) == 2
    history = api.get("/v1/parties/Buyer/history").json()
    assert (history["complete"], history["entryCount"]) == (True, len(drafts) + 1)


@pytest.mark.parametrize("immediate", [False, True], ids=["restarted", "failed"])
def test_a_database_that_went_away_is_used_again(api: Api, restartable: Server, immediate: bool) -> None:
    """Without its database the server answers 503 and says why, without the password; then it goes on by itself."""
    before = api.record(api.invoice())
    restartable.stop(immediate=immediate)
    refused = api.post("/v1/evidence", api.invoice())
    assert refused.headers["retry-after"]
    detail = problem(refused, 503, "store-unavailable")
    assert "s3cret" not in refused.text
    assert "nothing of this request was kept" in detail["todo"]
    assert "postgresql" not in refused.text
    health = api.get("/readyz")
    assert (health.status_code, health.json()["parts"]["database"]["status"]) == (503, "failing")
    assert "s3cret" not in health.text
    restartable.start()
    after = api.record(api.invoice())
    for one in (before, after):
        assert len(api.final(one["evidence"])["placements"]) == 2
    deadline = time.monotonic() + WAIT_SECONDS
    while api.get("/v1/health").status_code != 200:
        assert time.monotonic() < deadline, api.get("/v1/health").text
        time.sleep(0.05)
