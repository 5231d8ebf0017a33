"""What the command line makes of files, hashes and names that are not what it expects."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from end_to_end.conftest import Shell
from tallystick.cli.output import ShowingConsole


@pytest.mark.parametrize(
    "arguments",
    [
        ("missing.tally.json", "--block-hash", "0x" + "00" * 32),
        (".", "--block-hash", "0x" + "00" * 32),
        ("empty.tally.json", "--block-hash", "0x12"),
        ("empty.tally.json", "--ledger", "0x12"),
        ("empty.tally.json", "--rpc", "nowhere"),
    ],
)
def test_what_was_never_checked_is_not_called_invalid(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A missing file, or a hash, address or URL that is none, is wrong usage (2), never an invalid bundle (1)."""
    (tmp_path / "empty.tally.json").write_bytes(b"{}")
    reader = Shell(tmp_path / "no-home", tmp_path)
    reader.refused("verify", *arguments, code=2)


def test_a_file_that_is_no_bundle_is_invalid(tmp_path: Path) -> None:
    """What was read and is no bundle fails the first step."""
    (tmp_path / "empty.tally.json").write_bytes(b"{}")
    assert Shell(tmp_path / "no-home", tmp_path).run("verify", "empty.tally.json").returncode == 1


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x9b31m", "\u202e", "\x07", "\r", "\u2067"])
def test_what_a_stranger_wrote_commands_no_terminal(evil: str) -> None:
    """Neither as text, in a table, as markup nor in a progress bar; colours and lines of our own stay."""
    out = io.StringIO()
    console = ShowingConsole(file=out, force_terminal=True, width=60)
    table = Table("[bold]number[/]")
    table.add_row(f"a{evil}b")
    for each in (f"a{evil}b", Text(f"a{evil}b", style="red"), table, Panel(f"a{evil}b"), f"[green]a{evil}b[/]"):
        console.print(each)
    with Progress(console=console) as progress:
        progress.add_task(f"a{evil}b", total=1)
    shown = out.getvalue()
    assert f"a{evil}b" not in shown
    assert shown.count("a\ufffd") + shown.count("ab") >= 5, "replaced, or left out by rich"
    assert "\x1b[1m" in shown, "what is bold stays bold"


def test_a_name_is_shown_as_it_is_written(tmp_path: Path) -> None:
    """Brackets in a party's name are text to every command, not markup for the terminal."""
    shell = Shell(tmp_path / "home", tmp_path)
    shell.ok("init")
    for number, name in enumerate(("[/red] Odd [bold]", "中文公司 🚀")):
        assert name in shell.ok("party", "add", name, "--id", f"ERP:{number}")
        assert name in shell.ok("party", "list")
        assert name in shell.ok("history", f"ERP:{number}")
