"""The Ethereum Attestation Service as its makers published it on npm, and what four of its calls cost.

Only the package's tarball is fetched, compared with the integrity pinned here, and read: nothing is installed or run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.anvil import BenchError, Chain
from tallystick.protocol.hashing import keccak256

PACKAGE = "@ethereum-attestation-service/eas-contracts"
VERSION = "1.9.0"
INTEGRITY = "sha512-L60y1fgKlY3a45xxnPlgRbiGQY8RF/lF+AzF1iVoR7/aEzitS0Nuyyjq8+IXs1sSSU0dl2+yGSmELxVeB6FelA=="
MANY = 50
NPM_SECONDS = 120
_NOBODY = "0x" + "00" * 20


@dataclass(frozen=True)
class EasGas:
    """Gas of EAS calls over records of 32 bytes; ``multi`` is for ``MANY`` of them in one transaction."""

    attest: int
    multi_attest: int
    timestamp: int
    multi_timestamp: int


def fetch(folder: Path) -> Path:
    """The package's tarball, in ``folder``.

    Raises:
        BenchError: npm is missing or failed, or the tarball is not the pinned one.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise BenchError("Expected npm to fetch EAS with, found none on the PATH.", todo="Install node with npm.")
    todo = f"Check that `npm view {PACKAGE}@{VERSION}` answers."
    command = [npm, "pack", "--ignore-scripts", "--prefer-offline", "--loglevel=error", f"{PACKAGE}@{VERSION}"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=NPM_SECONDS)
    except subprocess.CalledProcessError as error:
        message = f"Expected npm to fetch {PACKAGE} {VERSION}, got: {error.stderr.strip()}"
        raise BenchError(message, todo=todo) from error
    except subprocess.TimeoutExpired as error:
        message = f"Expected npm to fetch {PACKAGE} {VERSION} within {NPM_SECONDS} seconds, got nothing."
        raise BenchError(message, todo=todo) from error
    tarball = next(folder.glob("*.tgz"))
    actual = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if actual != INTEGRITY:
        raise BenchError(
            f"Expected {PACKAGE} {VERSION} with integrity {INTEGRITY}, got {actual}.",
            todo="Do not trust this package: find out who changed it.",
        )
    return tarball


def measure(chain: Chain) -> EasGas:
    """Deploy EAS on ``chain`` and call it."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fetch(Path(folder))) as tarball:
        schemas, eas = (_artifact(tarball, name) for name in ("SchemaRegistry", "EAS"))
    sender, recipient = chain.accounts[:2]
    registry = chain.deploy(schemas["abi"], schemas["bytecode"]).contract
    contract = chain.deploy(eas["abi"], eas["bytecode"], registry.address).contract
    register = registry.functions.register("bytes32 evidence", _NOBODY, True)
    schema = register.call()
    chain.send(register, sender)

    def record(label: str) -> bytes:
        return keccak256(label.encode())

    def attestation(label: str) -> tuple[Any, ...]:
        return (recipient, 0, True, bytes(32), record(label), 0)

    calls = contract.functions
    return EasGas(
        attest=chain.send(calls.attest((schema, attestation("alone"))), sender),
        multi_attest=chain.send(calls.multiAttest([(schema, [attestation(f"{i}") for i in range(MANY)])]), sender),
        timestamp=chain.send(calls.timestamp(record("alone")), sender),
        multi_timestamp=chain.send(calls.multiTimestamp([record(f"{i}") for i in range(MANY)]), sender),
    )


def _artifact(tarball: tarfile.TarFile, name: str) -> dict[str, Any]:
    file = tarball.extractfile(f"package/artifacts/contracts/{name}.sol/{name}.json")
    assert file is not None, "the pinned package holds this file"
    artifact: dict[str, Any] = json.load(file)
    return artifact
