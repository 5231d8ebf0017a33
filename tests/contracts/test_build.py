"""The build: reproducible, quick when nothing changed, and clear about what it needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "contracts" / "node_modules"
ARTIFACTS = Path("backend") / "tallystick" / "chain" / "artifacts"
WITHOUT_NODE = {**os.environ, "PATH": ""}

needs_compiler = pytest.mark.skipif(
    shutil.which("node") is None or not NODE_MODULES.is_dir(),
    reason="compiling needs nodejs and contracts/node_modules: run npm ci in contracts/",
)

needs_npm = pytest.mark.skipif(
    shutil.which("npm") is None or not NODE_MODULES.is_dir(), reason="installing packages needs npm and its cache"
)


def compile_in(root: Path, *options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the compile script of the checkout at `root`."""
    command = [sys.executable, str(root / "scripts" / "compile.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def install_in(root: Path, *, to_test: bool, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Install the npm packages of the checkout at `root`, those for tests too if `to_test`."""
    code = f"import compile; compile.install_node_modules(to_test={to_test}); print(compile.FORGE.is_file())"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=root / "scripts", capture_output=True, text=True, check=False, env=env)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the build reads, with artifacts that are up to date and without node_modules."""
    for folder in ("contracts", "scripts", ARTIFACTS):
        ignored = shutil.ignore_patterns("node_modules", "out", "cache", "__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for file in ("hatch_build.py", ".gitignore"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


@pytest.fixture
def edit(checkout: Path) -> Callable[[str, str, str], None]:
    """Replaces text that stands once in a file of the checkout."""

    def replace(file: str, old: str, new: str) -> None:
        text = (checkout / file).read_text(encoding="utf-8")
        assert text.count(old) == 1
        (checkout / file).write_text(text.replace(old, new), encoding="utf-8")

    return replace


def test_without_node_the_build_says_what_to_install(checkout: Path) -> None:
    """A fresh checkout on a machine without node fails with the names of what is missing, and writes nothing."""
    for artifact in (checkout / ARTIFACTS).glob("*.json"):
        artifact.unlink()
    result = compile_in(checkout, env=WITHOUT_NODE)
    assert result.returncode == 1
    assert "Expected node and npm" in result.stderr
    assert "Install nodejs" in result.stderr
    assert not list((checkout / ARTIFACTS).glob("*.json"))


@pytest.mark.parametrize("file", ["contracts/src/EvidenceLedger.sol", "contracts/package-lock.json"])
def test_artifacts_of_other_sources_are_not_used(checkout: Path, file: str) -> None:
    """After any change to a source or to the lock file the artifacts must be made anew, so the missing node shows."""
    with (checkout / file).open("a", encoding="utf-8") as stream:
        stream.write("\n")
    assert "Expected node and npm" in compile_in(checkout, env=WITHOUT_NODE).stderr


def test_code_that_is_not_published_is_refused(checkout: Path, edit: Callable[[str, str, str], None]) -> None:
    """The error names the hash published and the hash compiled."""
    hashes = json.loads((checkout / "contracts/code-hashes.json").read_text(encoding="utf-8"))
    compiled = hashes["contracts"]["EvidenceLedger"]["runtimeCodeHash"]
    published = "0x" + "11" * 32
    edit("contracts/code-hashes.json", compiled, published)
    result = compile_in(checkout, env=WITHOUT_NODE)
    assert result.returncode == 1
    assert f"expected {published} (published), got {compiled} (compiled)" in result.stderr


def test_an_altered_artifact_is_refused(checkout: Path, edit: Callable[[str, str, str], None]) -> None:
    """Code that was edited in the artifact itself does not get into a package, though its sources are unchanged."""
    path = ARTIFACTS / "PartyRegistry.json"
    code = json.loads((checkout / path).read_text(encoding="utf-8"))["runtimeCode"]
    edit(str(path), f'"runtimeCode": "{code}"', f'"runtimeCode": "{code}00"')
    assert "The code is not the published one" in compile_in(checkout, env=WITHOUT_NODE).stderr


@needs_compiler
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "IPartyRegistry public override registry;",
            "IPartyRegistry public immutable override registry;",
            "immutables",
        ),
        ("bytes32 sealedRoot =", "uint256 unused; bytes32 sealedRoot =", "Unused local variable"),
        ("bytes32 sealedRoot =", "bytes31 sealedRoot =", "is not implicitly convertible"),
    ],
    ids=["immutable", "warning", "error"],
)
def test_contracts_with_an_immutable_a_warning_or_an_error_are_refused(
    checkout: Path, edit: Callable[[str, str, str], None], old: str, new: str, message: str
) -> None:
    """The first would give every deployment another code hash, the second is an error not yet understood."""
    (checkout / "contracts" / "node_modules").symlink_to(NODE_MODULES)
    edit("contracts/src/EvidenceLedger.sol", old, new)
    result = compile_in(checkout)
    assert result.returncode == 1
    assert message in result.stderr


@needs_compiler
def test_compiling_again_gives_the_published_code() -> None:
    """The hashes in the repository are those of its sources."""
    result = compile_in(ROOT, "--check")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_build_with_artifacts_needs_no_node(checkout: Path) -> None:
    """When nothing changed the build is quiet and needs neither node nor npm."""
    result = compile_in(checkout, env=WITHOUT_NODE)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@needs_npm
def test_a_build_installs_only_what_it_needs(checkout: Path) -> None:
    """Forge and its like, two hundred megabytes, come when tests are to be run; what is there is not fetched again."""
    modules = checkout / "contracts" / "node_modules"
    assert install_in(checkout, to_test=False).stdout == "False\n"
    assert (modules / "solc").is_dir()
    assert not (modules / "@foundry-rs").exists()
    assert not (modules / "@layerzerolabs").exists()
    assert install_in(checkout, to_test=False, env=WITHOUT_NODE).returncode == 0
    assert "Expected node and npm" in install_in(checkout, to_test=True, env=WITHOUT_NODE).stderr


@needs_npm
def test_a_build_leaves_what_tests_need(checkout: Path) -> None:
    """Neither a build that finds everything there, nor one that has to install anew, takes forge away."""
    modules = checkout / "contracts" / "node_modules"
    for to_test in (True, False):
        assert install_in(checkout, to_test=to_test).stdout == "True\n"
    assert install_in(checkout, to_test=False, env=WITHOUT_NODE).returncode == 0
    shutil.rmtree(modules / "solc")
    assert install_in(checkout, to_test=False).stdout == "True\n"
    assert (modules / "solc").is_dir()


@needs_compiler
def test_tests_need_the_program_forge_itself(checkout: Path) -> None:
    """npm leaves out a package of a single platform that it could not fetch, and says nothing."""
    (checkout / "contracts" / "node_modules").mkdir()
    shutil.copy(NODE_MODULES / ".package-lock.json", checkout / "contracts" / "node_modules")
    for package in json.loads((NODE_MODULES / ".package-lock.json").read_text(encoding="utf-8"))["packages"]:
        (checkout / "contracts" / package).mkdir(parents=True)
    assert install_in(checkout, to_test=False, env=WITHOUT_NODE).returncode == 0
    assert "Expected node and npm" in install_in(checkout, to_test=True, env=WITHOUT_NODE).stderr


def test_a_wheel_carries_the_artifacts(checkout: Path) -> None:
    """The build hook puts the artifacts into the wheel although git ignores them."""
    (checkout / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "tallystick"\nversion = "0"\n'
        '[tool.hatch.build.hooks.custom]\n[tool.hatch.build.targets.wheel]\npackages = ["backend/tallystick"]\n',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(checkout / "dist")]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    (wheel,) = (checkout / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("PartyRegistry.json", "EvidenceLedger.json", "__init__.py"):
        assert f"tallystick/chain/artifacts/{name}" in names
