"""Test, analyse, prove and mutate the contracts, with the tools that npm and PyPI have for it.

- ``test``: forge's format and lint, and the forge suite on the published code; where node is missing it says so loudly,
  and the Python tests of the contracts still run;
- ``static``: slither; every finding is explained in ``contracts/slither-accepted.json``; a new one fails, and so does
  an explanation of nothing;
- ``prove``: halmos proves the properties in ``contracts/test/symbolic`` for arbitrary state and calls;
- ``mutate``: how many small changes of the contracts the forge suite notices; run by hand.

slither and halmos have environments of their own beside ``.venv``: slither holds web3 back below 8.

Example::

    python scripts/check_contracts.py test            # --deep: ten thousand fuzz runs, a million calls by invariants
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import compile as build
import mutants

ARTIFACTS = Path("..") / build.ARTIFACTS_DIR.relative_to(build.ROOT)
ACCEPTED = build.CONTRACTS_DIR / "slither-accepted.json"
MAX_RUNTIME_BYTES = 24_576
"""EIP-170."""

PROVE_OUT = "cache/prove/out"
"""As in foundry.toml."""

Finding = tuple[str, str]
"""Detector of slither, and the element it is about."""


class CheckFailed(Exception):
    """A check found something; the message says what."""


def test(*, deep: bool) -> None:
    """Format, lint, sizes and the forge suite; ``deep`` is what a release takes."""
    artifacts = build.build()
    for path in artifacts:
        size = len(json.loads(path.read_text(encoding="utf-8"))["runtimeCode"]) // 2 - 1
        print(f"{path.stem}: {size:,} of {MAX_RUNTIME_BYTES:,} bytes")
        if size > MAX_RUNTIME_BYTES:
            raise CheckFailed(f"{path.stem}: expected at most {MAX_RUNTIME_BYTES} bytes of code (EIP-170), got {size}.")
    _forge("fmt", "--check")
    lint = _run([str(build.FORGE), "lint"], capture=True)
    if "help: " in lint:
        raise CheckFailed(f"forge lint:\n{lint}")
    # after an edit to a file that many tests share, forge can take some of them for compiled and run the others alone
    _forge("clean")
    environment = {"TALLYSTICK_ARTIFACTS": ARTIFACTS.as_posix()}
    _forge("test", "--summary", profile="deep" if deep else "default", environment=environment)


def static() -> None:
    """Run slither, and compare its findings with the explained ones."""
    slither = _environment("slither") / "slither"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [str(slither), ".", "--filter-paths", "node_modules|test", "--exclude-dependencies"]
        # its exit code counts findings; whether it ran is what the report says
        _run([*command, "--json", str(report)], capture=True, check=False)
        if not report.is_file():
            raise CheckFailed("slither wrote no report: run it by hand in contracts/ to see why.")
        answer = json.loads(report.read_text(encoding="utf-8"))
    if not answer["success"]:
        raise CheckFailed(f"slither: {answer['error']}")
    found = {_finding(item) for item in answer["results"].get("detectors", [])}
    explained = {(item["check"], item["element"]): item["reason"] for item in json.loads(ACCEPTED.read_text("utf-8"))}
    for check, element in sorted(found & explained.keys()):
        print(f"explained  {check}: {element}: {explained[check, element]}")
    problems = [f"new finding: {check}: {element}" for check, element in sorted(found - explained.keys())]
    problems += [f"explained, but not found: {check}: {element}" for check, element in sorted(explained.keys() - found)]
    if problems:
        raise CheckFailed("\n".join(problems) + f"\nMend the contract, or write the reason into {ACCEPTED.name}.")
    print(f"slither: {len(found)} findings, all explained")


def prove() -> None:
    """Let halmos prove every ``check_`` of the symbolic tests, without a loop cut short, and refute every ``refute_``.

    z3 decides: yices 2.6.4, halmos' default, finds models of some of these queries that are none. Its time limits are
    far above halmos' own, of 1 ms for a branch and a minute for an assertion: with those the outcome depends on the
    speed of the machine.
    """
    halmos = _environment("halmos") / "halmos"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [str(halmos), "--match-test", "^(check|refute)_", "--solver", "z3", "--no-status"]
        command += ["--solver-timeout-branching", "1s", "--solver-timeout-assertion", "10m"]
        command += ["--forge-build-out", PROVE_OUT, "--json-output", str(report)]
        # its exit code counts counterexamples, and those of `refute_` must be
        output = _run(command, capture=True, check=False, environment={"FOUNDRY_PROFILE": "prove"})
        if not report.is_file():
            raise CheckFailed(f"halmos wrote no report:\n{output}")
        contracts = json.loads(report.read_text(encoding="utf-8"))["test_results"]
    claims = [claim for of_one in contracts.values() for claim in of_one]
    failed = [claim["name"] for claim in claims if not _as_claimed(claim)]
    if failed or not claims:
        raise CheckFailed(f"{output}\nnot as claimed: {', '.join(failed) or 'there is no claim'}")
    _check_proved_code()


def _as_claimed(claim: Mapping[str, Any]) -> bool:
    """Whether ``claim`` came out as its name says, which is printed."""
    name = claim["name"].partition("(")[0]
    proved = bool(claim["exitcode"] == 0 and claim["num_bounded_loops"] == 0)
    refuted = bool(claim["exitcode"] == 1)  # by a counterexample; others are timeouts and paths that all revert
    fate = "proved" if proved else "refuted" if refuted else "undecided"
    effort = f"{claim['num_paths'][0]} paths, {claim['time'][0]:.0f} s"
    if fate == "undecided":
        effort += f"; exit code {claim['exitcode']}, {claim['num_bounded_loops']} loops cut short"
    print(f"{fate:<9} {name} ({effort})", flush=True)
    return refuted if name.startswith("refute_") else proved


def _check_proved_code() -> None:
    """Compare what was proved with the published code."""
    artifacts = {}
    for name in build.CONTRACTS:
        path = build.CONTRACTS_DIR / PROVE_OUT / f"{name}.sol" / f"{name}.json"
        made = json.loads(path.read_text(encoding="utf-8"))
        artifacts[name] = {"runtimeCode": made["deployedBytecode"]["object"], "bytecode": made["bytecode"]["object"]}
    build.check_hashes(build.code_hashes(artifacts))


def mutate(contracts: list[str], jobs: int) -> None:
    """Change ``contracts`` in one place at a time and run the suite, ``jobs`` at once; tell what nobody noticed."""
    survivors = mutants.campaign(build.CONTRACTS_DIR, build.FORGE, contracts or list(build.CONTRACTS), jobs)
    if survivors:
        raise CheckFailed(f"{len(survivors)} mutants survived, see above.")


def _finding(item: Mapping[str, Any]) -> Finding:
    return item["check"], item["description"].split(" (")[0].strip()


def _forge(*arguments: str, profile: str = "default", environment: Mapping[str, str] | None = None) -> None:
    print(f"forge {' '.join(arguments)}", flush=True)
    _run([str(build.FORGE), *arguments], environment={"FOUNDRY_PROFILE": profile, **(environment or {})})


def _run(
    command: list[str], *, capture: bool = False, check: bool = True, environment: Mapping[str, str] | None = None
) -> str:
    """Run ``command`` in contracts/ with forge on the path; its output where ``capture`` is set.

    That is forge itself: the program that npm puts into ``.bin`` ends with 0 whatever forge ends with.
    """
    path = f"{build.FORGE.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=build.CONTRACTS_DIR,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", **(environment or {})},
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.STDOUT if capture else None,
        text=True,
        check=False,
    )
    if check and done.returncode != 0:
        raise CheckFailed(f"{Path(command[0]).name} {command[1]} failed.\n{done.stdout or ''}".rstrip())
    return done.stdout or ""


def _environment(tool: str) -> Path:
    """The programs of the environment of ``tool``, made anew where its lock file is not what it was made from."""
    lock = build.ROOT / f"requirements-{tool}.lock"
    home = build.ROOT / f".venv-{tool}"
    note = home / "made-from.lock"
    wanted = lock.read_bytes()
    if not note.is_file() or note.read_bytes() != wanted:
        print(f"installing {tool} into {home.name}", flush=True)
        venv.create(home, clear=True, with_pip=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
        note.write_bytes(wanted)
    return home / "bin"


def main(arguments: list[str]) -> int:
    """Run the command line and return the exit code: 0 passed, or not tested for want of node; 1 failed."""
    parser = argparse.ArgumentParser(description="Test, analyse, prove and mutate the contracts.")
    commands = parser.add_subparsers(dest="command", required=True)
    of_test = commands.add_parser("test", help="format, lint, sizes and the forge suite")
    of_test.add_argument("--deep", action="store_true", help="ten thousand fuzz runs, a million calls by invariants")
    commands.add_parser("static", help="slither, every finding explained")
    commands.add_parser("prove", help="halmos")
    of_mutate = commands.add_parser("mutate", help="how many mutants of the contracts the suite notices")
    of_mutate.add_argument("contracts", nargs="*", help="contracts to mutate; without any, all")
    of_mutate.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    options = parser.parse_args(arguments)
    if options.command == "test" and (shutil.which("node") is None or shutil.which("npm") is None):
        print("NOT TESTED: the forge suite needs node and npm, and there is none of them here.", file=sys.stderr)
        print("            Install them, or run `make install`, which brings them from PyPI.", file=sys.stderr)
        return 0
    try:
        build.install_node_modules(to_test=True)
        match options.command:
            case "test":
                test(deep=options.deep)
            case "static":
                static()
            case "prove":
                prove()
            case _:
                mutate(options.contracts, options.jobs)
    except (CheckFailed, build.CompileError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
