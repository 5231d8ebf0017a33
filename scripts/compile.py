"""Compile the contracts through py-solc-x and put ABI, code and storage layout into the package.

- What is compiled: ``contracts/src`` with OpenZeppelin's sources, which npm installs as ``contracts/package-lock.json``
  says.
- With what: a native solc that py-solc-x has installed, else the ``solc`` package of npm, else a native one that
  py-solc-x downloads. Each must give the code whose hashes are committed in ``contracts/code-hashes.json``.
- Nothing that only tests need is installed, and nothing of it removed.
- Nothing is done when the artifacts were made from the same sources, lock file and settings; that needs neither node
  nor npm.
- A warning is an error; so is an immutable, which would give every deployment a code hash of its own.

Example::

    python scripts/compile.py             # bring the artifacts up to date, compare with the published hashes
    python scripts/compile.py --check     # compile again whatever is there, compare, write nothing
    python scripts/compile.py --update    # publish the hashes of what the sources give now
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import sha3
import solcx
import solcx.wrapper
from solcx.exceptions import SolcError, SolcInstallationError

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS_DIR = ROOT / "contracts"
LOCK_FILE = CONTRACTS_DIR / "package-lock.json"
NODE_MODULES = CONTRACTS_DIR / "node_modules"
HASHES_FILE = CONTRACTS_DIR / "code-hashes.json"
ARTIFACTS_DIR = ROOT / "backend" / "tallystick" / "chain" / "artifacts"
NPM_SOLC = ROOT / "scripts" / "solc_from_npm.js"
_CPU = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
# The program itself: what npm links as `.bin/forge` is a wrapper that exits with 0 whatever forge found.
FORGE = NODE_MODULES / "@foundry-rs" / f"forge-{sys.platform}-{_CPU}" / "bin" / "forge"

CONTRACTS = ("PartyRegistry", "EvidenceLedger", "ReceivableRegistry")
SOLC_VERSION = "0.8.37"
NPM_TIMEOUT_SECONDS = 300

# No metadata in the code, so that it depends on neither comments nor paths. The newest EVM that py-evm knows is prague.
SETTINGS: dict[str, Any] = {
    "evmVersion": "prague",
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 1_000_000},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
}
OUTPUTS = [
    "abi",
    "storageLayout",
    "evm.bytecode.object",
    "evm.bytecode.linkReferences",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences",
]

# Anchored to the line's start: the examples in OpenZeppelin's comments stand behind a star.
_IMPORT = re.compile(r'^import\s+(?:[^;"]*\sfrom\s+)?"([^"]+)"\s*;', re.MULTILINE)

Artifact = dict[str, Any]
Hashes = dict[str, dict[str, str]]


class CompileError(Exception):
    """The artifacts can't be made or are not those published; ``todo`` says what to do."""

    def __init__(self, message: str, *, todo: str) -> None:
        super().__init__(f"{message}\n  {todo}")
        self.todo = todo


def build() -> tuple[Path, ...]:
    """Bring the artifacts up to date, compare them with the published code hashes, and return their paths.

    Raises:
        CompileError: A build requirement is missing, the sources do not compile, or the code is not the published one.
    """
    artifacts = read_current_artifacts()
    if artifacts is None:
        artifacts = compile_contracts()
        write_artifacts(artifacts)
    check_hashes(code_hashes(artifacts))
    return tuple(_artifact_path(name) for name in CONTRACTS)


