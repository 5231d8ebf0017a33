"""Where the passphrase comes from; the prompt is tried on a real terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from tallystick.errors import KeystoreError
from tallystick.keys.passphrase import read_passphrase

ASK = (
    "from tallystick.errors import TallystickError\n"
    "from tallystick.keys.passphrase import read_passphrase\n"
    "try:\n"
    "    print('got', repr(read_passphrase({}, confirm=%s)))\n"
    "except TallystickError as error:\n"
    "    print('refused', error)\n"
)


def at_a_terminal(*typed: str, confirm: bool) -> str:
    """What the prompt shows and returns to a user who types these lines at a terminal."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASK % confirm])
    shown, answered = "", 0
    while True:
        try:
            some = os.read(terminal, 1024).decode()
        except OSError:  # the other end is closed
            break
        if not some:
            break
        shown += some
        # The prompt comes after the terminal has stopped showing what is typed, so it is waited for.
        if answered < len(typed) and shown.count(": ") > answered:
            os.write(terminal, typed[answered].encode() + b"\n")
            answered += 1
    os.close(terminal)
    os.waitpid(process, 0)
    return shown


def test_an_empty_variable_is_refused() -> None:
    """A variable that is set but empty is a mistake, not a reason to ask."""
    with pytest.raises(KeystoreError, match="is set, but empty"):
        read_passphrase({"TALLYSTICK_PASSPHRASE": ""})


def test_without_a_terminal_nobody_is_asked() -> None:
    """Where input is not a terminal, the error says what to set; input is not read as a passphrase."""
    done = subprocess.run(
        [sys.executable, "-c", ASK % False], input="a long passphrase\n", capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("refused Expected the passphrase")
    assert "Put it into TALLYSTICK_PASSPHRASE" in done.stdout


def test_an_empty_answer_is_refused() -> None:
    """Nothing but Return is no passphrase."""
    assert "refused Expected a passphrase, got an empty one" in at_a_terminal("", confirm=False)


def test_a_new_passphrase_is_typed_twice_alike() -> None:
    """Two that differ are refused."""
    shown = at_a_terminal("a long passphrase", "a long passphrse", confirm=True)
    assert "refused The two passphrases differ" in shown


def test_the_variable_is_taken_as_it_is() -> None:
    """The passphrase in the environment is used unchanged, blanks included."""
    assert read_passphrase({"TALLYSTICK_PASSPHRASE": " a long passphrase "}) == " a long passphrase "


def test_the_terminal_does_not_show_what_is_typed() -> None:
    """What is typed is returned, and appears on the terminal only where the program prints it."""
    shown = at_a_terminal("a long passphrase", "a long passphrase", confirm=True)
    assert "got 'a long passphrase'" in shown
    assert shown.count("a long passphrase") == 1
