"""A history is written append by append, and says what the history that is held says."""

from __future__ import annotations

import pytest

from service.proven import provable
from service.world import SUPPLIER
from tallystick.errors import MalformedBundle, UsageError
from tallystick.protocol.bundle_stream import parse_bundle
from tallystick.protocol.types import BlockRef
from tallystick.protocol.verdict import Outcome
from tallystick.service import share
from tallystick.service.check import check
from tallystick.service.index import index
from tallystick.service.parties import find_party
from tallystick.service.report import Reader, report_of
from tallystick.service.seal import seal
from tallystick.service.share import Export
from tallystick.service.showing import read_showing


@pytest.mark.parametrize(("hide", "names_others"), [((), True), (("currency",), True), (("*",), False)])
def test_an_exported_bundle_is_the_history_that_is_held(hide: tuple[str, ...], names_others: bool) -> None:
    with provable() as world:
        seal(world.context)
        context, steps = world.context, list[tuple[int, int]]()
        block: BlockRef = index(context).block
        with context.store.transaction(read_only=True) as transaction:
            party = find_party(transaction, SUPPLIER).party
            showing = read_showing(transaction, hide, names_others=names_others)
            history = Reader(context, block, showing).read(transaction, party)
        made, data = share.bundle(context, party, hide=hide, names_others=names_others)
        assert made.as_of == block
        assert made.windows == history.windows
        assert made.report == report_of(history)
        shown = [entry for item in made.appends for entry in item.entries or ()]
        assert [entry.standing for entry in shown] == [entry.standing for entry in history.entries]
        both = {side for entry in history.entries for side in (entry.evidence.issuer, entry.evidence.counterparty)}
        assert [binding.party for binding in made.bindings] == sorted(both if names_others else {party})
        verdict = check(data, code_hashes=context.code_hashes, block_hash=block.hash)
        assert verdict.failed is None
        assert verdict.outcome is (Outcome.UNCHECKED if hide else Outcome.VALID)
        export = Export(context, party, None, hide, names_others, progress=lambda *step: steps.append(step))
        assert b"".join(export.pieces()) == data
        assert export.frame is not None
        assert export.frame.report == made.report
        assert export.entries == len(shown) > 0
        assert export.hidden == sum(len(entry.hidden) for entry in shown)
        assert steps[-1] == (len(shown), len(shown))


def test_a_choice_of_no_effect_ends_an_export_before_it_is_a_bundle() -> None:
    with provable() as world:
        seal(world.context)
        with world.context.store.transaction(read_only=True) as transaction:
            party = find_party(transaction, SUPPLIER).party
        written = []
        with pytest.raises(UsageError, match="hides nothing"):
            written += Export(world.context, party, None, ("carrier",)).pieces()
        with pytest.raises(MalformedBundle):
            parse_bundle(b"".join(written))
