"""The API does what its OpenAPI document says, whatever it is asked: schemathesis, with all checks, on a real server.

Few cases, so that every run can afford them; ``scripts/check_api.py`` asks many more, each operation as each role.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.service.policy import RULES
from tallystick.store.identities import Role
from web.exploring import ENDLESS, Town, explore, installation, shared_out

SHARES = shared_out(operation for operation in RULES if operation not in ENDLESS)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A server of this module's own: what is explored is also closed, revoked and filled with rubbish."""
    with installation(tmp_path_factory.mktemp("explored") / "home") as made:
        yield made


@pytest.mark.parametrize("role", SHARES)
def test_every_answer_is_one_that_the_document_promises(town: Town, role: Role) -> None:
    """No server error, no undocumented status, form, header or method; bad input is refused, good input is not."""
    found = explore(town, role, most_cases=1, operations=SHARES[role])
    assert not found.failures, "\n\n".join(f"{what}\n{how}" for what, how in found.failures.items())
    assert not town.complaints, town.complaints[0]
    # every operation was asked, by somebody whom it does not turn away
    asked = {operation for operation, status in found.answers if status not in (401, 403)}
    assert asked >= {*SHARES[role]}


def test_every_operation_is_explored() -> None:
    """A route that stands in the table of who may do what is explored as one of the roles that reach it."""
    assert sorted(operation for share in SHARES.values() for operation in share) == sorted(RULES.keys() - ENDLESS)


def test_exploring_finds_what_it_looks_for(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A route that fails, and a status that the document does not name, are both found."""

    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    before = len(town.complaints)
    monkeypatch.setattr("tallystick.web.account_models.OrganisationView.of", fail)
    try:
        found = explore(town, Role.AUDITOR, most_cases=1, operations=["listOrganisations"], stateful=False)
    finally:
        del town.complaints[before:]
    assert any("not_a_server_error" in failure for failure in found.failures)
