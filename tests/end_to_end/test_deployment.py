"""Contracts deployed by the script, and homes that share them: who may do what, and which files are refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from end_to_end.conftest import ROOT, Shell, devnet
from hardhat_free_devnet.accounts import role_account
from service.world import ACKNOWLEDGEMENT, BUYER, CONTRACT, INVOICE, SUPPLIER
from tallystick import bootstrap
from tallystick.chain import calls, deploy
from tallystick.chain.address_file import AddressFile, format_address_file, parse_address_file
from tallystick.chain.artifacts import load_artifact
from tallystick.chain.ledger import REGISTRY_GAS
from tallystick.chain.node import Node
from tallystick.chain.rpc import open_http
from tallystick.chain.sender import Call, Sender
from tallystick.config import Home
from tallystick.errors import TallystickError
from tallystick.protocol import signing
from tallystick.protocol.binding import party_id
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Address, Hash, to_hex

NETWORK_KEY = bytes(range(32))
REGISTRAR, OPERATOR, DEPLOYER, OTHER_REGISTRAR = "registrar", "operator", "deployer", "factor"
STRANGER = "auditor"


def address(role: str) -> Address:
    return Address(role_account(role).address)


@dataclass(frozen=True)
class Ledger:
    """Contracts on a development chain at ``url``; ``folder`` holds their file and the keys."""

    url: str
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "deployment.json"

    @property
    def content(self) -> AddressFile:
        return parse_address_file(self.file.read_bytes(), "deployment.json")

    def key(self, role: str) -> str:
        path = self.folder / f"{role}.key"
        path.write_text(to_hex(role_account(role).private_key) + "\n")
        return str(path)

    def deploy(self, *more: str, url: str | None = None) -> subprocess.CompletedProcess[str]:
        """What the deployment script answers; three accounts may seal."""
        command = [sys.executable, str(ROOT / "scripts" / "deploy.py"), "--rpc", url or self.url]
        command += ["--key-file", self.key(DEPLOYER), "--registrar", to_hex(address(REGISTRAR))]
        for role in (REGISTRAR, OPERATOR, OTHER_REGISTRAR):
            command += ["--operator", to_hex(address(role))]
        command += ["--out", str(self.file), *more]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    def join(self, role: str, **changes: str) -> list[str]:
        """The arguments of ``init`` for the account ``role``, with ``changes`` by option."""
        options = {
            "rpc": self.url,
            "contracts": str(self.file),
            "key-file": self.key(role),
            "network-key-file": str(self.folder / "network.key"),
            **changes,
        }
        return ["init", *(part for name, value in options.items() for part in (f"--{name}", value))]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger that the script deployed, on a chain in a process of its own."""
    folder = tmp_path_factory.mktemp("ledger")
    (folder / "network.key").write_text(NETWORK_KEY.hex() + "\n")
    with devnet(folder / "chain.db") as url:
        made = Ledger(url, folder)
        done = made.deploy("--chain-id", "31337731")
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Callable[[str], Shell]:
    """A person with a home and a desk of the name given."""

    def make(name: str) -> Shell:
        (tmp_path / f"{name}-desk").mkdir()
        return Shell(tmp_path / name, tmp_path / f"{name}-desk")

    return make


# the script


def test_the_script_shows_its_plan_does_it_once_and_then_checks(tmp_path: Path) -> None:
    """A dry run names the addresses and leaves nothing; the deployment has them; a second one sends nothing."""
    with devnet(tmp_path / "chain.db") as url:
        made = Ledger(url, tmp_path)
        node = Node(open_http(url))
        planned = made.deploy("--dry-run").stdout
        assert "nothing was sent or written" in planned
        assert not made.file.exists()
        assert node.newest().ref.number == 0

        done = made.deploy()
        assert done.returncode == 0, done.stderr
        assert re.findall("Registry.*0x.{40}\n", planned) == re.findall("Registry +0x.{40}\n", done.stdout)
        for contract, at in made.content.plan.addresses.items():
            assert f"{contract:<19} {to_hex(at)}\n" in planned
        assert len(re.findall(r": block \d+, [\d,]+ gas, transaction 0x[0-9a-f]{64}\n", done.stdout)) == 10
        content = made.file.read_bytes()
        last = node.newest().ref.number

        again = made.deploy()
        assert again.returncode == 0, again.stderr
        assert "complete already since block 1" in again.stdout
        assert (made.file.read_bytes(), node.newest().ref.number) == (content, last)


