"""What the ledger costs in gas, beside the Ethereum Attestation Service (EAS) and beside a floor, on a real EVM.

- The EVM is anvil from npm, with the gas limit of a transaction enforced (EIP-7825); EAS is unmodified, from npm.
- What is compared: EAS keeps each record by itself; a seal keeps the new head of each log that it touches, under which
  any number of records stand. So the ratio is of gas a record, for 1,000 records in the logs of 100 known subjects.
- The floor is what no code could save while it keeps a head a subject and shows in calldata and event what it appended:
  the EVM's own prices, without a single instruction between them.

Example::

    python scripts/bench/gas.py               # a table
    python scripts/bench/gas.py --json        # the same for programs
    python scripts/bench/gas.py --check       # the table; exit code 1 when a goal is missed
    python scripts/bench/gas.py --markdown    # the tables of contracts/README.md
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench import eas, tallystick_gas  # noqa: E402
from bench.anvil import HARDFORK, MOST_GAS, BenchError, running_anvil  # noqa: E402
from bench.eas import MANY, EasGas  # noqa: E402
from bench.tallystick_gas import ENTRIES, OurGas  # noqa: E402
from tallystick.errors import TallystickError  # noqa: E402

SUBJECTS = 100
RECORDS = SUBJECTS * ENTRIES


@dataclass(frozen=True)
class Row:
    """One line of the table: the gas of one transaction that carries ``items``."""

    what: str
    gas: int
    items: int = 1

    @property
    def each(self) -> float:
        """Gas an item."""
        return self.gas / self.items


@dataclass(frozen=True)
class Goal:
    """A figure, and what it must be at least or at most."""

    what: str
    figure: float
    at: Literal["least", "most"]
    limit: float

    @property
    def met(self) -> bool:
        """Whether the figure is as good as wanted."""
        return self.figure >= self.limit if self.at == "least" else self.figure <= self.limit


@dataclass(frozen=True)
class Figures:
    """All that was measured on one chain."""

    client: str
    eas: EasGas
    ours: OurGas

    @property
    def known(self) -> float:
        """Gas a known subject, in a batch of 100."""
        return self.ours.seal(SUBJECTS).known / SUBJECTS

    @property
    def record(self) -> float:
        """Gas a record, for 1,000 of them over 100 known subjects."""
        return self.ours.seal(SUBJECTS).known / RECORDS

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What must hold."""
        stamped, attested = self.eas.multi_timestamp / MANY, self.eas.multi_attest / MANY
        return (
            Goal(f"gas a known subject, {SUBJECTS} a batch", self.known, "most", 8_800),
            Goal(f"cheaper a record than multiTimestamp x{MANY}", stamped / self.record, "least", 28),
            Goal(f"cheaper a record than multiAttest x{MANY}", attested / self.record, "least", 185),
        )


def measure(progress: Callable[[str], None]) -> Figures:
    """All figures, on a chain of their own."""
    progress("anvil")
    with running_anvil() as chain:
        progress("EAS")
        return Figures(chain.client, eas.measure(chain), tallystick_gas.measure(chain, progress))


def rows(figures: Figures) -> Iterator[Row]:
    """The lines of the table."""
    theirs, ours = figures.eas, figures.ours
    yield Row("EAS attest, 32 bytes", theirs.attest)
    yield Row(f"EAS multiAttest x{MANY}, 32 bytes", theirs.multi_attest, MANY)
    yield Row("EAS timestamp", theirs.timestamp)
    yield Row(f"EAS multiTimestamp x{MANY}", theirs.multi_timestamp, MANY)
    for seal in ours.seals:
        yield Row(f"seal x{seal.size:,}, known subjects", seal.known, seal.size * ENTRIES)
        if seal.new is not None:
            yield Row(f"seal x{seal.size:,}, new subjects", seal.new, seal.size * ENTRIES)
    for name, gas in ours.calls.items():
        yield Row(name, gas)
    for name, deployed in ours.deployments.items():
        yield Row(f"deploy {name}, {deployed.size:,} bytes", deployed.gas)


def floor(calldata: bytes) -> dict[str, float]:
    """Gas a subject that a seal of 100 known ones can't do without, by part (EIP-2028, EIP-2929, EIP-3529)."""
    zeros = calldata.count(0)
    keccak_head, keccak_leaf, keccak_pair = 30 + 6 * 6, (30 + 6 * 3) + (30 + 6), 30 + 6 * 2
    return {
        "one cold slot updated": 2_100 + 2_900,
        "calldata, 16 or 4 a byte": (16 * (len(calldata) - zeros) + 4 * zeros) / SUBJECTS,
        "event data, 8 a byte": 8 * 32 * 3,
        "hashing of slot, head, leaf and node": keccak_pair + keccak_head + keccak_leaf + keccak_pair,
        "share of the transaction's base": 21_000 / SUBJECTS,
        "share of the operator check": (2_100 + 2_600 + 2_100) / SUBJECTS,
        "share of batch id and batch root": (5_000 + 22_100) / SUBJECTS,
        "share of the event's base": (375 * 4 + 8 * 32 * 3) / SUBJECTS,
    }


