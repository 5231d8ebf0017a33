"""Secrets stay where they belong: whatever API and command line are asked, at debug level, none is told to anybody.

What is looked for (in hex, Base64, decimal, bytes as Python shows them): the passphrase, every private key and the
network key of the home, every API key that was issued, a password in a database's URL, and secrets that a caller sends
in the wrong place. Where: everything that the processes print and log, every answer but the one that shows a new key,
the OpenAPI document, and all files of the home.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tallystick import bootstrap
from tallystick.config import Home
from tallystick.keys.keystore import open_keystore
from tallystick.store.identities import Role

ROOT = Path(__file__).parents[2]
PASSPHRASE = "canary-passphrase-5f0c2a91"
DATABASE_PASSWORD = "canary-database-77d1e3b0"
SENT = "canary-sent-by-a-caller-41c0ffee"
"""What a caller takes for a secret (of a webhook, of a bearer token) and puts anywhere."""
PROGRAM = """
import logging
from tallystick import logs
configure = logs.configure
def everything(*args, **options):
    configure(*args, **options)
    for name in (None, "tallystick"):
        logging.getLogger(name).setLevel(logging.DEBUG)
logs.configure = everything
logs.configure()
from tallystick.cli import main
main()
"""
COMMAND = [sys.executable, "-c", PROGRAM]


class Desk:
    """A home, and everything that was ever printed about it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.folder = folder
        self.told: list[tuple[str, bytes]] = []
        self.environment = {**os.environ, "TALLYSTICK_HOME": str(self.home), "TALLYSTICK_PASSPHRASE": PASSPHRASE}

    def run(self, *arguments: str, shows_key: bool = False, changes: Mapping[str, str] | None = None) -> str:
        """What ``tallystick`` with ``arguments`` prints; kept, but for the standard output of what shows a key."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            env={**self.environment, **(changes or {})},
            cwd=self.folder,
            capture_output=True,
            timeout=120,
            check=False,
        )
        if not shows_key:
            self.told.append((f"output of {arguments}", done.stdout))
        self.told.append((f"errors of {arguments}", done.stderr))
        return done.stdout.decode()


def spellings(secret: bytes) -> dict[str, bytes]:
    """The ways in which ``secret`` could be told."""
    return {
        "plain": secret,
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        "Base64": base64.b64encode(secret).rstrip(b"="),
        "Base64 for URLs": base64.urlsafe_b64encode(secret).rstrip(b"="),
        "decimal": str(int.from_bytes(secret, "big")).encode(),
        "repr": repr(secret)[2:-1].encode(),
    }


def leaks(secrets: Mapping[str, bytes], told: list[tuple[str, bytes]]) -> Iterator[str]:
    """Which of ``secrets`` stands where in ``told``, and how."""
    for (name, secret), (place, text) in itertools.product(secrets.items(), told):
        for how, spelled in spellings(secret).items():
            if spelled in text:
                yield f"{name} ({how}) in {place}"


def questions(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    """Operation, method, path and body of each operation of ``document``, made from its examples."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            filled = path
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    example = (parameter.get("examples") or parameter["schema"].get("examples") or ["x"])[0]
                    filled = filled.replace(f"{{{parameter['name']}}}", str(example))
            body = None
            for media in operation.get("requestBody", {}).get("content", {}).values():
                given = [one["value"] for one in media.get("examples", {}).values()] or [media.get("example")]
                body = body or given[0]
            yield operation["operationId"], method.upper(), filled, body


_SHOW_A_SECRET = ("issueKey", "rotateKey", "addWebhook", "rotateWebhookSecret")
"""Operations that show a new secret, once, to whoever asks for it."""


