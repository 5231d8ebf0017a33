"""The address file: what a deployment will be, or is, as JSON that one machine writes and another reads.

::

    {"format": "tallystick deployment 1", "status": "planned" or "complete", "chainId": 1, "genesisHash": "0x...",
     "deployer": "0x...", "firstNonce": 0, "fromBlock": 0, "registrar": "0x...", "operators": ["0x...", ...],
     "contracts": {"PartyRegistry": {"address": "0x...", "codeHash": "0x..."}, ...}, "blockNumber": null or 1}

- There is one spelling of each file: what does not re-encode to the same bytes is refused.
- The addresses stand there for people and other programs; they must be those that deployer and nonce make.
- ``codeHash`` is keccak256 of the runtime code, the one that this package publishes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

from tallystick.chain.artifacts import CONTRACT_NAMES, load_artifact
from tallystick.chain.deploy import DeploymentPlan
from tallystick.chain.records import Deployment
from tallystick.errors import MalformedInput, WrongChain
from tallystick.protocol.types import Hash, clip, parse_address, parse_bytes32, to_hex

FORMAT = "tallystick deployment 1"
MAX_FILE_BYTES = 1 << 20
_MAX_NUMBER = 2**63 - 1
_TODO = "Take the file as `scripts/deploy.py` wrote it."


@dataclass(frozen=True, slots=True)
class AddressFile:
    """A ``plan`` with the code it puts on the chain; ``block_number`` of the registry's creation once complete."""

    plan: DeploymentPlan
    code_hashes: tuple[Hash, ...]
    """Of the runtime code of each contract, in the order of ``CONTRACT_NAMES``."""
    block_number: int | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of the plan is done."""
        return self.block_number is not None

    def deployment(self) -> Deployment:
        """Where the contracts are. Raises ``MalformedInput`` as long as the file is only planned."""
        if self.block_number is None:
            raise MalformedInput(
                'deployment: status: expected "complete", got "planned".',
                todo="Let `scripts/deploy.py` finish it: run it again with the same arguments.",
            )
        return self.plan.deployment(self.block_number)


def published_hashes() -> tuple[Hash, ...]:
    """The hashes of the contracts' runtime code in this package, in the order of ``CONTRACT_NAMES``."""
    return tuple(Hash(load_artifact(name).runtime_code_hash) for name in CONTRACT_NAMES)


def check_published(file: AddressFile) -> None:
    """Raises ``WrongChain`` if ``file`` is of contracts with other code than this package publishes."""
    for name, got, expected in zip(CONTRACT_NAMES, file.code_hashes, published_hashes(), strict=True):
        if got != expected:
            raise WrongChain(
                f"deployment: {name}: expected code of hash {to_hex(expected)}, got {to_hex(got)}.",
                todo="Use the version of Tallystick that the contracts were deployed with.",
            )


def format_address_file(file: AddressFile) -> bytes:
    """The bytes that ``parse_address_file`` reads as ``file``."""
    plan = file.plan
    contracts = {
        name: {"address": to_hex(address), "codeHash": to_hex(code_hash)}
        for (name, address), code_hash in zip(plan.addresses.items(), file.code_hashes, strict=True)
    }
    content = {
        "format": FORMAT,
        "status": "complete" if file.is_complete else "planned",
        "chainId": plan.chain_id,
        "genesisHash": to_hex(plan.genesis_hash),
        "deployer": to_hex(plan.deployer),
        "firstNonce": plan.first_nonce,
        "fromBlock": plan.from_block,
        "registrar": to_hex(plan.registrar),
        "operators": [to_hex(operator) for operator in plan.operators],
        "contracts": contracts,
        "blockNumber": file.block_number,
    }
    return json.dumps(content, indent=2).encode() + b"\n"


def parse_address_file(content: bytes, name: str) -> AddressFile:
    """The address file that ``content``, called ``name`` in errors, spells.

    Raises:
        MalformedInput: not such a file, a value of another form, or addresses that deployer and nonce do not make.
    """
    fields = _object(_json(content, name), name, _FIELDS)
    if fields["format"] != FORMAT:
        raise MalformedInput(f"{name}: format: expected {FORMAT!r}, got {clip(fields['format'])}.", todo=_TODO)
    operators = fields["operators"]
    if not isinstance(operators, list):
        raise MalformedInput(f"{name}: operators: expected a list, got {clip(operators)}.", todo=_TODO)
    plan = DeploymentPlan(
        chain_id=_number(fields["chainId"], f"{name}: chainId", 1),
        genesis_hash=Hash(parse_bytes32(fields["genesisHash"], f"{name}: genesisHash")),
        deployer=parse_address(fields["deployer"], f"{name}: deployer"),
        first_nonce=_number(fields["firstNonce"], f"{name}: firstNonce"),
        registrar=parse_address(fields["registrar"], f"{name}: registrar"),
        operators=tuple(parse_address(operator, f"{name}: operators") for operator in operators),
        from_block=_number(fields["fromBlock"], f"{name}: fromBlock"),
    )
    code_hashes = _parse_contracts(fields["contracts"], f"{name}: contracts", plan)
    block = fields["blockNumber"]
    file = AddressFile(plan, code_hashes, None if block is None else _number(block, f"{name}: blockNumber"))
    if format_address_file(file) != content:
        message = f"{name}: expected the one spelling of what it says, got another (order, blanks, status, doubles)."
        raise MalformedInput(message, todo=_TODO)
    return file


def _parse_contracts(value: object, name: str, plan: DeploymentPlan) -> tuple[Hash, ...]:
    """The code hashes in ``value``; the addresses in it must be those of ``plan``."""
    contracts = _object(value, name, CONTRACT_NAMES)
    code_hashes = []
    for contract, expected in plan.addresses.items():
        entry = _object(contracts[contract], f"{name}: {contract}", ("address", "codeHash"))
        address = parse_address(entry["address"], f"{name}: {contract}: address")
        if address != expected:
            raise MalformedInput(
                f"{name}: {contract}: address: expected {to_hex(expected)}, which deployer and nonce make, "
                f"got {to_hex(address)}.",
                todo=_TODO,
            )
        code_hashes.append(Hash(parse_bytes32(entry["codeHash"], f"{name}: {contract}: codeHash")))
    return tuple(code_hashes)


_FIELDS = (
    *("format", "status", "chainId", "genesisHash", "deployer", "firstNonce", "fromBlock"),
    *("registrar", "operators", "contracts", "blockNumber"),
)


def _json(content: bytes, name: str) -> object:
    if len(content) > MAX_FILE_BYTES:
        message = f"{name}: expected at most {MAX_FILE_BYTES} bytes, got {len(content)}."
        raise MalformedInput(message, todo=_TODO)
    try:
        # Not the json module: it follows deep nesting until the interpreter's stack ends.
        found: object = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise MalformedInput(f"{name}: expected JSON, got {clip(content[:60])}.", todo=_TODO) from error
    return found


def _object(value: object, name: str, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(keys):
        got = clip(sorted(value)) if isinstance(value, dict) else clip(value)
        raise MalformedInput(f"{name}: expected an object of {', '.join(keys)}, got {got}.", todo=_TODO)
    return value


def _number(value: object, name: str, minimum: int = 0) -> int:
    if type(value) is not int or not minimum <= value <= _MAX_NUMBER:
        raise MalformedInput(f"{name}: expected a whole number from {minimum}, got {clip(value)}.", todo=_TODO)
    return value
