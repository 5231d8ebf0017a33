"""Clients of the roles that tests of the client need, with what they begin with."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account

from tallystick.client import (
    Client,
    DraftBody,
    NewKeyBody,
    OrganisationBody,
)
from web.conftest import api, keys, opened, serving  # noqa: F401 - fixtures
from web.keys import Keys
from web.support import Api

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def group(api: Api, keys: Keys) -> Iterator[Client]:  # noqa: F811
    """A client of the organisation that acts for every party."""
    with Client(str(api.base_url), keys.group) as made:
        yield made


@pytest.fixture(scope="module")
def operator(api: Api, keys: Keys) -> Iterator[Client]:  # noqa: F811
    with Client(str(api.base_url), keys.operator) as made:
        yield made


@pytest.fixture(scope="module")
def registrar(api: Api, keys: Keys) -> Iterator[Client]:  # noqa: F811
    with Client(str(api.base_url), keys.registrar) as made:
        yield made


def invoice(api: Api, **changes: Any) -> DraftBody:  # noqa: F811
    return DraftBody.model_validate(api.invoice(**changes))


def account() -> Any:
    """A wallet that nobody else here has."""
    return Account.from_key(hashlib.sha256(f"wallet {next(numbers)}".encode()).digest())


def opened_for(operator: Client, role: str, parties: list[str] | None = None) -> tuple[str, str]:
    """The id and a key of a new organisation."""
    made = operator.add_organisation(
        OrganisationBody(name=f"Of the client {next(numbers)}", role=role, parties=parties or [])
    )
    return made.organisation, operator.issue_key(NewKeyBody(name="test", organisation=made.organisation)).secret
