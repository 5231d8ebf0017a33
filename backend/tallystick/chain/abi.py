"""Selectors of functions and errors, and the custom errors of the compiled contracts (Solidity ABI)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tallystick.chain.artifacts import CONTRACT_NAMES, load_artifact
from tallystick.protocol.hashing import keccak256


@dataclass(frozen=True, slots=True)
class AbiError:
    """A custom error ``name`` with its ``parameters`` (name, type); all types are static, one word each."""

    name: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def selector(self) -> bytes:
        """The first 4 bytes of revert data that carries this error."""
        return selector(f"{self.name}({','.join(kind for _, kind in self.parameters)})")


def selector(signature: str) -> bytes:
    """The 4-byte selector of a function or error ``signature`` such as ``head(bytes32)``."""
    return keccak256(signature.encode())[:4]


@cache
def custom_errors() -> tuple[AbiError, ...]:
    """All custom errors that the contracts declare. Raises ``NotFound`` if the package was built without them."""
    return tuple(
        AbiError(item["name"], tuple((field["name"], field["type"]) for field in item["inputs"]))
        for name in CONTRACT_NAMES
        for item in load_artifact(name).abi
        if item["type"] == "error"
    )
