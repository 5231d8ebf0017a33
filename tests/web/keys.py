"""Accounts for tests that are about something else: one organisation that acts for every party, and its helpers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from tallystick.service import accounts
from tallystick.service.context import Context
from tallystick.store.identities import Role

_FILE = "keys-of-the-test.json"


@dataclass(frozen=True)
class Keys:
    """API keys by what they are for, and the id of the organisation that acts for every party."""

    group: str
    registrar: str
    operator: str
    organisation: str

    @classmethod
    def made(cls, context: Context) -> Keys:
        """New accounts in an installation that has none."""
        ids, secrets = {}, {}
        for role in (Role.PARTY, Role.REGISTRAR, Role.OPERATOR):
            ids[role] = accounts.add_organisation(context, "test", f"The {role}", role).organisation
            secrets[role] = accounts.issue_key(context, "test", ids[role], "test")[1]
        return cls(secrets[Role.PARTY], secrets[Role.REGISTRAR], secrets[Role.OPERATOR], ids[Role.PARTY])

    def keep(self, directory: Path) -> None:
        """Leave them in the home ``directory`` for whoever serves a copy of it."""
        (directory / _FILE).write_text(json.dumps(asdict(self)))

    @classmethod
    def of(cls, directory: Path) -> Keys:
        """Those that were left in the home ``directory``."""
        return cls(**json.loads((directory / _FILE).read_text()))


class ByOperation(httpx.Auth):
    """Sends each request with the key of whoever may do that; a request that names its own key keeps it."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """``request`` with a key."""
        path = request.url.path
        if (request.method, path) == ("POST", "/v1/parties"):
            key = self._keys.registrar
        elif path == "/v1/health":
            key = self._keys.operator
        else:
            key = self._keys.group
        request.headers.setdefault("Authorization", f"Bearer {key}")
        yield request