def test_the_script_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    """The plan alone, as the first write leaves it, is finished by the same command, at the same addresses."""
    with devnet(tmp_path / "chain.db") as url:
        made = Ledger(url, tmp_path)
        assert made.deploy().returncode == 0
        complete = made.content
        made.file.write_bytes(format_address_file(replace(complete, block_number=None)))
        done = made.deploy()
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("there already") == 3
        assert made.content == complete


def test_the_script_refuses_what_does_not_fit(ledger: Ledger, tmp_path: Path) -> None:
    """Another order for the same file, another chain, and a key or address that is none; no key is ever shown."""
    before = ledger.file.read_bytes()
    stranger = to_hex(address(STRANGER))
    for more, code, said in (
        (("--operator", stranger), 2, "operators: expected"),
        (("--registrar", stranger), 2, "registrar: expected"),
        (("--key-file", ledger.key(STRANGER)), 2, "deployer: expected"),
        (("--chain-id", "4711"), 2, "chain id: expected 31337731, as planned there, got 4711"),
        (("--chain-id", "4711", "--out", str(tmp_path / "new.json")), 1, "chain id: expected 4711, as ordered"),
        (("--registrar", "0x12"), 1, "--registrar: expected 0x and 40"),
        (("--rpc", "nowhere"), 2, "node URL"),
    ):
        done = ledger.deploy(*more)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
        assert "what to do: " in done.stderr
    with devnet(tmp_path / "other.db", "--genesis-timestamp", "1700000000") as url:
        done = ledger.deploy(url=url)
        assert (done.returncode, "genesis block: expected" in done.stderr) == (1, True)
    key = tmp_path / "bad.key"
    key.write_text(role_account(STRANGER).private_key.hex())
    done = ledger.deploy("--key-file", str(key))
    assert done.returncode == 1
    assert key.read_text() not in done.stderr
    assert ledger.file.read_bytes() == before
    assert not (tmp_path / "new.json").exists()


# homes on one ledger


def test_a_second_home_records_and_seals_what_the_registrar_admits(
    ledger: Ledger, home: Callable[[str], Shell]
) -> None:
    """The registrar's home admits; an operator's home, without the role, records and seals, and is told what it can't.

    Both make the same id for a company, for the second one has the network key of the first.
    """
    first, second = home("first"), home("second")
    first.ok(*ledger.join(REGISTRAR))
    first.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    first.ok("key", "export-network-key", "-o", "network.key")
    exported = first.folder / "network.key"
    assert exported.read_text() == NETWORK_KEY.hex() + "\n"
    assert exported.stat().st_mode & 0o777 == 0o600
    assert "File exists" in first.refused("key", "export-network-key", "-o", "network.key", code=2)

    said = second.ok(*ledger.join(OPERATOR, **{"network-key-file": str(exported)}))
    assert "registrar somebody else" in said
    assert second.json("status")["ledger"] == to_hex(ledger.content.plan.ledger)
    for name, identifier in (("Supplier GmbH", SUPPLIER), ("Buyer AG", BUYER)):
        refused = second.refused("party", "add", name, "--id", identifier)
        assert "only the registrar of the ledger may" in refused
        asked = re.search(r"tallystick (party admit 0x[0-9a-f]{64} 0x[0-9a-f]{40})$", refused)
        assert asked is not None, refused
        assert asked[1].split()[2] == to_hex(party_id(NETWORK_KEY, *identifier.split(":")))
        first.ok(*asked[1].split())
    trade = second.write("trade.json", [CONTRACT, INVOICE, ACKNOWLEDGEMENT])
    second.ok("record", trade)
    assert second.json("seal") == {"batches": 1}
    assert second.lines("history", BUYER)[0]["entryCount"] == 3
    for command in (
        ("party", "rotate", BUYER),
        ("party", "admit", "0x" + "11" * 32, "0x" + "22" * 20),
    ):
        refused = second.refused(*command)
        assert "expected this home to have the registrar's key" in refused
        assert "Ask the registrar of the ledger" in refused
    assert second.json("seal") == {"batches": 0}
    second.ok("bundle", BUYER, "-o", "buyer.tally.json")
    assert second.json("verify", "buyer.tally.json", "--rpc", ledger.url)["verdict"] == "valid"
    assert json.loads((second.folder / "buyer.tally.json").read_text())["bindings"] == []
    # the first home sees that there are entries which it was not given
    refused = home("twin").refused(*ledger.join(OPERATOR))
    assert "expected an operator that no home seals with, got one of 1 batches" in refused
    seen = first.lines("history", SUPPLIER)[0]
    assert (seen["complete"], seen["entryCount"]) == (False, 0)


