"""Whatever is done to the lines of an archive: nothing else is ever taken for what was sealed, and nothing crashes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.installation import Installation
from audit.rogue import read_archive
from tallystick.protocol.archive import BatchFile, Content, format_archived
from tallystick.service.audit.files import FileCheck, SealedBatches, check_file
from tallystick.service.audit.findings import Code

MUTATIONS = 1_000


@dataclass(frozen=True)
class Lines:
    """An archive of one file with these lines, under whatever name."""

    held: Sequence[bytes]

    def lines(self, content: Content, encryption: str | None) -> Iterator[bytes]:
        return iter(self.held)


def mutated(dice: random.Random, lines: Sequence[bytes]) -> list[bytes]:
    """``lines`` with a bit flipped, bytes cut, doubled or swapped, or a line lost, doubled, moved or spliced."""
    changed = list(lines)
    at = dice.randrange(len(changed))
    line = bytearray(changed[at])
    first, second = sorted(dice.randrange(len(line)) for _ in range(2))
    match dice.randrange(8):
        case 0:
            line[first] ^= 1 << dice.randrange(8)
        case 1:
            del line[first:second]
        case 2:
            line[first:first] = line[first:second]
        case 3:
            line[first], line[second] = line[second], line[first]
        case 4:
            del changed[at]
            return changed
        case 5:
            changed.insert(dice.randrange(len(changed)), changed[at])
            return changed
        case 6:
            other = dice.randrange(len(changed))
            changed[at], changed[other] = changed[other], changed[at]
            return changed
        case _:
            other_line = changed[dice.randrange(len(changed))]
            line[first:second] = other_line[first:second]
    changed[at] = bytes(line)
    return changed


def proven(check: FileCheck) -> dict[object, object]:
    """Every place that was proven, with what stands there and is relied upon."""
    return {
        (place.subject, place.batch_id, place.index): (
            check.items[place.item].evidence,
            check.items[place.item].signatures,
            check.items[place.item].fields if check.items[place.item].whole else None,
        )
        for place in check.places
    }


def test_no_mutation_is_proven_and_each_is_found(home: Installation) -> None:
    """A thousand mutations: what is proven is what was sealed; what is changed is said, what lacks plainly lacks."""
    manifest, items, _ = read_archive(home)
    file = BatchFile(manifest.entries[0].content, home.context.operator, 0, manifest.entries[0].last_batch)
    domain = home.context.chain.deployment.domain
    lines = [format_archived(item).removesuffix(b"\n") for _, item in items]
    sealed: dict[int, dict[object, tuple[int, bytes]]] = {}
    with home.context.store.transaction(read_only=True) as transaction:
        for append in transaction.appends_of_batches(home.context.operator, 0, 10**6, 10**6):
            sealed.setdefault(append.batch_id, {})[append.subject] = (append.count, append.root)

    def check(held: Sequence[bytes]) -> FileCheck:
        known: SealedBatches = sealed  # type: ignore[assignment]
        return check_file(Lines(held), file, None, domain, known, lambda party, account: True)

    whole = check(lines)
    assert whole.findings == []
    true = proven(whole)
    dice, counts = random.Random(11), dict.fromkeys(Code, 0)
    for _ in range(MUTATIONS):
        held = mutated(dice, lines)
        if held == lines:
            continue
        found = check(held)
        for finding in found.findings:
            counts[finding.code] += 1
        for place, stands in proven(found).items():
            evidence, signatures, fields = true[place]  # type: ignore[misc]
            assert stands[:2] == (evidence, signatures)  # type: ignore[index]
            assert stands[2] in (fields, None)  # type: ignore[index]
            if stands[2] is None and fields is not None:  # type: ignore[index]
                assert any(finding.code is Code.CONTENT for finding in found.findings)
        assert found.findings or len(proven(found)) < len(true)
    assert counts[Code.ARCHIVE_ALTERED] > MUTATIONS / 3
    assert min(counts[code] for code in (Code.ROOT, Code.CONTENT)) > 0
