"""The README is true: its commands run, and print what it says they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
HASH = re.compile(r"0x[0-9a-f]{64}")
LEDGER = re.compile(r"^ledger +(0x[0-9a-f]{40})$", re.MULTILINE)


def transcript() -> Iterator[tuple[str, list[str]]]:
    """The commands of the README's console blocks, with the lines they print; ``…`` stands for anything."""
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        command: str | None = None
        printed: list[str] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                if command is not None:
                    yield command, printed
                command, printed = line[2:], []
            else:
                printed.append(line)
        if command is not None:
            yield command, printed


def matches(expected: list[str], actual: list[str]) -> bool:
    """Whether ``actual`` is what ``expected`` shows; ``…`` stands for any text, alone for any number of lines."""
    pattern = ""
    for line in expected:
        if line == "…":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += "[^\n]*?".join(re.escape(part) for part in _spaced(line).split("…")) + "\n"
    return re.fullmatch(pattern, "".join(f"{_spaced(line)}\n" for line in actual)) is not None


def _spaced(line: str) -> str:
    """``line`` with runs of blanks as one: a shorter id makes more of them."""
    return re.sub(" +", " ", line.rstrip())


def test_a_changed_line_does_not_match() -> None:
    """The comparison fails where a printed line differs, and where one is missing."""
    assert matches(["a … c", "…", "z"], ["a b c", "more", "z"])
    assert not matches(["a … c"], ["a b d"])
    assert not matches(["a", "b"], ["a"])


def test_the_transcript_really_runs(tmp_path: Path) -> None:
    """Every ``$`` command of the README runs in order in an empty folder and prints what the README shows."""
    program = tmp_path / "bin" / "tallystick"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c 'from tallystick.cli import main; main()' \"$@\"\n")
    program.chmod(0o755)
    folder = tmp_path / "desk"
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "COLUMNS": "100", "NO_COLOR": "1"}
    block_hash = ledger = ""
    commands = list(transcript())
    assert len(commands) >= 9
    for command, expected in commands:
        if command.startswith("export "):
            for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', command):
                environment[name] = value.strip('"')
            continue
        line = command.replace("--block-hash 0x…", f"--block-hash {block_hash}")
        line = line.replace("--ledger 0x…", f"--ledger {ledger}")
        done = subprocess.run(
            line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        actual = done.stdout.splitlines()
        assert matches(expected, actual), f"{line}\nexpected\n" + "\n".join(expected) + "\ngot\n" + done.stdout
        block_hash = (HASH.findall(done.stdout) or [block_hash])[-1]
        ledger = (LEDGER.findall(done.stdout) or [ledger])[0]


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file or folder that exists."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_knows_the_two_commands() -> None:
    """``make demo`` and ``make test`` are targets of the Makefile, and CI runs the README's test command."""
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^demo:", makefile, re.MULTILINE)
    assert re.search(r"^test:", makefile, re.MULTILINE)
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert "make demo\nmake test" in README
