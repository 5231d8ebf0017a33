"""A history is exported in pieces that are, byte for byte, the bundle made at once."""

from __future__ import annotations

import pytest

from service.proven import provable
from service.world import SUPPLIER
from tallystick.errors import UsageError
from tallystick.protocol.compression import compress, compressing
from tallystick.service import share
from tallystick.service.export import Export
from tallystick.service.parties import find_party
from tallystick.service.seal import seal


@pytest.mark.parametrize(("hide", "names_others"), [((), True), (("currency",), True), (("*",), False)])
def test_the_pieces_of_an_export_are_the_bundle(hide: tuple[str, ...], names_others: bool) -> None:
    with provable() as world:
        seal(world.context)
        with world.context.store.transaction(read_only=True) as transaction:
            party = find_party(transaction, SUPPLIER).party
        made, data = share.bundle(world.context, party, hide=hide, names_others=names_others)
        export = Export(world.context, party, None, hide, names_others)
        pieces = list(export.pieces())
        assert b"".join(pieces) == data
        assert b"".join(compressing(pieces)) == compress(data)
        assert export.frame is not None
        assert export.frame.as_of == made.as_of
        assert export.entries == sum(item.append.count for item in made.appends) > 0
        assert export.hidden == sum(len(entry.hidden) for item in made.appends for entry in item.entries or ())
        with pytest.raises(UsageError, match="hides nothing"):
            list(Export(world.context, party, None, ("carrier",)).pieces())
