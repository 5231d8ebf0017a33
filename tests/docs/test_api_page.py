"""docs/api.md is true: its commands and its program run against a real server, and print what the page shows."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.test_readme import matches

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
END = "__end_of_command__"


def commands() -> Iterator[tuple[str, list[str]]]:
    """The commands of the console blocks, with the lines they print; a line that begins with ``> `` goes on."""
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for told in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            first, *rest = told.splitlines()
            going_on = 0
            while going_on < len(rest) and rest[going_on].startswith("> "):
                going_on += 1
            yield "\n".join([first, *(line[2:] for line in rest[:going_on])]), rest[going_on:]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="docs/api.md needs curl and jq")
def test_the_page_really_runs(tmp_path: Path) -> None:
    """Every command in one shell, in order, in an empty folder; then the program with the shell's variables."""
    program = tmp_path / "bin" / "tallystick"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c 'from tallystick.cli import main; main()' \"$@\"\n")
    program.chmod(0o755)
    folder = tmp_path / "desk"
    folder.mkdir()
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "COLUMNS": "100", "NO_COLOR": "1"}
    port = str(free_port())
    with subprocess.Popen(
        ["bash"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shell:
        try:
            found = list(commands())
            assert len(found) > 25
            for command, expected in found:
                actual = said(shell, command.replace("8000", port))
                assert matches(expected, actual), f"{command}\nexpected\n{expected}\ngot\n{actual}"
            [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
            [printed] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
            (folder / "trade.py").write_text(code)
            assert said(shell, f"export OPERATOR REGISTRAR; '{sys.executable}' trade.py") == printed.splitlines()
        finally:
            said(shell, "kill $!")
            said(shell, "wait")


def said(shell: subprocess.Popen[str], command: str) -> list[str]:
    """The lines that ``command`` prints in ``shell``."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{command}\necho {END}\n")
    shell.stdin.flush()
    lines: list[str] = []
    while (line := shell.stdout.readline().rstrip("\n")) != END:
        assert shell.poll() is None, lines
        lines.append(line)
    return lines


def test_every_kind_of_operation_is_on_the_page() -> None:
    """The page's methods of the client are ones that it has."""
    from tallystick.client import Client

    used = set(re.findall(r"\b(?:seller|buyer|operator|registrar|client)\.(\w+)\(", PAGE))
    assert len(used) > 8
    assert all(hasattr(Client, name) for name in used)