def read_current_artifacts() -> dict[str, Artifact] | None:
    """The artifacts on disk by contract name, or None unless all were made from the present sources and settings."""
    digest = inputs_digest()
    artifacts = {}
    for name in CONTRACTS:
        try:
            artifact = json.loads(_artifact_path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if artifact.get("inputsSha256") != digest:
            return None
        artifacts[name] = artifact
    return artifacts


def inputs_digest() -> str:
    """SHA-256 over all that determines the artifacts: own sources, this script, and the lock file for the rest.

    The lock file holds the integrity hash of OpenZeppelin and of the compiler, so neither need be installed.
    """
    files = [*sorted((CONTRACTS_DIR / "src").rglob("*.sol")), LOCK_FILE, Path(__file__).resolve()]
    digest = hashlib.sha256()
    for file in files:
        name = file.relative_to(ROOT).as_posix().encode()
        content = file.read_bytes()
        digest.update(b"%d %s %d\n" % (len(name), name, len(content)) + content)
    return digest.hexdigest()


def compile_contracts() -> dict[str, Artifact]:
    """Compile and return the artifacts by contract name, writing none.

    Raises:
        CompileError: node or npm is missing, npm failed, no compiler is at hand, or the sources do not compile.
    """
    install_node_modules()
    sources = gather_sources()
    binary = find_solc()
    request = {
        "language": "Solidity",
        "sources": {name: {"content": content} for name, content in sources.items()},
        "settings": {**SETTINGS, "outputSelection": {"*": {"*": OUTPUTS}}},
    }
    try:
        version = solcx.wrapper.get_version_str_from_solc_binary(binary)
        answer = solcx.compile_standard(request, solc_binary=binary)
    except SolcError as error:
        raise CompileError(f"The contracts do not compile:\n{error.message}", todo="Correct contracts/src.") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise CompileError(f"The compiler {binary} does not run: {error}.", todo=_NEED_NODE) from error
    # The compiler's platform and toolchain follow the commit; they make no difference to its output.
    if not version.startswith(f"{SOLC_VERSION}+commit."):
        raise CompileError(f"Expected solc {SOLC_VERSION}, got {version}.", todo="Remove contracts/node_modules.")
    warnings = [error["formattedMessage"] for error in answer.get("errors", [])]
    if warnings:
        raise CompileError("The compiler warns:\n" + "\n".join(warnings), todo="Correct contracts/src.")
    return {name: _artifact(name, answer["contracts"][f"src/{name}.sol"][name], version) for name in CONTRACTS}


def install_node_modules(*, to_test: bool = False) -> None:
    """Install with npm what the lock file has for a build, or `to_test` also for the tests, unless it is there already.

    A build leaves there what tests need: where npm has to run all the same, it installs that again.

    Raises:
        CompileError: npm is missing or failed.
    """
    installed, locked = _installed_packages(), _locked_packages()
    needed = {path: package for path, package in locked.items() if to_test or not package.get("dev")}
    # Optional are forge and its like for each platform, of which npm installs one.
    present = all(installed.get(path) == item["integrity"] for path, item in needed.items() if not item.get("optional"))
    if present and (FORGE.is_file() or not to_test):
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise CompileError("Expected node and npm to build the contracts, found none.", todo=_NEED_NODE)
    command = [npm, "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]
    if installed.keys().isdisjoint(locked.keys() - needed.keys()) and not to_test:
        command.append("--omit=dev")
    try:
        subprocess.run(
            command, cwd=CONTRACTS_DIR, check=True, capture_output=True, text=True, timeout=NPM_TIMEOUT_SECONDS
        )
    except subprocess.CalledProcessError as error:
        raise CompileError(f"npm ci failed in contracts/:\n{error.stderr.strip()}", todo=_NEED_REGISTRY) from error
    except subprocess.TimeoutExpired as error:
        message = f"npm ci gave no result in contracts/ within {NPM_TIMEOUT_SECONDS} seconds."
        raise CompileError(message, todo=_NEED_REGISTRY) from error


def gather_sources() -> dict[str, str]:
    """All sources that the contracts need, by the name under which Solidity imports them."""
    sources: dict[str, str] = {}
    pending = [f"src/{name}.sol" for name in CONTRACTS]
    while pending:
        name = pending.pop()
        if name in sources:
            continue
        file = (NODE_MODULES if name.startswith("@") else CONTRACTS_DIR) / name
        try:
            sources[name] = file.read_text(encoding="utf-8")
        except OSError as error:
            raise CompileError(f"Expected a source at {file}: {error}.", todo="Correct the import.") from error
        for target in _IMPORT.findall(sources[name]):
            relative = target.startswith(".")
            pending.append(posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) if relative else target)
    return dict(sorted(sources.items()))


def find_solc() -> Path:
    """The compiler to use: native as installed by py-solc-x, else npm's, else native after a download.

    Raises:
        CompileError: There is none.
    """
    if SOLC_VERSION not in map(str, solcx.get_installed_solc_versions()):
        if shutil.which("node") is not None:
            return NPM_SOLC
        try:
            solcx.install_solc(SOLC_VERSION)
        except (OSError, SolcInstallationError, SolcError) as error:  # requests' errors are OSErrors
            message = (
                f"Expected node, or a native solc {SOLC_VERSION}, found neither, and the download failed: {error}."
            )
            raise CompileError(message, todo=_NEED_NODE) from error
    return Path(solcx.install.get_executable(version=SOLC_VERSION))


def write_artifacts(artifacts: dict[str, Artifact]) -> None:
    """Write `artifacts` into the package, each whole or not at all."""
    ARTIFACTS_DIR.mkdir(parents=True, exist_ok=True)
    for name, artifact in artifacts.items():
        _write_json(_artifact_path(name), artifact)


def code_hashes(artifacts: dict[str, Artifact]) -> Hashes:
    """The keccak256 of runtime and creation code by contract, computed from the code in `artifacts`."""
    return {
        name: {
            "runtimeCodeHash": _keccak(artifact["runtimeCode"]),
            "creationCodeHash": _keccak(artifact["bytecode"]),
        }
        for name, artifact in artifacts.items()
    }


def check_hashes(actual: Hashes) -> None:
    """Compare `actual` with ``contracts/code-hashes.json``.

    Raises:
        CompileError: They differ, or nothing is published.
    """
    try:
        published = json.loads(HASHES_FILE.read_text(encoding="utf-8"))["contracts"]
    except (OSError, ValueError, KeyError) as error:
        raise CompileError(f"Expected published hashes in {HASHES_FILE}: {error!r}.", todo=_UPDATE) from error
    differences = [
        f"{name} {kind}: expected {published.get(name, {}).get(kind)} (published), got {value} (compiled)"
        for name, hashes in actual.items()
        for kind, value in hashes.items()
        if published.get(name, {}).get(kind) != value
    ]
    if differences:
        raise CompileError("The code is not the published one.\n" + "\n".join(differences), todo=_UPDATE)


def publish_hashes(artifacts: dict[str, Artifact]) -> None:
    """Write the code hashes of `artifacts`, beside the compiler and its settings, to ``contracts/code-hashes.json``."""
    compiler = next(iter(artifacts.values()))["compiler"]
    _write_json(HASHES_FILE, {"compiler": compiler, "contracts": code_hashes(artifacts)})


def main(arguments: list[str]) -> int:
    """Run the command line and return the exit code: 0 done, 1 failed."""
    parser = argparse.ArgumentParser(description="Compile the contracts into the package.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--check", action="store_true", help="compile again, compare with the published hashes, write nothing"
    )
    mode.add_argument("--update", action="store_true", help="compile again and publish the hashes")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            check_hashes(code_hashes(compile_contracts()))
        elif options.update:
            artifacts = compile_contracts()
            write_artifacts(artifacts)
            publish_hashes(artifacts)
        else:
            build()
    except CompileError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


_NEED_NODE = "Install nodejs (18 or newer) with npm, or install a built wheel, which needs neither."
_NEED_REGISTRY = "Check that npm can reach its registry, or install a built wheel, which needs none."
_UPDATE = "If the change is meant, run `python scripts/compile.py --update` and commit contracts/code-hashes.json."


def _artifact(name: str, output: dict[str, Any], version: str) -> Artifact:
    creation, runtime = output["evm"]["bytecode"], output["evm"]["deployedBytecode"]
    if runtime["immutableReferences"] or creation["linkReferences"]:
        message = f"Expected {name} without immutables and linked libraries, so that all deployments have one code."
        raise CompileError(message, todo="Keep the value in a storage slot that only the constructor sets.")
    return {
        "contractName": name,
        "abi": output["abi"],
        "bytecode": "0x" + creation["object"],
        "runtimeCode": "0x" + runtime["object"],
        "creationCodeHash": _keccak(creation["object"]),
        "runtimeCodeHash": _keccak(runtime["object"]),
        "storageLayout": _storage_layout(output["storageLayout"]),
        "compiler": {"version": version, "settings": SETTINGS},
        "inputsSha256": inputs_digest(),
    }


def _storage_layout(layout: dict[str, Any]) -> dict[str, Any]:
    """`layout` as solc gives it, without the syntax tree's numbers, which change with every comment."""
    types = layout["types"] or {}

    def variable(entry: dict[str, Any]) -> dict[str, Any]:
        kind = types[entry["type"]]
        return {
            "label": entry["label"],
            "slot": int(entry["slot"]),
            "offset": entry["offset"],
            "bytes": int(kind["numberOfBytes"]),
            "type": kind["label"],
        }

    structs = {
        kind["label"]: [variable(member) for member in kind["members"]] for kind in types.values() if "members" in kind
    }
    return {"variables": [variable(entry) for entry in layout["storage"]], "structs": dict(sorted(structs.items()))}


def _locked_packages() -> dict[str, dict[str, Any]]:
    packages = json.loads(LOCK_FILE.read_text(encoding="utf-8"))["packages"]
    return {path: package for path, package in packages.items() if path}


def _installed_packages() -> dict[str, str]:
    """What npm last installed, from its own note of it; empty when it never did."""
    try:
        packages = json.loads((NODE_MODULES / ".package-lock.json").read_text(encoding="utf-8"))["packages"]
        return {path: package["integrity"] for path, package in packages.items() if (CONTRACTS_DIR / path).is_dir()}
    except (OSError, ValueError, KeyError):
        return {}


def _artifact_path(name: str) -> Path:
    return ARTIFACTS_DIR / f"{name}.json"


def _keccak(code: str) -> str:
    return "0x" + str(sha3.keccak_256(bytes.fromhex(code.removeprefix("0x"))).hexdigest())


def _write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` at once: another process may be reading, or writing the same."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
