"""A person at the command line: runs the installed program in a home of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RECEIVABLES = ROOT.parent / "shared" / "data" / "receivables" / "WA_Fn-UseC_-Accounts-Receivable.csv"
PROGRAM = [sys.executable, "-c", "from tallystick.cli import main; main()"]


@dataclass(frozen=True)
class Shell:
    """Runs ``tallystick`` with ``home`` as its home directory, in the folder ``folder``."""

    home: Path
    folder: Path
    passphrase: str = "correct horse"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "TALLYSTICK_HOME": str(self.home),
            "TALLYSTICK_PASSPHRASE": self.passphrase,
            "COLUMNS": "120",
            "NO_COLOR": "1",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What ``tallystick ARGUMENTS`` answers, whatever its exit code."""
        return subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=600,
        )

    def ok(self, *arguments: str) -> str:
        """The standard output of a command that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def refused(self, *arguments: str, code: int = 1) -> str:
        """The standard error of a command that must fail with ``code``."""
        done = self.run(*arguments)
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return " ".join(done.stderr.split())

    def refused_output(self, *arguments: str, code: int = 1) -> str:
        """The standard output of a command that must fail with ``code``."""
        done = self.run(*arguments)
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.ok(*arguments, "--json"))

    def lines(self, *arguments: str) -> list[Any]:
        """The JSON lines that a command prints."""
        return [json.loads(line) for line in self.ok(*arguments, "--json").splitlines()]

    def write(self, name: str, value: Any) -> str:
        """A JSON file in the folder; returns its name."""
        (self.folder / name).write_text(json.dumps(value))
        return name


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A person who has not made a home yet."""
    folder = tmp_path / "desk"
    folder.mkdir()
    return Shell(tmp_path / "home", folder)


@contextmanager
def devnet(data: Path, *options: str) -> Iterator[str]:
    """A development chain in a process of its own, listening on a free port; its URL."""
    command = [sys.executable, "-m", "hardhat_free_devnet", "--data", str(data), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield re.search(r"http://\S+", running.stdout.readline()).group()  # type: ignore[union-attr]
        finally:
            running.send_signal(signal.SIGTERM)
            running.stdout.read()
