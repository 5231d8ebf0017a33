"""An API process without the keys of operator and registrar, and a party that signs with a wallet of its own."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from end_to_end.conftest import Shell
from end_to_end.test_operation import Node, Process, client_of, key_of, until
from tallystick.config import Home

PUBLIC = "https://ledger.example.com"
WALLET = Account.from_key(b"\x77" * 32)
NEXT = Account.from_key(b"\x78" * 32)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node that runs."""
    node = Node(tmp_path / "node.sqlite3")
    node.start()
    yield node
    node.stop()


def apart(shell: Shell, node: Node) -> Shell:
    """A second home on the same database and node, in whose keystore operator and registrar have no file at all."""
    shell.ok("init", "--rpc", node.url, "--database", f"sqlite:///{shell.folder / 'shared.sqlite3'}")
    settings = Home(shell.home).settings()
    api = dataclasses.replace(shell, home=shell.home.with_name("api"))
    shutil.copytree(shell.home, api.home)
    for account in {settings.operator, settings.registrar} - {None}:
        assert account is not None
        (api.home / "keys" / f"0x{account.hex()}.json").unlink()
    Home(api.home).save(dataclasses.replace(settings, public_url=PUBLIC))
    return api


def signed(told: dict[str, Any], account: Any) -> str:
    return "0x" + bytes(account.sign_typed_data(full_message=told).signature).hex()


@pytest.mark.slow
def test_a_wallet_trades_through_an_api_that_holds_no_key_of_the_service(
    shell: Shell, node: Node, tmp_path: Path
) -> None:
    """Admitted, signed in, sells, rotates: the API process never has operator's or registrar's key, the worker does."""
    home = apart(shell, node)
    registrar = {"Authorization": "Bearer " + key_of(shell, "Registrar", "--role", "registrar")}
    operator = {"Authorization": "Bearer " + key_of(shell, "Operator", "--role", "operator")}
    with ExitStack() as stack:

        def start(where: Shell, *arguments: str) -> Process:
            process = Process(where, tmp_path / f"{time.monotonic_ns()}.log", *arguments)
            stack.callback(process.running.wait)
            stack.callback(process.running.kill)
            return process

        api = start(home, "serve", "--no-worker", "--port", "0")
        client = stack.enter_context(client_of(api, "none"))

        def post(path: str, body: Any, headers: dict[str, str], status: int = 201) -> Any:
            made = client.post(path, json=body, headers=headers)
            assert made.status_code == status, made.text
            return made.json() if made.content else None

        # parties are kept before any worker runs: one whose key is made here, one with a wallet
        buyer = post("/v1/parties", {"name": "Buyer", "identifiers": ["LEI:BUYER"]}, registrar)
        own = {"name": "Seller", "identifiers": ["LEI:SELLER"], "signer": WALLET.address.lower()}
        seller = post("/v1/parties", own, registrar)
        assert (len(buyer["signers"]), seller["signers"]) == (1, [])
        organisation = post(
            "/v1/organisations",
            {"name": "Traders", "role": "party", "parties": [buyer["party"], seller["party"]]},
            operator,
        )["organisation"]
        post(
            "/v1/members",
            {"name": "Ada", "address": WALLET.address.lower(), "organisation": organisation},
            operator,
        )

        # the wallet signs in
        nonce = post("/v1/sign-in/nonce", {"address": WALLET.address.lower()}, {}, 200)
        made = WALLET.sign_message(encode_defunct(text=nonce["message"]))
        body = {"message": nonce["message"], "signature": "0x" + bytes(made.signature).hex()}
        session = post("/v1/sign-in", body, {})
        ada = {"Authorization": f"Bearer {session['token']}"}
        assert client.get("/v1/account", headers=ada).json()["key"] == session["member"]["member"]
        assert client.post("/v1/sign-in", json=body).status_code == 409

        worker = start(shell, "worker")
        signers = f"/v1/parties/{seller['party']}/signers"
        until(
            lambda: [one["state"] for one in client.get(signers, headers=ada).json()] == ["active"],
            "the wallet is not admitted",
        )
        until(
            lambda: client.get(f"/v1/parties/{buyer['party']}/signers", headers=ada).json()[0]["state"] == "active",
            "the buyer is not admitted",
        )

        def submit(draft: dict[str, Any], account: Any) -> Any:
            found = post("/v1/evidence/typed-data", draft, ada, 200)
            told = found["typedData"]
            sent = {"evidence": told["message"], "disclosures": found["disclosures"]}
            return post("/v1/evidence/submission", {**sent, "signatures": signed(told, account)}, ada)

        content = {"contractNumber": "C-1", "issuerRole": "supplier", "currency": "EUR", "paymentTermsDays": 30}
        named = {"issuer": seller["party"], "counterparty": buyer["party"]}
        contract = submit({"kind": "CONTRACT", **named, "content": content}, WALLET)
        assert contract["status"] == "awaitingCountersignature"
        done = post(f"/v1/evidence/{contract['evidence']}/countersignature", {}, ada, 200)
        assert (done["status"], done["receipt"]) == ("pending", None)
        bill = {
            "invoiceNumber": "I-1",
            "issueDate": "2026-01-02",
            "dueDate": "2026-02-01",
            "currency": "EUR",
            "payableAmount": "100.00",
        }
        invoice = submit({"kind": "INVOICE", **named, "deal": contract["deal"], "content": bill}, WALLET)

        def read(evidence: str) -> Any:
            return client.get(f"/v1/evidence/{evidence}", headers=ada).json()

        until(lambda: read(invoice["evidence"])["status"] == "final", "nothing is sealed")
        assert read(invoice["evidence"])["receipt"] is not None

        # the registrar's word on who is who, signed by the worker, stands in the bundle that the API makes
        until(lambda: client.get("/v1/parties/LEI:SELLER/bundle", headers=ada).status_code == 200, "no bundle is made")
        bundle = client.get("/v1/parties/LEI:SELLER/bundle", headers=ada).json()
        assert {one["name"] for one in bundle["bindings"]} == {"Buyer", "Seller"}

        # one call puts another wallet in the place of the first
        post(f"{signers}/rotation", {"signer": NEXT.address.lower()}, ada, 202)
        until(
            lambda: (
                {one["signer"]: one["state"] for one in client.get(signers, headers=ada).json()}
                == {WALLET.address.lower(): "revoked", NEXT.address.lower(): "active"}
            ),
            "the wallet is not rotated",
        )
        second = {**bill, "invoiceNumber": "I-2"}
        draft = {"kind": "INVOICE", **named, "deal": contract["deal"], "content": second}
        found = client.post("/v1/evidence/typed-data", json=draft, headers=ada).json()
        sent = {"evidence": found["typedData"]["message"], "disclosures": found["disclosures"]}
        refused = client.post(
            "/v1/evidence/submission", json={**sent, "signatures": signed(found["typedData"], WALLET)}, headers=ada
        )
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:tallystick:problem:wrong-signer")
        last = submit(draft, NEXT)
        until(lambda: read(last["evidence"])["status"] == "final", "the new wallet does not sign")

        assert client.delete(f"/v1/sessions/{session['session']}", headers=ada).status_code == 204
        assert client.get("/v1/account", headers=ada).status_code == 401
        acts = [one["act"] for one in client.get("/v1/journal", headers=operator).json()]
        assert {"party added", "member added", "signer rotated"} <= set(acts)
        for process in (api, worker):
            assert process.end(signal.SIGTERM) == 0
        logged = api.log.read_text() + worker.log.read_text()
        assert session["token"].rpartition("_")[2] not in logged
        assert nonce["nonce"] not in logged


