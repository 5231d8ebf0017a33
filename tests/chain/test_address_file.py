"""The address file: one spelling, read back as it was written, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.lying import LyingProvider, refusal
from chain.rigs import DEPLOYER, OPERATOR, OTHER_OPERATOR, REGISTRAR, STRANGER
from tallystick.chain.address_file import (
    MAX_FILE_BYTES,
    AddressFile,
    check_published,
    format_address_file,
    parse_address_file,
    published_hashes,
)
from tallystick.chain.deploy import DeploymentPlan
from tallystick.chain.embedded import EmbeddedProvider, open_embedded
from tallystick.chain.node import Node
from tallystick.chain.resumable import Order, finish, plan_for
from tallystick.errors import ChainError, ChainInconsistent, MalformedInput, UsageError, WrongChain
from tallystick.protocol.types import Address, Hash

PLAN = DeploymentPlan(
    chain_id=31337,
    genesis_hash=Hash(bytes([7]) * 32),
    deployer=DEPLOYER.address,
    first_nonce=3,
    registrar=REGISTRAR.address,
    operators=(min(OPERATOR.address, OTHER_OPERATOR.address), max(OPERATOR.address, OTHER_OPERATOR.address)),
    from_block=11,
)
COMPLETE = AddressFile(PLAN, published_hashes(), 12)
ORDER = Order(DEPLOYER.address, REGISTRAR.address, (OTHER_OPERATOR.address, OPERATOR.address))

numbers = st.integers(0, 2**63 - 1)
hashes = st.binary(min_size=32, max_size=32).map(Hash)
accounts = st.binary(min_size=20, max_size=20).filter(any).map(Address)
plans = st.builds(
    DeploymentPlan,
    chain_id=st.integers(1, 2**63 - 1),
    genesis_hash=hashes,
    deployer=accounts,
    first_nonce=numbers,
    registrar=accounts,
    operators=st.sets(accounts, max_size=4).map(lambda found: tuple(sorted(found))),
    from_block=numbers,
)
files = st.builds(AddressFile, plans, st.tuples(hashes, hashes, hashes), st.none() | numbers)


@given(files)
def test_a_file_is_read_back_as_it_was_written(file: AddressFile) -> None:
    """Writing and reading give the same plan, hashes and block."""
    assert parse_address_file(format_address_file(file), "file") == file


@given(files, st.data())
def test_no_other_bytes_spell_a_file(file: AddressFile, data: st.DataObject) -> None:
    """One byte changed, added or left out: refused, or another file with that as its own spelling."""
    content = bytearray(format_address_file(file))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at : at + data.draw(st.integers(0, 1))] = data.draw(st.binary(max_size=1))
    try:
        read = parse_address_file(bytes(content), "file")
    except MalformedInput:
        return
    assert format_address_file(read) == content


def changed(**fields: Any) -> bytes:
    """The complete file with other ``fields``, in the house's layout."""
    return json.dumps({**json.loads(format_address_file(COMPLETE)), **fields}, indent=2).encode() + b"\n"


CONTRACTS = json.loads(format_address_file(COMPLETE))["contracts"]
REGISTRY = CONTRACTS["PartyRegistry"]