def table(figures: Figures) -> str:
    """The figures for people."""
    stamped, attested = figures.eas.multi_timestamp / MANY, figures.eas.multi_attest / MANY
    lines = [
        f"{figures.client} ({HARDFORK}), at most {MOST_GAS:,} gas a transaction; EAS {eas.VERSION} as published;",
        f"a seal has {ENTRIES} records a subject; the last two sizes are the most of new and of known that it takes;",
        f"a ratio above 1 is how many times cheaper than EAS in batches of {MANY}",
        "",
        f"{'':<44}{'gas':>12}{'items':>8}{'an item':>11}{'multiTimestamp':>16}{'multiAttest':>13}",
    ]
    for row in rows(figures):
        line = f"{row.what:<44}{row.gas:>12,}"
        if row.items > 1 or row.what.startswith(("EAS", "seal")):
            line += f"{row.items:>8,}{row.each:>11,.0f}{stamped / row.each:>16.2f}{attested / row.each:>13.2f}"
        lines.append(line)
    parts = floor(figures.ours.calldata)
    total = sum(parts.values())
    lines += ["", f"floor of a known subject, {SUBJECTS} a batch", *(f"  {p:<42}{g:>12,.0f}" for p, g in parts.items())]
    lines += [f"  {'together':<42}{total:>12,.0f}", f"  {'measured':<42}{figures.known:>12,.0f}"]
    lines += [f"  {'ratio to the floor':<42}{figures.known / total:>12.2f}", ""]
    for goal in figures.goals:
        verdict = "met" if goal.met else "MISSED"
        lines.append(f"{goal.what:<44}{goal.figure:>12,.1f}  goal: at {goal.at} {goal.limit:,}, {verdict}")
    return "\n".join(lines)


def as_json(figures: Figures) -> str:
    """The figures for programs."""
    parts = floor(figures.ours.calldata)
    content = {
        "chain": {"client": figures.client, "hardfork": HARDFORK, "transaction_gas_limit": MOST_GAS},
        "eas": {"version": eas.VERSION, "many": MANY, **asdict(figures.eas)},
        "records_per_subject": ENTRIES,
        "seals": [asdict(seal) for seal in figures.ours.seals],
        "calls": figures.ours.calls,
        "deployments": {n: {"gas": d.gas, "bytes": d.size} for n, d in figures.ours.deployments.items()},
        "floor": {"parts": parts, "together": sum(parts.values()), "ratio": figures.known / sum(parts.values())},
        "goals": [{**asdict(goal), "met": goal.met} for goal in figures.goals],
    }
    return json.dumps(content, indent=2)


def markdown(figures: Figures) -> str:
    """The two gas tables of contracts/README.md."""
    lines = [
        "| subjects in the batch | first touch | each | touched before | each |",
        "|---:|---:|---:|---:|---:|",
    ]
    for seal in figures.ours.seals:
        cells = [cell for gas in (seal.new, seal.known) for cell in _cells(gas, seal.size)]
        lines.append(f"| {seal.size} | {' | '.join(cells)} |")
    lines += ["", "| call | gas | | deployment | gas | bytes |", "|---|---:|---|---|---:|---:|"]
    deployments = [f"{name} | {d.gas:,} | {d.size:,}" for name, d in figures.ours.deployments.items()]
    for position, (name, gas) in enumerate(figures.ours.calls.items()):
        call, _, remark = name.partition(",")
        right = deployments[position] if position < len(deployments) else "| |"
        lines.append(f"| `{call}`{',' + remark if remark else ''} | {gas:,} | | {right} |")
    return "\n".join(lines)


def _cells(gas: int | None, size: int) -> tuple[str, str]:
    return ("–", "–") if gas is None else (f"{gas:,}", f"{gas / size:,.0f}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the gas of seals, pledges and registry calls, beside EAS.")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", dest="write", const=as_json, help="for programs")
    form.add_argument(
        "--markdown", action="store_const", dest="write", const=markdown, help="as in contracts/README.md"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 when a goal is missed")
    options = parser.parse_args()
    write: Callable[[Figures], str] = options.write or table
    try:
        figures = measure(lambda step: print(f"measuring: {step}", file=sys.stderr))
    except (BenchError, TallystickError) as error:
        print(error, file=sys.stderr)
        return 2
    print(write(figures))
    return 1 if options.check and not all(goal.met for goal in figures.goals) else 0


if __name__ == "__main__":
    raise SystemExit(main())