def test_a_second_registrars_home_does_all_that_the_first_does(ledger: Ledger, home: Callable[[str], Shell]) -> None:
    """An account that was given the registrar's role later has a home that admits, seals and exports what verifies."""
    admin = role_account(REGISTRAR).private_key
    words = calls.REGISTRAR_ROLE, calls.address_word(address(OTHER_REGISTRAR))
    grant = Call(ledger.content.plan.registry, calls.call(calls.GRANT_ROLE, *words), REGISTRY_GAS, "grant the role")
    node = Node(open_http(ledger.url))
    Sender(node, node.chain_id()).run(address(REGISTRAR), lambda digest: signing.sign(digest, admin), [grant])

    third = home("third")
    assert "somebody else" not in third.ok(*ledger.join(OTHER_REGISTRAR))
    # in another home the supplier may be admitted already: then this home's key is a further one
    third.ok("party", "add", "Supplier GmbH", "--id", SUPPLIER)
    third.ok("party", "add", "Carrier SA", "--id", "DUNS:150483782")
    contract = {**CONTRACT, "counterparty": "DUNS:150483782"}
    third.ok("record", third.write("trade.json", [contract, {**INVOICE, "counterparty": "DUNS:150483782"}]))
    third.ok("seal")
    third.ok("bundle", "DUNS:150483782", "-o", "carrier.tally.json")
    trusted = "--rpc", ledger.url, "--ledger", to_hex(ledger.content.plan.ledger)
    assert third.json("verify", "carrier.tally.json", *trusted)["verdict"] == "valid"


# what is refused


def test_init_needs_the_three_options_together(ledger: Ledger, home: Callable[[str], Shell]) -> None:
    """Contracts without a node, or without the network key that keeps parties' ids the same, are wrong usage."""
    shell = home("hasty")
    file, key = str(ledger.file), str(ledger.folder / "network.key")
    for options, missing in (
        (("--contracts", file), "--rpc, --network-key-file"),
        (("--contracts", file, "--network-key-file", key), "--rpc"),
        (("--contracts", file, "--rpc", ledger.url), "--network-key-file"),
        (("--network-key-file", key), "--rpc, --contracts"),
    ):
        assert f"got none for {missing}." in shell.refused("init", *options, code=2)
        assert not shell.home.exists()


def other_build(url: str) -> AddressFile:
    """Contracts at ``url`` whose registry calls itself another version, as whoever built them would describe them."""
    published = load_artifact("PartyRegistry")

    def load(name: Any) -> Any:
        if name != "PartyRegistry":
            return load_artifact(name)
        code = published.runtime_code.replace(b"1.0.0", b"1.0.1")
        assert code != published.runtime_code
        bytecode = published.bytecode.replace(b"1.0.0", b"1.0.1")
        return replace(published, bytecode=bytecode, runtime_code=code, runtime_code_hash=keccak256(code))

    def check(name: Any, at: Address, code: bytes) -> None:
        assert keccak256(code) == load(name).runtime_code_hash

    key = role_account(STRANGER).private_key
    provider = open_http(url)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deploy, "load_artifact", load)
        patched.setattr(deploy, "check_code", check)
        patched.setattr(deploy, "check_chain", lambda node, deployment: None)
        plan = deploy.plan_deployment(provider, address(STRANGER), address(STRANGER), [address(STRANGER)])
        deployment = deploy.carry_out(provider, plan, lambda digest: signing.sign(digest, key))
    names = plan.addresses
    return AddressFile(plan, tuple(Hash(load(name).runtime_code_hash) for name in names), deployment.block_number)


