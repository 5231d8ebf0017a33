"""The compiled contracts, as the build put them into the package.

Each artifact is a JSON file beside this module, made by ``scripts/compile.py`` from ``contracts/src``.

Example::

    ledger = load_artifact("EvidenceLedger")
    contract = web3.eth.contract(address=address, abi=ledger.abi)
    assert keccak(web3.eth.get_code(address)) == ledger.runtime_code_hash
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from tallystick.errors import NotFound

ContractName = Literal["PartyRegistry", "EvidenceLedger", "ReceivableRegistry"]

CONTRACT_NAMES: Final[tuple[ContractName, ...]] = ("PartyRegistry", "EvidenceLedger", "ReceivableRegistry")


@dataclass(frozen=True, slots=True)
class StorageVariable:
    """State variable `label` of Solidity type `type`: `size_bytes` bytes from byte `offset` (0: lowest) of `slot`."""

    label: str
    slot: int
    offset: int
    size_bytes: int
    type: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract: its ABI, its code with keccak256 hashes, and where it keeps its state.

    `bytecode` is the creation code without constructor arguments; `runtime_code` is what every deployment holds, byte
    for byte, so `runtime_code_hash` equals the ``codeHash`` of its account proof.
    """

    name: ContractName
    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime_code: bytes
    creation_code_hash: bytes
    runtime_code_hash: bytes
    storage: tuple[StorageVariable, ...]
    compiler_version: str


@cache
def load_artifact(name: ContractName) -> Artifact:
    """Load the artifact of the contract `name`.

    Raises:
        NotFound: The package was not built, so it holds no artifacts.
    """
    try:
        text = resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFound(
            f"Expected the compiled contract {name} in the package, found none.",
            todo="In a source checkout run `python scripts/compile.py`; an installed package must be installed anew.",
        ) from error
    content = json.loads(text)
    return Artifact(
        name=name,
        abi=content["abi"],
        bytecode=_from_hex(content["bytecode"]),
        runtime_code=_from_hex(content["runtimeCode"]),
        creation_code_hash=_from_hex(content["creationCodeHash"]),
        runtime_code_hash=_from_hex(content["runtimeCodeHash"]),
        storage=tuple(
            StorageVariable(entry["label"], entry["slot"], entry["offset"], entry["bytes"], entry["type"])
            for entry in content["storageLayout"]["variables"]
        ),
        compiler_version=content["compiler"]["version"],
    )


def _from_hex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