def walk(desk: Desk, url: str, keys: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """Ask each operation as everybody, in all the wrong ways too; the keys that were issued, and what was asked."""
    issued: dict[str, str] = {}
    asked: set[str] = set()
    with httpx.Client(base_url=url, timeout=60) as client:
        answer = client.get("/v1/openapi.json")
        desk.told.append(("the OpenAPI document", answer.content))
        for operation, method, path, body in questions(answer.json()):
            wrong = {"secret": SENT, "authorization": f"Bearer {SENT}", "webhookSecret": SENT}
            for who, key in {**keys, "nobody": f"tallystick_{'a' * 12}_{'b' * 52}", "stranger": SENT}.items():
                headers = {"Authorization": f"Bearer {key}"}
                ends = {"follow": "false"} if operation == "streamEvents" else {}
                for sent, query in ((body, ends), (wrong, ends), (None, {"api_key": key})):
                    options: dict[str, Any] = {} if sent is None else {"json": sent}
                    answer = client.request(method, path, headers=headers, params=query, **options)
                    shown = answer.json().get("secret") if operation in _SHOW_A_SECRET else None
                    told = answer.content.replace(shown.encode(), b"") if shown else answer.content
                    if shown:
                        issued[f"secret {len(issued)} by {operation}"] = shown
                    # what a caller just sent may be quoted to that caller, and to nobody else
                    for own in (SENT, key):
                        told = told.replace(own.encode(), b"")
                    desk.told.append((f"answer {answer.status_code} of {operation} to {who}", told))
                    desk.told.append((f"headers of {operation}", str(answer.headers).encode()))
            asked.add(operation)
    return issued, asked


def test_a_leak_would_be_found() -> None:
    """Each way to spell a secret is found in the middle of a text."""
    for how, spelled in spellings(b"\x07secret!").items():
        assert list(leaks({"it": b"\x07secret!"}, [("a log", b"so " + spelled + b" it is")])), how


def test_no_secret_is_ever_told(tmp_path: Path) -> None:
    """A home's life at debug level: commands, all operations as all roles, failures; then everything is searched."""
    desk = Desk(tmp_path)
    desk.run("init")
    for name, identifier in (("Northwind GmbH", "VAT:DE136695976"), ("Acme Ltd", "LEI:5493001KJTIIGC8Y1R12")):
        desk.run("party", "add", name, "--id", identifier)
    desk.run("record", str(ROOT / "docs" / "examples" / "trade.json"))
    desk.run("seal")
    keys: dict[str, str] = {}
    for role in Role:
        acts = ["--party", "Acme Ltd"] if role in (Role.PARTY, Role.LENDER, Role.PROVIDER) else []
        made = json.loads(desk.run("account", "add", f"{role} Ltd", "--role", role, *acts, "--json", shows_key=True))
        keys[role.value] = made["secret"]
    for arguments in (["doctor"], ["account", "list", "--json"], ["account", "journal", "--json"]):
        desk.run(*arguments)
    # what goes wrong: the passphrase, the database, a node, a key file
    desk.run("history", "Acme Ltd", changes={"TALLYSTICK_PASSPHRASE": SENT})
    url = f"postgresql://user:{DATABASE_PASSWORD}@127.0.0.1:1/x?password={DATABASE_PASSWORD}"
    other = {"TALLYSTICK_HOME": str(tmp_path / "other")}
    desk.run("init", "--database", url, changes=other)
    (tmp_path / "bad.key").write_text(f"{SENT}\n")
    (tmp_path / "bad.key").chmod(0o600)
    desk.run("init", "--rpc", "http://127.0.0.1:1", "--key-file", str(tmp_path / "bad.key"), changes=other)
    log = tmp_path / "serve.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*COMMAND, "serve", "--port", "0"], env=desk.environment, stdout=subprocess.PIPE, stderr=errors
        ) as server,
    ):
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            issued, asked = walk(desk, line.decode().split()[1].rstrip(",").removesuffix("/v1"), keys)
        finally:
            server.terminate()
            out, _ = server.communicate(timeout=60)
    err = log.read_bytes()
    desk.told += [("output of serve", line + out), ("log of serve", err)]
    assert err.count(b'"answered"') > len(asked) * len(keys)
    assert b'"level":"debug"' in err, "the server logged everything"

    secrets = {"the passphrase": PASSPHRASE.encode(), "a database's password": DATABASE_PASSWORD.encode()}
    secrets |= {"what a caller sent": SENT.encode()}
    secrets |= {f"the key of {name}": key.rpartition("_")[2].encode() for name, key in {**keys, **issued}.items()}
    keystore = open_keystore(desk.home / "keys", PASSPHRASE)
    for address in keystore.addresses():
        secrets[f"private key {address.hex()}"] = keystore._private_key(address)
    for path in (desk.home / "keys").glob("secret-*.json"):
        secrets[path.name] = keystore.secret(path.stem.removeprefix("secret-"))
    assert len(secrets) > 12
    for path in desk.home.rglob("*"):
        if path.is_file():
            desk.told.append((f"file {path.name}", path.read_bytes()))
    found = sorted(set(leaks(secrets, desk.told)))
    assert not found, "\n".join(found)


def test_what_is_shown_of_an_object_is_no_secret(tmp_path: Path) -> None:
    """A line that logs a whole object, by mistake, tells neither passphrase nor key nor password."""
    environment = {"TALLYSTICK_PASSPHRASE": PASSPHRASE}
    home = Home(tmp_path / "home")
    bootstrap.init_home(home, environment=environment)
    with bootstrap.open_home(home, environment=environment) as opened:
        keystore = open_keystore(home.keys_path, PASSPHRASE)
        address = next(iter(keystore.addresses()))
        secrets = {"passphrase": PASSPHRASE.encode(), "private key": keystore._private_key(address)}
        shown = [(type(one).__name__, repr(one).encode()) for one in (opened, opened.context, keystore, home)]
        shown.append(("settings", repr(home.settings()).encode()))
        assert not list(leaks(secrets, shown))


@pytest.mark.parametrize("form", ["user:{}@", "user@", "{0}:{0}@"])
def test_settings_show_no_password(form: str) -> None:
    """Settings that are logged as a whole show a database's URL without its password."""
    from tallystick.config import Settings

    url = f"postgresql://{form.format(DATABASE_PASSWORD)}127.0.0.1/x?password={DATABASE_PASSWORD}"
    assert DATABASE_PASSWORD not in repr(Settings(database_url=url))
