"""Mutants of the contracts: each is one small change of the source that a test should notice.

Rules:

- a mutant that does not compile is none; one that a test of its contract notices is killed; the others survive;
- the unit tests of the contract are tried first, its invariants only on what they let pass;
- every worker has a copy of contracts/ of its own, so that nothing here is ever changed.

The changes are those of the usual mutation tools (relations, logic, conditions, literals, arithmetic, statements left
out), and some that only these contracts invite: one party for the other, one time for another, who sent for who began.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

TESTS = {
    "PartyRegistry": ("party-registry", "invariant/ledger"),
    "EvidenceLedger": ("evidence-ledger", "invariant/ledger"),
    "ReceivableRegistry": ("receivable-registry", "invariant/receivables"),
}
"""The folders under contracts/test with a contract's unit tests and its invariants."""

TIMEOUT_SECONDS = 180

_RELATIONS = {
    "==": ["!="],
    "!=": ["=="],
    "<=": ["<", ">"],
    ">=": [">", "<"],
    "<": ["<=", ">"],
    ">": [">=", "<"],
}
_SWAPS = (
    ("terms.supplier", "terms.financier"),
    ("terms.receivable", "terms.fingerprint"),
    ("terms.from", "terms.to"),
    ("held.receivable", "held.fingerprint"),
    ("window.addedAt", "window.revokedAt"),
    ("supplierSignature", "financierSignature"),
    ("fromSignature", "toSignature"),
    ("lastPledge", "lastPledgeOfFingerprint"),
    ("entryProof", "subjectProof"),
    ("msg.sender", "tx.origin"),
    ("block.timestamp", "block.number"),
    ("timestamp()", "number()"),
)
_TOKENS = re.compile(
    r"(?P<relation>(?<![<>=!])(?:==|!=|<=|>=|<(?!<)|>(?!>))(?![<>=]))"
    r"|(?P<logic>&&|\|\|)"
    r"|(?P<zero>bytes32\(0\))"
    r"|(?P<literal>(?<![\w.])(?:0x[0-9a-fA-F]+|\d[\d_]*)\b)"
    r"|(?P<shift>>>=)"
    r"|(?P<bits>(?<= )&(?= ))"
    r"|(?P<sum>(?<= )\+(?= ))"
    r"|(?P<not>!(?=[a-z]))"
    r"|(?P<role> onlyRole\(\w+\))"
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """The source of ``contract`` with ``old`` at ``start`` replaced by ``new``, in ``line``."""

    contract: str
    line: int
    start: int
    old: str
    new: str

    def apply(self, source: str) -> str:
        """``source`` with the change."""
        assert source.startswith(self.old, self.start), "the mutant is one of this source"
        return source[: self.start] + self.new + source[self.start + len(self.old) :]

    def __str__(self) -> str:
        one_line = (" ".join(text.split()) or "nothing" for text in (self.old, self.new))
        return f"{self.contract}.sol:{self.line}: {' -> '.join(one_line)}"


def campaign(contracts: Path, forge: Path, names: list[str], jobs: int) -> list[Mutant]:
    """Try all mutants of the contracts ``names``, ``jobs`` at once, and say how many were noticed; the survivors."""
    survivors: list[Mutant] = []
    with tempfile.TemporaryDirectory() as folder:
        workers: Queue[Path] = Queue()
        for number in range(jobs):
            workers.put(_copy(contracts, Path(folder) / str(number)))
        for name in names:
            made = list(mutants_of(name, (contracts / "src" / f"{name}.sol").read_text(encoding="utf-8")))
            print(f"{name}: {len(made)} mutants", flush=True)
            with ThreadPoolExecutor(jobs) as pool:
                fates = [
                    _told(number, len(made), mutant, fate)
                    for number, (mutant, fate) in enumerate(
                        zip(made, pool.map(lambda mutant: _fate(mutant, workers, forge), made), strict=True), 1
                    )
                ]
            survived = [mutant for mutant, fate in zip(made, fates, strict=True) if fate == "survived"]
            tried = len(made) - fates.count("stillborn")
            killed = tried - len(survived)
            print(f"{name}: {killed} of {tried} killed, {100 * killed / max(tried, 1):.1f} %", flush=True)
            survivors += survived
    return survivors


def _told(number: int, of: int, mutant: Mutant, fate: str) -> str:
    """``fate``, after a line that says it: a campaign takes the better part of an hour."""
    print(f"{number:>4} of {of}  {fate:<9} {mutant}", flush=True)
    return fate


def mutants_of(contract: str, source: str) -> Iterator[Mutant]:
    """All mutants of the ``source`` of ``contract``, in order of place."""
    code = re.sub(r"//[^\n]*", lambda comment: " " * len(comment.group()), source)
    body = code.index("contract " + contract)
    for start, old, new in sorted(_changes(code, body)):
        if old != new:
            yield Mutant(contract, source.count("\n", 0, start) + 1, start, old, new)


def _changes(code: str, body: int) -> set[tuple[int, str, str]]:
    """(start, old, new) of every change in ``code`` from ``body`` on."""
    changes: set[tuple[int, str, str]] = set()
    for match in _TOKENS.finditer(code, body):
        kind, text = match.lastgroup or "", match.group()
        changes |= {(match.start(), text, new) for new in _replacements(kind, text)}
    for one, other in _SWAPS:
        for old, new in ((one, other), (other, one)):
            for match in re.finditer(rf"(?<![\w.]){re.escape(old)}(?!\w)", code[body:]):
                changes.add((body + match.start(), old, new))
    for match in re.finditer(r"\bif \(", code[body:]):
        start = body + match.end()
        condition = code[start : _closing(code, start)]
        changes |= {(start, condition, "true"), (start, condition, "false")}
    for match in re.finditer(r"(?<=[;{}\n])[ \n]*(\w[^;{}]*;)", code[body:]):
        statement = match.group(1)
        if not re.match(r"(mapping|uint256 p|string p|bytes1 p|bytes32 p|using|import|if )", statement):
            changes.add((body + match.start(1), statement, ""))
    return changes


def _replacements(kind: str, text: str) -> list[str]:
    match kind:
        case "relation":
            return _RELATIONS[text]
        case "logic":
            return ["||" if text == "&&" else "&&"]
        case "zero":
            return ["bytes32(uint256(1))"]
        case "literal":
            value = int(text.replace("_", ""), 0)
            return [str(value + 1), *([str(value - 1)] if value else [])]
        case "shift":
            return ["<<="]
        case "bits":
            return ["|"]
        case "sum":
            return ["-"]
        case _:
            return [""]


def _closing(code: str, start: int) -> int:
    """Where the bracket that was opened just before ``start`` closes."""
    depth = 1
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return at
    raise AssertionError("brackets of a source that compiles are balanced")


def _copy(contracts: Path, worker: Path) -> Path:
    """A copy of ``contracts`` in the folder ``worker``, its packages linked; returns where it is."""
    copy = worker / "contracts"
    for folder in ("src", "test"):
        shutil.copytree(contracts / folder, copy / folder)
    shutil.copy(contracts / "foundry.toml", copy)
    shutil.copytree(contracts.parent / "scripts", worker / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for package in ("@openzeppelin", "@layerzerolabs", "solc", "command-exists", "commander", "follow-redirects"):
        source = contracts / "node_modules" / package
        shutil.copytree(source, copy / "node_modules" / package, copy_function=os.link)
    for package in ("js-sha3", "memorystream", "semver", "tmp"):
        shutil.copytree(contracts / "node_modules" / package, copy / "node_modules" / package, copy_function=os.link)
    return copy


def _fate(mutant: Mutant, workers: Queue[Path], forge: Path) -> str:
    """What becomes of ``mutant`` in the next free worker: killed, survived, or stillborn."""
    worker = workers.get()
    file = worker / "src" / f"{mutant.contract}.sol"
    original = file.read_text(encoding="utf-8")
    try:
        file.write_text(mutant.apply(original), encoding="utf-8")
        for folder in TESTS[mutant.contract]:
            fate = _run(worker, forge, folder)
            if fate != "survived":
                return fate
        return "survived"
    finally:
        file.write_text(original, encoding="utf-8")
        workers.put(worker)


def _run(worker: Path, forge: Path, folder: str) -> str:
    command = [str(forge), "test", "--fail-fast", "--match-path", f"test/{folder}/**"]
    try:
        done = subprocess.run(
            command,
            cwd=worker,
            env={**os.environ, "FOUNDRY_PROFILE": "mutate", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "killed"
    if done.returncode == 0:
        return "survived"
    return "stillborn" if "Compiler run failed" in done.stdout + done.stderr else "killed"
