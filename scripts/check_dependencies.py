"""Asks for known vulnerabilities of all pinned dependencies, and says which it could ask about, and which not.

pip-audit asks the package index first, then OSV, about every line of the lock files. An index that does not serve
vulnerabilities makes pip-audit skip what it can't look up and then say that nothing is known: here that reads as NOT
CHECKED, never as clean.

- a known vulnerability: printed, exit code 1;
- data that could not be had: said loudly, exit code 0, or 3 with ``--strict`` (for a release);
- everything asked, nothing found: exit code 0, with the number of packages asked about.

Example::

    python scripts/check_dependencies.py --strict
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
SERVICES = ("pypi", "osv")
PATIENCE_SECONDS = 300


@dataclass
class Audited:
    """What was learned of the packages in some lock files, each as ``name version``."""

    asked: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    """Those that nobody could tell about, and why."""
    found: dict[str, list[str]] = field(default_factory=dict)
    """Known vulnerabilities."""

    def add(self, dependencies: Iterable[Mapping[str, Any]]) -> None:
        """Take in what pip-audit said of ``dependencies`` (its JSON)."""
        for one in dependencies:
            if "skip_reason" in one:
                self.skipped.setdefault(one["name"], one["skip_reason"])
                continue
            name = f"{one['name']} {one['version']}"
            self.asked.add(name)
            for known in one["vulns"]:
                fixed = ", ".join(known.get("fix_versions") or ()) or "no version yet"
                aliases = " ".join(known.get("aliases") or ())
                self.found.setdefault(name, []).append(f"{known['id']} {aliases}: fixed in {fixed}")

    def report(self, strict: bool) -> int:
        """Print what was learned; the exit code."""
        for name, known in sorted(self.found.items()):
            for one in sorted(set(known)):
                print(f"VULNERABLE: {name}: {one}")
        if self.skipped:
            reason = next(iter(self.skipped.values()))
            print(f"NOT CHECKED for vulnerabilities: {len(self.skipped)} packages. {reason}", file=sys.stderr)
            print("This says nothing about them. Run it where the data can be reached.", file=sys.stderr)
        if self.found:
            return 1
        if self.asked:
            print(f"no known vulnerabilities in the {len(self.asked)} packages that could be asked about")
        return 3 if self.skipped and strict else 0


def audit(lock: Path) -> list[dict[str, Any]]:
    """What the first service that knows anything says of the packages in ``lock``; else why none of them does."""
    reasons: list[str] = []
    skipped: list[dict[str, Any]] = []
    for service in SERVICES:
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
        command += ["--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
            told: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
        except subprocess.TimeoutExpired:
            reasons.append(f"{service}: no answer within {PATIENCE_SECONDS} s")
        except (json.JSONDecodeError, KeyError):
            last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
            reasons.append(f"{service}: {last[:160]}")
        else:
            if any("skip_reason" not in one for one in told):
                return told
            skipped = told
    reason = "; ".join([*(one["skip_reason"] for one in skipped[:1]), *reasons])
    return [{"name": name, "skip_reason": reason} for name in _names(lock)]


def _names(lock: Path) -> list[str]:
    """The packages that ``lock`` pins, by name."""
    lines = lock.read_text().splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))]


def main(arguments: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Known vulnerabilities of all pinned dependencies.")
    parser.add_argument("--strict", action="store_true", help="exit with 3 where not everything could be asked")
    options = parser.parse_args(arguments)
    audited = Audited()
    for lock in LOCKS:
        audited.add(audit(lock))
    return audited.report(options.strict)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
