"""How long a stranger waits: a fresh clone of this checkout's HEAD, installed and played, beside what is allowed.

The clone has no virtual environment, no compiled contracts and no node_modules; downloads may come from the package
managers' caches, which the output says. Example::

    python scripts/bench/fresh_clone.py
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALLOWED_SECONDS = {"make install": 120.0, "make demo, installed": 60.0}


def seconds(command: list[str], folder: Path) -> float:
    """Wall seconds of ``command`` in ``folder``, which must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print a line a phase, with the share of what is allowed."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "tallystick"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        spent = {
            "make install": seconds(["make", "--silent", "install"], clone),
            "make demo, installed": seconds(["make", "--silent", "demo"], clone),
        }
    spent["together"], allowed = sum(spent.values()), {**ALLOWED_SECONDS, "together": sum(ALLOWED_SECONDS.values())}
    for phase, took in spent.items():
        print(f"{phase:<22} {took:6.1f} s, {took / allowed[phase]:.2f} of the {allowed[phase]:.0f} s allowed")
    print("downloads may have come from the caches of pip and npm")


if __name__ == "__main__":
    main()
