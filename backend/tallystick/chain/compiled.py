"""The compiled contracts that the build put into the package: ABI, code and published code hashes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from tallystick.errors import ChainError
from tallystick.protocol.hashing import keccak256
from tallystick.protocol.types import Hash, to_hex

CONTRACT_NAMES = ("PartyRegistry", "EvidenceLedger")


@dataclass(frozen=True, slots=True)
class AbiError:
    """A custom error ``name`` with its ``parameters`` (name, type); all types are static, one word each."""

    name: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def selector(self) -> bytes:
        """The first 4 bytes of revert data that carries this error."""
        return selector(f"{self.name}({','.join(kind for _, kind in self.parameters)})")


@dataclass(frozen=True, slots=True)
class CompiledContract:
    """One contract as the compiler left it; ``code_hash`` is that of every deployment, for there are no immutables."""

    name: str
    creation_code: bytes
    runtime_code: bytes
    code_hash: Hash
    errors: tuple[AbiError, ...]


def selector(signature: str) -> bytes:
    """The 4-byte selector of a function or error ``signature`` such as ``head(bytes32)`` (Solidity ABI)."""
    return keccak256(signature.encode())[:4]


@cache
def compiled(name: str) -> CompiledContract:
    """The contract ``name`` of ``CONTRACT_NAMES``.

    Raises:
        ChainError: the package was built without its contracts, or they are not what they claim to be.
    """
    assert name in CONTRACT_NAMES, f"no contract is called {name}"
    try:
        text = (resources.files("tallystick.chain") / "artifacts" / f"{name}.json").read_text(encoding="utf-8")
        artifact = json.loads(text)
        creation, runtime, published = (
            bytes.fromhex(artifact[key].removeprefix("0x")) for key in ("bytecode", "runtimeCode", "runtimeCodeHash")
        )
        errors = tuple(
            AbiError(item["name"], tuple((field["name"], field["type"]) for field in item["inputs"]))
            for item in artifact["abi"]
            if item["type"] == "error"
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ChainError(
            f"contract {name}: expected its compiled form in the package, found none that can be read.",
            todo="Run `python scripts/compile.py`, or install a built package.",
        ) from error
    if keccak256(runtime) != published:
        raise ChainError(
            f"contract {name}: expected code of hash {to_hex(published)}, got {to_hex(keccak256(runtime))}.",
            todo="Run `python scripts/compile.py` again, or install the package again.",
        )
    return CompiledContract(name, creation, runtime, Hash(published), errors)
