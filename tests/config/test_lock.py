"""Only one process writes in a home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick.config import Home, SystemClock, SystemEntropy
from tallystick.errors import HomeError

HOLDER = """
import sys, time
from pathlib import Path
from tallystick.config import Home

with Home(Path(sys.argv[1])).lock(5):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holder(home: Home) -> subprocess.Popen[str]:
    """Another process that holds the lock until it gets a line or is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")


def test_a_second_process_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    """Who waits in vain learns the process id of the holder and what to do."""
    home = Home(tmp_path)
    process = holder(home)
    with pytest.raises(HomeError, match=f"{tmp_path} is in use by process {process.pid}; waited 0.1 s") as caught:
        home.lock(0.1).__enter__()
    assert "Wait until it is done" in caught.value.todo
    end(process)


def test_a_second_lock_of_the_same_process_is_refused_too(tmp_path: Path) -> None:
    """The lock is not shared between two parts of one program."""
    home = Home(tmp_path)
    with home.lock(0), pytest.raises(HomeError, match=f"process {os.getpid()}"):
        home.lock(0).__enter__()


def test_a_lock_needs_its_home(tmp_path: Path) -> None:
    """Where there is no directory there is nothing to lock; the error names the file."""
    with pytest.raises(HomeError, match="nowhere/lock"):
        Home(tmp_path / "nowhere").lock(0).__enter__()


def test_a_lock_that_is_given_back_can_be_taken(tmp_path: Path) -> None:
    """After its holder ended, or left its block by an exception, the lock is free."""
    home = Home(tmp_path)
    end(holder(home))
    lock = home.lock(0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lock:
            raise ZeroDivisionError
    with lock:
        assert home.lock_path.read_text() == f"{os.getpid()}\n"
    assert home.lock_path.read_text() == ""


def test_kill_9_gives_the_lock_back(tmp_path: Path) -> None:
    """A holder that was killed leaves no lock behind, only a stale process id that harms nobody."""
    home = Home(tmp_path)
    process = holder(home)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with home.lock(0):
        assert home.lock_path.read_text() == f"{os.getpid()}\n"


def test_who_waits_long_enough_gets_the_lock(tmp_path: Path) -> None:
    """A waiting process gets the lock when the holder is done."""
    home = Home(tmp_path)
    first = holder(home)
    second = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    end(first)
    assert second.stdout is not None
    assert second.stdout.readline() == "held\n"
    end(second)


def test_the_clock_counts_whole_seconds_forward() -> None:
    """The system clock gives seconds since 1970 and does not run backwards."""
    clock = SystemClock()
    first = clock.now()
    assert isinstance(first, int)
    assert 1_700_000_000 < first <= clock.now()


def test_the_entropy_gives_as_many_bytes_as_asked() -> None:
    """Random bytes come in the size wanted, and differ."""
    entropy = SystemEntropy()
    assert [len(entropy.bytes(size)) for size in (0, 16, 32)] == [0, 16, 32]
    assert entropy.bytes(32) != entropy.bytes(32)
