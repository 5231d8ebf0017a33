"""What a folder of documents holds: a line a file with what was read of it, or the sentence that refuses it.

Nothing is recorded, and no home is needed: a file is read to the fields of its evidence, as an import begins. Bank
messages are read as such. Example::

    python scripts/intake_results.py FOLDER
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections import Counter
from pathlib import Path

from tallystick.errors import MalformedInput, TallystickError
from tallystick.intake import stating
from tallystick.intake.bank.camt import read_message
from tallystick.intake.documents import Document
from tallystick.intake.readers import read_file

READ, REFUSED, CRASHED = "read", "refused", "crashed"


def result_of(path: Path) -> tuple[str, str]:
    """Whether the file at ``path`` was read, refused or crashed a reader, and what it says or why."""
    try:
        data = path.read_bytes()
        if b"iso:std:iso:20022" in data[:2_000]:
            message = read_message(data)
            entries = sum(len(statement.entries) for statement in message.statements)
            return READ, f"{message.kind.value}, entries: {entries}"
        told = []
        for item in read_file(path.name, data).items:
            if isinstance(item, MalformedInput):
                raise item
            told.append(_says(item))
        return READ, "; ".join(told)
    except TallystickError as error:
        return REFUSED, error.message
    except Exception:  # whatever it is: that nothing else comes out is what is tested
        return CRASHED, traceback.format_exc(limit=-1).strip().replace("\n", " ")


def _says(document: Document) -> str:
    issuer, counterparty = stating.sides(document)
    names = " to ".join(":".join(side.identifiers[0]) for side in (issuer, counterparty))
    return f"{type(document).__name__} {document.number} of {document.issue_date}, {names}"


def main() -> None:
    """Print a line a file and the counts; exit 1 where a reader crashed."""
    parser = argparse.ArgumentParser(description="Read a folder of documents, and say what became of each file.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    counts: Counter[str] = Counter()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        result, says = result_of(path)
        counts[result] += 1
        print(f"{result:<8} {path.relative_to(folder)}: {says}")
    print(", ".join(f"{name}: {counts[name]}" for name in (READ, REFUSED, CRASHED)))
    sys.exit(counts[CRASHED] > 0)


if __name__ == "__main__":
    main()
