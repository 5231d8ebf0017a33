"""Build the geth that the tests run against, with the Go toolchain, into a cache outside this checkout.

Rules:

- the version is pinned; what is built already is not built again;
- the first build downloads some 130 modules and takes about seven minutes on two busy cores, later ones nothing;
- without Go, or where the build fails, nothing else breaks: the tests that need geth are skipped and say so.

Example: ``python scripts/build_geth.py`` prints the program's path last; the exit code is 1 where there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

VERSION = "v1.17.10"
MODULE = "github.com/ethereum/go-ethereum/cmd/geth"
BUILD_SECONDS = 1_500
"""A build that takes longer is given up: the tests must not wait for it."""


def program() -> Path:
    """Where the built geth is, or would be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "tallystick" / f"geth-{VERSION}" / "geth"


def build() -> str | None:
    """Build it unless it is there; why that did not work, or None."""
    target = program()
    if os.access(target, os.X_OK):
        return None
    if shutil.which("go") is None:
        return "expected the Go toolchain on the PATH, found none"
    # beside its place first: what was interrupted is not taken for whole
    draft = target.parent.with_name(f"{target.parent.name}.new")
    draft.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    environment = {**os.environ, "GOBIN": str(draft)}
    try:
        subprocess.run(["go", "install", f"{MODULE}@{VERSION}"], env=environment, check=True, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        return f"expected the build to end within {BUILD_SECONDS} seconds; run this again: it goes on from there"
    except subprocess.CalledProcessError as error:
        return f"expected `go install {MODULE}@{VERSION}` to succeed, got exit code {error.returncode}"
    target.parent.mkdir(exist_ok=True)
    (draft / "geth").replace(target)
    draft.rmdir()
    print(f"built geth {VERSION} in {time.monotonic() - started:.0f} seconds")
    return None


def main() -> int:
    """Run the command line."""
    if (problem := build()) is not None:
        print(f"NO GETH {VERSION}: {problem}. The tests that need it will be skipped.", file=sys.stderr)
        return 1
    print(program())
    return 0


if __name__ == "__main__":
    sys.exit(main())