def test_contracts_of_another_build_are_refused(ledger: Ledger, home: Callable[[str], Shell]) -> None:
    """A file that tells the truth about other code, and one that lies about it, are both refused with both hashes."""
    shell = home("careful")
    honest = other_build(ledger.url)
    lying = replace(honest, code_hashes=ledger.content.code_hashes)
    published, other = to_hex(ledger.content.code_hashes[0]), to_hex(honest.code_hashes[0])
    for file, said in (
        (honest, f"PartyRegistry: expected code of hash {published}, got {other}"),
        (lying, f"expected code of hash {published}, got code of hash {other}"),
    ):
        path = shell.folder / "other.json"
        path.write_bytes(format_address_file(file))
        assert said in shell.refused(*ledger.join(STRANGER, contracts=str(path)))
        assert not any(shell.home.parent.glob("careful*/tallystick.toml"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file["contracts"]["EvidenceLedger"].update(address="0x" + "11" * 20), "EvidenceLedger: address:"),
        (lambda file: file["contracts"]["EvidenceLedger"].update(codeHash="0x" + "11" * 32), "expected code of hash"),
        (lambda file: file.update(chainId=1), "chain id: expected 1, got 31337731"),
        (lambda file: file.update(genesisHash="0x" + "11" * 32), "genesis block: expected 0x1111"),
        (lambda file: file.update(blockNumber=2), "blockNumber: expected 1, as the chain says, got 2"),
        (lambda file: file.update(fromBlock=2), "expected the event of its creation first"),
        (lambda file: file.update(status="planned", blockNumber=None), 'expected "complete", got "planned"'),
    ],
    ids=["address", "code hash", "chain id", "genesis", "block", "first block", "planned"],
)
def test_a_file_that_is_not_of_this_ledger_is_refused(
    ledger: Ledger, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    """Whatever was changed in an address file, the error names it, and nothing is left of the home."""
    content = json.loads(ledger.file.read_bytes())
    change(content)
    existing = bootstrap.Existing(json.dumps(content, indent=2).encode() + b"\n", NETWORK_KEY)
    with pytest.raises(TallystickError, match=said):
        bootstrap.init_home(
            Home(tmp_path / "home"),
            environment={"TALLYSTICK_PASSPHRASE": "correct horse"},
            rpc_url=ledger.url,
            funded_key=role_account(OPERATOR).private_key,
            existing=existing,
        )
    assert list(tmp_path.iterdir()) == []


def test_an_account_that_may_not_seal_is_told_whom_to_ask(ledger: Ledger, home: Callable[[str], Shell]) -> None:
    """The account, the registrar and the registry are named, and there is no home afterwards."""
    shell = home("outside")
    said = shell.refused(*ledger.join(STRANGER))
    assert f"account {to_hex(address(STRANGER))}: expected an operator of the ledger" in said
    assert f"Ask the registrar, {to_hex(address(REGISTRAR))}" in said
    assert list(shell.home.parent.iterdir()) == [shell.folder]
    short = shell.folder / "short.key"
    short.write_text(NETWORK_KEY.hex()[:-1])
    said = shell.refused(*ledger.join(OPERATOR, **{"network-key-file": str(short)}))
    assert "--network-key-file" in said
    assert "64 lower-case hex digits, got 63 characters" in said


def test_a_ledger_made_by_init_can_be_shared(ledger: Ledger, home: Callable[[str], Shell]) -> None:
    """A home that deployed its own contracts through a node keeps their address file, which checks out."""
    shell = home("own")
    shell.ok("init", "--rpc", ledger.url, "--key-file", ledger.key("lender"))
    made = parse_address_file((shell.home / "deployment.json").read_bytes(), "deployment.json")
    assert made.is_complete
    assert made.plan.operators == (address("lender"),)
    assert shell.json("status")["ledger"] == to_hex(made.plan.ledger)
    shell.ok("key", "export-network-key", "-o", "network.key")
    said = home("guest").refused(
        *ledger.join(
            STRANGER,
            contracts=str(shell.home / "deployment.json"),
            **{"network-key-file": str(shell.folder / "network.key")},
        )
    )
    assert f"Ask the registrar, {to_hex(address('lender'))}" in said
