"""The rules of the house that a machine can check: floors, pure packages, size of files."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "backend" / "tallystick"
PURE = sorted((PACKAGE / "protocol").rglob("*.py")) + sorted((PACKAGE / "credit").rglob("*.py"))

FORBIDDEN_IMPORTS = {
    "asyncio",
    "getpass",
    "http",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
    "warnings",
}
FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "breakpoint", "globals", "__import__"}
FORBIDDEN_ATTRIBUTES = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}


def test_a_floor_imports_only_floors_below_it() -> None:
    """A floor imports only floors below it; only chain knows web3, only store SQLAlchemy, only web FastAPI."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_pure_package_knows_no_clock_no_files_and_no_environment(path: Path) -> None:
    """protocol and credit take bytes and values and give bytes and values: no I/O, clock, environment or randomness."""
    assert list(_impurities(ast.parse(path.read_text()))) == []


def test_the_check_for_purity_finds_what_it_looks_for() -> None:
    """An import of the clock, a call of open, a look at today and a global statement are each found."""
    source = "import time\nfrom os import path\nopen('x')\ndate.today()\ndef f():\n    global g\n"
    assert len(list(_impurities(ast.parse(source)))) == 5


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_read_in_one_sitting(path: Path) -> None:
    """No module has more than 450 lines."""
    assert len(path.read_text().splitlines()) <= 450


def _impurities(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN_IMPORTS)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in FORBIDDEN_IMPORTS:
                yield str(node.module)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in FORBIDDEN_CALLS:
                yield node.func.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in FORBIDDEN_ATTRIBUTES:
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Global):
            yield "global"