WATCHED = """
import os, sys, threading, json
from pathlib import Path
opened = []
sys.addaudithook(lambda name, arguments: opened.append(str(arguments[0])) if name == "open" else None)
from tallystick import bootstrap
from tallystick.config import Home
from tallystick.errors import KeystoreError
home = Home(Path(os.environ["TALLYSTICK_HOME"]))
with bootstrap.open_home(home, works=sys.argv[1] == "works") as found:
    context = found.context
    context.keys.addresses()
    context.keys.create("party")
    refused = 0
    for account in (context.operator, context.registrar):
        try:
            context.keys.sign(account, bytes(32))
        except KeystoreError:
            refused += 1
    accounts = {context.operator.hex(), context.registrar.hex()}
    print(json.dumps([refused, len({one for one in accounts if any(one in path for path in opened)})]))
"""


@pytest.mark.parametrize(("mode", "expected"), [("api", [2, 0]), ("works", [0, 2])])
def test_an_api_process_opens_no_file_of_those_keys(shell: Shell, mode: str, expected: list[int]) -> None:
    """Not one of the files that it opens, as the interpreter itself sees them, is operator's or registrar's key."""
    shell.ok("init")
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, mode], env=shell.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


def test_a_home_goes_under_another_key_and_back(shell: Shell, tmp_path: Path) -> None:
    """`tallystick key rewrap`: to a file, then to a new passphrase; what does not open says what to do."""
    shell.ok("init")
    shell.ok("party", "add", "Supplier", "--id", "LEI:SUPPLIER")
    (tmp_path / "kek").write_text("ab" * 32)
    assert "rewrapped 4 files" in shell.ok("key", "rewrap", "--to", f"file:{tmp_path / 'kek'}")
    other = dataclasses.replace(shell, passphrase="not asked for")
    assert "signer" in other.ok("party", "rotate", "Supplier")
    assert "expected passphrase, file:PATH" in shell.refused("key", "rewrap", "--to", "drawer", code=2)
    said = shell.refused("key", "rewrap", "--to", "passphrase")
    assert "TALLYSTICK_NEW_PASSPHRASE" in said
    (tmp_path / "kek").rename(tmp_path / "gone")
    assert "key-encryption key" in shell.refused("party", "list")