def test_changing_nothing_changes_nothing() -> None:
    """What the cases below change is all that is wrong with them."""
    assert parse_address_file(changed(), "file") == COMPLETE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "expected JSON", id="empty"),
        pytest.param(b"[" * 100_000, "expected JSON", id="nested without end"),
        pytest.param(b"[]", "expected an object of format, status", id="no object"),
        pytest.param(b" " * (MAX_FILE_BYTES + 1), "expected at most", id="too long"),
        pytest.param(changed(note="x"), "expected an object of format, status", id="a field too many"),
        pytest.param(changed(format="tallystick deployment 2"), "format: expected 'tallystick", id="another format"),
        pytest.param(changed(status="planned"), "one spelling", id="planned, but with a block"),
        pytest.param(changed(blockNumber=None), "one spelling", id="complete, but without a block"),
        pytest.param(changed(blockNumber=-1), "blockNumber: expected a whole number from 0, got -1", id="block -1"),
        pytest.param(changed(chainId=0), "chainId: expected a whole number from 1", id="chain 0"),
        pytest.param(changed(chainId=True), "chainId: expected a whole number", id="chain true"),
        pytest.param(changed(chainId=31337.0), "chainId: expected a whole number", id="chain with a point"),
        pytest.param(changed(firstNonce="3"), "firstNonce: expected a whole number", id="nonce as text"),
        pytest.param(changed(firstNonce=4), "PartyRegistry: address: expected 0x", id="another nonce"),
        pytest.param(changed(deployer="0x" + "11" * 20), "PartyRegistry: address: expected 0x", id="another deployer"),
        pytest.param(changed(deployer="0x" + "AA" * 20), "deployer: expected 0x and 40 lower-case", id="upper case"),
        pytest.param(changed(registrar="0x" + "00" * 20), "registrar: expected an account", id="registrar zero"),
        pytest.param(changed(operators="0x"), "operators: expected a list", id="operators as text"),
        pytest.param(changed(operators=["0x" + "22" * 20, "0x" + "11" * 20]), "ascending order", id="not ascending"),
        pytest.param(changed(operators=["0x" + "22" * 20] * 2), "ascending order, each once", id="one twice"),
        pytest.param(changed(contracts={}), "contracts: expected an object of PartyRegistry", id="no contracts"),
        pytest.param(
            changed(contracts={**CONTRACTS, "PartyRegistry": {**REGISTRY, "address": "0x" + "11" * 20}}),
            "PartyRegistry: address: expected 0x.*, which deployer and nonce make, got 0x1111",
            id="another address",
        ),
        pytest.param(
            changed(contracts={**CONTRACTS, "PartyRegistry": {**REGISTRY, "codeHash": "0x11"}}),
            "PartyRegistry: codeHash: expected 0x and 64",
            id="half a hash",
        ),
        pytest.param(changed()[:-1], "one spelling", id="without the last line feed"),
        pytest.param(changed().replace(b'"chainId"', b'"chainId": 1, "chainId"'), "one spelling", id="a field twice"),
    ],
)
def test_what_is_not_of_the_form_is_refused(content: bytes, message: str) -> None:
    """Each fault has an error that names the file and the field, says what was expected, and what to do."""
    with pytest.raises(MalformedInput, match=message) as raised:
        parse_address_file(content, "deployment.json")
    assert raised.value.todo


def test_a_planned_file_is_no_deployment_yet() -> None:
    """Only a complete file says where the contracts are."""
    assert COMPLETE.deployment() == PLAN.deployment(12)
    with pytest.raises(MalformedInput, match='expected "complete", got "planned"'):
        replace(COMPLETE, block_number=None).deployment()


def test_code_of_another_version_is_refused() -> None:
    """A file of contracts with other code than published: both hashes are told."""
    check_published(COMPLETE)
    other = Hash(bytes([1]) * 32)
    for position, name in enumerate(PLAN.addresses):
        code_hashes = tuple(other if at == position else true for at, true in enumerate(published_hashes()))
        with pytest.raises(WrongChain, match=f"{name}: expected code of hash 0x.*, got 0x0101"):
            check_published(replace(COMPLETE, code_hashes=code_hashes))


# a deployment kept in its file


def test_the_plan_is_on_the_disk_before_anything_is_sent(provider: EmbeddedProvider, tmp_path: Path) -> None:
    """Planned before the first transaction, complete after the last; then it is only checked."""
    path = tmp_path / "deployment.json"
    seen = []

    def watch(method: str, params: list[Any], true: Any) -> Any:
        if method == "eth_sendRawTransaction":
            seen.append(parse_address_file(path.read_bytes(), "file"))
        return true

    planned = plan_for(provider, ORDER, path)
    assert not path.exists()
    done = finish(LyingProvider(provider, watch), planned, path, DEPLOYER.sign)  # type: ignore[arg-type]
    assert set(seen) == {planned}
    assert parse_address_file(path.read_bytes(), "file") == done == replace(planned, block_number=1)

    before = path.read_bytes()
    again = plan_for(provider, ORDER, path)
    assert finish(provider, again, path, DEPLOYER.sign) == done
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert Node(provider).newest().ref.number == 9


def test_an_interrupted_deployment_goes_on_from_its_file(provider: EmbeddedProvider, tmp_path: Path) -> None:
    """A node that fails at the second contract: the same order with the same file creates the two that are missing."""
    path = tmp_path / "deployment.json"
    sent = 0

    def fail(method: str, params: list[Any], true: Any) -> Any:
        nonlocal sent
        sent += method == "eth_sendRawTransaction"
        return refusal("the line is down") if sent == 2 else true

    planned = plan_for(provider, ORDER, path)
    with pytest.raises(ChainError):
        finish(LyingProvider(provider, fail), planned, path, DEPLOYER.sign)  # type: ignore[arg-type]
    assert plan_for(provider, ORDER, path) == planned
    lines: list[str] = []
    finish(provider, planned, path, DEPLOYER.sign, lines.append)
    assert ["there already" in line for line in lines[:3]] == [True, True, False]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (replace(ORDER, deployer=STRANGER.address), "deployer: expected 0x"),
        (replace(ORDER, registrar=STRANGER.address), "registrar: expected 0x"),
        (replace(ORDER, operators=(OPERATOR.address,)), "operators: expected 0x"),
        (replace(ORDER, chain_id=4711), "chain id: expected 31337731, as planned there, got 4711"),
    ],
)
def test_another_order_for_the_same_file_is_refused(
    provider: EmbeddedProvider, tmp_path: Path, order: Order, message: str
) -> None:
    """Whoever names a file with another plan in it is told the difference, and nothing is sent."""
    path = tmp_path / "deployment.json"
    path.write_bytes(format_address_file(plan_for(provider, ORDER, path)))
    with pytest.raises(UsageError, match=message):
        plan_for(provider, order, path)


def test_another_chain_than_the_files_is_refused(provider: EmbeddedProvider, tmp_path: Path) -> None:
    """The file's chain id and genesis, and the chain id ordered, must be those of the node."""
    path = tmp_path / "deployment.json"
    with pytest.raises(WrongChain, match="chain id: expected 4711, as ordered"):
        plan_for(provider, replace(ORDER, chain_id=4711), path)
    file = plan_for(provider, ORDER, path)
    finish(provider, file, path, DEPLOYER.sign)
    other = open_embedded(None, chain_id=4711)
    with pytest.raises(WrongChain, match="chain id: expected 31337731, got 4711"):
        plan_for(other, ORDER, path)
    other.close()
    wiped = open_embedded(None)
    with pytest.raises(WrongChain, match="genesis block: expected"):
        plan_for(wiped, ORDER, path)
    wiped.close()


def test_a_plan_for_code_of_another_version_is_refused(provider: EmbeddedProvider, tmp_path: Path) -> None:
    """A plan is carried out by the version that made it: three contracts of two versions fit nobody."""
    path = tmp_path / "deployment.json"
    file = plan_for(provider, ORDER, path)
    path.write_bytes(format_address_file(replace(file, code_hashes=(*file.code_hashes[:2], Hash(bytes(32))))))
    with pytest.raises(WrongChain, match="ReceivableRegistry: expected code of hash"):
        plan_for(provider, ORDER, path)


def test_a_complete_file_with_another_block_is_noticed(provider: EmbeddedProvider, tmp_path: Path) -> None:
    """The block of the creation is compared with the chain."""
    path = tmp_path / "deployment.json"
    done = finish(provider, plan_for(provider, ORDER, path), path, DEPLOYER.sign)
    with pytest.raises(ChainInconsistent, match="blockNumber: expected 1, as the chain says, got 2"):
        finish(provider, replace(done, block_number=2), path, DEPLOYER.sign)


def test_nothing_is_sent_where_the_file_cannot_be_written(provider: EmbeddedProvider, tmp_path: Path) -> None:
    """Without a place for the plan there is no first transaction."""
    path = tmp_path / "missing" / "deployment.json"
    with pytest.raises(UsageError, match="can't be written"):
        finish(provider, plan_for(provider, ORDER, path), path, DEPLOYER.sign)
    assert Node(provider).newest().ref.number == 0
    with pytest.raises(UsageError, match="can't be read"):
        plan_for(provider, ORDER, tmp_path)
